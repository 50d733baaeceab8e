"""A service manager's side of sd_notify(3): what a service tells about itself."""

import socket

from .process import Process
from .site import PROGRAM, environment
from .wait import wait_until


class Manager:
    """Collects what its services say, an abstract socket's name being free of any folder."""

    def __init__(self, watchdog_s=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind("")            # the kernel finds a name
        self.name = "@" + self.socket.getsockname()[1:].decode("ascii")
        self.watchdog_s = watchdog_s
        self.said = []                  # (line, MONOTONIC_USEC or None), in the order it came

    def variables(self):
        more = {"NOTIFY_SOCKET": self.name}
        if self.watchdog_s is not None:
            more["WATCHDOG_USEC"] = str(int(self.watchdog_s * 1e6))
        return more

    def start(self, site, *words, stdin=None, env=None):
        """The program with these words, as a service of ours."""
        more = {} if stdin is None else {"stdin": stdin}
        process = Process([PROGRAM, "--config", site.config, *words], site.log,
                          env=environment({**self.variables(), **(env or {})}), **more)
        site.workers.append(process)
        return process

    def hear(self):
        """Everything said so far."""
        while True:
            try:
                text = self.socket.recv(4096).decode("utf-8")
            except BlockingIOError:
                return self.said
            self.said.append(tuple(text.split("\n")))

    def heard(self, line):
        return sum(1 for lines in self.hear() if lines[0] == line)

    def status(self):
        """The latest one."""
        lines = [lines[0] for lines in self.hear() if lines[0].startswith("STATUS=")]
        return lines[-1][len("STATUS="):] if lines else None

    def wait(self, line, count=1, timeout=15.0):
        wait_until(lambda: self.heard(line) >= count, line, timeout)

    def wait_status(self, word, timeout=15.0):
        wait_until(lambda: word in (self.status() or ""),
                   f"a status with {word}", timeout)

    def close(self):
        self.socket.close()
