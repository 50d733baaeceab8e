"""Started as root: what is made then is whose it will be, and nobody stays root."""

import os
import pwd
import signal
import stat
import subprocess

import pytest

from harness import apache, fcgi, leads
from harness.crm import NEVER, Reply
from harness.site import environment
from harness.wait import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave root")

NAME = "www-data"


class Place:
    """A site whose configuration and folders belong to somebody who is not root."""

    def __init__(self, site):
        self.site = site
        self.user = pwd.getpwnam(NAME)
        self.program = apache.program_for(site)
        self.logs = site.folder / "logs"
        self.log = self.logs / "log"
        self.run = site.folder / "run"
        site.socket = self.run / "worker.sock"
        site.settings["worker"]["log"] = f"file:{self.log}"
        site.settings["worker"].pop("socket_group")
        site.crm()
        for path in (self.logs, self.run):
            path.mkdir()
            self.give(path)
        self.give(site.secret_file)
        self.write()

    def give(self, path):
        os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def write(self):
        self.site.write_config()
        self.give(self.site.config)

    def owned_folder(self):
        """The store's folder, and so the owner, is there."""
        self.site.store.parent.mkdir(mode=0o700)
        self.give(self.site.store.parent)

    def named_user(self):
        """There is no folder yet, and the configuration names the user."""
        self.site.settings["worker"]["user"] = NAME
        self.write()

    def serve(self, wrap=()):
        self.site.worker = self.site.spawn(
            [*wrap, self.program, "--config", self.site.config, "serve", "--listen",
             f"unix:{self.site.socket}"])
        self.site.wait_for_worker()
        return self.site.worker

    def serve_as_user(self):
        return self.serve(["setpriv", f"--reuid={self.user.pw_uid}",
                           f"--regid={self.user.pw_gid}", "--clear-groups"])

    def check(self, *paths):
        for path in paths:
            assert path.stat().st_uid == self.user.pw_uid, path
            assert path.stat().st_gid == self.user.pw_gid, path

    def check_folder(self):
        folder = self.site.store.parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        self.check(folder, *folder.iterdir())


@pytest.fixture
def place(site):
    return Place(site)


