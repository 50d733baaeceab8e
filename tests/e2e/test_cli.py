"""The command line in detail: streams, exit statuses, shapes, and foreign bytes."""

import json
import os
import pwd
import re
import signal
import shutil
import subprocess
import time

import pytest

from harness import fcgi, leads
from harness.crm import Reply
from harness.nginx import free_port
from harness.site import PROGRAM, environment
from harness.wait import wait_until

COMMANDS = ["serve", "relay", "check", "send", "list", "show", "retry", "release", "discard",
            "stats", "schema"]
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"     # an id that no event has
# What a terminal would act on: C0 but for line ends, DEL, C1, marks that turn text round.
UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def up(site):
    site.crm()
    return site.start()


def run(*words, program=PROGRAM, **more):
    return subprocess.run([str(program), *map(str, words)], capture_output=True, timeout=60,
                          check=False, env=environment(), stdin=subprocess.DEVNULL, **more)


def hook(site):
    return f"http://127.0.0.1:{site.nginx.port}/leadpro"


def post(site, payload, status=202):
    answer = site.post(payload)
    assert answer.status == status, answer
    return answer.json["id"]


# --- streams and usage -------------------------------------------------------

@pytest.mark.parametrize("words", [["--help"], ["--version"]] + [[c, "--help"] for c in COMMANDS]
                         + [["--help", c] for c in COMMANDS], ids=" ".join)
def test_help_is_data(words):
    done = run(*words)
    assert done.returncode == 0
    assert done.stdout and done.stderr == b""
    assert max(map(len, done.stdout.decode().splitlines())) <= 200


def test_version():
    lines = run("--version").stdout.decode().splitlines()
    assert re.fullmatch(r"leadrelay \d+\.\d+\.\d+", lines[0])
    names = ["fcgi", "json-c", "libjwt", "libcurl", "sqlite", "libconfuse", "openssl"]
    assert len(lines) == 1 + len(names)
    for name, line in zip(names, lines[1:]):
        assert line.lower().startswith(name) and re.search(r"\d", line), line


