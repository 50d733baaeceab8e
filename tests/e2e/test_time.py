"""The wall clock is set: at the start, between two runs, while everything runs."""

import pytest

from harness import leads
from harness.clock import DAY, HOUR, JUMPS, MINUTE, YEAR, Clock
from harness.crm import Reply
from harness.wait import wait_until

AHEAD = 200 * DAY


@pytest.fixture(name="clocked")
def clocked_site(site):
    """An installation with a clock of its own, and no relay in its worker."""
    site.clock = Clock(site.folder)
    site.settings["worker"]["relay"] = False
    site.settings["worker"]["log"] = f"file:{site.log}"
    return site


@pytest.fixture(name="off", params=JUMPS.values(), ids=JUMPS)
def off_by(request):
    return request.param


def relay_once(site):
    done = site.command("relay", "--once")
    assert done.returncode == 0, done.stderr
    return done


def leave_one_of_each(site, crm, delivered=1):
    """Delivered, dead, held by the rules; and one that waits for a second attempt."""
    crm.script.extend([Reply(), Reply(422), Reply(503)])
    for payload in (leads.payload(), leads.payload(), leads.payload(),
                    leads.payload(email="nobody")):
        assert site.post(payload).status in (202, 422)
    relay_once(site)
    everything = {"delivered": delivered, "dead": 1, "held": 1, "waiting": 1}
    assert site.states() == everything
    crm.default = Reply(503)
    return everything


# --- nothing waits for a date -----------------------------------------------------

def test_accepted_under_another_clock(clocked, off):
    crm = clocked.crm()
    clocked.start()
    clocked.clock.set(off)
    payload = leads.payload()
    assert clocked.post(payload).status == 202
    clocked.clock.set(0)
    relay_once(clocked)
    assert crm.bodies() == [payload]


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
def test_put_off_under_another_clock(clocked, off, restart):
    crm = clocked.crm(retry=["45m"])
    crm.script.append(Reply(503))
    clocked.settings["worker"]["relay"] = True
    clocked.clock.set(off)
    clocked.start()
    payload = leads.payload()
    assert clocked.post(payload).status == 202
    crm.wait_count(1)
    clocked.wait_states(waiting=1)
    if restart:
        clocked.worker.stop()
    clocked.clock.set(0)
    if restart:
        clocked.start_worker()
    crm.wait_count(2)
    clocked.wait_states(delivered=1)


def test_a_pause_outlives_no_clock(clocked, off):
    """Set while a destination is paused, and while it asked for patience."""
    crm = clocked.crm(retry=["1s"], probe=["1s"])
    crm.script.append(Reply(401))
    clocked.settings["worker"]["relay"] = True
    clocked.start()
    first, second = leads.payload(), leads.payload()
    assert clocked.post(first).status == 202
    wait_until(lambda: clocked.log_lines(what="paused"), "the pause")
    clocked.clock.set(off)
    clocked.wait_states(delivered=1)
    crm.script.append(Reply(503, headers={"Retry-After": "1"}))
    assert clocked.post(second).status == 202
    crm.wait_count(3)
    clocked.clock.set(0)
    clocked.wait_states(delivered=2)


@pytest.mark.parametrize("reply", [Reply(401), Reply(503, headers={"Retry-After": "3600"})],
                         ids=["paused", "retry after"])
def test_a_pause_from_another_clock(clocked, off, reply):
    crm = clocked.crm(probe=["1h"])
    clocked.start()
    clocked.clock.set(off)
    assert clocked.post().status == 202
    crm.script.append(reply)
    relay_once(clocked)
    clocked.clock.set(0)
    relay_once(clocked)
    # An hour's pause that began an hour ahead may still last; nothing lasts longer than it may.
    if clocked.states() != {"delivered": 1}:
        assert 0 < off <= 5 * HOUR
        clocked.clock.set(off + HOUR + MINUTE)
        relay_once(clocked)
    assert clocked.states() == {"delivered": 1}


