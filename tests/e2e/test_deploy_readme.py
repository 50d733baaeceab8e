"""The commands of deploy/README.md that start a worker, cut from it and run."""

import os
import pwd
import re
import shutil
import signal
import subprocess

import pytest

from harness import apache, fcgi, leads
from harness.nginx import SOURCE
from harness.site import environment
from harness.wait import wait_until

USER = "www-data"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="they change the user: needs root")


def snippets():
    """The indented blocks of the section, each one shell script."""
    text = (SOURCE / "deploy" / "README.md").read_text()
    section = re.search(r"(?ms)^## Without systemd\n(.*?)^## ", text).group(1)
    blocks = re.findall(r"(?m)(?:^    .*\n)+", section)
    return [re.sub(r"(?m)^    ", "", block) for block in blocks]


def snippet(has, has_not=None):
    """The one block with the first and without the second."""
    (found,) = [block for block in snippets()
                if has in block and (has_not is None or has_not not in block)]
    return found


def here(block, site, place):
    """The same commands, for this installation instead of the system's own."""
    for old, new in (("/usr/sbin/leadrelay", apache.program_for(site)), ("/etc/leadrelay/leadrelay.conf", site.config),
                     ("/run/leadrelay", place), ("-U leadrelay -G", f"-U {USER} -G"),
                     ("-u leadrelay -g leadrelay", f"-u {USER} -g {USER}")):
        block = block.replace(old, str(new))
    return block


def shell(block):
    done = subprocess.run(["sh", "-ec", block], capture_output=True, text=True, check=False,
                          env=environment({"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}))
    assert done.returncode == 0, done.stdout + done.stderr


def listens(path):
    try:
        with fcgi.Connection(path, 1):
            return True
    except OSError:
        return False


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("start, stop", [
    (snippet("spawn-fcgi", has_not="multiwatch"), None),
    (snippet("multiwatch"), None),
    (snippet("start-stop-daemon --start"), snippet("start-stop-daemon --stop")),
], ids=["spawn-fcgi", "multiwatch", "sysvinit"])
def test_it_serves(site, start, stop):
    for tool in ("spawn-fcgi", "multiwatch", "start-stop-daemon"):
        if tool in start and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not here")
    place = site.folder / "run"
    log = site.folder / "store" / "log"
    site.store.parent.mkdir(mode=0o700)
    for path in (site.store.parent, site.secret_file):
        shutil.chown(path, USER, USER)
    site.settings["worker"]["log"] = f"file:{log}"
    crm = site.crm()
    site.write_config()
    shutil.chown(site.config, USER, USER)
    pid = None
    try:
        shell(here(start, site, place))
        wait_until(lambda: listens(place / "leadrelay.sock"), "the socket")
        pid = int((place / "pid").read_text())
        answer = fcgi.ask(place / "leadrelay.sock", fcgi.webhook(
            f"Bearer {site.sign(leads.payload())}", body=b"{}"), b"{}")
        assert answer.status == 202, answer.stdout
        crm.wait_count(1)
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            user = int(re.search(r"Uid:\s+(\d+)", status.read()).group(1))
        assert user == pwd.getpwnam(USER).pw_uid
        if stop:
            shell(here(stop, site, place))
        else:
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: gone(pid), "the worker to leave")
        pid = None
    finally:
        if pid is not None and not gone(pid):
            os.kill(pid, signal.SIGKILL)
