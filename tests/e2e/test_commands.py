"""The command line against a real outbox: what is printed and how it ends."""

import json
import subprocess

import pytest

from harness import leads
from harness.crm import Reply
from harness.nginx import free_port
from harness.site import PROGRAM, environment
from harness.wait import wait_until

NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"     # an id that no event has


@pytest.fixture
def up(site):
    site.crm()
    return site.start()


def test_version_names_the_libraries():
    done = subprocess.run([str(PROGRAM), "--version"], capture_output=True, check=True)
    first, *rest = done.stdout.decode().splitlines()
    assert first.startswith("leadrelay ")
    text = "\n".join(rest).lower()
    for library in ("libjwt", "json-c", "sqlite", "libcurl"):
        assert library in text


def test_help_names_every_command():
    done = subprocess.run([str(PROGRAM), "--help"], capture_output=True, check=True)
    text = done.stdout.decode()
    for command in ("serve", "relay", "check", "send", "list", "show", "release", "retry",
                    "discard", "stats", "schema"):
        assert command in text
        one = subprocess.run([str(PROGRAM), command, "--help"], capture_output=True, check=True)
        assert command.encode() in one.stdout and one.stderr == b""


@pytest.mark.parametrize("words", [
    ["nonsense"], ["--nonsense"], ["list", "--nonsense"], ["show"], ["show", "a", "b"],
    ["list", "--state", "flying"], ["list", "--limit", "-1"], ["list", "--since", "whenever"],
    ["send"], ["schema", "more"], ["retry"],
], ids=" ".join)
def test_usage_is_64(site, words):
    site.crm()
    site.write_config()
    done = site.command(*words)
    assert done.returncode == 64, done
    assert done.stdout == b"" and done.stderr


@pytest.mark.parametrize("words", [["list"], ["show", NOBODY], ["stats"], ["retry", NOBODY]],
                         ids=" ".join)
def test_commands_create_no_store(site, words):
    site.crm()
    site.write_config()
    done = site.command(*words)
    assert done.returncode in (0, 66, 69, 73, 74), done
    assert not site.store.exists()


def test_list(up):
    up.crms["crm"].script.append(Reply(422))
    first = up.post().json["id"]
    up.wait_states(dead=1)
    lead = leads.next_id()
    second = up.post(leads.payload(lead)).json["id"]
    up.wait_states(dead=1, delivered=1)
    rows = up.list()
    assert {row["id"]: row["state"] for row in rows} == {first: "dead", second: "delivered"}
    assert all(row["destination"] == "crm" for row in rows)
    assert [row["id"] for row in up.list("--lead", lead)] == [second]
    assert [row["id"] for row in up.list("--state", "dead")] == [first]
    assert up.list("--since", "2999-01-01T00:00:00Z") == []
    assert len(up.list("--since", "1h")) == 2
    words = up.command("list").stdout.decode()
    assert first in words and second in words and "rbranson" not in words


def test_show(up):
    payload = leads.payload(email="nobody")
    event = up.post(payload).json["id"]
    done = up.command("show", event)
    assert done.returncode == 0
    text = done.stdout.decode()
    assert event in text and "#/data/email" in text and "nobody" in text
    for line in up.command("show", event, "--json").stdout.splitlines():
        json.loads(line)
    assert up.command("show", NOBODY).returncode == 66
    assert up.command("retry", NOBODY).returncode == 66


def test_stats(up):
    up.post()
    up.wait_states(delivered=1)
    done = up.command("stats")
    assert done.returncode == 0, done
    for line in up.command("stats", "--json").stdout.splitlines():
        json.loads(line)
    up.post(leads.payload(email="nobody"))
    assert up.command("stats").returncode == 1


def test_check(up):
    done = up.command("check")
    assert done.returncode == 0, done
    text = (done.stdout + done.stderr).decode()
    assert up.secret.decode() not in text
    assert str(up.store) in text


def test_check_names_what_is_wrong(site):
    crm = site.crm()
    site.start_worker()
    crm.stop()
    done = site.command("check")
    assert done.returncode == 69, done
    assert b"crm" in done.stdout + done.stderr
    site.secret_file.chmod(0o644)
    done = site.command("check")
    assert done.returncode == 78 and b"chmod" in done.stdout + done.stderr
    site.write_secret(b"")
    assert site.command("check").returncode == 78


