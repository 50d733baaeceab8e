"""Processes below one of ours, and machines that are short of something."""

import contextlib
import os
import pathlib
import subprocess
import sys


def children(pid, name):
    """The living processes of that name below ``pid``."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        comm = text[text.index("(") + 1:text.rindex(")")]
        state, parent = text[text.rindex(")") + 2:].split()[:2]
        if int(parent) == pid and state != "Z":
            child = int(path.parent.name)
            found += children(child, name)
            if comm == name:
                found.append(child)
    return found


def kill(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _status(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split()[1]
    raise AssertionError(f"no {name} in /proc")


def _most_processes(pid):
    for line in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith("Max processes"):
            return line.split()[2]
    raise AssertionError("no limit of processes in /proc")


@contextlib.contextmanager
def no_more_processes(pid):
    """The process and what it starts can have no further process or thread.  As its own user."""
    user, soft = int(_status(pid, "Uid")), _most_processes(pid)

    def limit(most):
        subprocess.run(["prlimit", f"--pid={pid}", f"--nproc={most}:"], user=user, group=user,
                       check=True)

    limit(1)
    yield
    limit(soft)


@contextlib.contextmanager
def busy_machine(count=8):
    """So many others that want all there is of the processors."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"],
                               start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()
