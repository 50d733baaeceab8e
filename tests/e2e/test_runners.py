"""The processes that run jq programs: their trouble is nobody's lead's."""

import glob
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import leads
from harness.crm import Reply
from harness.processes import busy_machine, children, kill, no_more_processes
from harness.site import PROGRAM, environment
from harness.wait import wait_until

USER = 61238                            # of no account
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def stop_in_time(site):
    """The contract: from SIGTERM to the end at most 2 s."""
    begun = time.monotonic()
    assert site.worker.stop(timeout=10) in (0, -signal.SIGTERM)
    assert time.monotonic() - begun < 2.0


def runners(site):
    return children(site.worker.pid, "leadrelay-jq")


def as_somebody(site):
    """Root's worker becomes the owner of its store: limits of processes are then for it."""
    site.store.parent.mkdir()
    os.chown(site.store.parent, USER, USER)
    site.store.parent.chmod(0o700)


def test_killed_under_load(site):
    """Runners die all the time; nothing is held, nothing is lost, order is kept."""
    crm = site.crm(when=".data.id > 0", success_when='.status == "ok"', method="PUT")
    site.start()
    payloads = {number: [leads.payload(number, message=f"{number} {turn}") for turn in range(3)]
                for number in range(1, 31)}
    kills = 0
    for turn in range(3):
        for number in range(1, 31):
            seen = len(crm.received())
            assert site.post(payloads[number][turn]).status == 202
            if number % 5 == 0:		# at times, whoever has come again since, and got on
                wait_until(lambda: len(crm.received()) > seen and runners(site), "somebody to kill")
            pids = runners(site)
            kill(pids, signal.SIGKILL)
            kills += len(pids)
    assert kills >= 18
    site.wait_states(delivered=90)
    assert {row["attempts"] for row in site.list()} == {1}
    for number, bodies in payloads.items():
        assert [body for body in crm.bodies() if body in bodies] == bodies
    assert not site.log_lines(what="held") and not site.log_lines(what="paused")


def test_stopped_processes(site):
    """One that does not answer is given up for another; nobody waits for it at the end."""
    crm = site.crm(when="true")
    site.start()
    site.post(leads.payload(1))
    crm.wait_count(1)
    kill(runners(site), signal.SIGSTOP)
    site.post(leads.payload(2))
    crm.wait_count(2, timeout=40)
    site.wait_states(delivered=2)
    kill(runners(site), signal.SIGSTOP)
    site.post(leads.payload(3))
    wait_until(lambda: site.states().get("sending") or site.states().get("waiting"), "the third")
    stop_in_time(site)


@root_only
def test_no_processes(site):
    """None can be had: leads wait, their destination alone, and a person is told; then they go."""
    crm = site.crm(when="true", probe=["300ms"])
    other = site.crm("other")
    as_somebody(site)
    site.start()
    site.post(leads.payload(1))
    crm.wait_count(1)
    other.wait_count(1)
    with no_more_processes(site.worker.pid):
        kill(runners(site), signal.SIGKILL)
        site.post(leads.payload(2))
        other.wait_count(2)
        paused = wait_until(lambda: site.log_lines(what="paused"), "the pause", 30)
        assert "jq programs cannot be run: Resource temporarily" in paused[0]["error"]
        row, = (r for r in site.list("--state", "waiting"))
        assert (row["destination"], row["attempts"]) == ("crm", 0)
        status, _, destinations = site.stats()
        assert status == 1 and "Resource temp" in destinations["crm"]["pause_reason"]
    crm.wait_count(2, timeout=40)
    site.wait_states(delivered=4)
    assert len(site.log_lines(what="paused")) == 1


@root_only
def test_no_processes_for_answers(site):
    """The same when it is the answers that are to be judged."""
    crm = site.crm(success_when=".ok", probe=["300ms"])
    crm.default = Reply(body=b'{"ok": true}')
    as_somebody(site)
    site.start()
    site.post(leads.payload(1))
    crm.wait_count(1)
    site.wait_states(delivered=1)
    with no_more_processes(site.worker.pid):
        kill(runners(site), signal.SIGKILL)
        site.post(leads.payload(2))
        wait_until(lambda: site.log_lines(what="paused"), "the pause", 30)
        site.wait_states(delivered=1, waiting=1)	# "sending" while a probe is under way
    site.wait_states(delivered=2, timeout=40)
    # An answer that nobody could judge was asked for again, with the same key.
    assert len({r.key for r in crm.received()}) == 2


