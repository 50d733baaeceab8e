"""kill -9 at random moments under load: what got a 202 arrives, in order, once or recognisably."""

import collections
import contextlib
import json
import os
import random
import sqlite3
import threading

import pytest

from harness import leads
from harness.crm import NEVER, Reply
from harness.site import PROGRAM
from harness.wait import wait_until

CLOCKS = True                           # see conftest.py

ROUNDS = int(os.environ.get("LEADRELAY_KILLS", "60"))
SENDERS = 6
LEADS_EACH = 4


class Sender(threading.Thread):
    """LeadPro, for a few leads: one event after the other for each, one at a time.

    An answer that did not come leaves the event's fate open.  Half of those are
    sent again, as a sender that retries would; the others are left as they are.
    """

    def __init__(self, site, number):
        super().__init__(daemon=True)
        self.site = site
        self.random = random.Random(number)
        self.leads = [leads.next_id() for _ in range(LEADS_EACH)]
        self.sent = collections.defaultdict(list)       # lead -> payloads, in order
        self.acknowledged = {}                          # payload -> id
        self.refused = []
        self.finish = threading.Event()

    def run(self):
        number = 0
        while not self.finish.is_set():
            number += 1
            lead = self.random.choice(self.leads)
            payload = leads.payload(lead, message=f"{number}")
            self.sent[lead].append(payload)
            self._post(payload)

    def _post(self, payload):
        while True:
            try:
                answer = self.site.post(payload)
            except OSError:
                answer = None
            if answer is not None and answer.status in (200, 202):
                self.acknowledged[payload] = answer.json["id"]
                return
            if answer is not None and answer.status not in (502, 503, 504):
                self.refused.append(answer)
                return
            if self.finish.is_set() or self.random.random() < .5:
                return


def look(site):
    """How many relays there were, and whether the next death of one may get a delivery held.

    Both at one moment: how often something was begun is on record once the next relay has
    taken over, and what waits could be sent between two looks.
    """
    with contextlib.closing(sqlite3.connect(f"file:{site.store}?mode=ro", uri=True)) as db:
        return db.execute("SELECT epoch, EXISTS (SELECT 1 FROM delivery WHERE state = 0 "
                          "AND attempts >= 2) FROM head").fetchone()


def wait_for_relay(site, former):
    """Until another relay has taken over, and all that was begun twice had an outcome: to be
    begun a third time is not the subject here (test_relay has it).  Returns which it is."""
    def found():
        relay, begun_twice = look(site)
        return relay if relay > former and not begun_twice else None
    return wait_until(found, "another relay, and what was begun twice to have an outcome", 30)


