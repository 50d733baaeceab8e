"""A worker whose configuration is bad, or whose parts are not there yet: it serves,
says what is wrong, and takes what was mended."""

import contextlib
import fcntl
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess

import pytest

from harness import fcgi, leads
from harness.manager import Manager
from harness.nginx import Nginx, free_port
from harness.site import PROGRAM, environment
from harness.wait import wait_until


@pytest.fixture
def manager():
    one = Manager()
    yield one
    one.close()


def break_config(site, how):
    """Make the good configuration on disk bad; returns what mends it, and the line at fault."""
    good = site.config.read_text()
    if how == "missing":
        site.config.unlink()
        return lambda: site.write_config(), None
    if how == "no secret":
        hidden = site.secret_file.with_name("hidden")
        site.secret_file.rename(hidden)
        return lambda: hidden.rename(site.secret_file), 2
    if how == "secret for all":
        site.secret_file.chmod(0o644)
        return lambda: site.secret_file.chmod(0o600), 2
    text, line = {
        "empty": ("", None),
        "syntax": (good + "nonsense {\n", good.count("\n") + 1),
        "unknown key": ("source {\n\tcolour = red\n}\n" + good, 2),
        "bad value": (good.replace("threads = 4", "threads = many"),
                      good[:good.index("threads = 4")].count("\n") + 1),
        "program": (good.replace("timeout =", "when = \".data.type ==\"\n\ttimeout ="), None),
        "group": (good.replace("threads = 4", "threads = 4\n\tsocket_group = no-such-group"
                               if "socket_group" not in good else "threads = 4")
                  .replace('socket_group = "www-data"', "socket_group = no-such-group"), None),
    }[how]
    assert text != good
    site.config.write_text(text)
    return lambda: site.config.write_text(good), line


BAD = ["missing", "empty", "syntax", "unknown key", "bad value", "program", "no secret",
       "secret for all"]


@contextlib.contextmanager
def listener(site):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(site.socket))
        one.listen(64)
        yield one


def spawn_fcgi(site):
    tool = shutil.which("spawn-fcgi") or pytest.skip("spawn-fcgi is not installed")
    return site.spawn([tool, "-n", "-s", site.socket, "--",
                       PROGRAM, "--config", site.config])


@contextlib.contextmanager
def started(site, manager, way):
    """A worker, in one of the ways; yields it and its address."""
    if way == "tcp":
        port = free_port()
        yield manager.start(site, "serve", "--listen", f"127.0.0.1:{port}"), ("127.0.0.1", port)
    elif way == "listen":
        yield manager.start(site, "serve", "--listen", f"unix:{site.socket}"), site.socket
    elif way == "spawn-fcgi":
        yield spawn_fcgi(site), site.socket
    else:
        with listener(site) as one:
            worker = manager.start(site, stdin=one)
        yield worker, site.socket


def ask(address, values):
    """Its answer, or None: nobody listens yet."""
    try:
        return fcgi.ask(address, values)
    except (FileNotFoundError, ConnectionRefusedError):
        return None


def first_answer(address, values):
    return wait_until(lambda: ask(address, values), "the worker to listen")


def assert_unconfigured(site, address):
    answer = first_answer(address, fcgi.webhook(site.sign(leads.payload())))
    assert answer.status == 503, answer.stdout
    assert b"\r\nRetry-After: " in answer.stdout
    assert b"application/problem+json" in answer.stdout
    assert str(site.folder).encode() not in answer.stdout
    if not isinstance(address, tuple):
        admin = fcgi.webhook(method="GET", uri="/leadpro/healthz", LEADRELAY_ROLE="admin")
        assert fcgi.ask(address, admin).status == 200
        admin["QUERY_STRING"] = "ready"
        answer = fcgi.ask(address, admin)
        assert answer.status == 503 and b'"configuration"' in answer.body


def accepted(site, address):
    return fcgi.ask(address, fcgi.webhook(site.sign(leads.payload()))).status == 202


