"""jq programs on the way: when, transform, success_when, capture; and what they can do wrong."""

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import time
import urllib.parse

import pytest

from harness import fcgi, leads
from harness.crm import RAW, Reply
from harness.nginx import SOURCE
from harness.processes import children
from harness.wait import wait_until


def program(site, name, text):
    """A file with a program, as an editor leaves it: replaced whole."""
    path = site.folder / name
    fresh = site.folder / (name + ".new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.rename(path)
    return path


def transform(site, text, name="crm", **more):
    crm = site.crm(name, body="transform", transform=program(site, f"{name}.jq", text), **more)
    return crm


def row(site, destination="crm", **wanted):
    """The one delivery to ``destination``, once it is as wanted."""
    def found():
        rows = [one for one in site.list() if one["destination"] == destination]
        return len(rows) == 1 and wanted.items() <= rows[0].items() and rows[0]
    try:
        return wait_until(found, f"{destination} to be {wanted}")
    except AssertionError:
        print(site.list())
        raise


@pytest.mark.threads
def test_transform(site):
    crm = transform(site, '{who: .data.full_name, id: $id, event: $event, at: $received_at,'
                          ' source: $source, to: $destination, n: .data.id}')
    site.start()
    payload = leads.payload(77)
    answer = json.loads(site.post(payload).body)
    request = crm.wait_count(1)[0]
    at = request.json.pop("at")
    assert at.endswith("Z")
    assert request.json == {"who": "Sir Ricard Branson", "id": answer["id"], "at": at,
                            "event": "lead.updated", "source": "default", "to": "crm", "n": 77}
    assert request.header("Content-Type") == "application/json"
    assert request.key == f'"{answer["id"]}.crm.1"'
    row(site, state="delivered")


def test_when_and_empty_skip(site):
    """Each destination has its own leads, and what was left out can be seen."""
    sales = site.crm("sales", when='.data.type == "sale"')
    vendors = site.crm("vendors", when_file=program(site, "w.jq", '.data.type == "vendor"'))
    some = transform(site, 'if .data.title then empty else .data end', "some")
    site.start()
    site.post(leads.payload(1))
    vendors.wait_count(1)
    assert row(site, "sales", state="skipped")["reason"] == "when"
    assert row(site, "some", state="skipped")["reason"] == "transform"
    assert row(site, "vendors", state="delivered")
    assert [r["attempts"] for r in site.list() if r["destination"] == "sales"] == [0]
    assert not sales.received() and not some.received()
    assert b"skipped" in site.command("list", "--state", "skipped").stdout
    assert len(site.list("--state", "skipped")) == 2


@pytest.mark.parametrize("text, words", [
    ('error("no office for \\(.data.full_name)")', "no office for Sir Ricard Branson"),
    (".data.id.x", "Cannot index number"),
    ("1, 2", "more than one output"),
    ("def f: f; f", "longer than a second"),
    ("[range(1e12)]", "64 MB"),
    ('"0123456789" * 110000', "1 MB"),
])
def test_a_bad_program_holds(site, text, words):
    """The delivery is held with the message; the original is never sent; the others flow."""
    bad = transform(site, text, "bad")
    good = site.crm("good")
    site.start()
    site.post(leads.payload(1))
    good.wait_count(1)
    for number in range(2, 12):
        site.post(leads.payload(number))
    good.wait_count(11, timeout=5)
    held = wait_until(lambda: [r for r in site.list("--destination", "bad", "--state", "held")
                               if words in r["reason"]], f"it to be held: {words}", 30)
    assert held[0]["reason"].startswith("transform: ")
    assert held[0]["attempts"] == 0
    assert not bad.received()
    assert "Ricard" not in site.log.read_text()
    assert site.wait_lines(what="held", destination="bad")[0]["error"] == "transform failed"


def test_no_environment_no_files(site):
    crm = transform(site, '{env: (env | length), ENV: ($ENV | length), in: [inputs],'
                          ' name: (try input_filename catch 0)}')
    site.start()
    site.post()
    assert crm.wait_count(1)[0].json == {"env": 0, "ENV": 0, "in": [], "name": None}


def test_a_crash_of_the_runner(site):
    """Whoever kills the process that runs programs loses nothing."""
    crm = transform(site, ".data.id")
    site.start()
    site.post(leads.payload(1))
    crm.wait_count(1)
    for number in range(2, 6):
        runners = children(site.worker.pid, "leadrelay-jq")
        assert runners
        for pid in runners:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not children(site.worker.pid, "leadrelay-jq"), "it to be gone")
        site.post(leads.payload(number))
        crm.wait_count(number)
    site.wait_states(delivered=5)
    assert sorted(crm.bodies()) == [b"1", b"2", b"3", b"4", b"5"]


