"""A stop takes two seconds, whatever hangs; and what was acknowledged is still there."""

import contextlib
import fcntl
import os
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from harness import fcgi, leads
from harness.crm import NEVER, Reply
from harness.manager import Manager
from harness.site import PROGRAM
from harness.wait import wait_until

PROMISED = 2.0
# A machine that has much to do, and the second that the thread sanitizer takes for itself.
SLACK = 1.0 if os.environ.get("LEADRELAY_SANITIZER") is None else 3.0


def locked_by_flock(site):
    lock = open(f"{site.store}-lock", "ab")     # pylint: disable=consider-using-with
    fcntl.flock(lock, fcntl.LOCK_EX)
    return contextlib.closing(lock)


def locked_by_sqlite(site):
    """As a shell or a backup tool does: all of it, or a writer's lock while others have it open."""
    other = sqlite3.connect(site.store, timeout=0, isolation_level=None)
    try:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError:
        other.close()
        other = sqlite3.connect(site.store, timeout=5, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
    return contextlib.closing(other)


LOCKS = {"flock": locked_by_flock, "sqlite": locked_by_sqlite}


def stop(process, number=signal.SIGTERM):
    before = time.monotonic()
    status = process.stop(number, 20)
    took = time.monotonic() - before
    assert took < PROMISED + SLACK, f"{took:.1f} s"
    return status


def all_there(site, ids):
    """Everything acknowledged stands in the outbox."""
    assert {row["id"] for row in site.list()} == set(ids)


def accept(site, count=5):
    return [site.accept(leads.payload()) for _ in range(count)]


def accept_first(site):
    """As soon as the outbox is open."""
    def one():
        answer = fcgi.ask(site.socket, fcgi.webhook(site.sign(leads.payload())))
        return answer.status == 202
    wait_until(one, "the outbox to be open")
    return [row["id"] for row in site.list()]


# --- the worker ----------------------------------------------------------------------

@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("then", ["nothing", "SIGHUP", "another SIGHUP", "a webhook",
                                  "SIGHUP and a webhook"])
def test_while_the_store_is_locked(site, lock, then):
    site.crm()
    site.start_worker()
    ids = accept_first(site) + accept(site)
    site.wait_states(delivered=len(ids))
    with LOCKS[lock](site), contextlib.ExitStack() as stack:
        for _ in range(then.count("SIGHUP") + ("another" in then)):
            site.settings["destination crm"]["timeout"] = "6s"
            site.write_config()
            site.worker.send(signal.SIGHUP)
        if "webhook" in then:
            connection = stack.enter_context(fcgi.Connection(site.socket))
            connection.send(fcgi.request(fcgi.webhook(site.sign(leads.payload()))))
        elif "SIGHUP" in then:
            # The signal has been taken: the thread that reads has begun.
            wait_until(lambda: fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405,
                       "an answer")
        # What was not taken could not be written; else nothing is lost by a stop.
        assert stop(site.worker) in ((0, 74) if "webhook" in then else (0,))
        if "webhook" in then:
            answer = connection.read_answer()
            assert answer.status in (503, None)
    assert set(ids) <= {row["id"] for row in site.list()}


@pytest.mark.parametrize("lock", LOCKS)
def test_while_deliveries_cannot_be_noted(site, lock):
    """The CRM said yes, the store does not take it: sent again after the start, same key."""
    crm = site.crm()
    crm.rule = lambda _: Reply(delay=.3)
    site.start_worker()
    ids = accept_first(site) + accept(site)
    crm.wait(lambda seen: len(seen) >= 1, "the first request")
    with LOCKS[lock](site):
        assert stop(site.worker) == 0
    all_there(site, ids)
    crm.rule = None
    site.start_worker()
    site.wait_states(delivered=len(ids))


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT,
                                    signal.SIGUSR1])
def test_while_opening(site, lock, number):
    site.crm()
    site.start_worker()
    ids = accept_first(site)
    assert site.worker.stop() == 0
    with LOCKS[lock](site):
        site.start_worker()
        site.worker.send(signal.SIGHUP)
        assert fcgi.ask(site.socket, fcgi.webhook(site.sign(leads.payload()))).status == 503
        assert stop(site.worker, number) == 0
    all_there(site, ids)


def test_with_a_bad_configuration(site):
    manager = Manager()
    site.config.write_text("nonsense {")
    process = manager.start(site, "serve", "--listen", f"unix:{site.socket}")
    manager.wait("READY=1")
    process.send(signal.SIGHUP)
    assert stop(process) == 0
    manager.close()


