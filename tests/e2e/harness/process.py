"""One child process with its output in a file, ended by its own number."""

import os
import pathlib
import signal
import subprocess


def children(pid):
    """The numbers of the processes that it has started and that are there."""
    try:
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


class Process:
    """A program that runs until it is told to stop.

    Its standard output and error are appended to ``log``, so a restart under
    the same log keeps what the one before it said.
    """

    def __init__(self, argv, log, env=None, stdin=subprocess.DEVNULL, cwd=None):
        self.argv = [str(word) for word in argv]
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                self.argv, stdin=stdin, stdout=out, stderr=out, env=env, cwd=cwd,
                start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def running(self):
        return self.popen.poll() is None

    def send(self, number):
        if self.running:
            self.popen.send_signal(number)

    def kill(self):
        """SIGKILL, and reap: what a power cut is to a process."""
        self.send(signal.SIGKILL)
        self.popen.wait()

    def stop(self, number=signal.SIGTERM, timeout=20.0):
        """Ask it to leave; returns its exit status, -9 when it had to be killed."""
        self.send(number)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.popen.returncode

    def output(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as text:
                return text.read()
        except FileNotFoundError:
            return ""

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def resident_anonymous(self):
        """Bytes of anonymous resident memory."""
        with open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as text:
            for line in text:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no RssAnon in /proc")
