"""Nobody waits for whoever reads the log, and a log that cannot be opened stops nothing."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from harness import fcgi, leads
from harness.crm import Reply
from harness.site import PROGRAM, environment
from harness.wait import wait_until

STOP = 4                                # two seconds, and room for a slow machine


# --- logs that nobody reads ---------------------------------------------------

def fill(descriptor):
    """Fill a pipe from this end, whose flags then are as they were."""
    os.set_blocking(descriptor, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(descriptor, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(descriptor, b"\n")
    os.set_blocking(descriptor, True)


class Stuck:
    """A log with something wrong; ``wrap`` is put before the program's argv."""

    def __init__(self, site, kind):
        self.kind = kind
        self.wrap = []
        self.keep = []
        self.stderr = None
        getattr(self, kind.replace(" ", "_"))(site)

    def stderr_unread(self, _site):
        reader, self.stderr = os.pipe()
        self.keep += [reader, self.stderr]
        fill(self.stderr)

    def stderr_closed(self, _site):
        reader, self.stderr = os.pipe()
        self.keep.append(self.stderr)
        os.close(reader)

    def fifo_unread(self, site):
        self.fifo_without_reader(site)
        self.keep.append(os.open(site.folder / "fifo", os.O_RDONLY | os.O_NONBLOCK))
        writer = os.open(site.folder / "fifo", os.O_WRONLY)
        fill(writer)
        os.close(writer)

    def fifo_without_reader(self, site):
        os.mkfifo(site.folder / "fifo")
        site.settings["worker"]["log"] = f"file:{site.folder}/fifo"

    def syslog_full(self, site):
        self.daemon = Daemon(site)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    other.sendto(b"x", str(self.daemon.path))
        self.syslog_absent(site)

    def syslog_absent(self, site):
        site.settings["worker"]["log"] = "syslog"
        self.wrap = in_dev(site)

    def flags(self):
        return None if self.stderr is None else fcntl.fcntl(self.stderr, fcntl.F_GETFL)

    def close(self):
        for descriptor in self.keep:
            os.close(descriptor)


class Daemon:
    """What listens at /dev/log, seen from inside in_dev."""

    def __init__(self, site):
        self.path = site.folder / "devlog"
        self.path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o666)
        self.socket.settimeout(20)

    def line(self):
        return self.socket.recv(65536).decode()


def in_dev(site):
    """Words before a command that make it see our /dev/log, in a mount namespace of its own."""
    if not can_mount():
        pytest.skip("no mount namespace to put a /dev/log into")
    dev = site.folder / "dev"
    return ["unshare", "-m", "sh", "-c",
            f"mkdir -p {dev} && mount -t tmpfs none {dev} && "
            f"cp -a /dev/null /dev/zero /dev/random /dev/urandom {dev}/ && "
            f"ln -s {site.folder}/devlog {dev}/log && mount --bind {dev} /dev && "
            'exec "$@"', "sh"]


def can_mount():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True, check=False).returncode == 0


KINDS = ["stderr unread", "stderr closed", "fifo unread", "fifo without reader",
         "syslog full", "syslog absent"]


@pytest.fixture(params=KINDS)
def stuck(request, site):
    site.crm()
    made = Stuck(site, request.param)
    site.write_config()
    before = made.flags()
    yield made
    assert made.flags() == before       # they are others' too
    made.close()


