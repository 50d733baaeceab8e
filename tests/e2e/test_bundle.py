"""The bundle for shared hosting: unpacked where there is nothing but a shell.

A root folder is made with a static shell and a few devices, no library, no
/etc but a hosts file, and the bundle is uploaded into a home folder in it.
"""

import json
import os
import pathlib
import pwd
import shutil
import socket
import stat
import subprocess
import tarfile

import pytest

from harness import fcgi, leads, pki, tokens
from harness.crm import Crm
from harness.http import Client
from harness.process import Process
from harness.site import PROGRAM
from harness.wait import wait_until

BUSYBOX = pathlib.Path("/bin/busybox")
USER = 61234                            # of no account
SECRET = b"a-signing-secret-of-enough-bytes"
HOME = "/home/agency"
WEB = f"{HOME}/public_html"
FRONT = f"{WEB}/leadpro"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root"),
    pytest.mark.skipif("LEADRELAY_SANITIZER" in os.environ,
                       reason="a sanitizer's build is not what gets shipped"),
    pytest.mark.usefixtures("system"),
]


@pytest.fixture(scope="module")
def bundle():
    made = subprocess.run(["make", "-C", PROGRAM.parent, "bundle"], capture_output=True,
                          check=False, text=True)
    assert made.returncode == 0, made.stdout[-2000:] + made.stderr[-2000:]
    found = list(PROGRAM.parent.glob("leadrelay-*-linux.tar.gz"))
    assert len(found) == 1
    return found[0]


class Host:
    """A bare root with the bundle uploaded, as its second and third line tell."""

    def __init__(self, folder, bundle, user=USER):
        self.user = user
        self.root = folder / "root"
        self.home = self.root / HOME[1:]
        self.front = self.root / FRONT[1:]
        self.front.parent.mkdir(parents=True)
        with tarfile.open(bundle) as archive:
            archive.extractall(self.home)
        self.leadrelay = self.home / "leadrelay"
        shutil.copytree(self.leadrelay / "web", self.front)
        (self.leadrelay / "secret").write_bytes(SECRET + b"\n")
        self.own()

    def own(self):
        for path in [self.home, *self.home.rglob("*")]:
            os.chown(path, self.user, self.user)

    def configure(self, old, new):
        path = self.leadrelay / "leadrelay.conf"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def run(self, line, env=None, stdin=b"", cwd=HOME):
        """A shell line as the user, with nothing in the environment but ``env``."""
        return subprocess.run(
            ["/usr/sbin/chroot", f"--userspec={self.user}:{self.user}", "--groups=", self.root,
             "/bin/sh", "-c", f"cd {cwd} && {line}"],
            env=env or {}, input=stdin, capture_output=True, timeout=60, check=False)

    def request(self, token, line="exec ./leadrelay.cgi", **more):
        env = fcgi.webhook(f"Bearer {token}", body=b"{}", uri="/leadpro/leadrelay.cgi",
                           DOCUMENT_ROOT=WEB, **more)
        answer = fcgi.Answer()
        done = self.run(line, env, b"{}", FRONT)
        answer.stdout, answer.stderr = done.stdout, done.stderr
        return answer


@pytest.fixture
def host(folder, bundle):
    made = Host(folder, bundle)
    (made.root / "bin").mkdir()
    (made.root / "dev").mkdir()
    (made.root / "etc").mkdir()
    if not BUSYBOX.exists():
        pytest.skip("a static shell is needed: busybox-static")
    shutil.copy(BUSYBOX, made.root / "bin/sh")
    try:
        for name, device in (("null", (1, 3)), ("urandom", (1, 9))):
            path = made.root / "dev" / name
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(*device))
            path.chmod(0o666)
    except PermissionError:
        pytest.skip("devices cannot be made here")
    (made.root / "etc/hosts").write_text("127.0.0.1 crm.example\n")
    # as on Fedora; the first module is not there
    (made.root / "etc/nsswitch.conf").write_text("hosts: resolve [!UNAVAIL=return] files dns\n")
    return made


