"""The limits a CRM sets: at once, in a stretch of time, in a day."""

import contextlib
import json
import os
import sqlite3

import pytest

from harness import leads
from harness.crm import NEVER, RESET_AFTER, Reply
from harness.site import PROGRAM
from harness.wait import wait_until


def rate_held(site, count, seconds, slack=0.025):
    """No ``count`` + 1 requests within ``seconds``, by when each was begun.

    On a busy machine they reach the CRM at other moments.  One that was late may be made
    up for within 20 ms.
    """
    with contextlib.closing(sqlite3.connect(f"file:{site.store}?mode=ro", uri=True)) as db:
        times = sorted(ms / 1000 for ms, in db.execute("SELECT started FROM attempt"))
    assert len(times) == len(site.crms["crm"].received())
    return all(times[i + count] - times[i] > seconds - slack
               for i in range(len(times) - count))


@pytest.mark.threads
def test_max_concurrent(site):
    crm = site.crm(max_concurrent=3)
    crm.default = Reply(delay=0.1)
    site.start()
    for _ in range(15):
        site.post()
    site.wait_states(delivered=15)
    assert 1 < crm.most_concurrent <= 3


@pytest.mark.threads
def test_max_rate(site):
    crm = site.crm(max_rate="10/s")
    site.settings["worker"]["relay"] = False
    site.start()
    for _ in range(25):
        assert site.post().status == 202
    site.spawn([PROGRAM, "--config", site.config, "relay"])
    wait_until(lambda: b"max_rate" in site.command("stats").stdout, "stats to name the limit")
    site.wait_states(delivered=25)
    assert len(crm.received()) == 25 and rate_held(site, 10, 1.0)


def test_max_rate_counts_retries_and_probes(site):
    crm = site.crm(max_rate="5/s", retry=["10ms"], probe=["10ms"])
    crm.rule = lambda request: Reply(503 if len(crm.requests) % 3 else 200)
    site.start()
    for _ in range(5):
        site.post()
    site.wait_states(30, delivered=5)
    assert rate_held(site, 5, 1.0)


def test_a_kept_connection_that_ends_costs_no_request_more(site):
    """libcurl would send again by itself what a kept connection's end left unanswered."""
    crm = site.crm(max_per_day=6, retry=["10ms"])
    crm.script.extend([Reply(), Reply(fault=RESET_AFTER)] * 3)
    site.start()
    for _ in range(10):
        site.post()
    wait_until(lambda: site.stats()[2]["crm"]["limit_until"], "the limit")
    assert len(crm.received()) == 6
    assert site.stats()[2]["crm"]["requests_24h"] == 6


def test_max_rate_delays_no_other_destination(site):
    crm = site.crm(max_rate="1/m")
    other = site.crm("other")
    site.start()
    for _ in range(10):
        site.post()
    other.wait_count(10, timeout=5)
    assert len(crm.received()) == 1


@pytest.mark.threads
def test_max_per_day_over_restarts(site):
    """Three, and no more: not by a restart, a crash or a person's retry."""
    crm = site.crm(max_per_day=3)
    site.start()
    for _ in range(2):
        site.post()
    site.wait_states(delivered=2)
    site.worker.kill()
    site.start_worker()
    events = [site.post().json["id"] for _ in range(3)]
    site.wait_states(delivered=3, waiting=2)
    site.worker.stop()
    site.start_worker()
    waiting = [row["id"] for row in site.list() if row["state"] == "waiting"]
    assert set(waiting) < set(events)
    for event in waiting:
        site.command("retry", event)

    def told():
        return b"max_per_day" in site.command("stats").stdout
    wait_until(told, "stats to name the limit")
    one = json.loads(site.command("stats", "--json").stdout)["destinations"][0]
    assert one["requests_24h"] == 3 and one["limit_until"] is not None
    assert len(crm.received()) == 3
    # It was only the limit that kept them.
    site.worker.stop()
    site.crm(max_per_day=10)
    site.start_worker()
    site.wait_states(delivered=5)


def test_what_was_under_way_at_a_crash_counts(site):
    crm = site.crm(max_per_day=2)
    crm.script.append(Reply(delay=30))
    site.start()
    site.post()
    crm.wait_count(1)
    site.worker.kill()
    site.start_worker()
    site.wait_states(delivered=1)
    site.post()
    wait_until(lambda: b"max_per_day" in site.command("stats").stdout, "the limit")
    assert len(crm.received()) == 2


def test_a_crash_allows_no_request_more(site):
    """What was under way when the relay died has been sent, as far as max_rate goes."""
    crm = site.crm(max_rate="1/h", timeout="60s")
    other = site.crm("other")
    crm.default.fault = NEVER
    site.start()
    site.post()
    crm.wait_count(1)
    site.worker.kill()
    site.start_worker()
    site.post()
    # Both dispatchers have looked by the time that the other destination has the second one.
    wait_until(lambda: len(site.list("--destination", "other", "--state", "delivered")) == 2,
               "the outcomes on disk")
    assert len(crm.received()) == 1 and len(other.received()) >= 2


def test_relay_once_keeps_to_the_rate(site):
    crm = site.crm(max_rate="10/s")
    site.settings["worker"]["relay"] = "no"
    site.start()
    for _ in range(12):
        site.post()
    done = site.command("relay", "--once")
    assert done.returncode == 0
    assert len(crm.received()) == 12
    assert rate_held(site, 10, 1.0)


def test_relay_once_does_not_wait_for_tomorrow(site):
    crm = site.crm(max_per_day=1)
    site.settings["worker"]["relay"] = "no"
    site.start()
    for _ in range(3):
        site.post()
    for _ in range(2):
        assert site.command("relay", "--once", timeout=20).returncode == 0
    assert len(crm.received()) == 1
    site.wait_states(delivered=1, waiting=2)


def test_credentials_are_read_again(site):
    """Files that change are used as they are, without a restart: also the URL's."""
    crm, moved = site.crm(), site.crm("moved")
    del site.settings["destination moved"]
    token, url = site.folder / "token", site.folder / "url"

    def put(path, text):
        fresh = path.with_suffix(".new")
        fresh.write_text(text + "\n")
        fresh.chmod(0o600)
        os.replace(fresh, path)
    put(token, "first-secret")
    put(url, crm.url)
    del site.settings["destination crm"]["url"]
    site.crm(url_file=url, bearer_file=token)
    site.start()
    site.post()
    assert crm.wait_count(1)[0].header("Authorization") == "Bearer first-secret"

    put(token, "second-secret")

    def changed():
        site.post(leads.payload())
        return any(request.header("Authorization") == "Bearer second-secret"
                   for request in crm.received())
    wait_until(changed, "the new token in use", pause=0.1)

    # A bad edit leaves what was good in use, and is said.
    put(token, "")
    wait_until(lambda: "former credential stays in use" in site.log.read_text(), "the complaint")
    before = len(crm.received())
    site.post()
    assert crm.wait_count(before + 1)[-1].header("Authorization") == "Bearer second-secret"
    put(token, "third-secret")
    put(url, moved.url)

    def arrived():
        site.post(leads.payload())
        return moved.received()
    wait_until(arrived, "the new address in use", pause=0.1)
    assert moved.received()[-1].header("Authorization") == "Bearer third-secret"
    text = site.log.read_text()
    for secret in ("first-secret", "second-secret", "third-secret"):
        assert secret not in text
