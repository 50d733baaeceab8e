"""By `relay --once` alone, and over restarts: what a decision rests on is in the outbox."""

import contextlib
import sqlite3

import pytest

from harness import leads
from harness.crm import Reply
from harness.wait import wait_until

FAILS = Reply(500)


@pytest.fixture
def cron(site):
    """A worker that only accepts; run() is one minute of cron."""
    crm = site.crm(retry=["1h"], probe=["1h"])
    site.settings["worker"]["relay"] = False
    site.start_worker()

    class Cron:
        def __init__(self):
            self.site, self.crm = site, crm

        def accept(self, lead=None, **more):
            return site.accept(leads.payload(lead, **more))

        def run(self):
            done = site.command("relay", "--once")
            assert done.returncode == 0 and done.stdout == b"", done.stderr

        def seen(self):
            return len(crm.received())

        def state(self):
            return site.stats()[2]["crm"]

        def configure(self, **settings):
            site.crm(**settings)
            site.write_config()
    return Cron()


def test_five_failures_in_as_many_runs_pause(cron):
    cron.crm.default = FAILS
    for number in range(1, 6):
        cron.accept()
        cron.run()
        assert cron.seen() == number
        assert (cron.state()["paused_at"] is None) == (number < 5)
    assert cron.state()["pause_reason"] == "5 failures in a row, the last: status 500"
    # Nothing goes out now, however many leads come and runs are made.
    for _ in range(3):
        cron.accept()
        cron.run()
    assert cron.seen() == 5
    assert cron.site.states() == {"waiting": 8}
    # Probes go on from run to run, and the first success sends all, hours ahead of their time.
    cron.configure(probe=["10ms"])
    cron.run()
    assert cron.seen() >= 6
    cron.crm.default = Reply()
    wait_until(lambda: cron.run() or cron.state()["paused_at"] is None, "a probe to succeed")
    cron.run()
    assert cron.site.states() == {"delivered": 8}


def test_a_success_between_runs_ends_the_row(cron):
    cron.crm.default = FAILS
    for _ in range(4):
        cron.accept()
        cron.run()
    cron.crm.default = Reply()
    cron.accept()
    cron.run()
    # It ended a run of several leads' failures: what waited an hour did not.
    assert cron.site.states() == {"delivered": 5}
    cron.crm.default = FAILS
    for _ in range(4):
        cron.accept()
        cron.run()
    assert cron.state()["paused_at"] is None


def test_one_lead_alone_pauses_nothing(cron):
    cron.crm.default = FAILS
    cron.configure(retry=["1ms"])
    cron.accept()
    while cron.seen() < 8:
        cron.run()
    assert cron.state()["paused_at"] is None


def test_refusals_are_counted_by_lead(cron):
    cron.crm.default = Reply(422)
    one, other = leads.next_id(), leads.next_id()
    for number in range(4):
        for lead in (one, other):
            cron.accept(lead, message=f"{number}")
            cron.run()
    assert cron.state()["paused_at"] is None and cron.seen() == 8
    cron.accept()
    cron.run()
    assert "refuses everything" in cron.state()["pause_reason"]
    cron.accept()
    cron.run()
    assert cron.site.states() == {"dead": 9, "waiting": 1}


def test_own_trouble_is_found_over_runs(cron):
    """Three others were delivered since the lead's first failure, each by another process."""
    poison = leads.next_id()
    cron.crm.rule = lambda request: Reply(404) if request.lead == poison else None
    cron.configure(retry=["1ms"], probe=["1ms"])
    cron.accept(poison)
    cron.run()
    for _ in range(4):
        cron.accept()
        cron.run()
    wait_until(lambda: cron.run() or cron.site.states() == {"held": 1, "delivered": 4},
               "the lead to be held", 30)
    assert cron.state()["paused_at"] is None


def test_limits_hold_from_run_to_run(cron):
    cron.configure(max_rate="1/1h")
    for _ in range(3):
        cron.accept()
        cron.run()
    assert cron.seen() == 1
    cron.configure(max_rate="1000/s", max_per_day=2)
    for _ in range(2):
        cron.run()
    assert cron.seen() == 2
    assert cron.site.states() == {"delivered": 2, "waiting": 1}


def test_retry_after_holds_from_run_to_run(cron):
    cron.crm.script.append(Reply(429, b"", {"Retry-After": "3600"}))
    for _ in range(3):
        cron.accept()
        cron.run()
    assert cron.seen() == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_run_of_failures_over_restarts(site, end):
    crm = site.crm(retry=["1h"], probe=["1h"])
    crm.default = FAILS
    for number in range(1, 6):
        site.start_worker()
        site.accept(leads.payload())
        crm.wait_count(number)
        wait_until(lambda: site.states() == {"waiting": len(crm.received())},
                   "the failure to be on disk")
        getattr(site.worker, end)()
    assert site.stats()[2]["crm"]["pause_reason"].startswith("5 failures in a row")
    crm.default = Reply()
    site.crm(probe=["10ms"])
    site.start_worker()
    site.wait_states(delivered=5)


def test_the_first_success_after_a_restart_makes_all_due(site):
    crm = site.crm(retry=["1h"], probe=["1h"])
    crm.default = FAILS
    site.start_worker()
    for number in range(1, 4):
        site.accept(leads.payload())
        crm.wait_count(number)
    site.wait_states(waiting=3)
    site.worker.stop()
    crm.default = Reply()
    site.start_worker()
    site.accept(leads.payload())
    site.wait_states(delivered=4)


def test_a_held_store_is_told(site):
    """Nothing was delivered, and nothing is tried again before the next run: that is no success."""
    site.crm()
    site.start()
    assert site.post().status == 202
    site.wait_states(delivered=1)
    site.worker.stop()
    with contextlib.closing(sqlite3.connect(site.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = site.command("relay", "--once")
    assert done.returncode == 74 and b"cannot be taken up" in done.stderr
    assert site.command("relay", "--once").returncode == 0
