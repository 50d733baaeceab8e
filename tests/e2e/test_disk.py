"""A disk that fills up: 503, nothing accepted that is not there, delivery in the reserve."""

import contextlib
import os
import sqlite3
import subprocess

import pytest

from harness import fcgi, leads
from harness.site import PROGRAM
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
    wait_until(lambda: set(site.states()) == {"delivered"}, "every outcome to be written", 30)


def test_room_comes_back(site, small_disk):
    """Filled with what is held, and that erased: the room inside the file is room."""
    site.crm()
    site.settings["store"]["url"] = f"sqlite:{small_disk}/store/outbox.db"
    site.settings["store"]["min_free"] = "6m"
    site.start()
    full_of_held(site)
    # Good ones have a reserve of their own.
    assert [site.post().status for _ in range(20)] == [202] * 20
    site.wait_states(delivered=20, held=len(site.list("--state", "held")))
    size = (small_disk / "store/outbox.db").stat().st_size
    done = site.command("erase", "--email", "nobody", "--yes")
    assert done.returncode == 0, done
    assert [site.post().status for _ in range(150)] == [202] * 150
    wait_until(lambda: (small_disk / "store/outbox.db").stat().st_size < size / 2,
               "the file to give its room back", 60)
    assert site.post().status == 202
    site.wait_states(delivered=171)


def test_room_inside_an_older_file(site, small_disk):
    """One that cannot give anything back: its free pages count."""
    site.crm()
    store = small_disk / "store"
    store.mkdir(mode=0o700)
    with contextlib.closing(sqlite3.connect(store / "outbox.db")) as old:
        old.execute("PRAGMA auto_vacuum = NONE")
        old.execute("PRAGMA journal_mode = WAL")
    site.settings["store"]["url"] = f"sqlite:{store}/outbox.db"
    site.settings["store"]["min_free"] = "6m"
    site.start()
    full_of_held(site)
    ballast = small_disk / "ballast"
    with open(ballast, "wb") as out:    # somebody else takes what is left above the reserve
        left = os.statvfs(small_disk)
        out.write(b"\0" * (left.f_bavail * left.f_frsize - (5 << 20)))
    assert site.post().status == 503
    assert site.command("erase", "--email", "nobody", "--yes").returncode == 0
    assert [site.post().status for _ in range(150)] == [202] * 150
    site.wait_states(delivered=150)


def full_of_held(site):
    for _ in range(5000):
        answer = site.post(leads.payload(message="m" * 8000, email="nobody"))
        if answer.status == 503:
            return
        assert answer.status == 422
    raise AssertionError("the disk does not fill")


def limited(site, blocks):
    """A worker that may write no file longer than that many blocks of 512 bytes."""
    site.write_config()
    site.worker = site.spawn([
        "sh", "-c", 'trap "" XFSZ; ulimit -f "$1"; shift; exec "$@"', "sh", str(blocks),
        PROGRAM, "--config", site.config, "serve", "--listen", f"unix:{site.socket}"])
    site.wait_for_worker()


@pytest.mark.parametrize("reserve", ["64m", "0"])
def test_file_size_limit(site, reserve):
    """503 at the limit; with a reserve, what was accepted is delivered below it."""
    crm = site.crm(retry=["100ms"], probe=["100ms"])
    crm.stop()
    site.settings["store"]["min_free"] = reserve
    site.settings["worker"]["log_level"] = "error"
    limited(site, 4000)
    pid = site.worker.pid
    accepted, refused = [], 0
    while refused < 20:
        payload = leads.payload(message="m" * 2000)
        answer = fcgi.ask(site.socket, fcgi.webhook(site.sign(payload)))
        assert answer.status in (202, 503)
        if answer.status == 202:
            accepted.append(payload)
        else:
            refused += 1
        assert len(accepted) < 1000
    assert len(accepted) > 10
    assert site.worker.running and site.worker.pid == pid
    crm.start()
    if reserve == "0":                  # nothing was kept for settling: without the limit, then
        site.worker.stop()
        site.start_worker()
    wait_until(lambda: set(crm.bodies()) >= set(accepted), "all that was accepted", 60)
    site.wait_states(60, delivered=len(accepted))