def helpers(pid):
    """The processes that this one started, and theirs."""
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True,
                         text=True, check=False).stdout.split()
    return [int(one) for one in out] + [deep for one in out for deep in helpers(one)]


@pytest.mark.parametrize("command", ["serve", "relay"])
def test_with_a_helper_that_hangs(site, command):
    """Whoever runs jq stands still, at work and at rest."""
    site.crm(when=".data.type == \"vendor\"")
    site.start_worker()
    ids = accept_first(site)
    process = site.worker
    if command == "relay":
        assert site.worker.stop() == 0
        process = site.spawn([PROGRAM, "--config", site.config, "relay"])
        site.wait_states(delivered=1)
    stopped = wait_until(lambda: helpers(process.pid), "the helper")
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        if command == "serve":
            ids += accept(site, 3)
            process.send(signal.SIGHUP)
        else:
            process.send(signal.SIGHUP)
        assert stop(process) in (0, 74)
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    all_there(site, ids)


@pytest.mark.parametrize("command", ["serve", "relay", "relay --once"])
def test_with_a_crm_that_is_silent(site, command):
    crm = site.crm(timeout="60s")
    crm.default = Reply(fault=NEVER)
    if command != "serve":
        site.settings["worker"]["relay"] = False
    site.start_worker()
    ids = accept_first(site) + accept(site)
    process = site.worker
    if command != "serve":
        process = site.spawn([PROGRAM, "--config", site.config, *command.split()])
    crm.wait_count(1)
    assert stop(process) == 0
    all_there(site, ids)


# --- the relay alone, and commands -------------------------------------------------------

@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("command", ["relay", "relay --once"])
@pytest.mark.parametrize("when", ["opening", "at work", "reloading"])
def test_a_relay_while_the_store_is_locked(site, lock, command, when):
    crm = site.crm()
    crm.rule = lambda _: Reply(delay=.3)
    site.settings["worker"]["relay"] = False
    site.start_worker()
    ids = accept_first(site) + accept(site)
    assert site.worker.stop() == 0
    argv = [PROGRAM, "--config", site.config, *command.split()]
    if when == "opening":
        with LOCKS[lock](site):
            process = site.spawn(argv)
            assert stop(process) in (0, -signal.SIGTERM)
    else:
        process = site.spawn(argv)
        crm.wait_count(1)
        with LOCKS[lock](site):
            if when == "reloading":
                process.send(signal.SIGHUP)
            assert stop(process) == 0
    all_there(site, ids)


@pytest.mark.parametrize("words", [["discard", "--all"], ["retry", "--all"],
                                   ["erase", "--lead", "1", "--yes"]])
def test_a_command_that_waits_for_the_store(site, words):
    site.crm()
    site.start_worker()
    ids = accept_first(site)
    assert site.worker.stop() == 0
    with locked_by_flock(site):
        process = site.spawn([PROGRAM, "--config", site.config, *words])
        assert stop(process) == -signal.SIGTERM
    all_there(site, ids)


# --- a socket that others have, too -----------------------------------------------------

@pytest.mark.threads
def test_a_socket_whose_flags_others_change(site):
    """Blocking, and with connections taken from under the workers: none hangs, all stop."""
    site.crm()
    site.write_config()
    site.settings["worker"]["threads"] = 1
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(site.socket))
    listener.listen(256)
    workers = [site.spawn([PROGRAM, "--config", site.config], stdin=listener)
               for _ in range(2)]
    site.worker = workers[0]
    site.wait_for_worker()
    os.set_blocking(listener.fileno(), False)
    answered = 0
    for _ in range(300):
        os.set_blocking(listener.fileno(), True)
        with fcgi.Connection(site.socket, 10) as connection:
            os.set_blocking(listener.fileno(), False)
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
            os.set_blocking(listener.fileno(), True)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.send(fcgi.request(fcgi.webhook(method="GET")))
                answered += connection.read_answer().status == 405
    assert answered
    kept = fcgi.Connection(site.socket)
    for _ in range(20):
        kept.send(fcgi.request(fcgi.webhook(method="GET"), flags=fcgi.KEEP_CONN))
        assert kept.read_answer().status == 405
    kept.close()
    for worker in workers:
        assert stop(worker) == 0
    listener.close()