def token(payload):
    return tokens.sign(payload, SECRET)


def test_size_and_layout(bundle):
    assert bundle.stat().st_size < 15_000_000
    with tarfile.open(bundle) as archive:
        members = {member.name: member for member in archive.getmembers()}
    assert all(name.split("/")[0] == "leadrelay" for name in members)
    assert not [name for name, member in members.items()
                if member.issym() or member.mode & 0o022]
    for name in ("secret", "leadrelay.conf"):
        assert members[f"leadrelay/{name}"].mode == 0o600
    assert members["leadrelay/secret"].size == 0
    for name in (".htaccess", "READ-ME-FIRST", "web/.htaccess", "web/leadrelay.cgi",
                 "web/leadrelay.fcgi", "lib/libcurl.so.4", "lib/libjq.so.1", "lib/libc.so.6",
                 "lib/cacert.pem", "licences/libc6", "crm/hubspot.jq"):
        assert f"leadrelay/{name}" in members


def test_request_to_delivery_in_a_bare_root(host, folder):
    """By name and over TLS, proven by an authority of the bundle's own; and libjq judges."""
    authority = pki.Authority(folder)
    crm = Crm(pki.server(*authority.issue("crm", host="DNS:crm.example")))
    host.configure("https://crm.example/api/leads", f"https://crm.example:{crm.port}/api/leads")
    host.configure("	#when = ", "	when = ")
    with open(host.leadrelay / "lib/cacert.pem", "ab") as authorities:
        authorities.write(authority.file.read_bytes())
    first, second = leads.payload(), leads.payload()

    answer = host.request(token(first))
    assert answer.status == 202, answer.stdout + answer.stderr
    # suexec starts it in its folder, and by a name without a slash
    answer = host.request(token(second), "exec /bin/sh leadrelay.cgi")
    assert answer.status == 202, answer.stdout + answer.stderr
    assert host.request("a.b.c").status == 401

    def delivered():
        done = host.run("leadrelay/leadrelay relay --once")
        assert (done.returncode, done.stdout) == (0, b""), done.stderr
        return len(crm.bodies()) >= 2

    wait_until(delivered, "both leads at the destination")
    assert sorted(crm.bodies()) == sorted([first, second])

    def states():
        listed = host.run("leadrelay/leadrelay list --json")
        return [json.loads(line)["state"] for line in listed.stdout.splitlines()]

    # A request's own child may have had them both, and still be writing that down.
    wait_until(lambda: states() == ["delivered"] * 2, "both to be on record as delivered")
    crm.stop()


def test_the_outbox_is_nobody_elses_and_not_in_the_web_root(host):
    assert host.request(token(leads.payload())).status == 202
    store = host.leadrelay / "store"
    assert stat.S_IMODE(store.stat().st_mode) == 0o700
    assert stat.S_IMODE((store / "outbox.db").stat().st_mode) == 0o600
    assert sorted(path.name for path in host.front.iterdir()) == \
        [".htaccess", "leadrelay.cgi", "leadrelay.fcgi"]


def test_without_a_secret_nothing_is_accepted(host):
    (host.leadrelay / "secret").write_bytes(b"")
    answer = host.request(token(leads.payload()))
    assert answer.status == 503
    assert b"secret" in answer.stderr and b"leadrelay" not in answer.body.replace(b"urn:leadrelay:", b"")


def test_uploaded_into_the_web_root_it_refuses(host):
    shutil.move(host.leadrelay, host.front.parent / "leadrelay")
    assert host.request(token(leads.payload())).status == 503
    assert not (host.front.parent / "leadrelay/store").exists()


def test_somebody_elses_folder_is_not_run(host):
    os.chown(host.leadrelay / "bin/leadrelay", USER + 1, USER + 1)
    answer = host.request(token(leads.payload()))
    assert answer.status == 503
    assert json.loads(answer.body)["type"] == "urn:leadrelay:problem:configuration"