@pytest.mark.slow
def test_killed_under_load(site):
    crm = site.crm(retry=["50ms"])
    site.start()
    dice = random.Random()
    lost = threading.Event()

    def sometimes(_):
        # Now and then the CRM is slow or loses its answer, so kills meet every state.
        number = dice.random()
        if number < .03:
            return Reply(delay=dice.random() * .05)
        if number < .04:
            return Reply(fault="reset after reading")
        return Reply()
    crm.rule = sometimes

    senders = [Sender(site, number) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    relay = 0
    for _ in range(ROUNDS):
        acknowledged = sum(len(s.acknowledged) for s in senders)
        wait_until(lambda: sum(len(s.acknowledged) for s in senders) > acknowledged,
                   "the worker to accept after its restart", 30)
        relay = wait_for_relay(site, relay)
        lost.wait(dice.random() * .1)                   # a random moment, not a known one
        site.worker.kill()
        site.start_worker(wait=False)
    site.wait_for_worker()
    for sender in senders:
        sender.finish.set()
    for sender in senders:
        sender.join(60)
        assert not sender.is_alive() and not sender.refused, sender.refused
    crm.rule = None

    try:
        wait_until(lambda: set(site.states()) <= {"delivered"}, "the outbox to drain", 60,
                   pause=.1)
    except AssertionError:
        print(site.command("stats").stdout.decode())
        raise
    check(senders, crm.received(), site.list())


def check(senders, requests, rows):
    sent = {payload: lead for s in senders for lead, many in s.sent.items() for payload in many}
    acknowledged = {p: event for s in senders for p, event in s.acknowledged.items()}
    arrived = collections.defaultdict(list)             # payload -> requests
    for request in requests:
        arrived[request.body].append(request)
    said_yes = {body for body, many in arrived.items() if any(r.accepted for r in many)}
    repeats = sum(len(many) - 1 for many in arrived.values())
    print(f"{ROUNDS} kills, {len(sent)} events sent, {len(acknowledged)} acknowledged, "
          f"{len(said_yes)} delivered, {repeats} deliveries repeated")
    assert len(acknowledged) >= ROUNDS

    missing = [event for payload, event in acknowledged.items() if payload not in said_yes]
    assert not missing, f"acknowledged and never delivered: {missing}"
    assert set(arrived) <= set(sent), "delivered what nobody sent"
    known = {row["id"] for row in rows}
    assert set(acknowledged.values()) <= known
    for payload, event in acknowledged.items():
        assert {r.event for r in arrived[payload]} == {event}

    for payload, many in arrived.items():
        assert len({r.key for r in many}) == 1, "a repeat under another key"
    assert len({many[0].key for many in arrived.values()}) == len(arrived)

    position = {p: n for s in senders for many in s.sent.values() for n, p in enumerate(many)}
    newest, sequence = {}, {}
    for request in requests:
        if request.orphan and len(arrived[request.body]) > 1:
            continue            # sent by a worker that was dead before the CRM read it
        lead = sent[request.body]
        place = position[request.body]
        assert place >= newest.get(lead, -1), \
            f"lead {lead}: event {place} after event {newest[lead]} had been delivered"
        assert request.sequence >= sequence.get(lead, 0)
        sequence[lead] = request.sequence
        if request.accepted:
            newest[lead] = place


@pytest.mark.slow
def test_a_kill_before_anything_was_delivered(site):
    """Accepted while the CRM is down, killed, started again: all of it arrives, in order."""
    crm = site.crm(retry=["50ms"], probe=["100ms"])
    crm.stop()
    site.start()
    lead = leads.next_id()
    payloads = [leads.payload(lead, message=f"{n}") for n in range(20)]
    for payload in payloads:
        assert site.post(payload).status == 202
    site.worker.kill()
    crm.start()
    site.start_worker()
    crm.wait_count(20, 30)
    assert crm.bodies() == payloads



@pytest.mark.slow
def test_a_conflict_after_a_kill(site):
    """A 409 means "it had arrived" for what had been begun, and for nothing else."""
    crm = site.crm(max_concurrent=8)
    crm.rule = lambda request: Reply(fault=NEVER)
    site.start()
    for number in range(60):
        assert site.post(leads.payload(leads.next_id())).status == 202
    crm.wait_count(8)
    assert len(site.list("--state", "sending")) == 8
    site.worker.kill()
    begun = {request.event for request in crm.received()}
    assert len(begun) == 8
    crm.rule = lambda request: Reply(409)
    site.start_worker()
    wait_until(lambda: len(site.list("--state", "delivered")) == 8 and
               site.list("--state", "dead"), "409 for what was begun and for what was not")
    assert {row["id"] for row in site.list("--state", "delivered")} == begun
    for row in site.list("--state", "dead"):
        assert row["attempts"] == 1 and row["id"] not in begun
    shown = json.loads(site.command("show", "--json", next(iter(begun))).stdout)
    attempts = shown["deliveries"][0]["attempts"]
    assert [a["status"] for a in attempts] == [None, 409]
    # Nobody knows how long the one took that ended with its relay.
    assert attempts[0]["took_ms"] is None and attempts[1]["took_ms"] >= 0
    text = site.command("show", next(iter(begun))).stdout.decode()
    line, = (line for line in text.splitlines() if "the relay ended before the answer" in line)
    assert " - " in line and " ms " not in line


@pytest.mark.slow
def test_another_relay_took_over(site):
    """Whoever takes the relay's lock file away makes two relays: the first one ends."""
    crm = site.crm()
    crm.rule = lambda request: Reply(fault=NEVER)
    site.start()
    assert site.post(leads.payload(leads.next_id())).status == 202
    crm.wait_count(1)
    os.unlink(f"{site.store}-relay")
    second = site.spawn([PROGRAM, "--config", site.config, "relay"])
    crm.rule = None
    wait_until(lambda: site.states() == {"delivered": 1}, "the second relay to deliver")
    assert site.post(leads.payload(leads.next_id())).status == 202
    wait_until(lambda: site.states() == {"delivered": 2}, "the second relay to go on")
    wait_until(lambda: "another one has taken over this outbox" in site.worker.output(),
               "the first one to say that it ends")
    assert [r.accepted for r in crm.received()] == [False, True, True]
    assert second.running