def test_the_days_limit(clocked, off):
    """Requests of another clock's day count for a day, from when they are met."""
    crm = clocked.crm(max_per_day=2)
    clocked.start()
    clocked.clock.set(off)
    for _ in range(3):
        assert clocked.post().status == 202
    relay_once(clocked)
    assert len(crm.received()) == 2
    clocked.clock.set(10 * MINUTE)
    relay_once(clocked)
    if off <= -DAY:
        assert len(crm.received()) == 3
        return
    assert len(crm.received()) == 2
    # An hour on the clock is believed, and a day later that day is over.
    clocked.clock.set(75 * MINUTE, 65 * MINUTE)
    relay_once(clocked)
    assert len(crm.received()) == 2
    clocked.clock.set(DAY + 90 * MINUTE, DAY + 80 * MINUTE)
    relay_once(clocked)
    assert len(crm.received()) == 3


def test_a_person_is_told(clocked):
    """What came in the future by now's clock has waited too long."""
    told = clocked.folder / "told"
    clocked.crm().default = Reply(503)
    clocked.settings["alert"] = {"command": f"echo $LEADRELAY_ALERT_KIND >>{told}",
                                 "waiting_longer_than": "15m"}
    clocked.start()
    clocked.clock.set(10 * DAY)
    assert clocked.post().status == 202
    clocked.clock.set(0)
    relay_once(clocked)
    assert "waiting" in told.read_text().split()


def test_a_duplicate_from_the_future(clocked, off):
    clocked.crm()
    clocked.settings["source"]["duplicate_window"] = "24h"
    clocked.start()
    payload = leads.payload()
    clocked.clock.set(off)
    assert clocked.post(payload).status == 202
    clocked.clock.set(0)
    assert clocked.post(payload).status == (200 if off > -DAY else 202)


# --- nothing is lost to a reading -------------------------------------------------

def test_one_run_ahead_loses_nothing(clocked):
    crm = clocked.crm(retry=["1h"], max_concurrent=1)
    clocked.start()
    everything = leave_one_of_each(clocked, crm)
    clocked.clock.set(AHEAD)
    done = relay_once(clocked)
    assert clocked.states() == everything
    assert b"" == done.stdout
    lines = clocked.log.read_text()
    assert "the clock stands 200d ahead" in lines
    for ahead in (AHEAD + MINUTE, 0, AHEAD, 0, 10 * YEAR, -10 * YEAR):
        clocked.clock.set(ahead)
        relay_once(clocked)
        assert clocked.states() == everything, ahead


def test_one_start_ahead_loses_nothing(clocked):
    crm = clocked.crm(retry=["1h"], max_concurrent=1)
    clocked.start()
    everything = leave_one_of_each(clocked, crm)
    before = len(crm.received())
    clocked.worker.stop()
    clocked.settings["worker"]["relay"] = True
    clocked.clock.set(AHEAD)
    clocked.start_worker()
    crm.wait_count(before + 1)          # the waiting one fails again
    wait_until(lambda: clocked.log_lines(what="failed"), "its failure")
    clocked.worker.stop()
    assert clocked.states() == everything
    assert not clocked.log_lines(what="purged")


def test_set_while_it_runs_gives_nothing_up(clocked):
    crm = clocked.crm(retry=["200ms"])
    crm.default = Reply(503)
    clocked.settings["worker"]["relay"] = True
    clocked.start()
    assert clocked.post().status == 202
    crm.wait_count(2)
    clocked.clock.set(AHEAD)
    crm.wait_count(len(crm.received()) + 3)
    assert clocked.states().get("dead") is None
    # It has stood so for an hour of the machine's life: then it counts.
    clocked.clock.set(AHEAD + HOUR + MINUTE, HOUR + MINUTE)
    wait_until(lambda: clocked.states() == {"dead": 1}, "to be given up")


