"""Many processes on one outbox, of which one relays; and what a person does to their queue."""

import collections
import os
import random
import signal
import statistics
import threading
import time

import pytest

from harness import leads, promises
from harness.crm import NEVER, RESET_AFTER, Reply
from harness.site import PROGRAM
from harness.wait import wait_until

CLOCKS = True                           # see conftest.py

WORKERS = 16


class Fleet:
    """Workers of one installation, each with a socket of its own."""

    def __init__(self, site, count=WORKERS):
        site.settings["worker"]["threads"] = 2
        site.write_config()
        self.site = site
        self.workers = {}               # process number -> (process, socket)
        for number in range(count):
            address = site.folder / f"worker-{number}.sock"
            process = site.spawn([PROGRAM, "--config", site.config, "serve",
                                  "--listen", f"unix:{address}"])
            self.workers[process.pid] = (process, address)
        for process, address in self.workers.values():
            wait_until(address.exists, "a worker to listen", 30)
        wait_until(lambda: site.command("stats").returncode in (0, 1), "the outbox")
        self.relay()

    def relay(self):
        """The process number of the one that relays."""
        return wait_until(lambda: self.site.stats()[1]["relay_pid"], "a relay")

    def others(self):
        relay = self.relay()
        return [address for pid, (process, address) in self.workers.items()
                if pid != relay and process.running]

    def kill_relay(self):
        pid = self.relay()
        process, _ = self.workers.pop(pid)
        process.kill()
        return pid


def arrival(crm, payload, timeout=15.0):
    """When the CRM got it."""
    found = crm.wait(lambda seen: any(r.body == payload for r in seen), "the lead", timeout)
    return next(r.time for r in found if r.body == payload)


@pytest.mark.slow
@pytest.mark.threads
@pytest.mark.parametrize("programs", [{}, {"when": "true", "success_when": '.status == "ok"'}],
                         ids=["plain", "with programs"])
def test_another_goes_on(site, programs):
    """The relay is killed, again and again, with a request under way; the next one goes on.

    What runs its programs is a process of its own, which must not keep the lock.
    """
    crm = site.crm(timeout="30s", **programs)
    fleet = Fleet(site)
    sent, gaps = {}, []
    for _ in range(5):
        stuck = leads.next_id()
        crm.rule = lambda request, stuck=stuck: \
            Reply(fault=NEVER) if request.lead == stuck else None
        sent[stuck] = [leads.payload(stuck)]
        site.accept(sent[stuck][0], fleet.others()[0])
        arrival(crm, sent[stuck][0])
        crm.rule = None
        gone = fleet.kill_relay()
        died = time.monotonic()
        wait_until(lambda gone=gone: fleet.relay() != gone, "another relay")
        gaps.append(time.monotonic() - died)
        lead = leads.next_id()
        sent[lead] = [leads.payload(lead)]
        site.accept(sent[lead][0], next(iter(fleet.workers.values()))[1])
        arrival(crm, sent[lead][0], 60)
    site.wait_states(60, delivered=10)
    promises.check(crm.received(), sent, uncertain=True)
    assert len(crm.received()) >= 15    # the stuck ones came twice, under the same key
    print(f"{WORKERS} workers, the relay killed: another goes on after "
          f"{', '.join(f'{gap * 1000:.0f}' for gap in gaps)} ms")
    assert statistics.median(gaps) < 3


@pytest.mark.threads
def test_what_others_accepted_goes_out_at_once(site):
    crm = site.crm()
    fleet = Fleet(site)
    delays = []
    for _ in range(4):
        for address in fleet.others():
            payload = leads.payload()
            site.accept(payload, address)
            answered = time.monotonic()
            delays.append(arrival(crm, payload) - answered)
    delays.sort()
    print(f"accepted by another of {WORKERS} processes, to the CRM: "
          f"p50 {statistics.median(delays) * 1000:.1f} ms, longest {delays[-1] * 1000:.1f} ms")
    assert statistics.median(delays) < .5


