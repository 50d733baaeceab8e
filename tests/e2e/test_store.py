"""The store's files: moved away under us, emptied of what was deleted, and never crowded."""

import concurrent.futures
import contextlib
import fcntl
import os
import select
import sqlite3
import time

import pytest

from harness import fcgi, leads
from harness.crm import NEVER, Reply
from harness.site import PROGRAM
from harness.wait import wait_until
from test_cgi import cgi, children
from test_erase import NAME, in_store, post

HEALTH = "/leadpro/healthz?ready"


def answers(site, count=20):
    """As many leads as that, one after the other: their statuses."""
    return {site.post().status for _ in range(count)}


def said(site, words):
    """The log's errors with these words in them."""
    return [line for line in site.log_lines(level="error") if words in line.get("msg", "")]


# --- moved, unlinked, replaced --------------------------------------------------

class Lost:
    """One way to take the store away, and to put it back."""

    def __init__(self, site, how):
        self.db = site.store
        self.how = how
        self.away = site.folder / "away"

    def take(self):
        if self.how == "file":
            self.db.rename(self.away)
        elif self.how == "folder":
            self.db.parent.rename(self.away)
        elif self.how == "replaced":
            self.db.rename(self.away)
            with sqlite3.connect(self.db) as other:
                other.execute("CREATE TABLE something (x)")
            other.close()

    def put_back(self):
        if self.how == "folder":
            self.away.rename(self.db.parent)
        else:
            os.replace(self.away, self.db)


@pytest.mark.parametrize("how", ["file", "folder", "replaced"])
def test_moved_under_the_worker(site, how):
    crm = site.crm(retry=["100ms"], probe=["100ms"])
    site.start()
    accepted = [leads.payload() for _ in range(5)]
    for payload in accepted:
        assert site.post(payload).status == 202
    site.wait_states(delivered=5)
    lost = Lost(site, how)
    lost.take()
    wait_until(lambda: site.post().status == 503, "the loss to be noticed")
    answer = site.post()
    assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
    assert answers(site) == {503}
    assert site.request("GET", HEALTH).status == 503
    wait_until(lambda: said(site, "moved, unlinked or replaced"), "a word in the log")
    if how == "file":
        assert not site.store.exists()
    elif how == "folder":
        assert not site.store.parent.exists()
    lost.put_back()
    payload = leads.payload()
    wait_until(lambda: site.post(payload).status in (200, 202), "the store to be taken up again")
    assert site.request("GET", HEALTH).status == 200
    wait_until(lambda: set(crm.bodies()) >= {*accepted, payload}, "all that was accepted")
    site.worker.stop()
    site.start_worker()
    site.wait_states(delivered=len(site.list()))


def test_noticed_without_a_lead(site):
    site.crm()
    site.start_worker()
    wait_until(lambda: site.command("stats").returncode in (0, 1), "the outbox")
    site.store.unlink()
    wait_until(lambda: said(site, "moved, unlinked or replaced"), "a word in the log")


@pytest.mark.parametrize("look", [None, "list", "stats"])
def test_unlinked_log_is_saved(site, look):
    """Also when a reader made an empty log where ours was: that one is not taken for it."""
    crm = site.crm(retry=["100ms"], probe=["100ms"])
    crm.default.status = 503
    site.start()
    accepted = [leads.payload() for _ in range(10)]
    for payload in accepted:
        assert site.post(payload).status == 202
    site.store.with_name("outbox.db-wal").unlink()
    if look is not None:
        site.command(look)
    last = leads.payload()
    wait_until(lambda: said(site, "-wal: moved, unlinked"), "a word in the log")
    wait_until(lambda: site.post(last).status in (200, 202), "the worker to go on")
    site.worker.kill()
    crm.default.status = 200
    site.start_worker()
    wait_until(lambda: set(crm.bodies()) >= {*accepted, last}, "all that was accepted")


