"""What the CRM sees: promptness, order, retries, a destination that is down."""

import collections
import contextlib
import email.utils
import os
import random
import socket
import statistics
import threading
import time

import pytest

from harness import fcgi, leads
from harness.crm import DRIP, HUGE, NEVER, RESET_AFTER, RESET_DURING, RESET_EARLY, Reply
from harness.site import PROGRAM
from harness.wait import wait_until

CLOCKS = True                           # see conftest.py


@pytest.mark.threads
def test_promptness(site):
    """From the 202 to the CRM's receipt; printed, and held against a wide margin only."""
    crm = site.crm()
    site.start()
    crm_at = []
    with site.client() as client:
        for number in range(100):
            assert site.post(client=client).status == 202
            answered = time.monotonic()
            crm_at.append(crm.wait_count(number + 1)[number].time - answered)
    crm_at.sort()
    print(f"202 to the CRM: p50 {statistics.median(crm_at) * 1000:.2f} ms, "
          f"p99 {crm_at[98] * 1000:.2f} ms")
    assert statistics.median(crm_at) < 0.5


@pytest.mark.threads
def test_order_per_lead_under_load(site):
    crm = site.crm()
    dice = random.Random(5)
    crm.rule = lambda _: Reply(status=503 if dice.random() < .1 else 200,
                               delay=dice.random() * .01)
    site.settings["destination crm"]["retry"] = ["20ms"]
    site.start()
    sent = collections.defaultdict(list)

    def post(number):
        lead = leads.next_id()
        with site.client() as client:
            for n in range(25):
                payload = leads.payload(lead, message=f"{n}")
                sent[lead].append(payload)
                assert site.post(payload, client=client).status == 202
    threads = [threading.Thread(target=post, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    site.wait_states(60, delivered=200)
    got = collections.defaultdict(list)
    for request in crm.received():
        if request.accepted:
            got[request.lead].append(request.body)
    assert got == sent
    for lead in sent:
        sequences = [r.sequence for r in crm.received() if r.lead == lead and r.accepted]
        assert sequences == sorted(set(sequences))


@pytest.mark.threads
def test_a_stuck_lead_delays_no_other(site):
    crm = site.crm(retry=["10s"], timeout="30s")
    stuck = leads.next_id()
    crm.rule = lambda request: Reply(fault=NEVER) if request.lead == stuck else Reply()
    site.start()
    assert site.post(leads.payload(stuck)).status == 202
    crm.wait_count(1)
    others = [leads.payload() for _ in range(30)]
    for payload in others:
        assert site.post(payload).status == 202
    requests = crm.wait_count(31)
    assert {r.body for r in requests[1:]} == set(others)


@pytest.mark.parametrize("status", [408, 423, 425, 429, 500, 502, 503, 504])
def test_passing_trouble_is_tried_again(site, status):
    crm = site.crm(retry=["50ms", "100ms"])
    crm.script.extend([Reply(status), Reply(status)])
    site.start()
    payload = leads.payload()
    site.post(payload)
    requests = crm.wait_count(3)
    assert [r.body for r in requests] == [payload] * 3
    assert len({r.key for r in requests}) == 1
    site.wait_states(delivered=1)


@pytest.mark.parametrize("fault", [RESET_EARLY, RESET_AFTER, RESET_DURING, NEVER, DRIP])
def test_broken_answers_are_tried_again(site, fault):
    crm = site.crm(retry=["50ms"], probe=["50ms"], timeout="1s")
    crm.script.append(Reply(fault=fault))
    site.start()
    payload = leads.payload()
    site.post(payload)
    site.wait_states(delivered=1)
    requests = crm.received()
    assert {r.body for r in requests} == {payload}
    assert len({r.key for r in requests}) == 1
    assert len(requests) == (1 if fault == RESET_EARLY else 2)


def test_an_endless_answer_is_cut(site):
    crm = site.crm(timeout="2s", retry=["50ms"])
    crm.script.append(Reply(fault=HUGE))
    site.start()
    site.post()
    wait_until(lambda: site.states().get("delivered"), "delivery")
    if not os.environ.get("LEADRELAY_SANITIZER"):
        assert site.worker.resident_anonymous() < 64 << 20


@pytest.mark.parametrize("status", [400, 406, 409, 413, 418, 422])
def test_the_leads_own_fault_is_dead_at_once(site, status):
    crm = site.crm()
    bad = leads.next_id()
    crm.rule = lambda request: Reply(status if request.lead == bad else 200, b'{"error":"no"}')
    site.start()
    event = site.post(leads.payload(bad)).json["id"]
    good = leads.payload()
    site.post(good)
    site.wait_states(dead=1, delivered=1)
    assert sorted(r.lead == bad for r in crm.received()) == [False, True]
    shown = site.command("show", event)
    assert str(status).encode() in shown.stdout
    assert site.command("stats").returncode == 1      # a person is needed


def test_retry_of_a_dead_one(site):
    crm = site.crm()
    crm.script.append(Reply(422))
    site.start()
    payload = leads.payload()
    event = site.post(payload).json["id"]
    site.wait_states(dead=1)
    assert site.command("retry", event).returncode == 0
    site.wait_states(delivered=1)
    assert crm.bodies() == [payload, payload]
    assert len({r.key for r in crm.received()}) == 1   # the same body: the same key


def test_sent_again_while_dead_makes_it_due(site):
    """Somebody pressed "resend"."""
    crm = site.crm()
    crm.script.append(Reply(422))
    site.start()
    payload = leads.payload()
    event = site.post(payload).json["id"]
    site.wait_states(dead=1)
    again = site.post(payload)
    assert again.status == 200 and again.json["id"] == event
    site.wait_states(delivered=1)


def test_held_is_not_sent_until_released(site):
    crm = site.crm()
    site.start()
    payload = leads.payload(email="nobody")
    event = site.post(payload).json["id"]
    after = leads.payload()
    site.post(after)
    crm.wait_count(1)
    assert crm.bodies() == [after]
    assert site.command("release", event).returncode == 0
    crm.wait_count(2)
    assert crm.bodies() == [after, payload]
    assert site.command("release", event).returncode == 1
    site.wait_states(delivered=2)


def test_retry_of_what_is_superseded_at_one_of_two(site):
    one, two = site.crm("one"), site.crm("two", on_dead="hold")
    one.rule = two.rule = lambda request: Reply(422 if request.sequence == 1 else 200)
    site.start()
    lead = leads.next_id()
    old = site.post(leads.payload(lead)).json["id"]
    site.wait_states(dead=2)
    new = site.post(leads.payload(lead, phone="1")).json["id"]
    site.wait_states(dead=2, delivered=1, waiting=1)
    one.rule = two.rule = None
    done = site.command("retry", old)
    assert done.returncode == 1, done
    assert done.stdout.decode() == f"{old} will be sent again\n"
    assert f"superseded by {new}" in done.stderr.decode()
    site.wait_states(dead=1, delivered=3)
    assert site.command("retry", "--force", old).returncode == 0
    site.wait_states(delivered=4)
    assert [request.event for request in one.received()] == [old, new, old]
    assert [request.event for request in two.received()] == [old, old, new]


def test_release_of_what_a_newer_event_superseded(site):
    crm = site.crm()
    site.start()
    lead = leads.next_id()
    old = site.post(leads.payload(lead, email="nobody")).json["id"]
    new = site.post(leads.payload(lead)).json["id"]
    site.wait_states(held=1, delivered=1)
    done = site.command("release", old)
    assert done.returncode == 1
    assert new.encode() in done.stdout + done.stderr
    assert len(crm.received()) == 1
    assert site.command("release", "--force", old).returncode == 0
    crm.wait_count(2)


@pytest.mark.true_clock
def test_discard(site):
    crm = site.crm(retry=["1h"])
    crm.script.append(Reply(503))
    site.start()
    event = site.post().json["id"]
    wait_until(lambda: site.log_lines(what="failed"), "the failure")
    site.wait_states(waiting=1)
    assert site.command("discard", event).returncode == 0
    site.wait_states(discarded=1)
    assert len(crm.received()) == 1


def test_a_crm_that_was_down(site):
    """Refused connections cost no lead; when it is back all goes, oldest first per lead."""
    crm = site.crm(retry=["50ms"], probe=["100ms"])
    crm.stop()
    site.start()
    lead = leads.next_id()
    payloads = [leads.payload(lead, message=f"{n}") for n in range(10)]
    for payload in payloads:
        assert site.post(payload).status == 202
    wait_until(lambda: site.log_lines(destination="crm"), "the relay to notice")
    crm.start()
    crm.wait_count(10, 30)
    assert crm.bodies() == payloads
    site.wait_states(delivered=10)


@pytest.mark.true_clock
def test_retry_after_in_seconds_and_as_a_date(site):
    crm = site.crm(retry=["10ms"])
    site.start()
    crm.script.append(Reply(429, headers={"Retry-After": "1"}))
    site.post()
    first, second = crm.wait_count(2)
    assert second.time - first.time >= 0.95
    later = email.utils.formatdate(time.time() + 2, usegmt=True)
    crm.script.append(Reply(503, headers={"Retry-After": later}))
    site.post()
    third, fourth = crm.wait_count(4)[2:]
    assert fourth.time - third.time >= 0.5


def test_no_redirect_is_followed(site):
    crm, other = site.crm(probe=["50ms"]), site.crm("other")
    del site.settings["destination other"]
    crm.script.append(Reply(302, headers={"Location": other.url}))
    site.start()
    site.post()
    crm.wait_count(2)
    site.wait_states(delivered=1)
    assert other.received() == []


def test_one_destination_down_the_other_goes_on(site):
    down, up = site.crm("down", retry=["200ms"], probe=["200ms"]), site.crm("up")
    down.default.status = 503
    site.start()
    payloads = [leads.payload() for _ in range(10)]
    for payload in payloads:
        assert site.post(payload).status == 202
    up.wait_count(10)
    assert set(up.bodies()) == set(payloads)
    wait_until(lambda: len(site.list("--destination", "up", "--state", "delivered")) == 10,
               "the outcomes on disk")
    down.default.status = 200
    site.wait_states(delivered=20)


@pytest.mark.threads
def test_many_that_hang_delay_no_other(site):
    """However many receivers say nothing, each with all it may have under way: one goes on."""
    with contextlib.ExitStack() as listeners:
        for number in range(17):
            # The kernel takes the connections, and nobody ever reads from one.
            silent = listeners.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
            site.settings[f"destination hangs-{number}"] = {
                "url": f"http://127.0.0.1:{silent.getsockname()[1]}/", "timeout": "10m",
                "max_concurrent": 256}
        crm = site.crm()
        site.settings["worker"]["relay"] = False
        site.start_worker()
        payloads = [leads.payload() for _ in range(260)]
        for payload in payloads:
            site.accept(payload)
        # With as few descriptors as most systems give at first, and as many to be had.
        relay = site.spawn(["prlimit", "--nofile=1024:", PROGRAM, "--config", site.config,
                            "relay"])
        crm.wait_count(len(payloads), 60)
        assert set(crm.bodies()) == set(payloads)
        assert len([line for line in site.log_lines(level="warn")
                    if "deliveries are in hand" in line["msg"]]) == 1
        assert relay.stop() == 0


def test_few_descriptors_are_shared(site):
    """Receivers that say nothing leave files to the front server, and to a healthy one."""
    with contextlib.ExitStack() as listeners:
        for number in range(20):
            silent = listeners.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
            site.settings[f"destination hangs-{number}"] = {
                "url": f"http://127.0.0.1:{silent.getsockname()[1]}/", "timeout": "10m"}
        crm = site.crm()
        site.write_config()
        site.worker = site.spawn(["prlimit", "--nofile=128:128", PROGRAM, "--config",
                                  site.config, "serve", "--listen", f"unix:{site.socket}"])
        site.wait_for_worker()
        payloads = [leads.payload() for _ in range(40)]
        for payload in payloads:
            site.accept(payload)
        crm.wait_count(len(payloads), 60)
        assert not [line for line in site.log_lines() if "not accepting" in line.get("msg", "")]
        assert not site.log_lines(what="paused")


def test_success_statuses_of_the_configuration(site):
    crm = site.crm(success="200-299,302,409")
    crm.script.extend([Reply(302), Reply(409), Reply(204, b"")])
    site.start()
    for _ in range(3):
        site.post()
    site.wait_states(delivered=3)
    assert len(crm.received()) == 3


def test_headers_and_method_of_the_configuration(site):
    secret = site.folder / "bearer"
    secret.write_text("a-credential\n")
    secret.chmod(0o600)
    crm = site.crm(method="PUT", header=["X-Office: Oxford", "X-Other: 2"], bearer_file=secret)
    site.start()
    site.post()
    request, = crm.wait_count(1)
    assert request.method == "PUT"
    assert request.header("X-Office") == "Oxford" and request.header("X-Other") == "2"
    assert request.header("Authorization") == "Bearer a-credential"
    assert "a-credential" not in site.log.read_text()


def test_body_data_sends_the_lead_alone(site):
    crm = site.crm(body="data")
    site.start()
    data = b'{"id":424242,"full_name":"A B","email":"a@b.example", "phone":"1","type":"sale",' \
           b'"property_reference":"r","office_id":1,"x":1.10}'
    assert site.post(b'{"event":"lead.created", "data": ' + data + b' }').status == 202
    assert crm.wait_count(1)[0].body == data


def test_concurrency_is_bounded(site):
    crm = site.crm(max_concurrent=3)
    crm.default.delay = .05
    site.start()
    for _ in range(20):
        site.post()
    site.wait_states(delivered=20)
    assert 1 <= crm.most_concurrent <= 3


def test_connections_are_kept(site):
    crm = site.crm()
    site.start()
    for number in range(30):
        site.post()
        crm.wait_count(number + 1)
    assert crm.connections <= 3


@pytest.mark.threads
def test_what_another_process_accepted(site):
    """Two workers, one outbox: one relays; leads of the other go out within a second."""
    crm = site.crm()
    site.start_worker()
    second = site.folder / "second.sock"
    site.spawn([PROGRAM, "--config", site.config, "serve", "--listen", f"unix:{second}"])
    wait_until(second.exists, "the second worker")
    delays = []
    for number in range(20):
        payload = leads.payload()
        for address in (site.socket, second):
            payload = leads.payload()
            before = time.monotonic()
            assert fcgi.ask(address, fcgi.webhook(site.sign(payload))).status == 202
            found = crm.wait(lambda seen: any(r.body == payload for r in seen), "the lead")
            delays.append(next(r.time for r in found if r.body == payload) - before)
    print(f"longest from posting to the CRM, two workers: {max(delays) * 1000:.1f} ms")
    assert max(delays) < 5
    assert len(crm.received()) == 40
    # The one that relays dies; the other goes on.
    site.worker.kill()
    payload = leads.payload()
    assert fcgi.ask(second, fcgi.webhook(site.sign(payload))).status == 202
    crm.wait(lambda seen: any(r.body == payload for r in seen), "the lead after the kill")


def test_relay_as_a_service_of_its_own(site):
    crm = site.crm()
    site.settings["worker"]["relay"] = False
    site.start()
    payload = leads.payload()
    assert site.post(payload).status == 202
    site.wait_states(waiting=1)
    relay = site.spawn([PROGRAM, "--config", site.config, "relay"])
    crm.wait_count(1)
    second = leads.payload()
    assert site.post(second).status == 202
    crm.wait_count(2)
    assert crm.bodies() == [payload, second]
    assert relay.stop() == 0


def test_relay_once(site):
    """Cron's way: what is due, silent on success."""
    crm = site.crm()
    site.settings["worker"]["relay"] = False
    site.start()
    for _ in range(20):
        assert site.post().status == 202
    done = site.command("relay", "--once")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), done
    assert len(crm.received()) == 20
    site.wait_states(delivered=20)
    done = site.command("relay", "--once")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_many_relays_once_deliver_once(site):
    crm = site.crm()
    crm.default.delay = .02
    site.settings["worker"]["relay"] = False
    site.start()
    for _ in range(20):
        site.post()
    results = []
    threads = [threading.Thread(target=lambda: results.append(site.command("relay", "--once")))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [r.returncode for r in results] == [0] * 4
    site.wait_states(delivered=20)
    assert len(crm.received()) == 20


@pytest.mark.threads
def test_stop_with_a_delivery_under_way(site):
    """What was being sent when the worker left is sent again with the same key, or settled."""
    crm = site.crm()
    crm.script.append(Reply(delay=20))
    site.start()
    site.post()
    crm.wait_count(1)
    assert site.worker.stop() == 0
    site.start_worker()
    requests = crm.wait_count(2)
    assert len({r.key for r in requests}) == 1
    site.wait_states(delivered=1)


def test_begun_three_times_without_an_outcome_is_held(site):
    """A lead that kills its relay does not do so for ever."""
    crm = site.crm(timeout="60s")
    crm.default.fault = NEVER
    site.start()
    poison = site.post().json["id"]
    for number in range(3):
        crm.wait_count(number + 1)
        site.worker.kill()
        site.start_worker()
    row, = wait_until(lambda: site.list("--state", "held"), "the delivery to be held")
    assert row["id"] == poison
    crm.default.fault = ""
    other = leads.payload()
    assert site.post(other).status == 202
    crm.wait(lambda seen: any(r.body == other for r in seen), "the next lead")
