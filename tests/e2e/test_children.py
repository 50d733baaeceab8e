"""What others' programs get from us: an environment that we made, and nothing of ours."""

import json
import os
import resource
import subprocess

import pytest

from harness import apache, fcgi, leads
from harness.crm import NEVER, Reply
from harness.site import environment
from harness.wait import wait_until

CANARY = "canary-in-the-coal-mine"

# Of a request, of a login, of a loader, of a shell, of proxies, of systemd.
NAMES = ["HTTP_PROXY", "HTTP_COOKIE", "HTTP_X_ANYTHING", "QUERY_STRING", "REMOTE_ADDR",
         "REMOTE_USER", "SERVER_NAME", "SCRIPT_FILENAME", "LEADRELAY_ROLE", "LEADRELAY_OTHER",
         "LR_AUTH_0", "REDIRECT_HTTP_AUTHORIZATION", "LD_LIBRARY_PATH", "LD_DEBUG_OUTPUT",
         "GCONV_PATH", "MALLOC_TRACE", "BASH_ENV", "ENV", "PS4", "PERL5LIB", "PYTHONPATH",
         "http_proxy", "https_proxy", "ALL_PROXY", "NO_PROXY", "HOME", "USER", "LOGNAME", "MAIL",
         "SHELL", "TMPDIR", "LANG", "LC_ALL", "TZ", "EDITOR", "SSH_AUTH_SOCK", "SSL_CERT_DIR",
         "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "LISTEN_FDS", "INVOCATION_ID",
         "A_NAME_NOBODY_KNOWS"]

MADE = {"PATH", "SHELL", "HOME", "USER", "LOGNAME", "LEADRELAY_CONFIG", "LEADRELAY_ALERT_KIND",
        "LEADRELAY_ALERT_STATE", "LEADRELAY_ALERT_SUMMARY"}
OF_SHELL = {"PWD", "OLDPWD", "SHLVL", "_"}

WAYS = ["request", "worker", "cron"]


def canaries():
    values = {name: f"{CANARY}-{name}" for name in NAMES}
    values["PATH"] = f"/{CANARY}:/usr/bin:/bin:/usr/sbin:/sbin"
    return values