def test_unlinked_index(site):
    """The log's index keeps processes from each other: without it none goes on."""
    crm = site.crm(retry=["100ms"], probe=["100ms"])
    site.start()
    assert site.post().status == 202
    site.store.with_name("outbox.db-shm").unlink()
    wait_until(lambda: said(site, "-shm: moved, unlinked"), "a word in the log")
    second = site.folder / "second.sock"
    site.start_worker(listen=f"unix:{second}")
    accepted = [leads.payload() for _ in range(10)]
    for n, payload in enumerate(accepted):
        wait_until(lambda p=payload, n=n: fcgi.ask(
            second if n % 2 else site.socket,
            fcgi.webhook(site.sign(p))).status in (200, 202), "it to be accepted")
    for process in site.workers:
        process.kill()
    site.start_worker()
    wait_until(lambda: set(crm.bodies()) >= set(accepted), "all that was accepted")


def test_unlinked_relay_lock(site):
    """The relay takes a lock that others find, and they see what it sends."""
    crm = site.crm()
    site.start()
    assert site.post().status == 202
    site.wait_states(delivered=1)
    os.unlink(f"{site.store}-relay")
    wait_until(lambda: os.path.exists(f"{site.store}-relay") and
               site.stats()[1]["relay_alive"], "the relay to be one again")
    crm.rule = lambda request: Reply(fault=NEVER)
    event = site.post().json["id"]
    crm.wait_count(2)
    assert [row["id"] for row in site.list("--state", "sending")] == [event]
    assert b"1 delivery; being sent now" in site.command("stats").stdout
    done = site.command("discard", event)
    assert done.returncode == 1 and b"sent" in done.stdout + done.stderr


def test_unlinked_lock(site):
    """Two processes go on keeping each other out."""
    site.crm()
    site.start()
    assert site.post().status == 202
    site.store.with_name("outbox.db-lock").unlink()
    for _ in range(3):
        assert site.post().status == 202
        cgi_answer = cgi(site, leads.payload())
        assert b"Status: 202" in cgi_answer
    site.wait_states(delivered=7)


@pytest.fixture
def place(site):
    site.crm()
    site.settings["worker"]["relay"] = False
    site.write_config()
    yield site
    wait_until(lambda: not children(site), "the children to end")


def test_moved_under_cgi(place):
    kept = leads.payload()
    assert b"Status: 202" in cgi(place, kept)
    lost = Lost(place, "file")
    lost.take()
    for _ in range(3):
        answer = cgi(place, leads.payload())
        assert b"Status: 503" in answer and b"Retry-After:" in answer
    assert place.command("relay", "--once").returncode == 74
    assert not place.store.exists()
    lost.put_back()
    assert b"Status: 202" in cgi(place, leads.payload())
    assert place.command("relay", "--once").returncode == 0
    place.wait_states(delivered=2)


def test_moved_under_the_relay(place):
    crm = place.crm(retry=["100ms"], probe=["100ms"])
    crm.default.status = 503
    place.write_config()
    payload = leads.payload()
    assert b"Status: 202" in cgi(place, payload)
    relay = place.spawn([PROGRAM, "--config", place.config, "relay"])
    crm.wait_count(2)
    lost = Lost(place, "file")
    lost.take()
    wait_until(lambda: said(place, "moved, unlinked or replaced"), "a word in the log")
    assert relay.running and not place.store.exists()
    lost.put_back()
    crm.default.status = 200
    place.wait_states(delivered=1)


def test_a_start_does_not_write_over_a_log(site):
    """The database is gone, its log is there: begun anew only when a person says so."""
    site.crm()
    site.start()
    assert site.post().status == 202
    site.worker.stop()
    site.store.unlink()
    site.start_worker()
    assert answers(site, 3) == {503}
    log = site.store.with_name("outbox.db-wal")
    assert log.stat().st_size > 0 and not site.store.exists()
    assert said(site, "-wal is there")
    log.unlink()
    wait_until(lambda: site.post().status == 202, "a new outbox")


# --- what was deleted is nowhere ------------------------------------------------

def test_purged_by_the_worker(site):
    crm = site.crm()
    site.settings["store"]["keep_delivered"] = "0s"
    site.start()
    post(site, leads.next_id())
    crm.wait_count(1)
    site.wait_states(delivered=1)
    assert in_store(site, NAME)
    site.worker.stop()
    site.start_worker()                 # the first thing its relay does is to delete
    wait_until(lambda: site.list() == [], "the event to be deleted", 30)
    wait_until(lambda: not in_store(site, NAME), "the log to be emptied")