# --- a bad configuration ----------------------------------------------------------

@pytest.mark.parametrize("way, how", [("descriptor 0", how) for how in BAD] + [
    (way, how) for way in ("listen", "tcp", "spawn-fcgi")
    for how in ("missing", "syntax", "program")])
def test_serves_503_and_takes_what_was_mended(site, manager, way, how):
    crm = site.crm()
    site.write_config()
    mend, line = break_config(site, how)
    with started(site, manager, way) as (worker, address):
        assert_unconfigured(site, address)
        if way != "spawn-fcgi":
            manager.wait("READY=1")
            manager.wait_status("503")
            assert f"{site.config}{f':{line}:' if line else ''}" in manager.status()
        assert_unconfigured(site, address)
        mend()
        wait_until(lambda: accepted(site, address), "the mended configuration to be taken",
                   15, pause=.1)
        crm.wait_count(1)
        # Once, however often it was looked at.
        said = [row["msg"] for row in site.log_lines(level="error") if "msg" in row]
        assert said and len(said) == len(set(said)), said
        if way != "spawn-fcgi":
            manager.wait_status("serving and relaying")
        assert worker.stop() == 0


@pytest.mark.threads
def test_a_signal_takes_it_at_once(site, manager):
    site.crm()
    site.write_config()
    mend, _ = break_config(site, "syntax")
    with started(site, manager, "listen") as (worker, address):
        assert_unconfigured(site, address)
        manager.wait("READY=1")
        mend()
        done = site.command("serve", "--reload", worker.pid)
        assert (done.returncode, done.stderr) == (0, b"")
        assert accepted(site, address)


def test_a_group_that_is_not_there(site, manager):
    site.crm()
    site.write_config()
    mend, _ = break_config(site, "group")
    with started(site, manager, "listen") as (_, address):
        assert_unconfigured(site, address)
        manager.wait_status("no-such-group")
        mend()
        wait_until(lambda: accepted(site, address), "the mended configuration", 15, pause=.1)


@pytest.mark.skipif(os.geteuid() != 0, reason="nginx has a user of its own only as root's child")
@pytest.mark.parametrize("how", ["bad value", "syntax", "missing"])
def test_the_front_server_reaches_the_socket(site, how):
    """Whose it is says as much of the file as can be read, or else the last worker's socket."""
    site.crm()
    if how == "missing":
        site.start_worker()
        assert site.worker.stop() == 0
    site.write_config()
    mend, _ = break_config(site, how)
    site.worker = site.spawn([PROGRAM, "--config", site.config, "serve", "--listen",
                              f"unix:{site.socket}"])
    site.wait_for_worker()
    site.nginx = Nginx(site.folder, site.socket, "", "")
    answer = site.post()
    assert answer.status == 503 and answer.problem == "configuration", answer.body
    assert site.request("GET", "/leadpro/healthz").status == 200
    assert site.request("GET", "/leadpro/healthz?ready").status == 503
    mend()
    wait_until(lambda: site.post().status == 202, "the mended configuration", 15, pause=.1)
    assert site.request("GET", "/leadpro/healthz?ready").json == {"status": "ok", "reasons": []}


# --- parts that are not there ------------------------------------------------------

def test_a_store_that_comes_later(site, manager):
    crm = site.crm()
    site.settings["store"]["url"] = f"sqlite:{site.folder}/later/store/outbox.db"
    site.write_config()
    with started(site, manager, "descriptor 0") as (_, address):
        assert first_answer(address, fcgi.webhook(site.sign(leads.payload()))).status == 503
        manager.wait("READY=1")
        manager.wait_status("later")
        (site.folder / "later").mkdir()
        wait_until(lambda: accepted(site, address), "the outbox", 15, pause=.1)
        crm.wait_count(1)
        manager.wait_status("serving and relaying")


