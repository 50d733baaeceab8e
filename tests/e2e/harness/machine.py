"""This machine once more, booted: systemd as process 1 over a copy of what is installed.

A Root whose file system systemd-nspawn boots, so that the units are run by the
real service manager and the package by the real maintainer scripts, without a
trace outside.  Of the outside it has the installed programs and the source tree,
no network but a loopback of its own, and none of the services enabled here.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

from .documents import Root, why_no_root
from .nginx import SOURCE
from .process import Process, children
from .wait import wait_until

TOOLS = ("systemd-nspawn", "nsenter", "setpriv", "unshare")
TESTS = "/mnt/tests"                    # where the machine sees tests/e2e
STATES = ("running", "degraded")

# In namespaces of its own, so that it leaves nothing behind below /run either.
BOOT = """\
mount -t proc proc /proc && mount -t tmpfs tmpfs /run && mount -t overlay overlay -o 'lowerdir=/,upperdir={0.changed},workdir={0.folder}/work' \
    '{0.folder}/root' &&
mkdir -p '{0.folder}/root{tests}' && mount --bind '{source}/tests/e2e' '{0.folder}/root{tests}' &&
exec systemd-nspawn --quiet --boot --directory='{0.folder}/root' --machine={name} \
    --private-network --register=no --keep-unit --link-journal=no --resolv-conf=off \
    --timezone=off --console=pipe -- systemd.unit=basic.target
"""


class Machine(Root):
    def __init__(self, folder):
        super().__init__(folder)
        self.console = self.folder / "console.log"
        self.process = None
        self.init = None
        os.setxattr(self.folder_for("etc/systemd/system"), "trusted.overlay.opaque", b"y")

    def folder_for(self, inside):
        """A folder to put files into before the boot, over what is there already."""
        for part in reversed([inside, *map(str, pathlib.PurePath(inside).parents)][:-1]):
            (self.changed / part).mkdir(exist_ok=True)
            if os.path.isdir(f"/{part}"):
                shutil.copystat(f"/{part}", self.changed / part)
        return self.changed / inside

    def boot(self):
        name = f"leadrelay-test-{os.getpid()}"
        script = BOOT.format(self, name=name, tests=TESTS, source=SOURCE)
        # All of it ends with the first of these, and that one with us.
        self.process = Process(["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid",
                                "--fork", "--kill-child", "sh", "-c", script], self.console)
        try:
            wait_until(self._first, "process 1", 30)
            wait_until(self._up, "the boot", 60, pause=.1)
        except AssertionError as late:
            raise AssertionError(f"{late}:\n{self.process.output()[-4000:]}") from None
        # What forbids services to start is meant for the machine outside.
        self.run("rm -f /usr/sbin/policy-rc.d; ip link set lo up")

    def _first(self):
        """The number of the machine's process 1, outside of it."""
        assert self.process.running, "it ended at once"
        for container in children(self.process.pid):
            for pid in children(container):
                try:
                    status = pathlib.Path(f"/proc/{pid}/status").read_text(errors="replace")
                except OSError:         # it was only there to prepare things
                    continue
                if re.search(r"(?m)^NSpid:\s+\d+\s+\d+\s+1$", status):
                    self.init = pid
        return self.init

    def _up(self):
        assert self.process.running, "it ended at once"
        return self.run("systemctl is-system-running").stdout.strip() in STATES

    def command(self, *words):
        """What to run for the words to be run in the machine."""
        return ["nsenter", f"--target={self.init}", "--mount", "--uts", "--ipc", "--net", "--pid",
                *map(str, words)]

    def run(self, script, timeout=120, **env):
        return subprocess.run(
            self.command("sh", "-c", script), capture_output=True, text=True, errors="replace",
            check=False, timeout=timeout, stdin=subprocess.DEVNULL, env=self.environment(env))

    def stop(self):
        """At once: nothing in it is worth a shutdown."""
        if self.process is not None:
            self.process.kill()
            wait_until(lambda: not os.path.exists(f"/proc/{self.init}"), "the machine to end")


def why_no_machine(folders):
    """What keeps this machine from booting such a one, or None.  Takes two new folders."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"not here: {missing}"
    if (why := why_no_root(next(folders))) is not None:
        return why
    bare = Machine(next(folders))
    try:
        bare.boot()
    except AssertionError as error:
        return str(error)
    finally:
        bare.stop()
    return None


class Load:
    """harness/load.py in a machine: so many webhooks at a steady rate, or until end()."""

    def __init__(self, machine, rate, secret, count=""):
        self.answered = 0
        self.popen = subprocess.Popen(
            machine.command("sh", "-c", f"cd {TESTS} && exec /usr/bin/python3 -B -m harness.load "
                            f"80 {rate} {secret} {count}"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=machine.environment({}))

    def more(self, count=50):
        """Wait until that many more have been answered."""
        until = self.answered + count
        while self.answered < until:
            line = self.popen.stdout.readline()
            assert line, "the load has ended"
            self.answered = int(line)

    def end(self):
        """How often each status, or kind of failure, was seen."""
        last, _ = self.popen.communicate(timeout=120)
        return json.loads(last.splitlines()[-1])
