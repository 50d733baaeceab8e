"""After an upgrade: whose work it is to bring an older outbox up to date, and who waits."""

import concurrent.futures
import contextlib
import fcntl
import os
import pathlib
import signal
import sqlite3

import pytest

from harness import fcgi, leads
from harness.site import PROGRAM
from harness.wait import wait_until
from test_stop import LOCKS, stop

WORDS = [["list"], ["show", "01"], ["stats"], ["check"], ["backup", "copy.db"], ["retry", "--all"],
         ["release", "--all"], ["discard", "--all"], ["erase", "--lead", "1", "--yes"]]


def version(site, fresh=None):
    """That of the tables; as it then is, if it shall be another."""
    with contextlib.closing(sqlite3.connect(site.store, isolation_level=None)) as db:
        if fresh is not None:
            db.execute(f"PRAGMA user_version = {fresh}")
        return db.execute("PRAGMA user_version").fetchone()[0]


def make_older(site):
    """An outbox whose last step was not taken yet; the number that it then has."""
    site.crm()
    site.start_worker()
    site.accept(leads.payload())
    assert site.worker.stop() == 0
    before = version(site) - 1
    with contextlib.closing(sqlite3.connect(site.store, isolation_level=None)) as db:
        db.execute("DROP TABLE source")
        db.execute("ALTER TABLE head RENAME COLUMN latest TO event")
        db.execute("ALTER TABLE tally RENAME COLUMN deliveries TO count")
    return version(site, before)


@contextlib.contextmanager
def older_relay(site):
    """Somebody holds the relay's lock, as one of the version before would."""
    with open(f"{site.store}-relay", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(b"%-20d\n" % os.getpid())
        lock.flush()
        yield


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words[0])
def test_commands_leave_it_alone(site, words):
    before = make_older(site)
    done = site.command(*words)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 69, said
    assert f"made by an older leadrelay (version {before} of the tables" in said
    assert "systemctl restart leadrelay" in said and "leadrelay relay --once" in said
    assert version(site) == before


def test_a_relay_brings_it_up_to_date(site):
    """With no worker at all: cron does it.  But not while an older relay is at work."""
    before = make_older(site)
    with older_relay(site):
        done = site.command("relay", "--once")
        assert done.returncode == 69, done
        assert f"process {os.getpid()} still relays".encode() in done.stderr
        assert version(site) == before
    done = site.command("relay", "--once")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert version(site) == before + 1
    assert site.command("retry", "--all").returncode in (0, 66)


def test_a_worker_takes_over(site):
    """Leads come first: they are not refused because of a relay that was forgotten."""
    before = make_older(site)
    with older_relay(site):
        site.start_worker()
        site.accept(leads.payload())
    assert version(site) == before + 1


def waits_for_the_store(site, process):
    """Does it have the lock's file open by now?"""
    folder = pathlib.Path(f"/proc/{process.pid}/fd")
    with contextlib.suppress(OSError):
        return any(os.readlink(fd) == f"{site.store}-lock" for fd in folder.iterdir())
    return False


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("command", ["relay", "relay --once", "serve --listen unix:{}/other"])
def test_stops_behind_another_one(site, command, lock):
    """Somebody else brings it up to date, and takes long."""
    make_older(site)
    with LOCKS[lock](site):
        process = site.spawn([PROGRAM, "--config", site.config,
                              *command.format(site.folder).split()])
        wait_until(lambda: waits_for_the_store(site, process), "it to wait")
        assert stop(process, signal.SIGTERM) == 0


@contextlib.contextmanager
def worker_at_it(site):
    """A worker that has to wait before it can bring the outbox up to date, and serves."""
    make_older(site)
    with LOCKS["flock"](site):
        site.start_worker()
        wait_until(lambda: fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405,
                   "it to serve")
        yield


def ask(site, pool, count=5):
    """So many leads, each on its way to the worker."""
    asked = [pool.submit(fcgi.ask, site.socket, fcgi.webhook(site.sign(leads.payload())),
                         timeout=30) for _ in range(count)]
    wait_until(lambda: all(one.running() for one in asked), "them to be sent")
    for _ in range(20):             # who comes later is answered meanwhile
        assert fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405
    return asked


def test_requests_wait(site):
    """Longer than for any lock; nobody else does."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        with worker_at_it(site):
            asked = ask(site, pool)
            assert not any(one.done() for one in asked)
        assert [one.result().status for one in asked] == [202] * 5
    site.wait_states(delivered=6)


def test_a_stop_answers_who_waits(site):
    with concurrent.futures.ThreadPoolExecutor(8) as pool, worker_at_it(site):
        asked = ask(site, pool)
        assert stop(site.worker) == 0
        assert [one.result().status for one in asked] == [503] * 5