@pytest.mark.parametrize("words, hint", [
    (["lst"], "did you mean list?"),
    (["stat"], "did you mean stats?"),
    (["help"], "did you mean --help?"),
    (["list", "--stat", "dead"], "did you mean --state?"),
    (["list", "--limits=3"], "did you mean --limit?"),
    (["list", "--json", "--json"], "given twice"),
    (["list", "--json=1"], "takes no value"),
    (["list", "--state"], "--state STATE"),
    (["send", "http://localhost/", "--count", "0"], "from 1 to"),
    (["send", "http://localhost/", "--concurrency", "257"], "from 1 to 256"),
    (["send", "http://localhost/", "--count", "99999999999999999999"], "from 1 to"),
    (["send", "http://localhost/", "--id", "9007199254740992"], "9007199254740991"),
    (["send", "http://localhost/", "--id", "1", "--file", "x"], "--id"),
    (["send", "crm.example"], "http://"),
    (["send", "http://localhost@crm.example/"], "user name"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_usage_says_what_is_meant(site, words, hint):
    site.crm()
    site.write_config()
    done = site.command(*words)
    assert done.returncode == 64, done
    assert done.stdout == b"" and hint in done.stderr.decode()


def test_config_before_and_behind_the_command(site):
    site.crm()
    site.write_config()
    config = str(site.config)
    for words in (["--config", config, "list"], [f"--config={config}", "list"],
                  ["list", "--config", config], ["list", "--json", f"--config={config}"]):
        assert run(*words).returncode == 66, words     # read, and no outbox yet
    assert run("list", "--config", config + ".not").returncode == 78


def test_a_full_disk_is_no_success():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(PROGRAM), "schema"], stdout=full, stderr=subprocess.PIPE,
                              check=False)
    assert done.returncode == 74 and done.stderr


# --- list and show -----------------------------------------------------------

def test_list_as_json(up):
    up.crms["crm"].script.append(Reply(422, b"no such office"))
    dead = post(up, leads.payload())
    up.wait_states(dead=1)
    held = post(up, leads.payload(email="nobody"), 422)
    by_id = {row["id"]: row for row in up.list()}
    keys = {"id", "source", "lead", "event", "sequence", "received_at", "destination", "state",
            "attempts", "last_status", "reason", "due_at", "blocked", "settled_at", "record"}
    assert all(set(row) == keys for row in by_id.values())
    row = by_id[dead]
    assert (row["state"], row["last_status"], row["attempts"]) == ("dead", 422, 1)
    assert row["reason"] and row["blocked"] is False and row["due_at"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["settled_at"])
    row = by_id[held]
    assert (row["state"], row["destination"], row["attempts"]) == ("held", None, 0)


def test_list_is_limited_and_says_so(up):
    for _ in range(3):
        post(up, leads.payload())
    up.wait_states(delivered=3)
    done = up.command("list", "--limit", "2", "--json")
    assert len(done.stdout.splitlines()) == 2 and b"--limit" in done.stderr
    done = up.command("list", "--limit", "3", "--json")
    assert len(done.stdout.splitlines()) == 3 and done.stderr == b""
    done = up.command("list", "--state", "dead")
    assert (done.returncode, done.stdout) == (0, b"") and done.stderr


def test_a_program_that_reads_the_list_gets_all_of_it(up):
    for _ in range(110):
        post(up, leads.payload())
    for options in (["--json"], ["--json", "--limit", "0"], ["--limit", "0"]):
        done = up.command("list", *options)
        lines = done.stdout.splitlines()
        assert len(lines) - ("--json" not in options) == 110 and done.stderr == b""
    assert len(up.command("list").stdout.splitlines()) == 111      # a pipe is no terminal


def test_list_lines_up(up):
    up.crms["crm"].script += [Reply(422), Reply(200)]
    first = post(up, leads.payload(7))
    up.wait_states(dead=1)
    second = post(up, leads.payload(7000000))
    up.wait_states(dead=1, delivered=1)
    head, *rows = up.command("list").stdout.decode().splitlines()
    at = head.index(" ID") + 1
    assert sorted(row[at:at + 36] for row in rows) == sorted([first, second])
    assert all(row[head.index("DESTINATION"):].startswith("crm") for row in rows)


def test_nothing_foreign_reaches_the_terminal(up):
    """Neither a lead nor a CRM may write to the screen of whoever looks into it."""
    nasty = "\x1b[2J\x9b31m\u202egnp.exe\x7f"
    up.crms["crm"].script.append(Reply(422, nasty.encode()))
    dead = post(up, leads.payload(message=nasty))
    up.wait_states(dead=1)
    held = post(up, leads.payload(email=nasty), 422)
    bytes_only = up.sign(b'{"event":"lead.created","data":{"id":1}}\x1b[2J\xff')
    answer = up.post(b"{}", token=bytes_only)
    assert answer.status == 400
    for event in (dead, held, answer.json["id"]):
        for words in (["show", event], ["show", event, "--json"], ["list"], ["list", "--json"],
                      ["stats"]):
            text = up.command(*words).stdout.decode()       # always UTF-8
            assert not UNFIT.search(text), words
    shown = json.loads(up.command("show", dead, "--json").stdout)
    assert shown["payload"]["data"]["message"] == nasty


def test_show(up):
    up.crms["crm"].script += [Reply(503, b"busy"), Reply(200, b"fine")]
    payload = leads.payload(average_sale_estimation=1.5)
    payload = payload.replace(b":1.5", b":1.50e3")
    event = post(up, payload)
    up.wait_states(delivered=1)
    text = up.command("show", event).stdout.decode()
    assert "1.50e3" in text and "rbranson@virgin.com" in text
    for word in (event, "HTTP 503", "busy", "HTTP 200", "fine", "attempt 1", "attempt 2"):
        assert word in text
    line, = up.command("show", event, "--json").stdout.splitlines()
    assert b"1.50e3" in line
    shown = json.loads(line)
    assert shown["payload"] == json.loads(payload)
    delivery, = shown["deliveries"]
    assert (delivery["destination"], delivery["state"]) == ("crm", "delivered")
    assert [a["status"] for a in delivery["attempts"]] == [503, 200]
    assert [a["answer"] for a in delivery["attempts"]] == ["busy", "fine"]


def test_show_of_a_held_one(up):
    held = post(up, leads.payload(email="nobody"), 422)
    shown = json.loads(up.command("show", held, "--json").stdout)
    assert (shown["state"], shown["hold"], shown["deliveries"]) == ("held", "rules", [])
    assert shown["violations"][0]["pointer"] == "#/data/email"
    assert "#/data/email" in up.command("show", held).stdout.decode()


# --- retry, release, discard -------------------------------------------------

def test_acts_on_what_is_not_there(up):
    event = post(up, leads.payload())
    up.wait_states(delivered=1)
    for verb in ("retry", "release", "discard"):
        done = up.command(verb, NOBODY)
        assert done.returncode == 66 and NOBODY in done.stderr.decode(), done
        assert up.command(verb, "no-id").returncode == 66
        assert up.command(verb, event, "--destination", "elsewhere").returncode == 66
        done = up.command(verb, event)
        assert done.returncode == 1 and "delivered" in done.stderr.decode(), done
        assert done.stdout == b""


def test_one_unknown_id_among_others(up):
    """The others are done; the status tells of the unknown one."""
    held = [post(up, leads.payload(email="nobody"), 422) for _ in range(2)]
    done = up.command("release", held[0], NOBODY, held[1])
    assert done.returncode == 66, done
    assert len(done.stdout.splitlines()) == 2
    up.wait_states(delivered=2)


def test_release_wakes_the_relay(up):
    held = post(up, leads.payload(email="nobody"), 422)
    start = time.monotonic()
    assert up.command("release", held).returncode == 0
    up.crms["crm"].wait_count(1)
    assert time.monotonic() - start < 5


def test_superseded(up):
    lead = leads.next_id()
    held = post(up, leads.payload(lead, email="nobody"), 422)
    newer = post(up, leads.payload(lead))
    up.wait_states(held=1, delivered=1)
    done = up.command("release", held)
    assert done.returncode == 1 and f"superseded by {newer}" in done.stderr.decode(), done
    assert up.states() == {"held": 1, "delivered": 1}
    assert up.command("release", held, "--force").returncode == 0
    up.wait_states(delivered=2)


def test_discard_settles_what_needed_a_person(up):
    held = post(up, leads.payload(email="nobody"), 422)
    up.crms["crm"].script.append(Reply(422))
    dead = post(up, leads.payload())
    up.wait_states(held=1, dead=1)
    assert up.command("stats").returncode == 1
    assert up.command("discard", held, dead).returncode == 0
    assert up.states() == {"discarded": 2}
    assert up.command("stats").returncode == 0
    assert up.command("discard", held).returncode == 1


# --- stats -------------------------------------------------------------------

def test_stats_tells_what_waits_and_what_to_type(up):
    up.crms["crm"].stop()
    post(up, leads.payload())
    held = post(up, leads.payload(email="nobody"), 422)
    wait_until(lambda: up.command("stats").returncode == 1
               and b"paused" in up.command("stats").stdout, "the pause")
    text = up.command("stats").stdout.decode()
    assert "1 delivery; the oldest came" in text
    assert "leadrelay list --state held" in text and "next try in" in text
    line, = up.command("stats", "--json").stdout.splitlines()
    stats = json.loads(line)
    assert stats["person_needed"] and stats["relay_alive"]
    assert {(need["need"], need["destination"]) for need in stats["needs"]} == {
        ("events_held", None), ("paused", "crm")}
    crm, = stats["destinations"]
    assert crm["waiting"] + crm["sending"] == 1 and crm["pause_reason"] and crm["paused_at"]
    assert up.command("discard", held).returncode == 0


def test_stats_when_nobody_delivers(site):
    site.crm()
    site.settings["worker"]["relay"] = False
    site.start()
    post(site, leads.payload())
    done = site.command("stats")
    assert done.returncode == 1 and b"leadrelay relay" in done.stdout, done
    needs = json.loads(site.command("stats", "--json").stdout)["needs"]
    assert needs == [{"need": "no_relay", "destination": None}]
    done = site.command("check")
    assert done.returncode == 1 and b"FAILED" in done.stdout, done


# --- check -------------------------------------------------------------------

def test_check_creates_nothing(site):
    site.crm()
    site.write_config()
    before = sorted(os.listdir(site.folder))
    done = site.command("check")
    assert done.returncode == 0, done
    assert b"not there yet" in done.stdout
    assert sorted(os.listdir(site.folder)) == before


@pytest.mark.parametrize("what", ["configuration", "secret_file", "store"])
@pytest.mark.parametrize("root", ["public_html", "httpdocs", "www"])
def test_check_warns_of_what_a_web_server_may_serve(site, root, what):
    site.crm()
    inside = site.folder / root / "leadrelay"
    inside.mkdir(parents=True)
    if what == "configuration":
        site.config = inside / "leadrelay.conf"
    elif what == "secret_file":
        site.secret_file = site.secret_file.rename(inside / "secret")
        site.settings["source"]["secret_file"] = site.secret_file
    else:
        site.settings["store"]["url"] = f"sqlite:{inside}/store/outbox.db"
    site.write_config()
    done = site.command("check")
    assert done.returncode == 0, done
    assert f"{what} lies under {site.folder / root}," in done.stdout.decode()


def test_check_does_not_warn_of_a_neighbour(site):
    site.crm()
    (site.folder / "public_html").mkdir()
    site.write_config()
    assert b"web root" not in site.command("check").stdout


def test_check_first_status_that_applies(site):
    """A store that is none comes before a destination that does not answer."""
    site.crm().stop()
    site.store.parent.mkdir(mode=0o700)
    site.store.write_bytes(b"this is no outbox" * 400)
    site.write_config()
    done = site.command("check")
    assert done.returncode == 74, done
    assert done.stdout.count(b"\nFAILED") == 2
    for words in (["list"], ["stats"], ["show", NOBODY], ["retry", NOBODY]):
        done = site.command(*words)
        assert done.returncode == 74 and done.stderr and done.stdout == b"", done


def test_check_and_serve_want_the_group(site):
    site.crm()
    site.settings["worker"]["socket_group"] = "no-such-group"
    site.write_config()
    done = site.command("check")
    assert done.returncode == 78, done
    assert b"no group no-such-group" in done.stdout + done.stderr
    site.start_worker()                 # stays, says the same, and answers 503
    assert fcgi.ask(site.socket, fcgi.webhook(site.sign(leads.payload()))).status == 503
    wait_until(lambda: [row for row in site.log_lines(level="error")
                        if "no group no-such-group" in row.get("msg", "")], "the log to say so")


@pytest.mark.parametrize("key, value", [
    ("store", "sqlite:{}/a/b/outbox.db"), ("worker", "file:{}/a/worker.log")])
def test_check_finds_what_cannot_be_made(site, key, value):
    site.crm()
    site.settings[key]["url" if key == "store" else "log"] = value.format(site.folder)
    site.write_config()
    done = site.command("check")
    assert done.returncode == (73 if key == "store" else 78), done
    assert b"is not there" in done.stdout
    relay = site.command("relay", "--once")
    assert relay.returncode == (73 if key == "store" else 0)    # a log stops nothing
    assert relay.stderr


def test_check_masks(site):
    site.crm()
    site.settings["destination hook"] = {"url": f"http://127.0.0.1:{free_port()}/hooks/s3cr3t"}
    site.write_config()
    done = site.command("check")
    assert done.returncode == 69
    assert b"s3cr3t" not in done.stdout + done.stderr
    assert site.secret not in done.stdout + done.stderr


@needs_root
def test_check_as_somebody_who_may_not(site):
    site.crm()
    site.write_config()
    site.config.chmod(0o644)
    site.settings["store"]["url"] = "sqlite:/leadrelay-test-nowhere/outbox.db"
    site.write_config()
    os.chown(site.config, 65534, -1)
    os.chown(site.secret_file, 65534, -1)
    # The build may lie where nobody else may go, in root's home for one.
    program = shutil.copy(PROGRAM, site.folder)
    done = run("--config", site.config, "check", program=program, user="nobody")
    assert done.returncode == 73, done
    assert b"install -d" in done.stdout


# --- root --------------------------------------------------------------------

@needs_root
def test_root_leaves_no_file_of_its_own(site):
    nobody = pwd.getpwnam("nobody")
    site.crm()
    site.write_config()
    folder = site.store.parent
    folder.mkdir(mode=0o700)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    assert site.command("relay", "--once").returncode == 0
    for words in (["list"], ["stats"], ["check"], ["retry", NOBODY]):
        site.command(*words)
    assert site.store.exists()
    assert {path.stat().st_uid for path in folder.iterdir()} == {nobody.pw_uid}


# --- send --------------------------------------------------------------------

def test_send_shows_the_answer(up):
    done = up.command("send", hook(up), "--id", "42")
    assert done.returncode == 0 and done.stderr == b"", done
    assert re.fullmatch(rb"202 accepted [0-9a-f-]{36} \d+\.\d ms\n", done.stdout)
    done = up.command("send", hook(up), "--id", "42")
    assert done.returncode == 0 and done.stdout.startswith(b"200 duplicate "), done
    up.wait_states(delivered=1)
    assert up.list()[0]["lead"] == "42"


def test_send_shows_every_violation(up):
    payload = leads.payload(email="nobody", type="castle")
    done = up.command("send", hook(up), "--file", "-", stdin=payload)
    assert done.returncode == 1, done
    assert done.stdout.startswith(b"422 ")
    assert b"#/data/email" in done.stdout and b"#/data/type" in done.stdout


def test_send_many_sums_up(up):
    done = up.command("send", hook(up), "--count", "50", "--concurrency", "4", "--id", "1000")
    assert done.returncode == 0, done
    assert len(done.stdout.splitlines()) == 50
    assert b"50 sent" in done.stderr and b"p99" in done.stderr
    up.wait_states(delivered=50)
    assert {row["lead"] for row in up.list()} == {str(n) for n in range(1000, 1050)}


def test_send_for_a_source(site, folder):
    (folder / "other").write_bytes(b"another-secret-of-32-characters!\n")
    (folder / "other").chmod(0o600)
    site.crm()
    del site.settings["source"]
    site.settings["source one"] = {"path": "/leadpro", "secret_file": site.secret_file}
    site.settings["source two"] = {"path": "/two", "secret_file": folder / "other"}
    site.start()
    assert site.command("send", hook(site)).returncode == 0
    done = site.command("send", hook(site), "--source", "two")
    assert done.returncode == 1 and done.stdout.startswith(b"401 token-signature"), done
    assert site.command("send", hook(site), "--source", "three").returncode == 64


def test_send_to_something_else(up):
    """An answer that is no JSON is shown too, cut and without its tricks."""
    done = up.command("send", f"http://127.0.0.1:{up.nginx.port}/elsewhere")
    assert done.returncode == 1 and done.stdout, done
    assert not UNFIT.search(done.stdout.decode())


# --- relay -------------------------------------------------------------------

def test_relay_once_is_silent(site):
    site.crm()
    site.settings["worker"]["relay"] = False
    site.start()
    post(site, leads.payload())
    done = site.command("relay", "--once")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert site.states() == {"delivered": 1}


def test_relay_once_beside_another(up):
    post(up, leads.payload())
    up.wait_states(delivered=1)
    start = time.monotonic()
    done = up.command("relay", "--once")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_relay_stops_and_turns_its_log(site, number):
    log = site.folder / "relay.log"
    site.crm()
    site.settings["worker"].update(relay=False, log=f"file:{log}")
    site.start()
    relay = site.spawn([PROGRAM, "--config", site.config, "relay"])
    wait_until(lambda: b'"relay_alive":true' in site.command("stats", "--json").stdout,
               "the relay")
    log.rename(site.folder / "relay.log.1")
    relay.popen.send_signal(signal.SIGHUP)
    wait_until(log.exists, "the new log")
    site.worker.popen.send_signal(signal.SIGHUP)
    post(site, leads.payload())
    site.wait_states(delivered=1)
    start = time.monotonic()
    assert relay.stop(number) == 0
    assert time.monotonic() - start < 2
