"""Every way behind Apache, with the repository's own files and the real Apache."""

import json
import os
import signal
import threading

import pytest

from harness import apache, leads, tokens
from harness.wait import wait_until

KB = 1024
HEADER_MAX = {"mod_fcgid": 62 * KB, "mod_proxy_fcgi": 64 * KB, "mod_cgid": 64 * KB}

# Door -> Apache's modules, our file, further directives outside the virtual host.
DOORS = {
    "mod_fcgid": (("fcgid",), "mod_fcgid.conf"),
    "mod_proxy_fcgi": (("proxy", "proxy_fcgi"), "mod_proxy_fcgi.conf"),
    "mod_cgid": (("cgid",), "mod_cgid.conf"),
}
STARTER = """\
#!/bin/sh
LEADRELAY_CONFIG={config}
export LEADRELAY_CONFIG
exec {program}
"""


def prepare(site):
    site.crm()
    site.settings["worker"]["log"] = f"file:{site.log}"
    site.settings["worker"].pop("socket_group", None)
    apache.hand_over(site)
    return site


def open_door(site, door, extra="", main=""):
    """Bring up Apache with this door's file; what ``extra`` says comes after it."""
    modules, name = DOORS[door]
    if not apache.has_module(*modules):
        pytest.skip(f"Apache has no {door}")
    if door == "mod_cgid":
        main += f"\nScriptSock {site.folder}/cgid.sock\n"
    if door == "mod_fcgid":
        main += (f"\nFcgidIPCDir {site.folder}/fcgid\n"
                 f"FcgidProcessTableFile {site.folder}/fcgid-table\n")
        ipc = site.folder / "fcgid"
        ipc.mkdir(exist_ok=True)
        ipc.chmod(0o777)
    prepare(site)
    if door == "mod_proxy_fcgi":
        if apache.front_user() is not None:
            site.settings["worker"]["socket_group"] = "www-data"
        site.start_worker()
    site.nginx = apache.Apache(site, modules, apache.shipped(site, name) + extra, main)
    return site


@pytest.fixture(params=DOORS)
def door(request, site):
    open_door(site, request.param)
    site.door = request.param
    return site


def deliver(site):
    """What cron does where nothing stays running."""
    done = site.command("relay", "--once")
    assert done.returncode == 0, done.stderr


def outcomes(site):
    wait_until(lambda: deliver(site) is None and set(site.states()) <= {"delivered", "held"},
               "the outbox to drain", 30, pause=.1)
    return site.states()


# --- what every door has to do --------------------------------------------------

def test_accepts_refuses_and_holds(door):
    crm = door.crms["crm"]
    payload = leads.payload()
    answer = door.post(payload)
    assert answer.status == 202, (answer, door.nginx.errors())
    assert door.post(payload).status == 200

    forged = tokens.sign(leads.payload(), b"another secret altogether")
    answer = door.post(token=forged)
    assert (answer.status, answer.problem) == (401, "token-signature")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    answer = door.request("POST", "/leadpro", [("Content-Type", "application/json")], payload)
    assert (answer.status, answer.problem) == (401, "token-missing")

    answer = door.post(leads.payload(email="no address"))
    assert answer.status == 422 and answer.json["errors"], answer
    assert door.request("GET", "/leadpro").status == 405
    assert outcomes(door) == {"delivered": 1, "held": 1}
    assert crm.bodies() == [payload]


@pytest.mark.parametrize("size", [7 * KB, 9 * KB, 15 * KB, 17 * KB, 33 * KB, 48 * KB, 62 * KB])
def test_large_tokens(door, size):
    payload = leads.payload_of_token_size(size)
    answer = door.post(payload)
    assert answer.status == 202, (answer, door.nginx.errors())
    assert outcomes(door) == {"delivered": 1}
    assert door.crms["crm"].bodies() == [payload]


@pytest.mark.parametrize("size", [65 * KB, 70 * KB, 100 * KB])
def test_beyond_the_limit_is_a_4xx(door, size):
    answer = door.request("POST", "/leadpro", [("Authorization", "Bearer " + "t" * size)])
    assert 400 <= answer.status < 500, answer
    assert door.post().status == 202


def test_a_chunked_body_cuts_no_answer(door):
    """Whose length nobody announces, so nobody knows how much there is to read."""
    for _ in range(12):
        payload = leads.payload()
        with door.client() as client:
            client.connection.request(
                "POST", "/leadpro", iter([payload, b"x" * 5000]), encode_chunked=True, headers={
                    "Transfer-Encoding": "chunked", "Authorization": door.sign(payload)})
            answer = client.connection.getresponse()
            assert answer.status == 202
            assert json.loads(answer.read())["status"] == "accepted"


