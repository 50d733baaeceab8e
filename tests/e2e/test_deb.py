"""The Debian package: built, judged, installed, upgraded, removed and purged here.

Only on a machine that has no leadrelay of its own, and nothing stays behind.
"""

import json
import os
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

from harness import fcgi, leads, tokens
from harness import package as packages
from harness.package import run
from harness.wait import wait_until

CONFIG = pathlib.Path("/etc/leadrelay/leadrelay.conf")
SECRET_FILE = pathlib.Path("/etc/leadrelay/secret")
STORE = pathlib.Path("/var/lib/leadrelay")
INSTALLED = pathlib.Path("/usr/sbin/leadrelay")
SECRET = b"a-signing-secret-of-enough-bytes"
TOOLS = (*packages.TOOLS, "lintian")
NEEDED = ("adduser", "ca-certificates", "libcurl4", "libjq1")


def is_installed(package):
    """It, or the one that came into its place when time_t grew."""
    return any(run("dpkg-query", "-W", "-f=${db:Status-Status}", name).stdout == "installed"
               for name in (package, package + "t64"))


def why_not():
    if os.geteuid() != 0:
        return "installing needs root"
    if "LEADRELAY_SANITIZER" in os.environ:
        return "a package is built without sanitizers"
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"not here: {missing}"
    if missing := [package for package in NEEDED if not is_installed(package)]:
        return f"not installed: {missing}"
    if INSTALLED.exists() or STORE.exists() or CONFIG.parent.exists():
        return "this machine has a leadrelay of its own"
    return None


pytestmark = [pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
              pytest.mark.usefixtures("system")]


@pytest.fixture(scope="module")
def built(system):
    return packages.of_this_tree()


@pytest.fixture(scope="module")
def package(built):
    return packages.deb(built)


@pytest.fixture
def newer(package, tmp_path):
    """The same package as revision 2."""
    return packages.newer(package, tmp_path / "newer.deb")


def purge():
    return run("dpkg", "--purge", "leadrelay")


@pytest.fixture
def installed(package):
    """What dpkg said when it installed the package; purged after the test."""
    try:
        done = run("dpkg", "-i", package)
        assert done.returncode == 0, done.stdout + done.stderr
        yield done.stdout
    finally:
        purge()


def accept(payload):
    """A webhook through the installed program, as a CGI of the service's own user."""
    env = fcgi.webhook(f"Bearer {tokens.sign(payload, SECRET)}", body=b"{}")
    done = subprocess.run(
        ["/usr/bin/setpriv", "--reuid=leadrelay", "--regid=leadrelay", "--clear-groups", INSTALLED],
        env=env, input=b"{}", capture_output=True, check=False)
    answer = fcgi.Answer()
    answer.stdout, answer.stderr = done.stdout, done.stderr
    return answer


def outbox():
    done = run(INSTALLED, "list", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def processes():
    """Those of the service's user; one of the same number in a container is another."""
    lines = run("ps", "-u", "leadrelay", "-o", "pidns=,pid=").stdout.splitlines()
    here = str(os.stat("/proc/self/ns/pid").st_ino)
    return [line.split()[1] for line in lines if line.split()[0] == here]


def at_rest(count):
    """The ids in the outbox, none of which is just being tried: a request does that after
    its answer."""
    def waiting():
        rows = outbox()
        return {row["state"] for row in rows} == {"waiting"} and [row["id"] for row in rows]
    ids = wait_until(waiting, "the deliveries to be over")
    assert len(ids) == count
    return ids


def test_lintian(built):
    (changes,) = built.glob("*.changes")
    done = run("lintian", "--allow-root", "--fail-on", "error", changes)
    assert done.returncode == 0 and "E:" not in done.stdout, done.stdout + done.stderr


def test_it_names_what_it_loads_by_name(package):
    depends = run("dpkg-deb", "-f", package, "Depends").stdout
    for name in NEEDED:
        assert re.search(rf"(^|, ){re.escape(name)}\b", depends), depends


def test_it_holds_what_it_should(package):
    listing = run("dpkg-deb", "-c", package).stdout
    for path in ("/usr/sbin/leadrelay", "/usr/share/man/man1/leadrelay.1.gz",
                 "/usr/share/man/man5/leadrelay.conf.5.gz",
                 "/systemd/system/leadrelay.socket", "/systemd/system/leadrelay.service",
                 "/systemd/system/leadrelay-relay.service",
                 "/systemd/system/leadrelay-once.timer",
                 "/examples/leadrelay.conf.example", "/examples/nginx/leadrelay.conf",
                 "/examples/apache/mod_fcgid.conf", "/examples/crm/hubspot.jq"):
        assert path in listing, path
    # no conffiles: dpkg has nothing to ask about
    assert "conffiles" not in run("dpkg-deb", "-I", package).stdout


def test_installation(installed):
    url = installed.rstrip("\n").splitlines()[-1]
    assert re.fullmatch(r"https://[A-Za-z0-9.-]+/leadpro", url), installed
    assert stat.S_IMODE(STORE.stat().st_mode) == 0o700
    assert STORE.owner() == "leadrelay"
    for path in (CONFIG, SECRET_FILE):
        assert (path.owner(), path.group()) == ("root", "leadrelay")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    # nothing is enabled, nothing runs, and nothing is accepted yet
    enabled = [path for path in pathlib.Path("/etc/systemd/system").rglob("leadrelay*")]
    assert not enabled
    assert processes() == []
    assert accept(leads.payload()).status == 503
    done = run(INSTALLED, "check")
    assert done.returncode == 78 and "secret" in done.stderr, done.stderr
    if shutil.which("systemd-analyze"):
        units = run("dpkg", "-L", "leadrelay").stdout.split()
        units = [path for path in units if re.search(r"\.(service|socket|timer)$", path)]
        assert len(units) == 5
        done = run("systemd-analyze", "verify", "--man=no", *units)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_upgrade_removal_and_purge(installed, newer, package):
    SECRET_FILE.write_bytes(SECRET + b"\n")
    CONFIG.write_text(CONFIG.read_text().replace("https://crm.example/api/leads",
                                                 "http://127.0.0.1:9/api/leads"))
    edited = CONFIG.read_text()
    answer = accept(leads.payload())
    assert answer.status == 202, answer.stderr
    before = at_rest(1)

    done = run("dpkg", "-i", newer)
    assert done.returncode == 0, done.stderr
    assert run("dpkg-query", "-W", "-f=${Version}", "leadrelay").stdout.endswith("-2")
    assert "https://" not in done.stdout
    assert CONFIG.read_text() == edited
    assert SECRET_FILE.read_bytes() == SECRET + b"\n"
    assert at_rest(1) == before
    assert accept(leads.payload()).status == 202

    assert run("dpkg", "--remove", "leadrelay").returncode == 0
    assert not INSTALLED.exists()
    assert (STORE / "outbox.db").exists() and CONFIG.read_text() == edited
    assert run("dpkg", "-i", package).returncode == 0
    assert len(at_rest(2)) == 2

    done = purge()
    assert done.returncode == 0, done.stderr
    assert not STORE.exists() and not CONFIG.parent.exists()
    assert run("getent", "passwd", "leadrelay").returncode != 0
