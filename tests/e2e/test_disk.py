"""A disk that fills up: 503, nothing accepted that is not there, delivery in the reserve."""

import contextlib
import os
import subprocess

import pytest

from harness import leads
from harness.wait import wait_until


@pytest.fixture
def small_disk(folder):
    """A file system of a few megabytes of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    place = folder / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0755", "leadrelay-test",
                           str(place)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("mount is not permitted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_full_disk(site, small_disk):
    crm = site.crm(retry=["100ms"], probe=["100ms"])
    crm.default.status = 503
    site.settings["store"]["url"] = f"sqlite:{small_disk}/store/outbox.db"
    site.settings["store"]["min_free"] = "8m"
    site.start()
    message = "m" * 8000
    accepted = []
    refusal = None
    while refusal is None and len(accepted) < 5000:
        payload = leads.payload(message=message)
        answer = site.post(payload)
        if answer.status == 202:
            accepted.append(payload)
        else:
            refusal = answer
    assert refusal.status == 503 and int(refusal.headers["Retry-After"]) > 0
    assert len(accepted) > 50
    # Refusing is all that happens: the rest stands, and is delivered in the reserve.
    crm.default.status = 200
    site.wait_states(60, delivered=len(accepted))
    assert {r.body for r in crm.received() if r.accepted} == set(accepted)


def fill(path):
    """Write until there is no room for another byte."""
    with open(path, "wb", buffering=0) as out:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while out.write(b"\0" * size) == size:
                    pass


def test_really_no_space(site, small_disk):
    """Somebody else takes the reserve too: 503, no crash, and it goes on when there is room."""
    crm = site.crm(retry=["100ms"], probe=["100ms"])
    site.settings["store"]["url"] = f"sqlite:{small_disk}/store/outbox.db"
    site.settings["store"]["min_free"] = "0"
    site.start()
    pid = site.worker.pid
    assert site.post().status == 202
    site.wait_states(delivered=1)
    ballast = small_disk / "ballast"
    fill(ballast)
    statuses = []
    accepted = []
    for _ in range(30):
        payload = leads.payload(message="m" * 8000)
        answer = site.post(payload)
        statuses.append(answer.status)
        if answer.status == 202:
            accepted.append(payload)
    assert set(statuses) <= {202, 503} and 503 in statuses
    ballast.unlink()
    last = leads.payload()
    wait_until(lambda: site.post(last).status in (200, 202), "the worker to recover", 30)
    wait_until(lambda: {r.body for r in crm.received()} >= {*accepted, last},
               "all that was accepted", 30)
    assert site.worker.running and site.worker.pid == pid
    assert set(site.states()) == {"delivered"}