def test_a_libcurl_that_comes_later(site, manager):
    crm = site.crm()
    site.write_config()
    libraries = site.folder / "libraries"
    libraries.mkdir()
    broken = [libraries / name for name in
              ("libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so")]
    for one in broken:
        one.touch()
    with listener(site) as one:
        manager.start(site, stdin=one, env={"LD_LIBRARY_PATH": str(libraries)})
    wait_until(lambda: accepted(site, site.socket), "the worker", 15, pause=.1)
    manager.wait_status("not relaying")
    assert manager.heard("READY=1")
    for one in broken:
        one.unlink()
    crm.wait_count(1)
    manager.wait_status("serving and relaying")
    assert len(site.log_lines(level="error")) == 1


# --- reloading --------------------------------------------------------------------

@pytest.mark.threads
@pytest.mark.parametrize("command", ["serve", "relay"])
def test_a_reload_tells_what_became_of_it(site, manager, command):
    """What ExecReload runs: its end is that of systemctl reload."""
    site.crm()
    site.write_config()
    process = manager.start(site, command, *(
        ["--listen", f"unix:{site.socket}"] if command == "serve" else []))
    manager.wait("READY=1")
    for number in range(1, 4):
        done = site.command(command, "--reload", process.pid)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        manager.wait("READY=1", 1 + number)
    reloading = [lines for lines in manager.said if lines[0] == "RELOADING=1"]
    assert len(reloading) == 3
    assert all(lines[1].startswith("MONOTONIC_USEC=") for lines in reloading)
    mend, line = break_config(site, "bad value")
    done = site.command(command, "--reload", process.pid)
    assert done.returncode == 78 and b"not taken" in done.stderr
    manager.wait_status(f"{site.config}:{line}:")
    assert "the former configuration stays in force" in manager.status()
    mend()
    assert site.command(command, "--reload", process.pid).returncode == 0
    manager.wait_status("relaying")
    assert process.stop() == 0
    manager.wait("STOPPING=1")
    assert site.command(command, "--reload", process.pid).returncode == 69


