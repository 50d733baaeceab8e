"""A CRM that fails in every way there is.

Whatever it does: nothing is lost, a lead's events keep their order, what is not
concerned flows on, memory stays flat, and a lead is sent twice only when nobody
can know whether the first time arrived, with the same Idempotency-Key.
"""

import dataclasses
import datetime
import email.utils
import gzip
import os
import time

import pytest

from harness import leads, promises
from harness.crm import (DRIP, DRIP_BODY, HEADERS, HUGE, NEVER, RAW, RESET_AFTER, RESET_DURING,
                         RESET_EARLY, Reply)
from harness.wait import wait_until

FLAT = 6 << 20          # bytes a fault may leave behind in a worker that was idle before

# How a fault ends.
AGAIN = "the lead is sent again, the others flow meanwhile"
PAUSED = "the destination is at fault: all that is for it waits"
DONE = "the answer counts as a yes"
DEAD = "the lead is refused"


@dataclasses.dataclass
class Fault:
    name: str
    reply: Reply
    end: str


def bomb():
    """A gzip body of 100 MB, 100 KB long."""
    return gzip.compress(bytes(100 << 20), 9)


def redirect(status, to):
    return Reply(status, b"", {"Location": to})


FAULTS = [
    Fault("reset before", Reply(fault=RESET_EARLY), PAUSED),
    Fault("reset after: its yes is lost", Reply(fault=RESET_AFTER), AGAIN),
    Fault("reset during", Reply(fault=RESET_DURING), AGAIN),
    Fault("never answers", Reply(fault=NEVER), AGAIN),
    Fault("one byte a second", Reply(fault=DRIP), AGAIN),
    Fault("503 one byte a second", Reply(503, fault=DRIP), AGAIN),
    Fault("a yes whose body drips", Reply(fault=DRIP_BODY), AGAIN),
    Fault("422 whose body drips", Reply(422, fault=DRIP_BODY), AGAIN),
    Fault("1 GB", Reply(headers={"Content-Length": str(1 << 30)}, fault=HUGE), DONE),
    Fault("endless", Reply(fault=HUGE), DONE),
    Fault("503 and endless", Reply(503, fault=HUGE), AGAIN),
    Fault("422 and endless", Reply(422, fault=HUGE), DEAD),
    Fault("503 with endless headers", Reply(503, fault=HEADERS), AGAIN),
    Fault("gzip bomb", Reply(body=bomb(), headers={"Content-Encoding": "gzip"}), DONE),
    Fault("503 with a gzip bomb",
          Reply(503, bomb(), {"Content-Encoding": "gzip"}), AGAIN),
    Fault("garbage", Reply(body=bytes(range(256)) * 64, fault=RAW), AGAIN),
    Fault("nothing", Reply(body=b"", fault=RAW), AGAIN),
    Fault("HTTP/0.9", Reply(body=b"ok\r\n", fault=RAW), AGAIN),
    Fault("no status", Reply(body=b"HTTP/1.1 yes\r\n\r\n", fault=RAW), AGAIN),
    Fault("status of two digits", Reply(body=b"HTTP/1.1 20 OK\r\n\r\n", fault=RAW), AGAIN),
    Fault("only an interim answer", Reply(body=b"HTTP/1.1 100 Continue\r\n\r\n", fault=RAW), AGAIN),
    Fault("another protocol", Reply(body=b"SSH-2.0-OpenSSH_9.2\r\n", fault=RAW), AGAIN),
    Fault("redirect to http", redirect(301, "http://127.0.0.1:{decoy}/"), PAUSED),
    Fault("redirect to https", redirect(302, "https://127.0.0.1:{decoy}/"), PAUSED),
    Fault("redirect to a file", redirect(307, "file:///etc/hostname"), PAUSED),
    Fault("redirect in a circle", redirect(308, "/api/leads"), PAUSED),
    Fault("redirect to nowhere", redirect(303, ""), PAUSED),
]


def begin(site, leads_sent, settings=None):
    """A worker with a CRM to break, one that works, and one lead delivered at both."""
    quick = {"retry": ["40ms"], "probe": ["40ms"], "timeout": "800ms"}
    crm = site.crm(**(quick | (settings or {})))
    other = site.crm("other")
    site.start_worker()
    send(site, leads_sent, leads.next_id(), "the first")
    site.wait_states(delivered=2)
    return crm, other, site.worker.resident_anonymous()