def test_modes_lost_by_an_upload_are_put_back(host):
    shutil.copy(BUSYBOX, host.root / "bin/chmod")
    for path in host.leadrelay.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
    answer = host.request(token(leads.payload()))
    assert answer.status == 202, answer.stdout + answer.stderr
    assert stat.S_IMODE((host.leadrelay / "secret").stat().st_mode) == 0o600


def test_a_query_is_no_command(host):
    done = host.request(token(leads.payload()), "exec ./leadrelay.cgi list --json",
                        QUERY_STRING="list+--json")
    assert done.status == 202
    listed = host.run("leadrelay/leadrelay list --json")
    assert len(listed.stdout.splitlines()) == 1


# --- behind the real Apache ----------------------------------------------------------

MODULES = pathlib.Path("/usr/lib/apache2/modules")
APACHE = """
ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache-error.log
ServerName localhost
Listen 127.0.0.1:{port}
User {user}
Group {user}
{modules}
TypesConfig /dev/null
ScriptSock {folder}/cgid.sock
FcgidIPCDir {folder}/fcgid
FcgidProcessTableFile {folder}/fcgid.shm
LimitRequestFieldSize 65536
DocumentRoot {web}
<Directory />
	Require all denied
</Directory>
<Directory {web}>
	AllowOverride All
	Require all granted
</Directory>
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def apache(folder, bundle):
    program = shutil.which("apache2", path="/usr/sbin:/usr/bin")
    wanted = ("mpm_event", "authz_core", "mime", "setenvif", "env", "cgid", "fcgid")
    if program is None or not all((MODULES / f"mod_{name}.so").exists() for name in wanted):
        pytest.skip("Apache with mod_fcgid is needed")
    account = pwd.getpwnam("www-data")      # mod_unixd wants a user with a name
    host = Host(folder, bundle, account.pw_uid)
    (folder / "fcgid").mkdir()
    os.chown(folder / "fcgid", account.pw_uid, account.pw_gid)
    port = free_port()
    (folder / "apache.conf").write_text(APACHE.format(
        folder=folder, port=port, user=account.pw_name, web=host.front.parent,
        modules="\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in wanted)))
    process = Process([program, "-DFOREGROUND", "-f", folder / "apache.conf"],
                      folder / "apache.log")
    host.client = lambda: Client(port)

    def up():
        assert process.running, (folder / "apache-error.log").read_text()
        try:
            with host.client() as client:
                client.request("GET", "/")
            return True
        except OSError:
            return False

    wait_until(up, "Apache to listen")
    yield host
    process.stop()
    print((folder / "apache-error.log").read_text())    # shown when the test failed


@pytest.mark.parametrize("name", ["leadrelay.cgi", "leadrelay.fcgi"])
def test_behind_apache(apache, name):
    payload = leads.payload_of_token_size(48_000)
    headers = [("Authorization", f"Bearer {token(payload)}"), ("Content-Type", "application/json")]
    with apache.client() as client:
        answer = client.request("POST", f"/leadpro/{name}", headers, b"{}")
        assert answer.status == 202, answer
        answer = client.request("POST", f"/leadpro/{name}", headers, b"{}")
        assert answer.status == 200, answer
        answer = client.request("POST", f"/leadpro/{name}", [], b"{}")
        assert (answer.status, answer.problem) == (401, "token-missing")


def test_apache_serves_nothing_of_the_folder(apache):
    (apache.front / "notes.txt").write_text("mine")
    shutil.copytree(apache.leadrelay, apache.front.parent / "leadrelay")
    for path in (apache.front.parent / "leadrelay").rglob("*"):
        path.chmod(0o755)
    with apache.client() as client:
        for path in ("/leadpro/notes.txt", "/leadpro/.htaccess", "/leadrelay/secret",
                     "/leadrelay/leadrelay.conf", "/leadrelay/bin/leadrelay"):
            assert client.request("GET", path).status == 403, path