def test_check_sends_nothing(up):
    assert up.command("check").returncode == 0
    assert up.crms["crm"].received() == []


def test_send(up):
    url = f"http://127.0.0.1:{up.nginx.port}/leadpro"
    done = up.command("send", url)
    assert done.returncode == 0, done
    assert b"202" in done.stdout
    request, = up.crms["crm"].wait_count(1)
    assert request.json["event"] == "lead.updated"
    assert request.json["data"]["full_name"] == "Sir Ricard Branson"


def test_send_a_file_as_it_is(up, folder):
    payload = leads.payload()
    (folder / "lead.json").write_bytes(payload)
    url = f"http://127.0.0.1:{up.nginx.port}/leadpro"
    assert up.command("send", url, "--file", folder / "lead.json").returncode == 0
    assert up.crms["crm"].wait_count(1)[0].body == payload
    assert up.command("send", url, "--file", "/nowhere.json").returncode == 66


def test_send_many(up):
    url = f"http://127.0.0.1:{up.nginx.port}/leadpro"
    done = up.command("send", url, "--count", "200", "--concurrency", "8")
    assert done.returncode == 0, done
    up.wait_states(30, delivered=200)
    assert len({r.lead for r in up.crms["crm"].received()}) == 200


def test_send_answers_no(up, folder):
    url = f"http://127.0.0.1:{up.nginx.port}/leadpro"
    (folder / "lead.json").write_bytes(leads.payload(email="nobody"))
    assert up.command("send", url, "--file", folder / "lead.json").returncode == 1
    assert up.command("send", f"http://127.0.0.1:{free_port()}/leadpro").returncode == 69


@pytest.mark.parametrize("words", [["send"], ["send", "--scenario", "forged"], ["doctor"]])
def test_without_libcurl(up, folder, words):
    for name in ("libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"):
        (folder / name).touch()
    done = up.command(words[0], f"http://127.0.0.1:{free_port()}/leadpro", *words[1:],
                      env={"LD_LIBRARY_PATH": str(folder)})
    assert done.returncode == 69 and b"install libcurl" in done.stderr, done


def test_send_elsewhere_needs_yes(up):
    done = up.command("send", "https://leads.agency.example/leadpro")
    assert done.returncode == 64 and b"--yes" in done.stderr


def test_schema_is_json():
    done = subprocess.run([str(PROGRAM), "schema"], capture_output=True, check=True,
                          env=environment())
    schema = json.loads(done.stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("text, line", [
    ("source {\n  secret_file = \"secret\"\n  colour = \"red\"\n}\n", 3),
    ("source { secret_file = \"secret\" }\nwibble { }\n", 2),
    ("source { secret_file = \"secret\" }\nworker { threads = \"many\" }\n", 2),
    ("source { secret_file = \"secret\" }\nworker {\n threads = 0\n}\n", None),
    ("source { secret_file = \"secret\" }\nsource { max_age = \"1 fortnight\" }\n", 2),
    ("source { secret_file = \"nowhere\" }\n", None),
    ("source {\n", None),
    ("source { secret_file = \"secret\" }\ndestination crm { url = \"http://crm.example/\" }\n",
     None),
    ("source { secret_file = \"secret\" }\nalarm { email = \"a@b.example\" }\n", 2),
    ("source { secret_file = \"secret\" }\nstore { url = \"postgresql://x/y\" }\n", None),
])
def test_a_bad_configuration_is_78_with_its_place(site, text, line):
    site.config.write_text(text)
    done = site.command("check")
    assert done.returncode == 78, done
    said = (done.stdout + done.stderr).decode()
    assert str(site.config) in said
    if line is not None:
        assert f"{site.config}:{line}:" in said, said


def test_destination_that_left_the_configuration(up):
    """Its deliveries stay waiting, and stats names it."""
    up.crms["crm"].default.status = 503
    up.post()
    wait_until(lambda: up.log_lines(what="failed"), "the failure")
    up.worker.stop()
    del up.settings["destination crm"]
    up.crm("other")
    up.start_worker()
    row, = up.list()
    assert (row["destination"], row["state"]) == ("crm", "waiting")
    assert b"crm" in up.command("stats").stdout