def wait_for_many(site, count, **states):
    site.wait_states(timeout=90, **states)
    assert sum(states.values()) == count


def test_a_hundred_destinations_on_a_busy_machine(site):
    """A program each, all different: nothing is held, leads are accepted, the end comes at once."""
    site.crm("crm")
    for number in range(100):
        site.settings[f"destination d{number}"] = {
            "url": site.crms["crm"].url, "when": f".data.id == {number} + 1000"}
    with busy_machine():
        site.start()
        for number in range(1, 4):
            assert site.post(leads.payload(number)).status == 202
        wait_for_many(site, 303, delivered=3, skipped=300)
        kill(runners(site), signal.SIGKILL)
        site.post(leads.payload(4))
        wait_for_many(site, 404, delivered=4, skipped=400)
        kill(runners(site), signal.SIGKILL)
        site.post(leads.payload(5))
        stop_in_time(site)
    assert not site.log_lines(what="held")


def test_a_busy_machine_is_no_fault(site):
    """A third of a second of processor time stays that, however long it takes."""
    crm = site.crm(when="reduce range(600000) as $i (0; . + 1) | . > 0")
    site.start()
    with busy_machine():
        site.post(leads.payload(1))
        crm.wait_count(1, timeout=60)
    site.wait_states(delivered=1)


def test_stopped_while_programs_are_compiled(site):
    """A signal to stop does not wait for a hundred programs."""
    site.crm("crm")
    for number in range(100):
        site.settings[f"destination d{number}"] = {
            "url": site.crms["crm"].url, "when": f".data.id == {number} + 1000"}
    with busy_machine():
        site.start_worker(wait=False)
        wait_until(lambda: runners(site), "the compiling")
        stop_in_time(site)


def test_nothing_of_ours_in_it(site):
    """No variable, no descriptor of the worker's, no new privilege."""
    crm = site.crm(when="true")
    site.write_config()
    site.worker = site.spawn(["/usr/bin/env", "CANARY=x", PROGRAM, "--config", site.config,
                              "serve", "--listen", f"unix:{site.socket}"])
    site.wait_for_worker()
    site.accept(leads.payload())
    crm.wait_count(1)
    runner, = runners(site)
    proc = pathlib.Path(f"/proc/{runner}")
    assert (proc / "environ").read_bytes() == b""
    assert (proc / "cmdline").read_bytes().split(b"\0")[1:] == [b"run-programs", b""]
    assert re.search(r"^NoNewPrivs:\t1$", (proc / "status").read_text(), re.M)
    targets = sorted(os.readlink(link) for link in glob.glob(f"{proc}/fd/*"))
    assert targets[:2] == ["/dev/null", f"{proc}/statm"] and len(targets) == 3
    assert targets[2].startswith("socket:")
    limits = pathlib.Path(f"/proc/{runner}/limits").read_text()
    for name in ("open files", "file size", "core file size"):
        assert re.search(rf"^Max {name} +0 +0 ", limits, re.M)
    site.worker.kill()
    wait_until(lambda: not proc.exists(), "it to end with it")


def test_nobody_gets_there_by_words(site):
    """The word alone makes no such process; a URL has no words at all."""
    site.write_config()
    assert site.command("run-programs").returncode == 64
    ours, theirs = socket.socketpair()
    with ours, theirs:
        done = subprocess.run([PROGRAM, "run-programs"], stdin=theirs, capture_output=True,
                              check=False, timeout=20, env=environment())
        assert done.returncode == 64
        env = {"REQUEST_METHOD": "GET", "LEADRELAY_CONFIG": str(site.config)}
        done = subprocess.run([PROGRAM, "run-programs"], stdin=theirs, capture_output=True,
                              check=False, timeout=20, env=env)
        assert done.stdout.startswith(b"Status: ")


