"""Units and package under a booted systemd: each test in a machine of its own.

What can be seen without one is in test_systemd.py and test_deb.py.
"""

import json
import os
import re
import shutil

import pytest

from harness import package
from harness.machine import Load, Machine, why_no_machine
from harness.site import PROGRAM
from harness.wait import wait_until

RATE = 1000                             # webhooks a second
ROUNDS = 15 if "LEADRELAY_LONG" in os.environ else 3
SOCKET, SERVICE = "leadrelay.socket", "leadrelay.service"
USUAL = f"{SOCKET} {SERVICE}"

CONFIG = """\
source { secret_file = "/etc/leadrelay/secret" }
destination crm {
	url = "http://127.0.0.1:8099/api/leads"
	retry = { "200ms" }
	probe = { "200ms" }
}
"""

# The front server, with the package's own files, and a CRM that /run/crm-down stops.
NGINX = """\
user www-data;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log warn;
worker_rlimit_nofile 20000;
events { worker_connections 8192; }
http {
	access_log off;
	include /usr/share/doc/leadrelay/examples/nginx/leadrelay.conf;
	server {
		listen 127.0.0.1:80 backlog=4096;
		include /usr/share/doc/leadrelay/examples/nginx/leadrelay-location.conf;
	}
	log_format crm "$http_x_leadrelay_id $status";
	server {
		listen 127.0.0.1:8099;
		access_log /var/log/nginx/crm.log crm;
		if (-e /run/crm-down) { return 503; }
		return 200 "{}";
	}
}
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("LEADRELAY_SANITIZER" in os.environ,
                       reason="a package is built without sanitizers"),
]


@pytest.fixture(scope="module")
def packages(tmp_path_factory, system):
    """The package as it is, and as its next revision.

    Nobody installs anything outside meanwhile: it would shine through.
    """
    if (why := why_no_machine(iter([tmp_path_factory.mktemp("try"), tmp_path_factory.mktemp("try")]))) is not None:
        pytest.skip(f"no systemd can be booted here: {why}")
    for tool in (*package.TOOLS, "nginx"):
        if shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            pytest.skip(f"no systemd can be booted here: {tool} is missing")
    folder = tmp_path_factory.mktemp("packages")
    shutil.copy(package.deb(package.of_this_tree()), folder / "1.deb")
    package.newer(folder / "1.deb", folder / "2.deb")
    return folder


class Booted(Machine):
    """The package installed and configured in it, with nginx before it and a CRM behind."""

    def __init__(self, folder, packages):
        super().__init__(folder)
        (self.folder_for("etc/nginx") / "nginx.conf").write_text(NGINX)
        (self.folder_for("srv") / "leadrelay.conf").write_text(CONFIG)
        for path in packages.iterdir():
            shutil.copy(path, self.folder_for("srv"))
        self.boot()
        self.done("install -d -o www-data /var/log/nginx")

    def done(self, script, **more):
        """Run what has to succeed; its output."""
        done = self.run(script, **more)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}{self.journal()}"
        return done.stdout

    def journal(self):
        return self.run("journalctl --no-pager -n 60 -o cat; "
                        "tail -n 20 /var/log/nginx/error.log").stdout

    def install(self, name):
        return self.done(f"dpkg -i /srv/{name}")

    def configure(self):
        self.done("""
            head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \\n' >/srv/secret
            for file in secret leadrelay.conf; do
                install -m 640 -g leadrelay /srv/$file /etc/leadrelay/$file
            done
            systemctl start nginx""")

    def serve(self, name="1.deb"):
        """Installed, configured and started as the manual says."""
        self.install(name)
        self.configure()
        self.done(f"systemctl enable --now {USUAL}")
        return self

    def show(self, unit, key):
        return self.done(f"systemctl show --value -p {key} {unit}").strip()

    def active(self, *units):
        """Which of the units are active."""
        said = self.run(f"systemctl is-active {' '.join(units)}").stdout.split()
        return [unit for unit, state in zip(units, said) if state == "active"]

    def load(self, rate, count=""):
        return Load(self, rate, "/srv/secret", count)

    def post(self, count=1):
        """Send so many leads; how often each status came."""
        return self.load(20, count).end()

    def accept(self, count):
        """Send so many leads, which have to be accepted; the ids of all there are."""
        assert self.post(count) == {"202": count}, self.journal()
        return [row["id"] for row in self.outbox()]

    def outbox(self):
        return [json.loads(line) for line in self.done("leadrelay list --json --limit 0").splitlines()]

    def received(self):
        """The ids that the CRM said yes to, in order."""
        log = self.done("cat /var/log/nginx/crm.log 2>/dev/null || :")
        return re.findall(r"(?m)^(\S+) 200$", log)

    def delivered(self, ids):
        wait_until(lambda: set(ids) <= set(self.received()), "the leads at the CRM", 60, pause=.1)


@pytest.fixture
def new(tmp_path_factory, packages, request):
    """Makes machines; ends them, and shows their journals when the test failed."""
    made = []

    def make():
        made.append(Booted(tmp_path_factory.mktemp("machine"), packages))
        return made[-1]

    yield make
    for machine in made:
        if getattr(request.node, "failed_call", False):
            print(machine.journal())
        machine.stop()
        shutil.rmtree(machine.folder)


@pytest.fixture
def old(packages):
    """The name of the package of 0.1.0."""
    found = package.of_0_1_0()
    if found is None:
        pytest.skip("this tree has no history to build 0.1.0 from")
    shutil.copy(found, packages / "0.1.0.deb")
    return "0.1.0.deb"


@pytest.fixture
def machine(new):
    return new()


def identity(machine, *units):
    """What changes whenever one of them is started."""
    return [machine.show(unit, "InvocationID") for unit in units]


def unrefused(seen):
    """Every one was accepted; the repeat of one whose answer was lost is a duplicate."""
    return set(seen) <= {"202", "200"} and seen["202"] > 0


# --- from the start to the stop -----------------------------------------------------------

def test_start_and_stop(machine):
    machine.serve()
    assert machine.active(SOCKET, SERVICE) == [SOCKET, SERVICE]
    machine.delivered(machine.accept(3))
    machine.done(f"systemctl stop {USUAL}")
    assert machine.active(SOCKET, SERVICE) == []
    assert machine.show(SERVICE, "Result") == "success"
    assert machine.post() == {"502": 1}
    machine.done(f"systemctl start {USUAL}")
    machine.delivered(machine.accept(1))


def test_the_socket_starts_the_worker(machine):
    machine.serve().done(f"systemctl stop {SERVICE}")
    machine.delivered(machine.accept(1))
    assert machine.active(SERVICE) == [SERVICE]


@pytest.mark.parametrize("unit", ["leadrelay-relay.service", "leadrelay-once.service"])
def test_delivery_alone(machine, unit):
    machine.serve().done("touch /run/crm-down")
    ids = machine.accept(3)
    machine.done(f"systemctl stop {USUAL}; rm /run/crm-down")

    def delivered():                    # a round of its own does only what is due
        machine.done(f"systemctl start {unit}")
        return set(ids) <= set(machine.received())
    wait_until(delivered, "the leads at the CRM", 60, pause=.2)
    machine.done(f"systemctl stop {unit}")
    assert machine.show(unit, "Result") == "success"


# --- reload and restart --------------------------------------------------------------------

@pytest.mark.parametrize("verb", ["reload", "restart"])
def test_none_is_refused(machine, verb):
    machine.serve()
    load = machine.load(RATE)
    load.more()
    for _ in range(ROUNDS):
        machine.done(f"systemctl {verb} {SERVICE}")
        load.more(RATE // 2)
    seen = load.end()
    assert unrefused(seen), seen
    # and it still does what it is told
    machine.done(f"systemctl stop {SERVICE}")
    assert machine.show(SERVICE, "Result") == "success"
    assert len(machine.outbox()) == seen["202"] + seen.get("200", 0)


def test_killed_under_load(machine):
    """A kill -9 every second or so; systemd starts it again, and nginx asks again."""
    machine.done("mkdir -p /etc/systemd/system/leadrelay.service.d && "
                 "printf '[Service]\\nRestartSec=200ms\\n' "
                 ">/etc/systemd/system/leadrelay.service.d/soon.conf")
    machine.serve()
    load = machine.load(RATE / 5)
    load.more()
    for _ in range(ROUNDS):
        machine.done(f"systemctl kill --signal=KILL --kill-who=main {SERVICE}")
        load.more(100)
    seen = load.end()
    assert unrefused(seen), seen
    assert len(machine.outbox()) == seen["202"] + seen.get("200", 0)
    assert seen.get("200", 0) <= ROUNDS * 16


BAD = "printf '\\nnonsense = 1\\n' >>/etc/leadrelay/leadrelay.conf"
MENDED = "cp /srv/leadrelay.conf /etc/leadrelay/leadrelay.conf"


def test_restart_with_a_bad_configuration(machine):
    """It says so at once, and takes the mended one by itself."""
    machine.serve()
    socket = identity(machine, SOCKET)
    machine.done(f"{BAD}; systemctl restart {SERVICE}")
    assert machine.post() == {"503": 1}
    assert re.search(r"leadrelay.conf:\d+", machine.show(SERVICE, "StatusText"))
    assert machine.active(SOCKET, SERVICE) == [SOCKET, SERVICE]
    machine.done(MENDED)
    wait_until(lambda: machine.post() == {"202": 1}, "the mended configuration to be taken", 30)
    assert identity(machine, SOCKET) == socket
    assert machine.show(SERVICE, "NRestarts") == "0"


def test_reload_with_a_bad_configuration(machine):
    """Which is told by the exit status, and changes nothing."""
    machine.serve().done(BAD)
    assert machine.run(f"systemctl reload {SERVICE}").returncode != 0
    assert machine.post() == {"202": 1}
    machine.done(f"{MENDED}; systemctl reload {SERVICE}")
    assert machine.post() == {"202": 1}


@pytest.mark.parametrize("service", [SERVICE, "leadrelay-relay.service"])
def test_it_tells_how_it_is(machine, service):
    machine.serve().done(f"systemctl start {service}")
    assert machine.show(service, "Type") in ("notify", "notify-reload")
    assert machine.show(service, "StatusText") != ""
    assert machine.show(service, "WatchdogUSec") not in ("0", "")


def test_a_worker_that_stands_still_is_replaced(machine):
    """By the watchdog, whose time is made short here."""
    machine.done("mkdir -p /etc/systemd/system/leadrelay.service.d && "
                 "printf '[Service]\\nRestartSec=200ms\\nWatchdogSec=2s\\n' "
                 ">/etc/systemd/system/leadrelay.service.d/soon.conf")
    machine.serve()
    machine.done(f"systemctl kill --signal=STOP --kill-who=main {SERVICE}")
    assert machine.post() == {"202": 1}
    assert machine.show(SERVICE, "NRestarts") == "1"


# --- upgrade, removal, purge -----------------------------------------------------------------

ALL = (SERVICE, "leadrelay-relay.service", "leadrelay-once.timer")


def test_upgrade(machine):
    """What runs is run anew; the socket stays, and nobody is refused."""
    machine.serve().done("systemctl enable --now leadrelay-relay.service leadrelay-once.timer")
    socket, others = identity(machine, SOCKET), identity(machine, *ALL)
    load = machine.load(RATE)
    load.more()
    for name in ("2.deb", "2.deb"):
        machine.install(name)
        load.more()
    seen = load.end()
    assert unrefused(seen), seen
    assert identity(machine, SOCKET) == socket
    assert all(new != old for new, old in zip(identity(machine, *ALL), others))
    assert machine.active(SOCKET, *ALL) == [SOCKET, *ALL]


def test_upgrade_of_what_does_not_run(machine):
    """Neither an installation nor an upgrade starts what nobody has started."""
    machine.install("1.deb")
    assert machine.active(SOCKET, *ALL) == []
    machine.configure()
    machine.done("systemctl enable --now leadrelay-relay.service")
    machine.install("2.deb")
    assert machine.active(SOCKET, *ALL) == ["leadrelay-relay.service"]


def test_upgrade_from_0_1_0(old, machine):
    """With leads waiting: they are there afterwards, and go out once, in order."""
    machine.done("touch /run/crm-down")
    machine.serve(old)
    socket = identity(machine, SOCKET)
    before = machine.accept(10)
    load = machine.load(50)
    load.more()
    machine.install("2.deb")
    load.more()
    seen = load.end()
    assert unrefused(seen), seen
    assert machine.active(SOCKET, SERVICE) == [SOCKET, SERVICE]
    assert identity(machine, SOCKET) == socket
    rows = {row["id"]: row["state"] for row in machine.outbox()}
    assert set(before) <= set(rows) and len(rows) == 10 + seen["202"] + seen.get("200", 0)
    assert not set(rows.values()) - {"waiting", "sending"}
    machine.done("rm /run/crm-down")
    machine.delivered(rows)
    assert len(machine.received()) == len(rows)


def test_removal(machine):
    """Nothing answers any more, and nothing is lost."""
    machine.serve().done("touch /run/crm-down; systemctl enable --now leadrelay-once.timer")
    ids = machine.accept(3)
    machine.done("dpkg --remove leadrelay")
    assert machine.active(SOCKET, *ALL) == []
    assert machine.run("ps -u leadrelay -o pid=").stdout == ""
    assert machine.post() == {"502": 1}
    machine.done("test -e /etc/leadrelay/secret")
    machine.install("1.deb")
    assert {row["id"] for row in machine.outbox()} == set(ids)
    machine.done(f"rm /run/crm-down; systemctl enable --now {USUAL}")
    machine.delivered(ids)


def test_purge(machine):
    machine.serve().accept(1)
    machine.done("dpkg --purge leadrelay")
    assert machine.active(SOCKET, *ALL) == []
    assert machine.run("ps -u leadrelay -o pid=").stdout == ""
    assert machine.post() == {"502": 1}
    assert machine.done("ls -d /etc/leadrelay /var/lib/leadrelay /run/leadrelay 2>/dev/null || :") == ""
    assert machine.run("getent passwd leadrelay").returncode != 0
    assert machine.done("find /etc/systemd /var/lib/systemd -name '*leadrelay*'") == ""


@pytest.mark.parametrize("place", ["/var/lib/leadrelay", "/etc/leadrelay"])
def test_purge_of_a_mount_point(machine, place):
    """A file system of its own is emptied; what it is mounted on stays."""
    machine.install("1.deb")
    machine.done(f"mount -t tmpfs -o mode=750 none {place}; chown leadrelay: {place}")
    machine.configure()
    machine.done(f"systemctl enable --now {USUAL}")
    machine.accept(1)
    machine.done("dpkg --purge leadrelay")
    assert machine.done(f"ls -A {place}") == ""
    assert machine.run("dpkg-query -W leadrelay").returncode != 0
    assert machine.run("getent passwd leadrelay").returncode != 0
    (other,) = {"/var/lib/leadrelay", "/etc/leadrelay"} - {place}
    assert machine.run(f"test -e {other}").returncode != 0


def test_a_purge_that_cannot_empty_the_store_can_be_repeated(machine):
    """It leaves the configuration alone until the store is gone."""
    machine.serve().accept(1)
    machine.done(f"systemctl stop {USUAL}")
    machine.done("mount --bind /var/lib/leadrelay /var/lib/leadrelay && "
                 "mount -o remount,bind,ro /var/lib/leadrelay")
    done = machine.run("dpkg --purge leadrelay")
    assert done.returncode != 0 and "/var/lib/leadrelay" in done.stderr
    machine.done("test -e /var/lib/leadrelay/outbox.db && test -s /etc/leadrelay/secret")
    machine.done("umount /var/lib/leadrelay && dpkg --purge leadrelay")
    assert machine.done("ls -d /etc/leadrelay /var/lib/leadrelay 2>/dev/null || :") == ""


def test_purge_of_a_store_that_is_elsewhere(machine):
    """A link in its place: what it leads to is the store."""
    machine.done("mkdir -p /srv/store/more && touch /srv/store/outbox.db /srv/store/more/file && "
                 "ln -s /srv/store /var/lib/leadrelay")
    machine.install("1.deb")
    machine.done("dpkg --purge leadrelay")
    assert machine.done("find /srv/store -type f; ls -d /var/lib/leadrelay 2>/dev/null || :") == ""
