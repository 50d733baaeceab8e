"""Behind the real lighttpd, which starts the worker, with the repository's own file."""

import os
import signal

import pytest

from harness import apache, leads, lighttpd, tokens
from harness.wait import wait_until

KB = 1024


@pytest.fixture
def door(site):
    if lighttpd.LIGHTTPD is None:
        pytest.skip("there is no lighttpd")
    site.crm()
    site.settings["worker"]["log"] = f"file:{site.log}"
    site.settings["worker"].pop("socket_group", None)
    apache.hand_over(site)
    site.nginx = lighttpd.Lighttpd(site)
    return site


def test_accepts_refuses_and_holds(door):
    payload = leads.payload()
    answer = door.post(payload)
    assert answer.status == 202, (answer, door.nginx.errors())
    forged = tokens.sign(leads.payload(), b"another secret altogether")
    assert door.post(token=forged).problem == "token-signature"
    assert door.request("POST", "/leadpro").problem == "token-missing"
    assert door.post(leads.payload(email="")).status == 422
    assert door.post(path="/leadproof").status in (404, 501)
    door.crms["crm"].wait_count(1)
    assert door.crms["crm"].bodies() == [payload]


@pytest.mark.parametrize("size", [7 * KB, 9 * KB, 33 * KB, 48 * KB, 62 * KB])
def test_large_tokens(door, size):
    payload = leads.payload_of_token_size(size)
    answer = door.post(payload, path="/leadpro/oxford")
    assert answer.status == 202, (answer, door.nginx.errors())


@pytest.mark.parametrize("size", [65 * KB, 100 * KB])
def test_beyond_the_limit_is_a_4xx(door, size):
    answer = door.request("POST", "/leadpro", [("Authorization", "Bearer " + "t" * size)])
    assert 400 <= answer.status < 500, answer


def test_admin_pages(door):
    assert door.request("GET", "/leadpro/healthz").json == {"status": "ok"}
    assert door.request("GET", "/leadpro/other/healthz").status == 404


def test_a_worker_that_dies_is_started_again(door):
    accepted = door.post()
    assert accepted.status == 202
    program = str(door.folder / "leadrelay")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == program:
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass
    wait_until(lambda: door.post().status == 202, "a worker again", 20, pause=.2)
    assert accepted.json["id"] in {row["id"] for row in door.list()}