def identities(pid):
    """All user and group numbers that a process has; none when it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as text:
            lines = dict(line.rstrip("\n").split(":", 1) for line in text)
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return {int(word) for key in ("Uid", "Gid", "Groups") for word in lines[key].split()}


def with_descendants(pid):
    found = [pid]
    for child in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            with open(f"/proc/{child}/stat", encoding="ascii", errors="replace") as text:
                if int(text.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found += with_descendants(child)
        except OSError:
            pass
    return found


def check_nobody_is_root(pid):
    for one in with_descendants(pid):
        assert 0 not in identities(one), one


@pytest.mark.parametrize("whose", ["owned_folder", "named_user"])
def test_a_worker(place, whose):
    """Log, socket and store can be used by the one who goes on, and starts again."""
    site = place.site
    site.crm(when="true")
    place.write()
    getattr(place, whose)()
    told = site.folder / "logs" / "told"
    site.settings["alert"] = {"command": f"id -u >{told}.part; mv {told}.part {told}"}
    site.crms["crm"].script.append(Reply(422))
    place.write()
    worker = place.serve()
    site.accept(leads.payload())
    wait_until(told.exists, "the alert")
    assert told.read_text() == f"{place.user.pw_uid}\n"
    check_nobody_is_root(worker.pid)
    place.check(place.log, site.socket, told)
    place.check_folder()

    former = place.logs / "log.1"
    place.log.rename(former)
    worker.send(signal.SIGHUP)
    wait_until(place.log.exists, "the log")
    place.check(place.log)

    # As the real user from the beginning, and in the dead socket's place.
    worker.kill()
    worker = place.serve_as_user()
    site.accept(leads.payload())
    site.crms["crm"].wait_count(2)
    assert "Permission denied" not in place.log.read_text() + site.log.read_text()
    assert worker.stop() == 0


@pytest.mark.parametrize("command", ["serve", "relay"])
def test_root_asks_who_left_root(place, command):
    place.owned_folder()
    process = place.serve() if command == "serve" else place.site.spawn(
        [place.program, "--config", place.site.config, command])
    wait_until(lambda: identities(process.pid) == {place.user.pw_uid, place.user.pw_gid} and
               place.log.exists(), "the worker to be its store's owner")

    def ask():
        done = place.site.command(command, "--reload", process.pid)
        return done.returncode, done.stderr
    assert wait_until(lambda: ask() == (0, b""), "the relay to take questions")
    good = place.site.config.read_text()
    place.site.config.write_text(good + "nonsense {\n")
    status, words = ask()
    assert status == 78 and b"not taken" in words
    place.site.config.write_text(good)
    assert ask() == (0, b"")


def test_root_asks_who_leaves_root_by_it(place):
    place.owned_folder()
    good = place.site.config.read_text()
    place.site.config.write_text(good + "nonsense {\n")
    worker = place.serve()
    assert 0 in identities(worker.pid)
    place.site.config.write_text(good)
    done = place.site.command("serve", "--reload", worker.pid)
    assert (done.returncode, done.stderr) == (0, b"")
    check_nobody_is_root(worker.pid)


def test_a_relay(place):
    site = place.site
    place.named_user()
    site.settings["worker"]["relay"] = False
    place.write()
    place.serve()
    wait_until(place.log.exists, "the log")
    site.worker.stop()
    place.log.unlink()
    place.serve_as_user()
    wait_until(place.log.exists, "the log")
    place.log.unlink()
    site.crms["crm"].default = Reply(fault=NEVER)
    site.accept(leads.payload())
    relay = site.spawn([place.program, "--config", site.config, "relay"])
    site.crms["crm"].wait_count(1)
    check_nobody_is_root(relay.pid)
    wait_until(place.log.exists, "the log")
    place.check(place.log)
    place.check_folder()


def test_a_request(place):
    site = place.site
    place.named_user()
    payload = leads.payload()
    done = subprocess.run(
        [str(place.program)], capture_output=True, timeout=60, check=False, env=environment({
            "REQUEST_METHOD": "POST", "REQUEST_URI": "/leadpro", "CONTENT_LENGTH": "0",
            "HTTP_AUTHORIZATION": site.sign(payload), "LEADRELAY_CONFIG": str(site.config)}))
    assert b"Status: 202" in done.stdout, done
    site.crms["crm"].wait_count(1)
    place.check(place.log)
    place.check_folder()


def test_the_folders_owner_goes_first(place):
    place.owned_folder()
    place.site.settings["worker"]["user"] = "nobody"
    place.write()
    worker = place.serve()
    wait_until(lambda: identities(worker.pid) == {place.user.pw_uid, place.user.pw_gid},
               "the worker to be its store's owner")


def test_a_user_that_is_not_there(place):
    place.site.settings["worker"]["user"] = "nobody-like-this"
    place.write()
    for words in (["relay", "--once"], ["list"]):
        done = place.site.command(*words)
        assert done.returncode == 78, done
        assert b"there is no user nobody-like-this" in done.stderr
    done = place.site.command("check")
    assert done.returncode == 78 and b"there is no user nobody-like-this" in done.stdout
    assert not place.site.store.parent.exists()


@pytest.mark.parametrize("mode", [0o700, 0o755])
@pytest.mark.parametrize("begun", [False, True])
def test_a_user_and_a_folder_of_roots(place, mode, begun):
    """Nobody but root can put that right; the words say how, and doing it helps at once."""
    site = place.site
    folder = site.store.parent
    folder.mkdir(mode=mode)
    folder.chmod(mode)
    if begun:                           # by root, before the user was named
        site.settings["worker"]["log"] = "stderr"
        site.start_worker()
        site.accept(leads.payload())
        assert site.worker.stop() == 0
        site.settings["worker"]["log"] = f"file:{place.log}"
    place.named_user()
    cure = next(words for words in (f"chown -R {NAME} {folder}",
                                    f"install -d -m 0700 -o {NAME} {folder}")
                if words.encode() in site.command("check").stdout)
    place.serve()
    assert fcgi.ask(site.socket, fcgi.webhook(site.sign(leads.payload()))).status == 503
    told = f"chown -R {NAME} {folder}"
    wait_until(lambda: place.log.exists() and told in place.log.read_text(), "the log")
    assert told.encode() in site.command("relay", "--once").stderr
    subprocess.run(cure.split(), check=True)
    wait_until(lambda: fcgi.ask(site.socket, fcgi.webhook(site.sign(
        leads.payload()))).status == 202, "the outbox")
    done = site.command("check")
    assert b"opened and written to" in done.stdout, done
    assert {path.stat().st_uid for path in (folder, *folder.iterdir())} == {place.user.pw_uid}


def test_a_folder_that_others_use(place):
    """There chown would take it from them."""
    folder = place.site.store.parent
    folder.mkdir(mode=0o755)
    (folder / "others").mkdir()
    place.named_user()
    done = place.site.command("relay", "--once")
    assert done.returncode in (73, 74)
    assert b"chown" not in done.stderr and b"a folder of its own" in done.stderr


def test_the_socket_of_a_group(place):
    site = place.site
    place.owned_folder()
    site.settings["worker"]["socket_group"] = "daemon"
    place.write()
    place.serve()
    wait_until(lambda: site.socket.stat().st_uid == place.user.pw_uid, "the socket to be given")
    status = site.socket.stat()
    assert stat.S_IMODE(status.st_mode) == 0o660 and status.st_gid != place.user.pw_gid
    assert fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405
