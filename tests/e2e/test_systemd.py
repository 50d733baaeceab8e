"""The systemd units: sound, confined, and right about what the program needs."""

import json
import os
import re
import shutil
import subprocess

import pytest

from harness import fcgi, leads
from harness.process import Process
from harness.site import PROGRAM, environment
from harness.wait import wait_until

UNITS = PROGRAM.parent / "deploy" / "systemd"
SERVICES = ["leadrelay.service", "leadrelay-relay.service", "leadrelay-once.service"]
EXPOSURE = 1.7

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None,
                                   reason="systemd-analyze is not here")


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True,
                          check=False, env=environment({"SYSTEMD_COLORS": "0"}))


@pytest.fixture
def units(folder):
    """Copies of the units that name the program as it was built, by a plain name."""
    (folder / "leadrelay").symlink_to(PROGRAM)
    copies = []
    for unit in sorted(UNITS.glob("leadrelay*")):
        text = re.sub(r"(?m)^(Exec(?:Start|Reload))=\S+", rf"\1={folder}/leadrelay",
                      unit.read_text())
        copies.append(folder / unit.name)
        copies[-1].write_text(text)
    assert len(copies) == 5
    return copies


def settings(unit, key):
    return re.findall(rf"(?m)^{key}=(.*)$", (UNITS / unit).read_text())


@needs_analyze
def test_verify_has_nothing_to_say(units):
    done = analyze("verify", "--man=no", *units)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_analyze