@pytest.mark.threads
def test_order_while_transforming(site):
    """A lead's later event waits for the earlier one, however long its program takes."""
    crm = transform(site, 'if .data.message == "slow" then reduce range(300000) as $i (0; . + $i)'
                          ' | . * 0 else 1 end | {n: .}', method="PUT")
    site.start()
    for number in range(1, 9):
        site.post(leads.payload(number, message="slow"))
        site.post(leads.payload(number, message="quick"))
    site.wait_states(delivered=16)
    seen = {}
    for request in crm.received():
        seen.setdefault(request.event, 0)
    rows = {r["id"]: r for r in site.list()}
    order = [(rows[r.event]["lead"], r.sequence) for r in crm.received()]
    for lead in {lead for lead, _ in order}:
        assert [s for l, s in order if l == lead] == sorted(s for l, s in order if l == lead)


def test_success_when_and_capture(site):
    crm = site.crm(success_when='.ok', capture=".record.id")
    crm.script.extend([
        Reply(body=b'{"ok": true, "record": {"id": "A-\\u00e9\\/1"}}'),
        Reply(body=b'{"ok": false, "why": "no such office"}'),
        Reply(body=b'{"ok": true, "record": {"id": 4711}}'),
        Reply(body=b'<html>maintenance</html>'),
        Reply(status=201, body=b'{"ok": true}'),
        Reply(status=503, body=b'{"ok": true}'),
    ])
    crm.default = Reply(body=b'{"ok": true, "record": {"id": {}}}')
    site.start()
    want = [("delivered", "A-é/1", None), ("dead", None, "success_when"),
            ("delivered", "4711", None), ("held", None, "no JSON"), ("delivered", None, None),
            ("delivered", None, None)]
    ids = []
    for number, (state, record, reason) in enumerate(want):
        ids.append(json.loads(site.post(leads.payload(number + 1)).body)["id"])
        found = wait_until(lambda: [r for r in site.list("--state", state)
                                    if r["id"] == ids[-1]], f"{state}")[0]
        assert found["record"] == record
        assert reason is None and found["reason"] is None or reason in found["reason"]
    assert "A-é/1" in site.command("show", ids[0]).stdout.decode()
    assert "record 4711" in site.command("list").stdout.decode()
    shown = json.loads(site.command("show", ids[1], "--json").stdout)
    assert "no such office" in shown["deliveries"][0]["attempts"][0]["answer"]
    assert len(crm.received()) == 7


def test_a_capture_that_fails(site):
    """Delivered all the same; the log warns, and who looks sees what the program said."""
    crm = site.crm(capture='if .id then .id else error("no id for \\(.name)") end')
    crm.script.append(Reply(body=b'{"name": "Ricard"}'))
    crm.default = Reply(body=b'<html>')
    site.start()
    first, second = (json.loads(site.post(leads.payload(number)).body)["id"] for number in (1, 2))
    site.wait_states(delivered=2)
    lines = site.wait_lines(what="delivered", level="warn", count=2)
    assert {line["error"] for line in lines} == {"capture failed: no record"}
    assert "Ricard" not in site.log.read_text()
    for event, words in ((first, "capture: no id for Ricard"),
                         (second, "capture: the answer is no JSON")):
        shown = json.loads(site.command("show", event, "--json").stdout)
        assert [one["error"] for one in shown["deliveries"][0]["attempts"]] == [words]
        assert words in site.command("show", event).stdout.decode()


