"""The socket of serve --listen: one of many starts wins, and whoever sees it can connect."""

import shutil
import signal
import socket
import stat
import subprocess
import threading

import pytest

from harness import fcgi
from harness.site import PROGRAM, environment
from harness.wait import wait_until

STARTS = 25


def start(site, *wrap):
    with open(site.log, "ab") as log:
        return subprocess.Popen(
            [*wrap, str(PROGRAM), "--config", str(site.config), "serve", "--listen",
             f"unix:{site.socket}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
            # Leaks are not looked for under strace, which is no fault.
            env=environment({"ASAN_OPTIONS": "detect_leaks=0"} if wrap else None))


def race(site, *wrap):
    """Start many at once; those that are left when all others have given up."""
    processes = [start(site, *wrap) for _ in range(STARTS)]
    try:
        wait_until(lambda: sum(process.poll() is None for process in processes) <= 1,
                   "all but one to give up", 60)
        left = [process for process in processes if process.poll() is None]
        assert [process.returncode for process in processes
                if process not in left] == [69] * (STARTS - 1)
        wait_until(lambda: fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405,
                   "the one that is left to answer")
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.mark.parametrize("dead", [False, True])
def test_many_at_once(site, dead):
    site.crm()
    site.write_config()
    for _ in range(4):
        if dead:
            with socket.socket(socket.AF_UNIX) as one:
                site.socket.unlink(missing_ok=True)
                one.bind(str(site.socket))
        else:
            site.socket.unlink(missing_ok=True)
        race(site)
    # What the starts need beside it does not stay.
    assert [path.name for path in site.folder.iterdir()
            if path.name.startswith(site.socket.name)] == [site.socket.name]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("call", ["bind", "connect", "unlink", "chmod", "listen", "rename"])
def test_many_at_once_and_slow(site, call):
    """Each of the steps takes long in all of them."""
    site.crm()
    site.write_config()
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(site.socket))
    race(site, "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
         "-e", f"inject={call}:delay_enter=20000")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("call", ["listen", "chmod", "chown,lchown,fchownat", "rename"])
def test_whoever_sees_it_can_connect(site, call):
    """Never refused, from the moment on that it is there."""
    site.crm()
    site.write_config()
    refused, connected = [], threading.Event()

    def try_often():
        while not connected.is_set():
            try:
                with socket.socket(socket.AF_UNIX) as one:
                    one.connect(str(site.socket))
                    if stat.S_IMODE(site.socket.stat().st_mode) != 0o660:
                        refused.append("mode")
                    connected.set()
            except FileNotFoundError:
                pass
            except OSError as error:
                refused.append(error)
                connected.set()
    thread = threading.Thread(target=try_often)
    thread.start()
    process = start(site, "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                    "-e", f"inject={call}:delay_enter=300000")
    try:
        assert connected.wait(30)
        assert not refused
    finally:
        connected.set()
        thread.join()
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_living_one_of_somebody_else(site):
    """Also when it takes no connections for the moment, its queue being full."""
    site.crm()
    site.write_config()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(site.socket))
        other.listen(0)
        waiting = []
        try:
            while True:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(str(site.socket))
        except BlockingIOError:
            pass
        before = site.socket.stat().st_ino
        done = site.command("serve", "--listen", f"unix:{site.socket}")
        assert done.returncode == 69 and b"another process is listening there" in done.stderr
        assert site.socket.stat().st_ino == before
        for one in waiting:
            one.close()


def test_the_longest_path(site):
    """107 bytes, and none more."""
    site.crm()
    folder = site.folder / ("d" * (107 - 10 - len(str(site.folder)) - 2))
    folder.mkdir()
    site.socket = folder / ("s" * 10)
    assert len(str(site.socket)) == 107
    site.start_worker()
    assert fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405
    assert [path.name for path in folder.iterdir()] == ["s" * 10]
    done = site.command("serve", "--listen", f"unix:{site.socket}s")
    assert done.returncode == 69 and b"1 to 107 bytes" in done.stderr