def send(site, leads_sent, lead, message="When can we view?"):
    payload = leads.payload(lead, message=message)
    event = site.accept(payload)
    leads_sent.setdefault(lead, []).append(payload)
    return event


def check_memory(site, before, most=FLAT):
    if not os.environ.get("LEADRELAY_SANITIZER"):
        grown = site.worker.resident_anonymous() - before
        assert grown < most, f"{grown} bytes more than before"


def seen(crm, bodies):
    """Has the CRM said yes to all of these?"""
    wanted = set(bodies)
    crm.wait(lambda requests: wanted <= {r.body for r in requests if r.accepted},
             f"{len(wanted)} leads")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(site, fault):
    sent = {}
    crm, other, memory = begin(site, sent)
    decoy = site.crm("decoy")
    reply = dataclasses.replace(fault.reply, headers={
        name: value.format(decoy=decoy.port) for name, value in fault.reply.headers.items()})
    concerned, others = leads.next_id(), [leads.next_id() for _ in range(5)]

    # A fault of the destination meets every lead, any other only the one, and a
    # refusal only its first event.
    if fault.end == PAUSED:
        crm.default = reply
    else:
        crm.rule = lambda request: reply if request.lead == concerned and (
            fault.end != DEAD or request.json["data"]["message"] == "1") else None
    first = send(site, sent, concerned, "1")
    if fault.reply.fault != RESET_EARLY:
        crm.wait_count(2)
    for number in range(2, 4):
        send(site, sent, concerned, f"{number}")
    for lead in others:
        send(site, sent, lead, "1")
        send(site, sent, lead, "2")

    # What is not concerned flows on.
    seen(other, [body for bodies in sent.values() for body in bodies])
    if fault.end == PAUSED:
        wait_until(lambda: site.stats()[2]["crm"]["paused_at"], "the pause")
        assert site.stats()[2]["other"]["paused_at"] is None
    else:
        seen(crm, [body for lead in others for body in sent[lead]])

    # The end of it.
    given_up = []
    if fault.end == AGAIN:
        crm.wait(lambda requests: sum(r.lead == concerned for r in requests) >= 2, "a repeat")
        assert {r.body for r in crm.received() if r.lead == concerned} == {sent[concerned][0]}
    if fault.end == DEAD:
        wait_until(lambda: site.log_lines(what="dead", id=first), "the end of the lead")
        given_up = sent[concerned][:1]
    crm.rule, crm.default = None, Reply()
    wanted = {"delivered": 2 * sum(map(len, sent.values())) - len(given_up)}
    if given_up:
        wanted["dead"] = 1
    site.wait_states(**wanted)
    promises.check(crm.received(), sent, given_up)
    promises.check(other.received(), sent)
    assert len(other.received()) == sum(map(len, sent.values()))
    if fault.end in (DONE, DEAD):
        assert len(crm.received()) == sum(map(len, sent.values())), "something was sent twice"
    assert not decoy.connections, "a redirect was followed"
    assert site.stats()[2]["crm"]["paused_at"] is None
    check_memory(site, memory)


def test_refused(site):
    """Nobody listens: the leads wait, and lose nothing by it."""
    sent = {}
    crm, other, memory = begin(site, sent)
    crm.stop()
    for _ in range(4):
        lead = leads.next_id()
        for number in range(3):
            send(site, sent, lead, f"{number}")
    seen(other, [body for bodies in sent.values() for body in bodies])
    wait_until(lambda: site.stats()[2]["crm"]["paused_at"], "the pause")
    crm.start()
    site.wait_states(delivered=2 * 13)
    promises.check(crm.received(), sent)
    assert len(crm.received()) == 13
    check_memory(site, memory)


def test_no_such_name(site):
    """A name that does not resolve pauses; the right one, and all goes out."""
    sent = {}
    crm, other = site.crm(probe=["40ms"], connect_timeout="1s"), site.crm("other")
    right = site.settings["destination crm"]["url"]
    site.settings["destination crm"].update(url="https://crm.invalid/leads")
    site.start_worker()
    lead = leads.next_id()
    for number in range(3):
        send(site, sent, lead, f"{number}")
    send(site, sent, leads.next_id())
    seen(other, [body for bodies in sent.values() for body in bodies])
    wait_until(lambda: site.stats()[2]["crm"]["paused_at"], "the pause")
    assert site.stats()[0] == 1
    assert site.worker.stop() == 0
    site.settings["destination crm"]["url"] = right
    site.start_worker()
    site.wait_states(delivered=8)
    promises.check(crm.received(), sent)
    assert len(crm.received()) == 4