@contextlib.contextmanager
def run(site, stuck, *words, env=None):
    """The program with that standard error (or the site's log); ended in any case."""
    with open(site.log, "ab") as log:
        process = subprocess.Popen(
            [*stuck.wrap, str(PROGRAM), *map(str, words)], stdin=subprocess.DEVNULL,
            stdout=log, stderr=log if stuck.stderr is None else stuck.stderr,
            env=environment(env), start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def answers(site):
    try:
        with fcgi.Connection(site.socket, 1):
            return True
    except OSError:
        return False


def stop(process):
    before = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert time.monotonic() - before < STOP


def test_a_worker(site, stuck):
    """Leads go on, through a reload, and the end comes in time."""
    crm = site.crms["crm"]
    with run(site, stuck, "--config", site.config, "serve", "--listen",
             f"unix:{site.socket}") as worker:
        wait_until(lambda: answers(site), "the worker to listen")
        for _ in range(5):
            site.accept(leads.payload())
        assert fcgi.ask(site.socket, fcgi.webhook("x.y.z")).status == 401
        crm.wait_count(5)
        crm.default = Reply(422)
        site.settings["source"]["max_age"] = "1d"
        site.write_config()
        worker.send_signal(signal.SIGHUP)
        for _ in range(5):
            site.accept(leads.payload())
        crm.wait_count(8)
        stop(worker)
    assert site.states()["delivered"] == 5


def test_a_relay(site, stuck):
    crm = site.crms["crm"]
    site.settings["worker"]["relay"] = False
    site.start_worker()
    for _ in range(3):
        site.accept(leads.payload())
    crm.script.append(Reply(422))
    with run(site, stuck, "--config", site.config, "relay") as relay:
        crm.wait_count(3)
        relay.send_signal(signal.SIGHUP)
        site.accept(leads.payload())
        wait_until(lambda: os.path.exists(f"/proc/{relay.pid}"), "the relay")
        crm.wait_count(4)
        stop(relay)


def test_cron(site, stuck):
    """What is wrong is said by relay --once too."""
    crm = site.crms["crm"]
    site.settings["worker"]["relay"] = False
    site.start_worker()
    for _ in range(3):
        site.accept(leads.payload())
    crm.default = Reply(403)
    with run(site, stuck, "--config", site.config, "relay", "--once") as relay:
        assert relay.wait(40) == 0
    assert len(crm.received()) > 0


def test_a_request(site, stuck):
    """As plain CGI: the answer, then the delivery."""
    payload = leads.payload()
    read, write = os.pipe()
    with open(site.log, "ab") as log:
        process = subprocess.Popen(
            [*stuck.wrap, str(PROGRAM)], stdin=subprocess.DEVNULL, stdout=write,
            stderr=log if stuck.stderr is None else stuck.stderr, start_new_session=True,
            env=environment({"REQUEST_METHOD": "POST", "REQUEST_URI": "/leadpro",
                             "CONTENT_LENGTH": "0", "HTTP_AUTHORIZATION": site.sign(payload),
                             "LEADRELAY_CONFIG": str(site.config)}))
    os.close(write)
    try:
        assert process.wait(20) == 0
        # Nobody keeps the front server waiting for the end of the answer.
        with open(read, "rb") as answer:
            assert b"Status: 202" in answer.read()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    site.crms["crm"].wait_count(1)
    assert json.loads(site.command("list", "--json").stdout)["state"] in (
        "sending", "delivered")


def test_a_reader_that_comes_back(site):
    """What was kept is there, what was not is counted."""
    site.crm()
    site.write_config()
    stuck = Stuck(site, "stderr unread")
    reader, _ = stuck.keep
    with run(site, stuck, "--config", site.config, "serve", "--listen",
             f"unix:{site.socket}") as worker:
        wait_until(lambda: answers(site), "the worker to listen")
        refused = 4000
        for _ in range(refused):
            assert fcgi.ask(site.socket, fcgi.webhook("x.y.z")).status == 401
        event = site.accept(leads.payload())
        os.set_blocking(reader, False)
        text = b""

        def all_told():
            nonlocal text
            with contextlib.suppress(BlockingIOError):
                text += os.read(reader, 1 << 20)
            lines = text.decode().splitlines()
            lost = sum(int(line.split('msg="')[1].split()[0]) for line in lines
                       if "lost" in line)
            return lost > 0 and lost + sum("what=refused" in line for line in lines) >= refused
        wait_until(all_told, "the lines and the count of the lost ones", 30)
        assert "xxxx" not in text.decode().splitlines()[-1]
        later = site.accept(leads.payload())
        wait_until(lambda: all_told() and later.encode() in text, "later lines")
        assert event != later
        stop(worker)
    stuck.close()


# --- syslog -------------------------------------------------------------------

def test_syslog(site):
    """Each line a datagram as syslog(3) writes it, also to a daemon started anew."""
    site.crm()
    site.settings["worker"]["log"] = "syslog"
    site.write_config()
    wrap = in_dev(site)
    daemon = Daemon(site)
    site.spawn([*wrap, PROGRAM, "--config", site.config, "serve", "--listen",
                f"unix:{site.socket}"])
    site.worker = site.workers[-1]
    said = f" leadrelay[{site.worker.pid}]: level=info msg=\"leadrelay "
    wait_until(lambda: said in daemon.line(), "the first lines")
    site.wait_for_worker()
    fcgi.ask(site.socket, fcgi.webhook("x.y.z"))
    line = daemon.line()
    assert line.startswith("<") and "what=refused" in line and "time=" not in line
    daemon.socket.close()
    fcgi.ask(site.socket, fcgi.webhook("x.y.z"))
    wait_until(lambda: "syslog: cannot be opened" in site.log.read_text() or
               "what=refused" in site.log.read_text(), "stderr to get lines meanwhile")
    daemon = Daemon(site)

    def comes():
        fcgi.ask(site.socket, fcgi.webhook("x.y.z"))
        return "what=refused" in daemon.line()
    wait_until(comes, "lines at the new daemon", 20)


# --- logs that cannot be opened -----------------------------------------------

def test_not_at_the_start(site):
    """The worker serves, says so on stderr, and finds the log by itself."""
    crm = site.crm()
    log = site.folder / "nowhere" / "log"
    site.settings["worker"]["log"] = f"file:{log}"
    site.start_worker()
    event = site.accept(leads.payload())
    crm.wait_count(1)
    wait_until(lambda: f"log {log}: cannot be opened: No such file or directory" in
               site.log.read_text(), "stderr to say so")
    wait_until(lambda: site.log_lines(what="accepted", id=event), "the line on stderr")
    log.parent.mkdir()
    wait_until(log.exists, "the log")
    event = site.accept(leads.payload())
    wait_until(lambda: event in log.read_text(), "a line in it")
    assert site.worker.stop() == 0
    assert not site.log_lines(what="accepted", id=event)


def test_not_at_the_start_but_after_a_reload(site):
    site.crm()
    log = site.folder / "nowhere" / "log"
    site.settings["worker"]["log"] = f"file:{log}"
    site.start_worker()
    log.parent.mkdir()
    site.worker.send(signal.SIGHUP)
    wait_until(log.exists, "the log")
    assert "cannot be taken" not in site.log.read_text()


def test_other_ways_of_being_started(site):
    """A request is answered, a relay delivers."""
    crm = site.crm()
    log = site.folder / "nowhere" / "log"
    site.settings["worker"].update(log=f"file:{log}", relay=False)
    site.write_config()
    payload = leads.payload()
    done = subprocess.run(
        [str(PROGRAM)], capture_output=True, timeout=60, check=False,
        env=environment({"REQUEST_METHOD": "POST", "REQUEST_URI": "/leadpro",
                         "CONTENT_LENGTH": "0", "HTTP_AUTHORIZATION": site.sign(payload),
                         "LEADRELAY_CONFIG": str(site.config)}))
    assert b"Status: 202" in done.stdout
    assert b"cannot be opened" in done.stderr and b"what=accepted" in done.stderr
    done = site.command("relay", "--once")
    assert done.returncode == 0
    assert b"cannot be opened" in done.stderr
    crm.wait_count(1)
    site.wait_states(delivered=1)


def test_not_again(site):
    """As logrotate's create with a wrong owner: the former file goes on, stderr is told."""
    site.crm()
    log, former = site.folder / "log", site.folder / "log.1"
    site.settings["worker"]["log"] = f"file:{log}"
    site.start_worker()
    wait_until(lambda: log.exists() and "serves" in log.read_text(), "the log")
    log.rename(former)
    log.mkdir()
    site.settings["source"]["max_age"] = "1d"       # and the reload is taken
    site.write_config()
    site.worker.send(signal.SIGHUP)
    wait_until(lambda: f"log {log}: cannot be opened: Is a directory" in site.log.read_text(),
               "stderr to be told")
    wait_until(lambda: "cannot be opened" in former.read_text(), "the former file to tell")
    wait_until(lambda: "the configuration was read again" in former.read_text(), "the reload")
    event = site.accept(leads.payload())
    wait_until(lambda: event in former.read_text(), "the line in the former file")
    log.rmdir()
    wait_until(log.is_file, "the log")
    event = site.accept(leads.payload())
    wait_until(lambda: event in log.read_text(), "a line in it")