def test_the_token_arrives_once(door):
    """A token that fills most of the space there is: a second copy would not fit."""
    payload = leads.payload_of_token_size(60 * KB)
    answer = door.post(payload, headers=[("User-Agent", "u" * 500), ("X-Other", "o" * 500)])
    assert answer.status == 202, (answer, door.nginx.errors())


def test_admin_pages(door):
    answer = door.request("GET", "/leadpro/healthz")
    assert answer.status == 200 and answer.json == {"status": "ok"}
    assert b"leadrelay_build_info" in door.request("GET", "/leadpro/metrics").body
    assert door.request("GET", "/leadpro/other/healthz").status == 404


def test_a_path_behind_the_location(door):
    payload = leads.payload()
    assert door.post(payload, path="/leadpro/oxford?list+--json").status == 202
    assert door.request("GET", "/leadpro?list+--json").status == 405
    assert outcomes(door) == {"delivered": 1}


# --- Apache's own comings and goings ----------------------------------------------

class Sender(threading.Thread):
    """Posts leads until told to stop; an answer that did not come is nobody's promise."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site = site
        self.finish = threading.Event()
        self.accepted = {}
        self.ours = []                  # 5xx that leadrelay gave
        self.theirs = 0                 # those Apache gave

    def run(self):
        while not self.finish.is_set():
            payload = leads.payload()
            try:
                answer = self.site.post(payload)
            except OSError:
                continue
            if answer.status == 202:
                self.accepted[answer.json["id"]] = payload
            elif answer.headers.get_content_type() == "application/problem+json":
                self.ours.append(answer)
            else:
                self.theirs += 1


def under_load(site, act, count=3):
    senders = [Sender(site) for _ in range(count)]
    for sender in senders:
        sender.start()
    try:
        act(lambda: sum(len(s.accepted) for s in senders))
    finally:
        for sender in senders:
            sender.finish.set()
        for sender in senders:
            sender.join(60)
    ours = [answer for s in senders for answer in s.ours]
    assert not ours, ours
    print(f"{sum(len(s.accepted) for s in senders)} accepted, "
          f"{sum(s.theirs for s in senders)} refused by Apache itself")
    return {event: body for s in senders for event, body in s.accepted.items()}


def assert_nothing_lost(site, accepted):
    assert {"delivered"} == set(outcomes(site))
    assert {row["id"] for row in site.list()} >= set(accepted)
    assert set(site.crms["crm"].bodies()) >= set(accepted.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", DOORS)
def test_graceful_restarts_under_load(site, name):
    open_door(site, name)

    def act(accepted):
        for _ in range(3):
            before = accepted()
            wait_until(lambda: accepted() > before + 20, "webhooks to be accepted", 30)
            site.nginx.graceful()
        before = accepted()
        wait_until(lambda: accepted() > before + 20, "webhooks after the restart", 30)
    assert_nothing_lost(site, under_load(site, act))


@pytest.mark.parametrize("name", ["mod_fcgid", "mod_cgid"])
def test_secrets_rotate_without_a_signal(site, name):
    """Each process takes the changed file by itself; nobody is refused on the way."""
    open_door(site, name)
    old, new = site.secret, b"another secret, long enough to be one"

    def post(secret):
        return site.post(token=tokens.sign(leads.payload(), secret)).status

    def change(*lines):
        """By a rename: a CGI request must not meet half a file."""
        fresh = site.folder / "secret.new"
        fresh.write_bytes(b"\n".join(lines) + b"\n")
        fresh.chmod(0o600)
        if apache.front_user() is not None:
            os.chown(fresh, apache.front_user().pw_uid, apache.front_user().pw_gid)
        fresh.replace(site.secret_file)

    def act(accepted):
        wait_until(lambda: accepted() > 10, "webhooks to be accepted", 30)
        change(old, new)
        taken = []

        def all_took_it():              # there are several processes
            taken.append(post(new))
            return taken[-20:] == [202] * 20
        wait_until(all_took_it, "the new secret to be taken", 30)
    assert_nothing_lost(site, under_load(site, act))
    change(new)
    wait_until(lambda: [post(old) for _ in range(8)] == [401] * 8, "the old secret to end", 30)
    assert post(new) == 202


def workers(site):
    """The processes that run this test's own copy of the program."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == str(site.folder / "leadrelay"):
                found.append(int(pid))
        except OSError:
            pass
    return found