@pytest.mark.slow
@pytest.mark.threads
def test_order_over_many_processes(site):
    """Each event of a lead comes to another process, the relay dies twice, the CRM stumbles."""
    crm = site.crm(retry=["20ms"], probe=["20ms"])
    dice = random.Random(11)

    def stumble(_):
        number = dice.random()
        return Reply(503) if number < .08 else Reply(fault=RESET_AFTER) if number < .12 else None
    crm.rule = stumble
    fleet = Fleet(site)
    sent = collections.defaultdict(list)
    failed = []

    def post(seed):
        mine = random.Random(seed)
        lead = leads.next_id()
        for number in range(20):
            payload = leads.payload(lead, message=f"{number}")
            for _ in range(20):         # whoever is asked may just have been killed
                try:
                    site.accept(payload, mine.choice(list(fleet.workers.values()))[1])
                    break
                except AssertionError as answer:
                    if '"duplicate"' in str(answer):
                        break
                except OSError:
                    pass
            else:
                failed.append(payload)
            sent[lead].append(payload)
    threads = [threading.Thread(target=post, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for count in (60, 150):
        crm.wait_count(count, 60)
        fleet.kill_relay()
    for thread in threads:
        thread.join(120)
    assert not failed
    crm.rule = None
    site.wait_states(60, delivered=240)
    # What a killed relay had on the wire may be read late: it came before, all the same.
    promises.check([r for r in crm.received() if not r.orphan], sent, uncertain=True)


def test_a_frozen_relay_is_reported(site):
    """Stopped, not dead: nobody else may relay, so a person is told, and told what to do."""
    crm = site.crm()
    fleet = Fleet(site, 3)
    pid = fleet.relay()
    wait_until(site.knows_clock, "the relay to be through with its beginning")
    process, _ = fleet.workers[pid]
    process.send(signal.SIGSTOP)
    try:
        site.accept(leads.payload(), fleet.others()[0])
        status, whole, _ = site.stats()
        assert status == 0 and whole["relay_pid"] == pid
        # The file's time is the relay's last sign of life: let it have been a minute ago.
        last = time.time() - 60
        os.utime(f"{site.store}-relay", (last, last))
        status, whole, _ = site.stats()
        assert status == 1 and [need["need"] for need in whole["needs"]] == ["relay_stuck"]
        text = site.command("stats").stdout.decode()
        assert "the relay's process does nothing" in text and f"kill -9 {pid}" in text
        assert f"kill -9 {pid}" in text
        assert f"process {pid}" in site.command("check").stdout.decode()
        assert not crm.received()
        process.kill()
        crm.wait_count(1)
    finally:
        process.send(signal.SIGCONT)
    site.wait_states(delivered=1)
    assert site.stats()[0] == 0


# --- what a person does --------------------------------------------------------

def test_on_dead_continue(site):
    """A refused event does not stop the lead's later ones: each carries the whole lead."""
    crm = site.crm()
    crm.script.append(Reply(422))
    site.start_worker()
    lead = leads.next_id()
    first, second = leads.payload(lead, message="1"), leads.payload(lead, message="2")
    old = site.accept(first)
    new = site.accept(second)
    site.wait_states(dead=1, delivered=1)
    # The newer one is there: the older one stays where it is, unless forced.
    done = site.command("retry", old)
    assert done.returncode == 1
    assert f"superseded by {new}" in (done.stdout + done.stderr).decode()
    assert site.states() == {"dead": 1, "delivered": 1}
    assert site.command("retry", "--force", old).returncode == 0
    site.wait_states(delivered=2)
    assert crm.bodies() == [first, second, first]


def test_on_dead_hold(site):
    """With hold a refused event keeps its lead's later ones back, and no other lead's."""
    crm = site.crm(on_dead="hold")
    crm.script.append(Reply(422))
    site.start_worker()
    lead = leads.next_id()
    payloads = [leads.payload(lead, message=f"{number}") for number in range(3)]
    first = site.accept(payloads[0])
    crm.wait_count(1)
    for payload in payloads[1:]:
        site.accept(payload)
    other = leads.payload()
    site.accept(other)
    site.wait_states(dead=1, waiting=2, delivered=1)
    assert crm.bodies() == [payloads[0], other]
    assert site.command("retry", first).returncode == 0
    site.wait_states(delivered=4)
    assert crm.bodies() == [payloads[0], other] + payloads


def test_on_dead_hold_and_discard(site):
    """Giving the refused one up lets the others go."""
    crm = site.crm(on_dead="hold")
    crm.script.append(Reply(422))
    site.start_worker()
    lead = leads.next_id()
    first = site.accept(leads.payload(lead, message="1"))
    second = leads.payload(lead, message="2")
    site.accept(second)
    site.wait_states(dead=1, waiting=1)
    assert site.command("discard", first).returncode == 0
    site.wait_states(discarded=1, delivered=1)
    assert crm.bodies()[1:] == [second]


# --- pauses --------------------------------------------------------------------

def state(site, name="crm"):
    return site.stats()[2][name]


def test_a_refused_lead_pauses_nothing_alone(site):
    """Whatever one lead is answered, and however often, the destination goes on."""
    crm = site.crm(retry=["5ms"], probe=["5ms"])
    poison = leads.next_id()
    crm.rule = lambda request: Reply(422) if request.lead == poison else None
    site.start_worker()
    for number in range(8):
        site.accept(leads.payload(poison, message=f"{number}"))
    site.wait_states(dead=8)
    crm.rule = lambda request: Reply(500) if request.lead == poison else None
    site.accept(leads.payload(poison, message="and again"))
    crm.wait_count(8 + 12)              # five failures in a row, twice
    others = [leads.payload() for _ in range(3)]
    for payload in others:
        site.accept(payload)
    wait_until(lambda: state(site)["delivered"] == 3, "the others")
    assert not site.log_lines(what="paused")
    crm.rule = None
    site.wait_states(dead=8, delivered=4)


def test_a_poison_lead_does_not_hide_behind_a_pause(site):
    """It is answered as if the destination were at fault: that ends with it held, and only it."""
    crm = site.crm(retry=["5ms"], probe=["5ms"])
    poison = leads.next_id()
    crm.rule = lambda request: Reply(403) if request.lead == poison else None
    site.start_worker()
    event = site.accept(leads.payload(poison))
    wait_until(lambda: site.log_lines(what="paused", error="status 403"), "the pause")
    others = [leads.payload() for _ in range(6)]
    for payload in others:
        site.accept(payload)
    site.wait_states(held=1, delivered=6)
    held, = site.list("--state", "held")
    assert held["id"] == event
    assert "others are delivered" in site.command("show", event).stdout.decode()
    assert state(site)["paused_at"] is None
    # Mended, a person lets it go.
    crm.rule = None
    assert site.command("release", event).returncode == 0
    site.wait_states(delivered=7)


def test_three_refused_leads_pause(site):
    """It refuses everything: the fourth lead is spared, and retry --all brings back the three."""
    crm = site.crm(probe=["20ms"])
    crm.default = Reply(400, b'{"error":"unknown field"}')
    site.start_worker()
    for _ in range(3):
        site.accept(leads.payload())
    wait_until(lambda: state(site)["paused_at"], "the pause")
    assert "refuses everything" in state(site)["pause_reason"]
    for _ in range(5):
        site.accept(leads.payload())
    crm.wait_count(3 + 7)               # the probes are refused, too, and cost nothing
    states = site.states()
    assert states.pop("dead") == 3 and sum(states.values()) == 5 \
        and set(states) <= {"waiting", "sending"}
    assert site.command("stats").returncode == 1
    crm.default = Reply()
    site.wait_states(dead=3, delivered=5)
    assert site.command("retry", "--all", "--destination", "crm").returncode == 0
    site.wait_states(delivered=8)
    assert site.stats()[0] == 0


def test_each_probe_takes_another_lead(site):
    crm = site.crm(max_concurrent=1, probe=["10ms"])
    crm.default = Reply(401)
    site.start_worker()
    every = [leads.next_id() for _ in range(6)]
    for lead in every:
        site.accept(leads.payload(lead))
        site.accept(leads.payload(lead, message="later"))
    earlier = len(crm.received()) + 1   # one may be under way that was chosen before
    requests = crm.wait_count(earlier + 12)[earlier:earlier + 12]
    # Only what is first of its lead can go out: six candidates, each in its turn.
    assert sorted(r.lead for r in requests[:6]) == every
    assert [r.lead for r in requests[6:12]] == [r.lead for r in requests[:6]]
    assert not any("later" in r.json["data"]["message"] for r in requests)
    assert all(row["attempts"] - (row["state"] == "sending") <= 1 for row in site.list())
    crm.default = Reply()
    site.wait_states(delivered=12)


@pytest.mark.true_clock
def test_recovery_is_gentle_and_oldest_first(site):
    """After an outage: one at a time, then two, doubling; and the oldest before the newer."""
    crm = site.crm(max_concurrent=8, probe=["10ms"])
    crm.default = Reply(401)
    site.start_worker()
    payloads = [leads.payload() for _ in range(40)]
    for payload in payloads:
        site.accept(payload)
    wait_until(lambda: state(site)["paused_at"], "the pause")
    wait_until(lambda: not state(site)["sending"], "what was under way")
    crm.default = Reply(delay=.03)
    site.wait_states(delivered=40)
    after = [r for r in crm.received() if r.accepted]
    probe, rest = after[0], after[1:]
    assert len(after) == 40
    assert [r.concurrent for r in after[:2]] == [1, 1]
    for number, request in enumerate(after):
        assert request.concurrent <= number + 1
    assert max(r.concurrent for r in after) <= 8
    order = [payloads.index(r.body) for r in rest]
    for place, number in enumerate(sorted(order)):
        assert abs(order.index(number) - place) < 8, (order, payloads.index(probe.body))


# --- giving up -----------------------------------------------------------------

@pytest.mark.true_clock
def test_retry_for_counts_from_the_first_attempt(site):
    """A lead that goes on failing while others are delivered dies, in its time and not before."""
    crm = site.crm(retry=["50ms"], retry_for="600ms")
    failing = leads.next_id()
    crm.rule = lambda request: Reply(503) if request.lead == failing else None
    site.start_worker()
    event = site.accept(leads.payload(failing))
    site.accept(leads.payload())
    site.wait_states(dead=1, delivered=1)
    attempts = [r.time for r in crm.received() if r.lead == failing]
    assert attempts[-1] - attempts[0] > .59
    assert all(at - attempts[0] < .65 for at in attempts[:-1])
    assert "given up" in site.command("show", event).stdout.decode()


def test_an_outage_uses_up_nobodys_time(site):
    """retry_for counts from the recovery when that is later; a probe never ends a lead."""
    crm = site.crm(retry=["50ms"], retry_for="300ms", probe=["10ms"])
    crm.default = Reply(403)
    site.start_worker()
    failing, other = leads.next_id(), leads.next_id()
    site.accept(leads.payload(failing))
    first = crm.wait_count(1)[0].time
    site.accept(leads.payload(other))
    crm.wait(lambda seen: seen[-1].time - first > .9, "three times retry_for to pass")
    assert "dead" not in site.states()
    crm.rule = lambda request: Reply(503) if request.lead == failing else Reply()
    site.wait_states(delivered=1, dead=1)
    recovered = next(r.time for r in crm.received() if r.accepted)
    last = [r.time for r in crm.received() if r.lead == failing][-1]
    assert last - recovered > .29