@pytest.mark.parametrize("service", SERVICES)
def test_exposure(units, service):
    unit = next(unit for unit in units if unit.name == service)
    done = analyze("security", "--offline=true", unit)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+) (\w+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert found.group(2) == "OK" and float(found.group(1)) <= EXPOSURE, found.group(0)


def test_each_service_has_the_same_identity_and_confinement():
    for key in ("User", "StateDirectory", "LoadCredential", "SystemCallFilter",
                "CapabilityBoundingSet", "ProtectSystem"):
        first = settings(SERVICES[0], key)
        assert first, key
        assert all(settings(service, key) == first for service in SERVICES[1:]), key
    assert not any("@" in (UNITS / name).read_text().replace("@system-service", "")
                   .replace("@privileged", "").replace("@resources", "") for name in SERVICES)


# --- what the filter lets through -----------------------------------------------------

def call_sets():
    """systemd's named sets of system calls, each expanded."""
    sets, name = {}, None
    for line in analyze("syscall-filter").stdout.splitlines():
        if line.startswith("@"):
            name = line.strip()
            sets[name] = set()
        elif name and line.startswith("    ") and not line.strip().startswith("#"):
            sets[name].add(line.strip())

    def expand(word):
        if not word.startswith("@"):
            return {word}
        return set().union(*(expand(member) for member in sets[word]))

    return expand


def allowed_calls(unit):
    expand, allowed = call_sets(), set()
    for line in settings(unit, "SystemCallFilter"):
        named = set().union(*(expand(word) for word in line.lstrip("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed | expand("@default")


def calls_made(trace):
    return set(re.findall(r"(?m)^\d+ +(\w+)\(", trace.read_text(errors="replace")))


def families_made(trace):
    return set(re.findall(r"(?m)^\d+ +socket(?:pair)?\((\w+)", trace.read_text(errors="replace")))


@pytest.mark.skipif("LEADRELAY_SANITIZER" in os.environ, reason="a sanitizer makes calls of its own")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not here")
@needs_analyze
def test_what_the_program_calls_is_allowed(site):
    """Start to end, under strace: socket activation, a request, jq, delivery by name."""
    crm = site.crm()
    destination = site.settings["destination crm"]
    destination["url"] = crm.url.replace("127.0.0.1", "localhost")
    destination["when"] = ".data.type == \"vendor\""
    site.write_config()
    trace = site.folder / "trace"
    worker = activate(site, ["strace", "-f", "-o", trace])
    answer = post(site)
    assert answer.status == 202, answer.stdout
    crm.wait_count(1)
    # strace, being the child, is what was started; the worker is the pid it wrote first
    os.kill(int(trace.read_text().split(None, 1)[0]), 15)
    wait_until(lambda: not worker.running, "the worker to end")
    made = calls_made(trace)
    if os.geteuid() == 0:
        made -= {"fchown"}              # SQLite, as root, gives its files to the folder's owner
    assert {"accept4", "fdatasync", "connect", "setitimer"} <= made, made
    for service in SERVICES:
        assert made <= allowed_calls(service), (service, made - allowed_calls(service))
        allowed = set(settings(service, "RestrictAddressFamilies")[0].split())
        assert families_made(trace) <= allowed


def test_the_services_speak_for_themselves():
    """Ready, reloading, a status and a watchdog; reload's end is the program's own verdict."""
    for service, command in (("leadrelay.service", "serve"), ("leadrelay-relay.service", "relay")):
        assert settings(service, "Type") == ["notify"]
        assert settings(service, "NotifyAccess") == ["main"]
        assert len(settings(service, "WatchdogSec")) == 1
        line, = settings(service, "ExecReload")
        assert line.split()[1:] == [command, "--reload", "$MAINPID"]


@needs_analyze
def test_the_filter_says_no_to_what_it_should():
    allowed = allowed_calls("leadrelay.service")
    assert not allowed & {"mount", "ptrace", "setuid", "chroot", "bpf", "reboot", "chown",
                          "init_module", "sched_setscheduler"}
    assert {"prlimit64", "getrandom", "clone", "socketpair", "setitimer"} <= allowed


# --- socket activation --------------------------------------------------------------------

def activate(site, before=()):
    """The worker as the units start it: the listening socket on descriptor 0."""
    tool = shutil.which("systemd-socket-activate")
    if tool is None:
        pytest.skip("systemd-socket-activate is not here")
    process = site.spawn([tool, "--inetd", "-l", site.socket, *before,
                          PROGRAM, "--config", site.config])
    wait_for_socket(process)
    return process


def wait_for_socket(process):
    """The tool says so when it listens; the file is there before that."""
    wait_until(lambda: "Listening on" in process.output(), "the socket")


def post(site, payload=None, **more):
    token = site.sign(payload or leads.payload())
    return fcgi.ask(site.socket, fcgi.webhook(f"Bearer {token}", body=b"{}", **more), b"{}")


def test_socket_activation(site):
    crm = site.crm()
    site.write_config()
    worker = activate(site)
    payload = leads.payload()
    assert post(site, payload).status == 202
    assert post(site, payload).status == 200
    crm.wait_count(1)
    assert crm.bodies() == [payload]
    assert worker.stop() == 0


def test_credentials_come_from_the_service_manager(site):
    """LoadCredential=secret:... and secret_file = ".../secret": no other copy is needed."""
    (name, _), = [line.split(":") for line in settings(SERVICES[0], "LoadCredential")]
    credentials = site.folder / "credentials"
    credentials.mkdir()
    site.secret_file.rename(credentials / name)
    site.settings["source"]["secret_file"] = "/etc/leadrelay/secret"
    (credentials / name).chmod(0o444)
    site.crm()
    site.write_config()
    process = Process([shutil.which("systemd-socket-activate") or pytest.skip("not here"),
                       "--inetd", f"--setenv=CREDENTIALS_DIRECTORY={credentials}",
                       "-l", site.socket, PROGRAM, "--config", site.config],
                      site.log, env=environment())
    site.workers.append(process)
    wait_for_socket(process)
    assert post(site).status == 202


def test_one_round_is_silent_and_delivers(site):
    """What leadrelay-once.service runs."""
    crm = site.crm()
    site.settings["worker"]["relay"] = False
    site.write_config()
    activate(site)
    assert post(site).status == 202
    (line,) = settings("leadrelay-once.service", "ExecStart")
    done = site.command(*line.split()[3:])
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert len(crm.bodies()) == 1
    assert [json.loads(row)["state"] for row in
            site.command("list", "--json").stdout.splitlines()] == ["delivered"]