# --- statuses ------------------------------------------------------------------

LEADS_FAULT = [400, 406, 409, 411, 412, 413, 414, 416, 417, 418, 422, 424, 428, 431, 451, 499]
PASSING = [408, 423, 425, 429, 500, 502, 503, 504, 506, 507, 508, 511, 520, 529, 599, 600, 999]
DESTINATIONS_FAULT = [300, 301, 302, 303, 304, 305, 307, 308, 399, 401, 402, 403, 404, 405, 407,
                      410, 415, 421, 426, 501, 505]


def test_every_status(site):
    """One lead after the other meets a status once; what follows tells its class."""
    sent, given_up = {}, []
    crm, _, memory = begin(site, sent)
    table = [(status, DEAD) for status in LEADS_FAULT] + [(s, AGAIN) for s in PASSING] \
        + [(s, PAUSED) for s in DESTINATIONS_FAULT]
    for status, end in table:
        # 204 and 304 have no body; nor has this one, lest it be taken for the next answer.
        crm.script.append(Reply(status, b""))
        lead = leads.next_id()
        event = send(site, sent, lead)
        if end == DEAD:
            wait_until(lambda: site.log_lines(what="dead", id=event, status=status),
                       f"{status} to be the lead's own fault")
            given_up += sent[lead]
            send(site, sent, leads.next_id())       # a success between refusals
        delivered = sum(map(len, sent.values())) - len(given_up)
        crm.wait(lambda requests: sum(r.accepted for r in requests) == delivered,
                 f"the recovery after {status}")
        if end == PAUSED:
            site.wait_lines(what="paused", error=f"status {status}")
        paused = site.log_lines(what="paused", error=f"status {status}")
        assert len(paused) == (end == PAUSED), f"{status}: {paused}"
    total = sum(map(len, sent.values()))
    site.wait_states(delivered=2 * total - len(given_up), dead=len(given_up))
    promises.check(crm.received(), sent, given_up)
    assert len(crm.received()) == total + len(PASSING) + len(DESTINATIONS_FAULT)
    check_memory(site, memory)


# --- Retry-After ---------------------------------------------------------------

HOURS_6 = 6 * 3600