def test_half_an_answer_is_none(site):
    """A yes that breaks off leaves success_when nothing to judge: sent again, same key."""
    crm = site.crm(success_when=".ok", retry=["1s"])
    crm.script.append(Reply(fault=RAW, body=b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"ok":tr'))
    crm.default = Reply(body=b'{"ok": true}')
    site.start()
    site.post(leads.payload(1))
    site.wait_states(delivered=1)
    first, second = crm.received()
    assert first.key == second.key and first.body == second.body


def test_refusals_in_the_answer_pause(site):
    """Three different leads refused in a row, in a 200: it refuses everything."""
    crm = site.crm(success_when=".ok")
    crm.default = Reply(body=b'{"ok": false}')
    site.start()
    for number in range(1, 4):
        site.post(leads.payload(number))
        crm.wait_count(number)
    wait_until(lambda: site.log_lines(what="paused"), "the pause")
    for number in range(4, 6):
        site.post(leads.payload(number))
    site.wait_states(dead=3, waiting=2)
    assert "success_when" in site.list("--state", "dead")[0]["reason"]


def test_a_long_answer_is_seen(site):
    """success_when sees 256 KB; more is no JSON."""
    crm = site.crm(success_when='.end == "here"')
    crm.script.append(Reply(body=b'{"x": "' + b"x" * 250000 + b'", "end": "here"}'))
    crm.script.append(Reply(body=b'{"x": "' + b"x" * 300000 + b'", "end": "here"}'))
    site.start()
    site.post(leads.payload(1))
    site.wait_states(delivered=1)
    site.post(leads.payload(2))
    site.wait_states(delivered=1, held=1)
    assert "too long" in site.list("--state", "held")[0]["reason"]


def test_form(site):
    crm = transform(site, '{"a b": .data.full_name, nested: {x: [1, 2.50]}, no: null, "é": "ü&="}',
                    format="form")
    site.start()
    site.post()
    request = crm.wait_count(1)[0]
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    pairs = urllib.parse.parse_qsl(request.body.decode("ascii"), strict_parsing=True)
    number = dict(pairs)["nested[x][1]"]
    assert number in ("2.5", "2.50")    # as libjq prints it: from 1.7 on as it was written
    assert pairs == [("a b", "Sir Ricard Branson"), ("nested[x][0]", "1"),
                     ("nested[x][1]", number), ("é", "ü&=")]


def test_form_of_the_data(site):
    """Numbers as they were written, unless a program was at them."""
    crm = site.crm(format="form", body="data")
    site.start()
    payload = leads.payload(5).replace(b'"message"', b'"average_sale_estimation":1.50,"message"')
    site.post(payload)
    pairs = urllib.parse.parse_qsl(crm.wait_count(1)[0].body.decode("ascii"))
    assert ("average_sale_estimation", "1.50") in pairs
    assert ("appointment_availability[hours][1]", "2021-01-01T09:00:00.000Z") in pairs


def test_placeholders(site):
    crm = site.crm()
    site.settings["destination crm"]["url"] = crm.url + "/{lead_id}/({lead_uuid})?e={id}"
    site.settings["destination crm"]["method"] = "PATCH"
    site.start()
    event = json.loads(site.post(leads.payload(7)).body)["id"]
    request = crm.wait_count(1)[0]
    assert request.method == "PATCH"
    # UUIDv5 of "default/7" in leadrelay's namespace, by another implementation.
    assert request.path == f"/api/leads/7/(566218d3-98cb-581b-85f3-5eb1d14cbb9c)?e={event}"


def verify(secret, request, skew=30):
    """Standard Webhooks, as its specification words it."""
    message = request.header("webhook-id")
    stamp = request.header("webhook-timestamp")
    assert abs(int(stamp) - time.time()) < skew
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{message}.{stamp}.".encode() + request.body, hashlib.sha256).digest()
    given = request.header("webhook-signature").split(" ")
    return "v1," + base64.b64encode(mac).decode() in given


def test_signature(site):
    """By each secret, over what is sent; and rotated without a restart."""
    old, new, other = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
    path = site.folder / "signing"
    path.write_text(f"{old}\n{new}\n")
    path.chmod(0o600)
    crm = transform(site, ".data", sign_secret_file=path)
    site.start()
    event = json.loads(site.post(leads.payload(1)).body)["id"]
    request = crm.wait_count(1)[0]
    assert request.header("webhook-id") == event
    assert verify(old, request) and verify(new, request) and not verify(other, request)
    path.write_text(f"{other}\n")
    for number in range(2, 100):
        site.post(leads.payload(number))
        request = crm.wait_count(number)[number - 1]
        if verify(other, request):
            break
        time.sleep(0.1)
    assert verify(other, request) and not verify(old, request)
    for line in (old, new, other):
        assert line not in site.log.read_text()


def test_a_mended_transform(site):
    """After fixing a transform, retry uses the new one, under a new key."""
    crm = transform(site, ".data | {id}")
    crm.default = Reply(status=422, body=b'{"error": "where is the name?"}')
    site.start()
    event = json.loads(site.post(leads.payload(1)).body)["id"]
    row(site, state="dead")
    assert site.command("retry", event).returncode == 0
    crm.wait_count(2)
    row(site, state="dead")
    program(site, "crm.jq", ".data | {id, name: .full_name}")
    crm.default = Reply()
    assert site.command("retry", event).returncode == 0
    crm.wait_count(3)
    row(site, state="delivered")
    assert [r.key for r in crm.received()] == [
        f'"{event}.crm.1"', f'"{event}.crm.1"', f'"{event}.crm.2"']
    assert [r.json for r in crm.received()] == [
        {"id": 1}, {"id": 1}, {"id": 1, "name": "Sir Ricard Branson"}]


def test_a_broken_edit_changes_nothing(site):
    crm = transform(site, ".data | {id}")
    site.start()
    site.post(leads.payload(1))
    crm.wait_count(1)
    program(site, "crm.jq", ".data | {id, ")
    site.post(leads.payload(2))
    assert crm.wait_count(2)[1].json == {"id": 2}
    wait_until(lambda: "the former program stays in use" in site.log.read_text(), "the words")
    program(site, "crm.jq", ".data | {nr: .id}")
    site.post(leads.payload(3))
    wait_until(lambda: "read again" in site.log.read_text(), "the new program")
    site.post(leads.payload(4))
    assert crm.wait_count(4)[3].json == {"nr": 4}


@pytest.mark.parametrize("key, value", [
    ("when", ".data.type =="), ("success_when", "frobnicate"), ("capture", "}")])
def test_what_does_not_compile_is_a_configuration_error(site, key, value):
    site.crm(**{key: value})
    site.write_config()
    for words in (["relay"], ["relay", "--once"], ["check"]):
        done = site.command(*words)
        said = (done.stderr + done.stdout).decode()
        assert done.returncode == 78, words
        assert key in said and "crm" in said and "jq" in said
    site.start_worker()                 # stays, says the same, and answers 503
    wait_until(lambda: [row for row in site.log_lines(level="error")
                        if key in row.get("msg", "") and "crm" in row["msg"]], "the word for it")
    assert fcgi.ask(site.socket, fcgi.webhook(site.sign(leads.payload()))).status == 503
    assert not site.store.exists()


def test_a_transform_that_does_not_compile_is_named(site):
    transform(site, "{")
    site.write_config()
    done = site.command("relay", "--once")
    assert done.returncode == 78
    assert f"transform: {site.folder}/crm.jq: ".encode() in done.stderr
    assert b"syntax error" in done.stderr


def test_released_bytes_that_are_no_json_are_held_again(site):
    crm = site.crm(when="true")
    site.start()
    answer = site.post(b"[1,2]")
    event = json.loads(answer.body)["id"]
    assert site.command("release", event).returncode == 0
    assert "no JSON" in row(site, state="held")["reason"]
    assert not crm.received()


def test_relay_once_runs_programs(site):
    crm = transform(site, ".data.id")
    site.settings["worker"]["relay"] = "no"
    site.start()
    for number in range(1, 31):
        site.post(leads.payload(number))
    done = site.command("relay", "--once")
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(map(int, crm.bodies())) == list(range(1, 31))


def test_the_readme(site):
    """The stanza and the program in it, as they stand there."""
    text = (SOURCE / "README.md").read_text()
    section = text[text.index("## Mapping leads to your CRM"):]
    blocks = ["\n".join(line[4:] for line in block.strip("\n").splitlines())
              for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", section, re.M)]
    stanza = next(block for block in blocks if block.startswith("destination crm {"))
    program(site, "crm.jq", next(block for block in blocks if "mail: .email" in block))
    site.write_config()
    with open(site.config, "a", encoding="utf-8") as out:
        out.write(stanza + "\n")
    done = site.command("try", "--json", "--show-secrets", "-", stdin=leads.payload(7))
    assert done.returncode == 0, done.stderr
    request = json.loads(done.stdout.splitlines()[1])
    assert (request["method"], request["url"]) == ("PUT", "https://crm.example/api/contacts/7")
    assert json.loads(request["body"]) == {
        "name": "Sir Ricard Branson", "mail": "rbranson@virgin.com", "phone": "07123456789",
        "note": "vendor: When can we view?"}


def test_reload_changes_programs(site):
    """SIGHUP takes another transform."""
    crm = transform(site, ".data | {id}")
    site.start()
    site.post(leads.payload(1))
    crm.wait_count(1)
    site.crm(transform=program(site, "other.jq", ".data | {nr: .id}"), when=".data.id != 2")
    site.write_config()
    site.worker.send(signal.SIGHUP)
    wait_until(lambda: site.log_lines(msg="the configuration was read again"), "the reload")
    site.post(leads.payload(2))
    site.post(leads.payload(3))
    assert crm.wait_count(2)[1].json == {"nr": 3}
    site.wait_states(delivered=2, skipped=1)


def test_a_first_program_comes_with_a_reload(site):
    site.crm()
    site.start()
    site.post(leads.payload(1))
    site.wait_states(delivered=1)
    site.crm(when="false")
    site.write_config()
    site.worker.send(signal.SIGHUP)
    wait_until(lambda: site.log_lines(msg="the configuration was read again"), "the reload")
    site.post(leads.payload(2))
    site.wait_states(delivered=1, skipped=1)