def test_fcgid_ends_an_idle_worker(site):
    """SIGTERM, and SIGKILL a few seconds later to whoever has not gone: it has gone."""
    crm = site.crm(probe=["100ms"])
    crm.stop()
    open_door(site, "mod_fcgid", main="FcgidIdleScanInterval 1\nFcgidErrorScanInterval 1\n",
              extra="\nFcgidIdleTimeout 1\nFcgidMinProcessesPerClass 0\n")
    payload = leads.payload()
    assert site.post(payload).status == 202
    wait_until(lambda: workers(site) == [], "the idle worker to be ended", 30)
    assert "SIGKILL" not in site.nginx.errors() and "graceful kill fail" not in site.nginx.errors()
    crm.start()
    row, = site.list()
    assert row["state"] == "waiting"
    assert outcomes(site) == {"delivered": 1}
    assert crm.bodies() == [payload]


@pytest.mark.slow
def test_fcgid_workers_killed_under_load(site):
    """Apache's SIGKILL at any moment is a kill -9: what got its 202 is there."""
    open_door(site, "mod_fcgid")

    def act(accepted):
        for number in (signal.SIGTERM, signal.SIGKILL) * 3:
            before = accepted()
            wait_until(lambda: accepted() > before + 10, "webhooks to be accepted", 30)
            for pid in workers(site)[:1]:
                os.kill(pid, number)
        before = accepted()
        wait_until(lambda: accepted() > before + 10, "webhooks after the last kill", 30)
    assert_nothing_lost(site, under_load(site, act))


# --- .htaccess --------------------------------------------------------------------

HTACCESS_MAIN = """
LimitRequestFieldSize {limit}
<Directory {folder}/htdocs/leadpro>
	AllowOverride Options AuthConfig FileInfo
</Directory>
"""


def open_htaccess(site, module, suffix, limit=64000):
    if not apache.has_module(module):
        pytest.skip(f"Apache has no mod_{module}")
    prepare(site)
    web = site.folder / "htdocs" / "leadpro"
    web.mkdir(parents=True)
    (web / ".htaccess").write_text(apache.shipped(site, "htaccess"))
    starter = web / f"leadrelay.{suffix}"
    starter.write_text(STARTER.format(config=site.config, program=apache.program_for(site)))
    starter.chmod(0o755)
    (web / "secret").write_text("a secret that somebody put here by mistake\n")
    main = HTACCESS_MAIN.format(folder=site.folder, limit=limit)
    if module == "cgid":
        main += f"ScriptSock {site.folder}/cgid.sock\n"
    else:
        ipc = site.folder / "fcgid"
        ipc.mkdir()
        ipc.chmod(0o777)
        main += (f"FcgidIPCDir {ipc}\nFcgidProcessTableFile {site.folder}/fcgid-table\n")
    site.nginx = apache.Apache(site, (module,), "", main)
    site.path = f"/leadpro/leadrelay.{suffix}"
    return site


@pytest.mark.parametrize("module, suffix", [("cgid", "cgi"), ("fcgid", "fcgi")])
def test_htaccess(site, module, suffix):
    open_htaccess(site, module, suffix)
    for size in (2 * KB, 9 * KB, 48 * KB):
        payload = leads.payload_of_token_size(size)
        answer = site.post(payload, path=site.path)
        assert answer.status == 202, (answer, site.nginx.errors())
    forged = tokens.sign(leads.payload(), b"another secret altogether")
    assert site.post(token=forged, path=site.path).problem == "token-signature"
    assert site.post(leads.payload(email=""), path=site.path).status == 422
    assert site.request("GET", "/leadpro/secret").status == 403
    assert site.request("GET", "/leadpro/.htaccess").status == 403
    assert site.request("GET", site.path + "/healthz").status == 404
    assert outcomes(site) == {"delivered": 3, "held": 1}


def test_htaccess_where_the_limit_was_not_raised(site):
    """A long token never reaches us: Apache's own 400, and the short ones go on."""
    open_htaccess(site, "cgid", "cgi", limit=8190)
    answer = site.post(leads.payload_of_token_size(8000), path=site.path)
    assert answer.status == 202, (answer, site.nginx.errors())
    answer = site.post(leads.payload_of_token_size(9000), path=site.path)
    assert answer.status == 400
    assert answer.headers.get_content_type() == "text/html"


def test_htaccess_refuses_a_store_inside_the_web_root(site):
    inside = site.folder / "htdocs" / "leadpro" / "store"
    site.settings["store"]["url"] = f"sqlite:{inside}/outbox.db"
    open_htaccess(site, "cgid", "cgi")
    answer = site.post(path=site.path)
    assert (answer.status, answer.problem) == (503, "configuration"), answer
    assert not inside.exists()
