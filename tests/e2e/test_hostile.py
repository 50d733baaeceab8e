"""A few thousand hostile requests, then a genuine one, in the same process."""

import concurrent.futures
import os
import random

import pytest

from harness import fcgi, leads
from harness.hostile import Hostile
from harness.wait import wait_until

pytestmark = pytest.mark.threads

COUNT = 1200 if os.environ.get("LEADRELAY_SANITIZER") else 4000
SEED = int(os.environ.get("LEADRELAY_SEED", "0")) or random.SystemRandom().getrandbits(32)


@pytest.fixture
def up(site):
    print(f"LEADRELAY_SEED={SEED}")
    site.crm()
    return site.start()


def in_parallel(function, count, threads=4):
    """Run function(seed) in threads; gives back all that the calls returned."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return [item for part in pool.map(function, range(count)) for item in part]


def over_http(site, part):
    """Requests without a valid token, through nginx."""
    hostile = Hostile(SEED + part, site.secret)
    seen = []
    for _ in range(COUNT // 16):
        with site.client() as client:
            method, path, headers, body = hostile.http()
            try:
                answer = client.request(method, path.replace("\xff", "%ff"), headers, body)
                seen.append((answer.status, method, path[:60], headers[0][1][:200]))
            except Exception as error:      # nginx may close on what is no HTTP at all
                assert "Remote end closed" in str(error), (error, method, path)
    return seen


def signed_wrong(site, part):
    """Payloads that are signed but break JSON or the rules, through nginx."""
    hostile = Hostile(SEED + 1000 + part, site.secret)
    seen = []
    with site.client() as client:
        for _ in range(COUNT // 16):
            payload = hostile.payload()
            answer = site.post(payload, client=client)
            seen.append((answer.status, answer.body and answer.json.get("id"), payload[:200]))
    return seen


def over_fastcgi(site, part):
    hostile = Hostile(SEED + 2000 + part, site.secret)
    seen = []
    for _ in range(COUNT // 8):
        text = hostile.fastcgi()
        with fcgi.Connection(site.socket) as connection:
            try:
                connection.send(text)
                connection.done_sending()
                seen.append((connection.read_answer().status, text[:200]))
            except (BrokenPipeError, ConnectionResetError):
                seen.append((None, text[:200]))
    return seen


def test_hostile_requests_then_a_genuine_one(up):
    pid = up.worker.pid
    crm = up.crms["crm"]
    warm = up.post()
    assert warm.status == 202
    crm.wait_count(1)

    for status, *what in in_parallel(lambda part: over_http(up, part), 4):
        assert 400 <= status < 500, what
    assert [row["id"] for row in up.list()] == [warm.json["id"]]

    for status, *what in in_parallel(lambda part: over_fastcgi(up, part), 4):
        assert status is None or 400 <= status < 500, what
    assert [row["id"] for row in up.list()] == [warm.json["id"]]

    held = set()
    for status, event, payload in in_parallel(lambda part: signed_wrong(up, part), 4):
        assert status in (400, 401, 413, 422, 431), (status, payload)
        if status in (400, 422):
            assert event, payload
            held.add(event)
    assert {row["id"] for row in up.list("--state", "held")} == held
    assert len(up.list()) == len(held) + 1

    payload = leads.payload()
    answer = up.post(payload)
    assert answer.status == 202
    assert [r.body for r in crm.wait_count(2)][1] == payload
    assert len(crm.requests) == 2
    assert up.worker.running and up.worker.pid == pid


def test_nothing_is_leaked(up):
    """Descriptors and memory stay where they were."""
    def round_of(number):
        in_parallel(lambda part: over_http(up, number * 10 + part), 2)
        in_parallel(lambda part: over_fastcgi(up, number * 10 + part), 2)
    round_of(0)
    up.wait_states()
    descriptors, memory = up.worker.descriptors(), up.worker.resident_anonymous()
    for number in (1, 2):
        round_of(number)
    wait_until(lambda: up.worker.descriptors() <= descriptors + 2, "the descriptors to be closed")
    if not os.environ.get("LEADRELAY_SANITIZER"):
        grown = up.worker.resident_anonymous() - memory
        assert grown < 3 << 20, f"{grown} bytes more after {COUNT} more requests"