def date_in(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


RETRY_AFTER = {         # what is asked for: at least and at most so many seconds of it
    "zero": ("0", 0, 0),
    "five": ("5", 4.5, 5),
    "day": ("86400", HOURS_6 - 60, HOURS_6),
    "ages": ("1" + "0" * 12, HOURS_6 - 60, HOURS_6),
    "overflow": ("9" * 40, HOURS_6 - 60, HOURS_6),
    "minus": ("-1", 0, 0),
    "soon": ("soon", 0, 0),
    "fraction": ("1.5", 0, 0),
    "empty": ("", 0, 0),
    "past": ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
    "nodate": ("Thu, 42 Foo 2031 25:61:00 GMT", 0, 0),
    "hour": (lambda: date_in(3600), 3590, 3600),
    "far": ("Fri, 31 Dec 2999 23:59:59 GMT", HOURS_6 - 60, HOURS_6),
}


def calendar_seconds(moment):
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def test_retry_after(site):
    """One destination for each value, all asked for patience at once by the same lead."""
    crms = {name: site.crm(name, retry=["40ms"]) for name in RETRY_AFTER}
    for name, (value, _, _) in RETRY_AFTER.items():
        value = value() if callable(value) else value
        crms[name].script.append(Reply(429, headers={"Retry-After": value}))
    site.start_worker()
    sent = {}
    lead = leads.next_id()
    before = time.time()
    send(site, sent, lead, "0")
    prompt = [name for name, (_, _, most) in RETRY_AFTER.items() if most == 0]
    wait_until(lambda: all((site.stats()[2][name]["not_before"] is None) == (name in prompt)
                           for name in RETRY_AFTER), "the patience to be on disk")
    after = time.time()
    for number in range(1, 3):
        send(site, sent, lead, f"{number}")
    send(site, sent, leads.next_id())
    for name in prompt:
        seen(crms[name], [body for bodies in sent.values() for body in bodies])
        promises.check(crms[name].received(), sent)
    found = site.stats()[2]
    for name, (_, least, most) in RETRY_AFTER.items():
        if most == 0:
            continue
        until = calendar_seconds(found[name]["not_before"])
        assert before + least <= until <= after + most + 1, (name, until - before)
        assert found[name]["paused_at"] is None
        # It is obeyed for the whole destination, and costs no attempt.
        if name != "five":
            assert found[name]["waiting"] == 4 and len(crms[name].received()) == 1
            assert all(row["attempts"] == 0 for row in site.list("--destination", name))
    # The one that is over soon.
    seen(crms["five"], [body for bodies in sent.values() for body in bodies])
    requests = crms["five"].received()
    assert requests[1].time - requests[0].time > 4.5
    promises.check(requests, sent)
    assert "asked us to wait" in site.command("stats").stdout.decode()


# --- outages -------------------------------------------------------------------

@pytest.mark.parametrize("outage", ["refused", "503", "timeouts"])
def test_a_weeks_outage(site, outage):
    """A week of it on a schedule shortened 864,000 times: 4 days are 400 ms, and 5 min 0.4 ms."""
    sent = {}
    crm, other, memory = begin(site, sent, {
        "retry_for": "400ms", "retry": ["1ms", "2ms", "10ms", "30ms", "50ms"],
        "probe": ["1ms", "2ms", "5ms"], "timeout": "50ms" if outage == "timeouts" else "2s"})
    if outage == "refused":
        crm.stop()
    else:
        crm.default = Reply(503) if outage == "503" else Reply(fault=NEVER)
    begun = time.monotonic()
    every = [leads.next_id() for _ in range(40)]
    for number in range(3):
        for lead in every:
            send(site, sent, lead, f"{number}")
    wait_until(lambda: site.stats()[2]["crm"]["paused_at"], "the pause")
    seen(other, [body for bodies in sent.values() for body in bodies])
    wait_until(lambda: time.monotonic() - begun > .7, "the week to pass")
    wait_until(lambda: site.states()["delivered"] == 122, "the other one's outcomes on disk")
    # One of them may be a probe under way.
    assert set(site.states()) <= {"delivered", "waiting", "sending"}
    if outage == "refused":
        crm.start()
    crm.default = Reply()
    site.wait_states(delivered=2 * 121)
    promises.check(crm.received(), sent, uncertain=outage == "timeouts")
    if outage != "timeouts":
        assert len(site.wait_lines(what="paused", destination="crm")) == 1
        assert len(site.wait_lines(what="recovered", destination="crm")) == 1
    check_memory(site, memory)


def test_a_409_after_a_lost_yes(site):
    """The CRM knows the lead from the attempt whose answer was lost: delivered, and so said."""
    sent = {}
    crm, _, _ = begin(site, sent)
    for fresh in (False, True):         # a kept connection, and a new one
        crm.script.extend([Reply(fault=RESET_AFTER), Reply(409)])
        event = send(site, sent, leads.next_id())
        wait_until(lambda event=event: b"already there" in site.command("show", event).stdout,
                   "the delivery, and why it counts as one")
        first, second = crm.received()[-2:]
        assert first.key == second.key and not first.told
        if not fresh:
            crm.stop()                  # the connection goes with it
            crm.start()
    site.wait_states(delivered=6)


def test_a_backlog_in_flat_memory(site):
    """Thousands waiting cost disk, not memory, and go out in order."""
    sent = {}
    crm, _, _ = begin(site, sent)
    crm.stop()
    send(site, sent, leads.next_id())
    wait_until(lambda: site.stats()[2]["crm"]["paused_at"], "the pause")
    every = [leads.next_id() for _ in range(250)]
    for number in range(12):
        for lead in every:
            send(site, sent, lead, f"{number} " + "x" * 2000)
        if number == 7:                 # SQLite's cache, 8 MB, is full by now
            memory = site.worker.resident_anonymous()
    check_memory(site, memory, 1 << 20)
    crm.start()
    site.wait_states(delivered=2 * 3002, timeout=60)
    promises.check(crm.received(), sent)
    assert len(crm.received()) == 3002
    check_memory(site, memory, 2 << 20)