class Started:
    """A lead that nobody wants, by a program that was started in one of the ways."""

    def __init__(self, site, way, wrap=()):
        self.site, self.way = site, way
        self.program = apache.program_for(site)
        site.settings["worker"]["relay"] = way != "cron"
        site.write_config()
        self.payload = leads.payload()
        self.token = site.sign(self.payload)
        wrap = list(wrap)
        getattr(self, way)(wrap)

    def env(self, **more):
        return environment(canaries() | {"LEADRELAY_CONFIG": str(self.site.config)} | more)

    def request(self, wrap):
        done = subprocess.run(
            [*wrap, str(self.program)], input=self.payload, capture_output=True, timeout=60,
            check=False, env=self.env(
                REQUEST_METHOD="POST", REQUEST_URI="/leadpro",
                CONTENT_LENGTH=str(len(self.payload)), HTTP_AUTHORIZATION=self.token))
        assert b"Status: 202" in done.stdout, done

    def worker(self, wrap):
        site = self.site
        with open(site.log, "ab") as log:
            self.process = subprocess.Popen(
                [*wrap, str(self.program), "serve", "--listen", f"unix:{site.socket}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env())

        def listens():
            try:
                with fcgi.Connection(site.socket, 1):
                    return True
            except OSError:
                return False
        wait_until(listens, "the worker to listen")
        assert fcgi.ask(site.socket, fcgi.webhook(self.token)).status == 202

    def cron(self, wrap):
        done = subprocess.run(
            [str(self.program)], input=self.payload, capture_output=True, timeout=60,
            check=False, env=environment({
                "LEADRELAY_CONFIG": str(self.site.config), "REQUEST_METHOD": "POST",
                "REQUEST_URI": "/leadpro", "CONTENT_LENGTH": str(len(self.payload)),
                "HTTP_AUTHORIZATION": self.token}))
        assert b"Status: 202" in done.stdout, done
        with open(self.site.log, "ab") as log:
            self.process = subprocess.Popen([*wrap, str(self.program), "relay", "--once"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.env())

    def relay(self):
        """The process that delivers; after a request, the child that it left behind."""
        if self.way != "request":
            return self.process.pid
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            try:
                if os.readlink(f"/proc/{pid}/exe") == str(self.program) and \
                        os.getsid(pid) == pid:
                    return pid
            except OSError:
                pass
        return None

    def stop(self):
        pid = self.relay()
        if pid is not None and (self.way == "request" or self.process.poll() is None):
            os.kill(pid, 9)
        if self.way != "request":
            self.process.wait()


def environment_of(pid):
    with open(f"/proc/{pid}/environ", "rb") as text:
        return text.read()


def below(pid):
    """The processes that it started, and those that they did."""
    found = []
    for child in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            with open(f"/proc/{child}/stat", encoding="ascii", errors="replace") as text:
                if int(text.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found += [child, *below(child)]
        except OSError:
            pass
    return found


@pytest.fixture
def start(site):
    made = []

    def begin(*words, **more):
        made.append(Started(site, *words, **more))
        return made[-1]
    yield begin
    for one in made:
        one.stop()


def check_environment(text, site, token):
    """Of /proc/PID/environ: only what we made, with nothing of what we had."""
    values = dict(line.decode().partition("=")[::2] for line in text.split(b"\0") if line)
    assert not values.keys() - MADE - OF_SHELL, values.keys() - MADE
    assert CANARY.encode() not in text and token.encode() not in text
    assert values["PATH"].startswith("/usr/local/sbin:")
    assert values["HOME"] == os.path.expanduser("~")
    assert values["LEADRELAY_CONFIG"] == str(site.config)
    return values


def report(to):
    """A shell command that tells what its process was given."""
    return (f"cat /proc/$$/environ >{to}.env; grep -E '^Sig(Blk|Ign)' /proc/self/status "
            f">{to}.sig; ls -l /proc/$$/fd >{to}.fds; mv {to}.env {to}")


def check_rest(to):
    """Signals as after a login, and three streams."""
    lines = dict(line.split() for line in to.with_suffix(".sig").read_text().splitlines())
    for value in lines.values():        # the C library's own two are not for others
        assert int(value, 16) & ~(3 << 31) == 0, lines
    shown = [line.split()[-3:] for line in to.with_suffix(".fds").read_text().splitlines()[1:]]
    # A shell keeps its script beyond 9, and ours is the pipe it reads from.
    inherited = [(number, target) for number, _, target in shown if int(number) < 10]
    assert {number for number, _ in inherited} <= {"0", "1", "2", "3"}, shown
    assert not [target for _, target in inherited if "socket:" in target or "outbox" in target]


@pytest.mark.parametrize("way", WAYS)
def test_an_alert_command(site, start, way):
    told = site.folder / "told"
    site.crm().default = Reply(422)
    site.settings["alert"] = {"command": report(told)}
    started = start(way)
    wait_until(told.exists, "the command")
    values = check_environment(told.read_bytes(), site, started.token)
    assert values["LEADRELAY_ALERT_KIND"] == "dead"
    assert values["LEADRELAY_ALERT_STATE"] == "raised"
    assert values["LEADRELAY_ALERT_SUMMARY"].endswith("1 delivery to crm is given up")
    check_rest(told)


@pytest.mark.parametrize("way", WAYS)
def test_leadrelay_in_an_alert_command(site, start, way):
    """It is a command there, with the same outbox: no second request, and no query of one."""
    told = site.folder / "told"
    site.crm().default = Reply(422)
    site.settings["alert"] = {
        "command": f"{apache.program_for(site)} stats --json >{told}.part; mv {told}.part {told}"}
    start(way)
    wait_until(told.exists, "the command")
    assert json.loads(told.read_text())["person_needed"] is True
    assert len(site.list()) == 1


def in_sbin(sendmail):
    """Words before a command that make it see ${sendmail} as the system's."""
    return ["unshare", "-m", "sh", "-c",
            f"mount -t tmpfs none /usr/sbin && cp {sendmail} /usr/sbin/sendmail && "
            'exec "$@"', "sh"]


def can_mount():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/usr/sbin"],
        capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no mount namespace to put a sendmail into")
@pytest.mark.parametrize("way", WAYS)
def test_sendmail(site, start, way):
    told = site.folder / "told"
    site.crm().default = Reply(422)
    sendmail = site.folder / "sendmail"
    sendmail.write_text(f"#!/bin/sh\n{report(told)}\n")
    sendmail.chmod(0o755)
    site.settings["alert"] = {"email": "office@agent.example"}
    started = start(way, wrap=in_sbin(sendmail))
    wait_until(told.exists, "the mail")
    check_environment(told.read_bytes(), site, started.token)
    check_rest(told)


@pytest.mark.parametrize("way", WAYS)
def test_the_jq_helper(site, start, way):
    """Nothing at all, in none of the processes that run programs."""
    site.crm(when=".data.id > 0").default = Reply(fault=NEVER)
    started = start(way)
    site.crms["crm"].wait_count(1)
    helpers = below(started.relay())
    assert helpers
    for pid in helpers:
        text = environment_of(pid)
        assert CANARY.encode() not in text and started.token.encode() not in text


def test_what_delivers_forgets_the_request(site, start):
    """The child that a request leaves behind lives on for half a minute."""
    site.crm().default = Reply(fault=NEVER)
    started = start("request")
    site.crms["crm"].wait_count(1)
    text = environment_of(started.relay())
    for word in (started.token, "REQUEST_METHOD", "HTTP_PROXY"):
        assert word.encode() not in text


# --- signals that whoever started us left behind --------------------------------

@pytest.mark.parametrize("way", ["worker", "cron"])
def test_a_parent_that_ignores_its_children(site, start, way):
    """What a command ended with is known."""
    site.crm().default = Reply(422)
    site.settings["alert"] = {"command": "exit 7"}
    start(way, wrap=["env", "--ignore-signal=CHLD"])
    wait_until(lambda: "alert dead: command " in site.log.read_text(), "what became of it")
    assert "alert dead: command ended with status 7" in site.log.read_text()


def limited(pid, size):
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_limit_on_files(site):
    """For the store a full disk: 503, and on it goes when there is room."""
    crm = site.crm()
    site.start_worker()
    first = site.accept(leads.payload())
    crm.wait_count(1)
    limited(site.worker.pid, 4096)
    answer = fcgi.ask(site.socket, fcgi.webhook(site.sign(leads.payload())))
    assert answer.status == 503 and b"Retry-After: " in answer.stdout
    assert site.worker.running
    limited(site.worker.pid, resource.RLIM_INFINITY)
    wait_until(lambda: fcgi.ask(site.socket, fcgi.webhook(
        site.sign(leads.payload()))).status == 202, "a lead to be taken")
    site.wait_states(delivered=2)
    assert first in {row["id"] for row in site.list()}
    assert site.worker.stop() == 0


def test_a_limit_on_files_of_a_request(site):
    site.crm()
    site.write_config()
    payload = leads.payload()

    def ask(size):
        done = subprocess.run(
            ["prlimit", f"--fsize={size}", str(apache.program_for(site))], capture_output=True,
            timeout=60, check=False, env=environment({
                "REQUEST_METHOD": "POST", "REQUEST_URI": "/leadpro", "CONTENT_LENGTH": "0",
                "HTTP_AUTHORIZATION": site.sign(payload),
                "LEADRELAY_CONFIG": str(site.config)}))
        return done.stdout
    assert b"Status: 503" in ask(2048)
    assert b"Status: 202" in ask(1 << 30)
    assert b"Status: 503" in ask(8192) or len(site.list()) == 1


def test_a_limit_on_files_of_a_relay(site):
    """What cannot be written down is not sent on and on, and the relay lives."""
    crm = site.crm()
    site.settings["worker"]["relay"] = False
    site.start_worker()
    relay = site.spawn([apache.program_for(site), "--config", site.config, "relay"])
    site.accept(leads.payload())
    crm.wait_count(1)
    site.wait_states(delivered=1)
    limited(relay.pid, 4096)
    site.accept(leads.payload())
    wait_until(lambda: "disk" in site.log.read_text() or "full" in site.log.read_text() or
               "File too large" in site.log.read_text(), "the relay to say so")
    assert relay.running
    limited(relay.pid, resource.RLIM_INFINITY)
    site.wait_states(timeout=60, delivered=2)
    assert relay.stop() == 0