@pytest.mark.parametrize("wrong", [-10 * YEAR, -DAY, AHEAD, 10 * YEAR])
def test_wrong_while_it_is_sent_gives_nothing_up(clocked, wrong):
    """The clock is wrong only while a request is under way, the first or a later one."""
    crm = clocked.crm(retry=["300ms"])
    crm.default = Reply(503, delay=.3)
    clocked.settings["worker"]["relay"] = True
    clocked.start()
    assert clocked.post().status == 202
    for number in range(1, 5):
        clocked.clock.set(wrong if number % 2 else 0)
        crm.wait_count(number)
        clocked.clock.set(0 if number % 2 else wrong)
        wait_until(lambda n=number: len(clocked.log_lines(what="failed")) >= n
                   or clocked.log_lines(what="dead"), "the answer to be judged")
    assert not clocked.log_lines(what="dead")


def test_one_run_behind_loses_nothing(clocked):
    """What was taken in, given up, closed by a reading that was behind has its time all the same."""
    crm = clocked.crm(retry=["1h"], max_concurrent=1)
    clocked.start()
    assert clocked.post().status == 202
    relay_once(clocked)                 # so the clock is known
    assert clocked.states() == {"delivered": 1}
    clocked.clock.set(-10 * YEAR)
    everything = leave_one_of_each(clocked, crm, delivered=2)
    held = clocked.post(leads.payload(email="nobody either")).json["id"]
    assert clocked.command("discard", held).returncode == 0
    everything["discarded"] = 1
    before = len(crm.received())
    clocked.clock.set(0)
    relay_once(clocked)
    assert clocked.states() == everything
    assert len(crm.received()) == before + 1        # it was due, and is not given up


@pytest.mark.parametrize("how", ["an hour", "three runs"])
def test_a_machine_that_was_off(clocked, how):
    """It goes by the new time once that is confirmed, and says how much it deleted."""
    crm = clocked.crm(retry=["1h"], max_concurrent=1)
    clocked.start()
    everything = leave_one_of_each(clocked, crm)
    if how == "an hour":
        steps = [(AHEAD, 0), (AHEAD + 59 * MINUTE, 59 * MINUTE), (AHEAD + HOUR, HOUR)]
    else:
        steps = [(AHEAD, 0), (AHEAD + 20 * MINUTE, 0), (AHEAD + 41 * MINUTE, 0)]
    for wall, boot in steps[:-1]:
        clocked.clock.set(wall, boot)
        relay_once(clocked)
        assert clocked.states() == everything
    # The last attempt was less than an hour ago: the next comes after it.
    clocked.clock.set(*steps[-1])
    relay_once(clocked)
    states = clocked.states()
    assert "delivered" not in states and "held" not in states
    purged = clocked.log_lines(what="purged")
    assert [line["count"] for line in purged] == ["3"]
    clocked.clock.set(steps[-1][0] + 2 * HOUR, steps[-1][1] + 2 * HOUR)
    relay_once(clocked)
    assert clocked.states() == {"dead": 1}


def test_the_days_limit_survives_a_reading(clocked):
    """One run far ahead drops no counts."""
    crm = clocked.crm(max_per_day=2)
    clocked.start()
    for _ in range(4):
        assert clocked.post().status == 202
    relay_once(clocked)
    assert len(crm.received()) == 2
    clocked.clock.set(AHEAD)
    relay_once(clocked)
    assert len(crm.received()) == 4     # a day is over by the clock: that is no loss
    clocked.clock.set(0)
    assert clocked.post().status == 202
    relay_once(clocked)
    assert len(crm.received()) == 4


def test_the_relay_of_another_process_is_seen(clocked):
    """Its sign of life goes with the clock."""
    clocked.crm().default = Reply(503)
    clocked.settings["worker"]["relay"] = True
    clocked.start()
    assert clocked.post().status == 202
    for off in (HOUR, 0, -HOUR, 0):
        clocked.clock.set(off)
        wait_until(lambda: "relay_stuck" not in clocked.command("stats", "--json").stdout.decode(),
                   "the relay to be seen alive")
