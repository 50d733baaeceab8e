"""A wall clock that tests set while programs run.

A small library, loaded before the program's own, adds what a file says to the
wall clock and to the time since boot (which a suspended machine lets pass too).
Nothing in the program under test knows of it.
"""

import fcntl
import hashlib
import mmap
import os
import pathlib
import struct
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).with_name("shifted.c")

SECOND = 1
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365 * DAY

# By how much a clock is set, in both directions.
JUMPS = {"+1h": HOUR, "-1h": -HOUR, "+2h": 2 * HOUR, "+1d": DAY, "-1d": -DAY,
         "+10y": 10 * YEAR, "-10y": -10 * YEAR}


def library():
    """The library, compiled once per machine and version of its source."""
    text = SOURCE.read_bytes()
    path = pathlib.Path(tempfile.gettempdir()) / (
        f"leadrelay-e2e-shifted-{os.geteuid()}-{hash_of(text)}.so")
    with open(f"{path}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            made = path.with_suffix(".new")
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", made, SOURCE], check=True)
            made.rename(path)
    return path


def hash_of(text):
    return hashlib.sha256(text).hexdigest()[:16]


class Clock:
    """The clock of all programs that are started with its environment."""

    def __init__(self, folder):
        path = pathlib.Path(folder) / "clock"
        path.write_bytes(bytes(16))
        path.chmod(0o644)
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 16)
        self.environment = {"LD_PRELOAD": str(library()), "SHIFTED_CLOCK": str(path)}
        sanitizer = os.environ.get("ASAN_OPTIONS")
        if sanitizer:
            self.environment["ASAN_OPTIONS"] = f"{sanitizer}:verify_asan_link_order=0"

    def set(self, wall, boot=0.0):
        """Both in seconds from the true ones."""
        self.map[:] = struct.pack("=qq", int(wall * 1000), int(boot * 1000))
