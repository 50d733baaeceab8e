"""A plain CGI request delivers after its answer; cron takes the rest."""

import concurrent.futures
import contextlib
import os
import signal
import subprocess
import time

import pytest

from harness import apache, leads
from harness.crm import NEVER, Reply
from harness.site import environment
from harness.wait import wait_until

BOUND = 30                              # seconds a request's child lives at most


def cgi(site, payload):
    """One request as mod_cgi makes it; done when nobody holds its output open any more."""
    env = environment({
        "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST", "REQUEST_URI": "/leadpro",
        "CONTENT_LENGTH": str(len(payload)), "CONTENT_TYPE": "application/json",
        "LEADRELAY_CONFIG": str(site.config), "HTTP_AUTHORIZATION": site.sign(payload)})
    done = subprocess.run([str(apache.program_for(site))], input=payload, env=env,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def accept(site, payload):
    assert b"Status: 202" in cgi(site, payload)


def children(site):
    """The processes that run this test's own copy of the program."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == str(site.folder / "leadrelay"):
                found.append(int(pid))
        except OSError:
            pass
    return found


@pytest.fixture
def place(site):
    site.crm()
    site.write_config()
    apache.program_for(site)            # not by several threads at once
    yield site
    for pid in children(site):
        os.kill(pid, signal.SIGKILL)


def test_delivers_after_the_answer(place):
    crm = place.crms["crm"]
    payloads = [leads.payload() for _ in range(3)]
    for payload in payloads:
        accept(place, payload)
    crm.wait_count(3)
    place.wait_states(delivered=3)
    assert sorted(crm.bodies()) == sorted(payloads)
    wait_until(lambda: not children(place), "the children to end")


def test_the_answer_does_not_wait_for_the_crm(place):
    place.crms["crm"].default = Reply(fault=NEVER)
    started = time.monotonic()
    accept(place, leads.payload())
    assert time.monotonic() - started < 2
    place.crms["crm"].wait_count(1)
    child, = children(place)
    assert os.getsid(child) == child
    assert {os.readlink(f"/proc/{child}/fd/{n}") for n in (0, 1, 2)} == {"/dev/null"}
    # A second one finds the first at it, and leaves.
    accept(place, leads.payload())
    wait_until(lambda: children(place) == [child], "the second child to end")
    place.crms["crm"].wait_count(2)


@pytest.mark.slow
def test_the_child_ends_within_its_bound(place):
    place.crm(timeout="5m")
    place.write_config()
    place.crms["crm"].default = Reply(fault=NEVER)
    started = time.monotonic()
    accept(place, leads.payload())
    place.crms["crm"].wait_count(1)
    wait_until(lambda: not children(place), "the child to end", BOUND + 5, pause=.1)
    assert 20 < time.monotonic() - started <= BOUND + 1
    place.crms["crm"].default = Reply()
    assert place.command("relay", "--once").returncode == 0
    place.wait_states(delivered=1)
    first, second = place.crms["crm"].received()
    assert first.key == second.key


def test_cron_takes_what_the_child_left(place):
    crm = place.crm(retry=["1s"], probe=["1s"])
    place.write_config()
    crm.stop()
    payload = leads.payload()
    accept(place, payload)
    wait_until(lambda: not children(place), "the child to end", BOUND + 5)
    row, = place.list()
    assert row["state"] == "waiting"
    crm.start()

    def came():
        done = place.command("relay", "--once")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        return crm.bodies() == [payload]
    wait_until(came, "the lead", 20, pause=.2)


def test_without_a_relay_nothing_is_delivered(place):
    place.settings["worker"]["relay"] = False
    place.write_config()
    accept(place, leads.payload())
    assert children(place) == []
    assert place.command("relay", "--once").returncode == 0
    place.crms["crm"].wait_count(1)


def test_a_refused_request_starts_nobody(place):
    payload = leads.payload()
    place.crms["crm"].default = Reply(fault=NEVER)
    answer = cgi(place, payload.replace(b'"lead.updated"', b'"lead.deleted"'))
    assert b"Status: 422" in answer
    assert children(place) == []


def test_many_requests_and_crons_at_once(place):
    """Each lead once, in order, whoever delivers it; and none is forgotten between two."""
    crm = place.crms["crm"]
    stream = {leads.next_id(): [] for _ in range(6)}
    for lead in stream:
        stream[lead] = [leads.payload(lead, message=f"{n}") for n in range(8)]

    def send(lead):
        for payload in stream[lead]:
            accept(place, payload)

    def cron():
        for _ in range(6):
            done = place.command("relay", "--once")
            assert (done.returncode, done.stderr) == (0, b""), done.stderr

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for task in [pool.submit(send, lead) for lead in stream] + [pool.submit(cron)] * 2:
            task.result()
    place.wait_states(delivered=48)     # without any further request
    for lead, payloads in stream.items():
        assert [body for body in crm.bodies() if body in payloads] == payloads


def test_behind_apache(site):
    """mod_cgid lets go of the client although the CRM hangs."""
    if not apache.has_module("cgid"):
        pytest.skip("Apache has no mod_cgid")
    site.crm().default = Reply(fault=NEVER)
    site.settings["worker"].pop("socket_group", None)
    apache.hand_over(site)
    site.nginx = apache.Apache(site, ("cgid",), apache.shipped(site, "mod_cgid.conf"),
                               f"ScriptSock {site.folder}/cgid.sock\n")
    started = time.monotonic()
    with site.client() as client:
        for _ in range(3):
            assert site.post(client=client).status == 202
    assert time.monotonic() - started < 3
    site.crms["crm"].wait_count(1)
    for pid in children(site):
        os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def busy_machine(count=4):
    """Processes that want all of the processors."""
    burners = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(count)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


@pytest.mark.slow
def test_many_at_once_on_a_busy_machine(place):
    """32 requests at any time: none is told to come again, and none waits for all the others."""
    payloads = [leads.payload() for _ in range(500)]

    def send(payload):
        started = time.monotonic()
        answer = cgi(place, payload)
        return b"Status: 202" in answer, time.monotonic() - started

    with busy_machine(), concurrent.futures.ThreadPoolExecutor(32) as pool:
        done = list(pool.map(send, payloads))
    took = sorted(seconds for _, seconds in done)
    print(f"500 requests, 32 at once: p50 {took[250] * 1000:.0f} ms, p99 {took[495] * 1000:.0f} ms, "
          f"longest {took[-1] * 1000:.0f} ms")
    assert all(accepted for accepted, _ in done)
    place.wait_states(delivered=500, timeout=60)