def signals_waiting(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as text:
        lines = dict(line.rstrip("\n").split(":", 1) for line in text)
    return int(lines["ShdPnd"], 16)


@pytest.mark.parametrize("how, status", [(None, 0), ("bad value", 78)])
def test_many_ask_at_once(site, how, status):
    """As many as like; signals of one kind that wait are one."""
    site.crm()
    site.start_worker()
    if how:
        break_config(site, how)
    site.worker.send(signal.SIGSTOP)
    asking = [subprocess.Popen([PROGRAM, "--config", site.config, "serve", "--reload",
                                str(site.worker.pid)], stderr=subprocess.PIPE)
              for _ in range(80)]
    wait_until(lambda: signals_waiting(site.worker.pid) & 1 << (signal.SIGHUP - 1),
               "somebody to have asked")
    site.worker.send(signal.SIGCONT)
    ends = [(one.communicate(timeout=60)[1], one.returncode) for one in asking]
    assert {end for _, end in ends} == {status}, ends


def test_a_crowd_that_asks_for_nothing(site):
    """Whoever may connect can stand there; a reload is heard all the same."""
    site.crm()
    site.start_worker()
    name = f"\0leadrelay-reload/{site.worker.pid}"
    wait_until(lambda: name[1:] in pathlib.Path("/proc/net/unix").read_text(), "the door")
    with contextlib.ExitStack() as crowd:
        with contextlib.suppress(BlockingIOError):
            for _ in range(200):
                one = crowd.enter_context(socket.socket(socket.AF_UNIX))
                one.setblocking(False)
                one.connect(name)
        done = site.command("serve", "--reload", str(site.worker.pid))
    assert done.returncode == 0, done.stderr


def test_whom_a_reload_cannot_ask(site):
    site.crm()
    site.write_config()
    for pid in ("", "x", "0", "1", "-1", "4711x"):
        assert site.command("serve", "--reload", pid).returncode == 64, pid
    deaf = subprocess.Popen(["sleep", "600"])
    try:
        done = site.command("serve", "--reload", deaf.pid)
        assert done.returncode == 69 and b"no leadrelay" in done.stderr
        assert deaf.poll() is None
    finally:
        deaf.kill()
        deaf.wait()


def test_relay_with_a_bad_configuration_is_78(site):
    site.crm()
    site.write_config()
    break_config(site, "bad value")
    assert site.command("relay").returncode == 78
    assert site.command("relay", "--once").returncode == 78


# --- the watchdog ------------------------------------------------------------------

@pytest.mark.parametrize("command", ["serve", "relay"])
def test_the_watchdog_is_fed_whatever_the_disk_does(site, command):
    manager = Manager(watchdog_s=.2)
    site.crm()
    site.write_config()
    process = manager.start(site, command, *(
        ["--listen", f"unix:{site.socket}"] if command == "serve" else []))
    manager.wait("WATCHDOG=1", 3)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(open(f"{site.store}-lock", "rb"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        process.send(signal.SIGHUP)
        manager.wait("RELOADING=1")
        manager.wait("WATCHDOG=1", manager.heard("WATCHDOG=1") + 10)
    process.stop()
    manager.close()


def test_a_watchdog_for_somebody_else(site):
    manager = Manager(watchdog_s=.2)
    site.crm()
    site.write_config()
    worker = manager.start(site, "serve", "--listen", f"unix:{site.socket}",
                           env={"WATCHDOG_PID": "1"})
    manager.wait("READY=1")
    wait_until(lambda: accepted(site, site.socket), "the worker")
    assert worker.stop() == 0
    manager.wait("STOPPING=1")
    assert manager.heard("WATCHDOG=1") == 0
    manager.close()


def test_no_child_speaks_in_our_name(site):
    manager = Manager(watchdog_s=60)
    crm = site.crm()
    crm.default.status = 400
    told = site.folder / "told"
    site.settings["alert"] = {"command": f"env >{told}.new && mv {told}.new {told}"}
    site.write_config()
    manager.start(site, "serve", "--listen", f"unix:{site.socket}")
    wait_until(lambda: ask(site.socket, fcgi.webhook(method="GET")), "the worker to listen")
    wait_until(lambda: accepted(site, site.socket), "the outbox", pause=.1)
    text = wait_until(lambda: told.exists() and told.read_text(), "the alert")
    assert "LEADRELAY_ALERT_KIND" in text
    assert "NOTIFY_SOCKET" not in text and "WATCHDOG_" not in text
    manager.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_is_left_when_it_is_known_for_whom(site, manager):
    """Started as root with a bad configuration: it serves as root until that names a store."""
    user = pwd.getpwnam("www-data")
    site.crm(when=".data.type == \"vendor\"")
    site.store.parent.mkdir(mode=0o700)
    os.chown(site.store.parent, user.pw_uid, user.pw_gid)
    site.write_config()
    mend, _ = break_config(site, "bad value")
    with started(site, manager, "listen") as (worker, address):
        assert_unconfigured(site, address)
        mend()
        wait_until(lambda: accepted(site, address), "the mended configuration", 15, pause=.1)
        for task in os.listdir(f"/proc/{worker.pid}/task"):
            with open(f"/proc/{worker.pid}/task/{task}/status", encoding="ascii") as status:
                text = status.read()
            assert f"Uid:\t{user.pw_uid}\t{user.pw_uid}\t{user.pw_uid}" in text
        assert os.stat(site.store).st_uid == user.pw_uid


def test_another_store_before_one_was_opened(site):
    """A store that never was cannot be in use: a mended name is taken without a restart."""
    site.crm()
    good = site.settings["store"]["url"]
    site.settings["store"]["url"] = "sqlite:/proc/nosuch/outbox.db"
    site.start_worker()
    lead = fcgi.webhook(site.sign(leads.payload()))
    assert fcgi.ask(site.socket, lead).status == 503
    site.settings["store"]["url"] = good
    site.write_config()
    site.worker.send(signal.SIGHUP)
    wait_until(lambda: fcgi.ask(site.socket, lead).status in (200, 202), "the store to be taken")