def test_purged_while_somebody_reads(site):
    crm = site.crm()
    site.settings["store"]["keep_delivered"] = "0s"
    site.start()
    post(site, leads.next_id())
    crm.wait_count(1)
    site.wait_states(delivered=1)
    site.worker.stop()
    reader = sqlite3.connect(site.store, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM event").fetchone() == (1,)
    site.start_worker()
    wait_until(lambda: site.list() == [], "the event to be deleted", 30)
    assert site.post().status == 202    # nobody waits for the reader
    reader.close()
    wait_until(lambda: not in_store(site, NAME), "the log to be emptied")


def test_purged_by_cron_and_at_the_end(site):
    site.crm()
    site.settings["store"]["keep_delivered"] = "0s"
    site.settings["worker"]["relay"] = False
    site.start()
    post(site, leads.next_id())
    assert site.command("relay", "--once").returncode == 0
    wait_until(lambda: site.command("relay", "--once").returncode == 0 and site.list() == [],
               "the event to be deleted")
    assert not in_store(site, NAME)
    site.worker.stop()
    assert not in_store(site, NAME)


def test_erased_while_somebody_reads(site):
    """The command says that it is not done; the worker does the rest as soon as it can."""
    site.crm()
    site.start()
    lead = leads.next_id()
    post(site, lead)
    site.wait_states(delivered=1)
    reader = sqlite3.connect(site.store, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM event").fetchone() == (1,)
    done = site.command("erase", "--lead", str(lead), "--yes")
    assert done.returncode == 74 and b"traces" in done.stderr
    assert site.list() == [] and in_store(site, NAME)
    reader.close()
    wait_until(lambda: not in_store(site, NAME), "the log to be emptied")


# --- held ones leave room to others -----------------------------------------------

def broken():
    return leads.payload(email="nobody")


@pytest.mark.parametrize("verify", ["jwt", "none"])
def test_max_held(site, verify):
    site.crm()
    site.settings["source"]["max_held"] = 3
    if verify == "none":
        site.settings["source"]["verify"] = "none"
    site.start()
    held = [broken() for _ in range(3)]
    ids = []
    for payload in held:
        answer = site.post(payload)
        assert answer.status == 422
        ids.append(answer.json["id"])
    for _ in range(3):
        answer = site.post(broken())
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
    assert [line["reason"] for line in site.wait_lines(3, what="unavailable")] == \
        ["max_held"] * 3
    assert site.post(held[0]).json["id"] == ids[0]
    # Good ones have their room, and so it is told.
    assert site.post().status == 202
    assert site.request("GET", HEALTH).status == 200
    site.wait_states(delivered=1, held=3)
    assert site.command("discard", "--all").returncode == 0
    assert site.post(broken()).status == 422


def test_max_held_none(site):
    site.crm()
    site.settings["source"]["max_held"] = 0
    site.start()
    assert site.post(broken()).status == 503
    assert site.post().status == 202


@contextlib.contextmanager
def locked(site):
    """Somebody keeps the writer's lock."""
    with open(str(site.store) + "-lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.slow
def test_every_answer_in_bounded_time(site):
    """Locked for long, and whoever waits already: nobody waits longer than five seconds."""
    site.crm()
    site.start()
    assert site.post().status == 202
    site.wait_states(delivered=1)
    asked = []
    with locked(site):
        for _ in range(6):
            connection = fcgi.Connection(site.socket, 30)
            connection.send(fcgi.request(fcgi.webhook(site.sign(leads.payload()))))
            asked.append((time.monotonic(), connection))
            select.select([connection.socket], [], [], .5)
        with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
            took = list(pool.map(wait_for_503, asked))
    print("answers after " + ", ".join(f"{one:.1f}" for one in took) + " s")
    assert max(took) < 5
    wait_until(lambda: site.post().status == 202, "the worker to go on")


def wait_for_503(asked):
    started, connection = asked
    with connection:
        assert connection.read_answer().status == 503
        return time.monotonic() - started