# --- programs that end without a value ----------------------------------------------

@pytest.mark.parametrize("text, words", [
    ("if .data.office == null then error(.data.reason) else .data end", "null"),
    ("null | error", "null"),
    ("path(error(null))", "null"),
    ('"no office for this one\\n" | halt_error', "transform: no office for this one"),
    ('{why: "none"} | halt_error', '{"why":"none"}'),
    ("halt", "it called halt"),
])
def test_no_value_and_not_empty_is_held(site, text, words):
    (site.folder / "t.jq").write_text(text)
    crm = site.crm(body="transform", transform=site.folder / "t.jq")
    skipped = site.crm("skipped", when="empty")
    site.start()
    site.post(leads.payload(1))
    site.wait_states(held=1, skipped=1)
    row, = site.list("--state", "held")
    assert words in row["reason"]
    assert row["reason"] == row["reason"].rstrip() and row["attempts"] == 0
    assert not crm.received() and not skipped.received()


def test_success_when_that_fails_holds(site):
    """Held, never dead: whether the CRM meant yes is not known."""
    crm = site.crm(success_when="if .ok then true else error(.why) end")
    crm.default = Reply(body=b'{"status": "?"}')
    site.start()
    site.post(leads.payload(1))
    site.wait_states(held=1)
    assert "success_when: " in site.list()[0]["reason"]
    assert len(crm.received()) == 1


# --- libraries that are not there ----------------------------------------------------

def library(name):
    found = [path for path in glob.glob(f"/usr/lib/*/{name}")]
    if not found:
        pytest.skip(f"{name} is not where it is looked for")
    return os.path.realpath(found[0])


def lacking(site, *paths, instead="/dev/null", words=()):
    """A worker (or what ``words`` say) in a world of its own where ``instead`` lies in the place of ``paths``."""
    site.write_config()
    try:
        able = subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0
    except FileNotFoundError:
        able = False
    if not able:
        pytest.skip("no mounts of one's own here")
    if words in ((), ("serve",)):
        words = ("serve", "--listen", f"unix:{site.socket}")
    site.worker = site.spawn(
        ["unshare", "-m", "--propagation", "private", "sh", "-c",
         " && ".join(f"mount --bind {instead} {path}" for path in paths) + ' && exec "$@"', "-",
         PROGRAM, "--config", site.config, *words])
    if words[0] == "serve":
        site.wait_for_worker()


def inside(site, *argv):
    return subprocess.run(["nsenter", "-t", str(site.worker.pid), "-m", *map(str, argv)],
                          capture_output=True, check=False, timeout=60, env=environment())


@root_only
@pytest.mark.parametrize("instead", ["nothing", "another"])
def test_libjq_is_not_there(site, instead):
    """It serves, says why, tries again by itself; nothing is held, nothing is tried."""
    path = library("libjq.so.1")
    crm = site.crm(when="true", probe=["300ms"])
    other = site.crm("other")
    lacking(site, path, instead="/dev/null" if instead == "nothing" else library("libm.so.6"))
    for number in range(1, 6):
        site.accept(leads.payload(number))
    other.wait_count(5)
    wait_until(lambda: site.log_lines(what="paused"), "the pause")
    rows = [row for row in site.list() if row["destination"] == "crm"]
    assert {(row["state"], row["attempts"]) for row in rows} == {("waiting", 0)}
    assert "libjq.so.1" in site.stats()[2]["crm"]["pause_reason"]
    checked = inside(site, PROGRAM, "--config", site.config, "check")
    assert checked.returncode == 69
    assert re.search(rb"^FAILED +program .*libjq\.so\.1", checked.stdout, re.M)
    tried = inside(site, PROGRAM, "--config", site.config, "try", site.config.parent / "lead")
    assert tried.returncode == 66           # there is no such file; it came so far
    assert inside(site, "umount", path).returncode == 0
    crm.wait_count(5)
    site.wait_states(delivered=10)
    text = site.log.read_text()
    assert text.count("jq programs cannot be run, trying again") == 1
    assert len(site.log_lines(what="paused")) == 1


@root_only
def test_try_without_libjq(site):
    path = library("libjq.so.1")
    site.crm(when="true")
    lacking(site, path)
    lead = site.folder / "lead.json"
    lead.write_bytes(leads.payload(1))
    done = inside(site, PROGRAM, "--config", site.config, "try", "--json", lead)
    assert done.returncode == 69
    said = json.loads(done.stdout.splitlines()[1])
    assert said["outcome"] == "waits" and "libjq.so.1" in said["reason"]


@root_only
@pytest.mark.parametrize("instead", ["nothing", "another"])
def test_libcurl_is_not_there(site, instead):
    """It serves and stores; the relay begins when it is back."""
    paths = {os.path.realpath(path) for path in glob.glob("/usr/lib/*/libcurl*.so*")}
    if not paths:
        pytest.skip("libcurl is not where it is looked for")
    crm = site.crm()
    lacking(site, *paths, instead="/dev/null" if instead == "nothing" else library("libjq.so.1"))
    site.accept(leads.payload(1))
    wait_until(lambda: "not relaying" in site.log.read_text(), "the word")
    assert site.states() == {"waiting": 1}
    assert inside(site, "umount", *paths).returncode == 0
    crm.wait_count(1)
    site.wait_states(delivered=1)
    assert site.log.read_text().count("not relaying") == 1


# --- a helper that does not answer ---------------------------------------------------

@pytest.fixture
def stuck(site):
    """As if libjq lay on a disk that stalls: whoever loads it waits, until it is let go."""
    path, fifo = library("libjq.so.1"), site.folder / "libjq"
    os.mkfifo(fifo)

    def start(*words):
        lacking(site, path, instead=fifo, words=words)
        wait_until(lambda: runners(site), "the helper")

    def let_go():
        assert inside(site, "umount", "-l", path).returncode == 0
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    site.let_go = let_go
    return start


@root_only
def test_nobody_waits_for_the_helper(site, stuck):
    """Neither at the start nor at a reload; what needs it waits, and has no part in it."""
    crm, other = site.crm(when="true", probe=["300ms"]), site.crm("other")
    stuck()
    site.accept(leads.payload(1))
    site.worker.send(signal.SIGHUP)
    site.accept(leads.payload(2))
    wait_until(lambda: "was read again" in site.log.read_text(), "the reload")
    site.accept(leads.payload(3))
    other.wait_count(3)
    text = site.log.read_text()
    assert text.count("whether the jq programs compile is not known yet") == 2
    assert "jq programs cannot be run" not in text
    rows = [row for row in site.list() if row["destination"] == "crm"]
    assert {(row["state"], row["attempts"]) for row in rows} == {("waiting", 0)}
    site.let_go()
    crm.wait_count(3)
    site.wait_states(delivered=6)


@root_only
def test_a_program_that_is_found_bad_later(site, stuck):
    """It is the destination that waits, with the reason; no lead is held."""
    program = site.folder / "when.jq"
    program.write_text("frobnicate")
    crm = site.crm(when_file=program, probe=["300ms"])
    stuck()
    site.accept(leads.payload(1))
    site.let_go()
    wait_until(lambda: "frobnicate" in (site.stats()[2]["crm"]["pause_reason"] or ""), "the pause")
    assert site.states() == {"waiting": 1}
    program.write_text("true")
    crm.wait_count(1)
    site.wait_states(delivered=1)


@root_only
@pytest.mark.parametrize("words", [["serve"], ["relay"], ["relay", "--once"]])
def test_an_end_while_the_helper_does_not_answer(site, stuck, words):
    site.crm(when="true")
    stuck(*words)
    if words == ["serve"]:
        site.accept(leads.payload(1))
    begun = time.monotonic()
    assert site.worker.stop() == 0
    assert time.monotonic() - begun < 2


@root_only
def test_once_with_nothing_to_do(site, stuck):
    site.crm(when="true")
    stuck("relay", "--once")
    assert site.worker.popen.wait(10) == 0
