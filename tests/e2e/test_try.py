"""try: the verdict on a payload, and the exact requests that would be made of it."""

import base64
import json

import pytest

from harness import leads
from harness.wait import wait_until
from test_transform import program, transform


def tried(site, *words, stdin=None, status=0):
    done = site.command("try", "--json", *words, stdin=stdin)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_tried_is_what_is_sent(site):
    """The same method, URL, headers and body, but for the event's own id and time."""
    signing = site.folder / "signing"
    signing.write_text("whsec_" + base64.b64encode(b"k" * 32).decode() + "\n")
    token = site.folder / "token"
    token.write_text("the-bearer\n")
    for path in (signing, token):
        path.chmod(0o600)
    crm = transform(site, ".data | {id, name: .full_name}", method="PUT", header=["X-Office: Oxford"],
                    bearer_file=token, sign_secret_file=signing)
    site.settings["destination crm"]["url"] = crm.url + "/{lead_id}"
    site.start()
    payload = leads.payload(9)
    verdict, request = tried(site, "--show-secrets", "-", stdin=payload)
    assert verdict == {"valid": True, "source": "default", "event": "lead.updated", "lead": "9",
                       "unreadable": None, "errors": []}
    site.post(payload)
    sent = crm.wait_count(1)[0]
    assert request["method"] == sent.method == "PUT"
    assert request["url"].endswith(sent.path) and sent.path == "/api/leads/9"
    assert request["body"].encode() == sent.body
    volatile = {"idempotency-key", "x-leadrelay-id", "webhook-id", "webhook-timestamp",
                "webhook-signature"}
    lines = {line.partition(": ")[0].lower(): line.partition(": ")[2]
             for line in request["headers"]}
    got = {name.lower(): value for name, value in sent.headers}
    assert volatile <= set(lines) and set(got) - set(lines) == {"host", "accept", "content-length"}
    for name, value in lines.items():
        assert name in volatile or got[name] == value
    assert len(crm.received()) == 1     # nothing was sent by trying


def test_masked(site):
    hook = site.folder / "hook.url"
    hook.write_text("https://hook.example/very/secret\n")
    header = site.folder / "header"
    header.write_text("X-Anything: sesame\n")
    for path in (hook, header):
        path.chmod(0o600)
    site.settings["destination hook"] = {"url_file": hook, "header_file": header,
                                         "header": ["X-Api-Key: hidden", "X-Office: Oxford"]}
    site.write_config()
    done = site.command("try", "-", stdin=leads.payload(1))
    text = done.stdout.decode()
    assert done.returncode == 0 and "POST https://hook.example/…" in text
    for word in ("very/secret", "sesame", "hidden"):
        assert word not in text
    assert "X-Office: Oxford" in text and "Idempotency-Key: \"" in text
    text = site.command("try", "--show-secrets", "-", stdin=leads.payload(1)).stdout.decode()
    for word in ("POST https://hook.example/very/secret", "X-Anything: sesame", "hidden"):
        assert word in text


def test_every_violation(site):
    site.crm()
    site.write_config()
    payload = leads.payload(1, email="no", type="castle", first_name="")
    verdict, request = tried(site, "-", stdin=payload, status=1)
    assert not verdict["valid"]
    assert [one["pointer"] for one in verdict["errors"]] == [
        "#/data/first_name", "#/data/email", "#/data/type"]
    assert request["outcome"] == "send"
    done = site.command("try", "-", stdin=payload)
    assert done.returncode == 1
    assert b"breaks 3 of LeadPro's rules" in done.stdout and b"#/data/email" in done.stdout
    verdict, = tried(site, "-", stdin=b"[]", status=1)
    assert verdict["unreadable"] and not verdict["valid"]


def test_skipped_and_held(site):
    site.crm("none", when="false")
    transform(site, 'error("no \\(.data.type)s here")', "bad")
    site.write_config()
    outcomes = {one["destination"]: (one["outcome"], one["reason"])
                for one in tried(site, "-", stdin=leads.payload(1), status=1)[1:]}
    assert outcomes == {"none": ("skipped", "when"), "bad": ("held", "transform: no vendors here")}
    text = site.command("try", "-", stdin=leads.payload(1)).stdout
    assert b"destination none: skipped by when" in text
    assert b"destination bad: held: transform: no vendors here" in text


def test_another_source(site):
    site.crm()
    site.settings["source oxford"] = {"path": "/oxford", "secret_file": site.secret_file,
                                      "office_ids": [1]}
    site.settings["source"]["path"] = "/leadpro"
    site.write_config()
    payload = leads.payload(1, office_id=2)
    assert tried(site, "-", stdin=payload)[0]["source"] == "default"
    verdict = tried(site, "--source", "oxford", "-", stdin=payload, status=1)[0]
    assert verdict["errors"][0]["pointer"] == "#/data/office_id"


@pytest.mark.parametrize("words, status", [
    ([], 64), (["--diff", "0"], 64), (["--diff", "3", "x"], 64), (["a", "b"], 64),
    (["--source", "nobody", "-"], 64), (["no-such-file"], 66), (["--diff", "3"], 66)])
def test_usage(site, words, status):
    site.crm()
    site.write_config()
    assert site.command("try", *words, stdin=leads.payload(1)).returncode == status
    assert not site.store.exists()


def test_diff(site):
    """What the programs as they are now would alter, for what is stored."""
    crm = transform(site, '.data | select(.title != "Dr") | {id}')
    site.start()
    for number in range(1, 6):
        site.post(leads.payload(number, title="Dr" if number == 1 else "Sir"))
    site.wait_states(delivered=4, skipped=1)
    same = tried(site, "--diff", "10")
    assert [one["verdict"] for one in same] == ["same"] * 5
    assert [one["lead"] for one in same] == ["5", "4", "3", "2", "1"]
    program(site, "crm.jq", '.data | if .id == 5 then empty elif .id == 4 then error("x")'
                            ' elif .id == 3 then {id} else {id, title} end')
    assert [(one["lead"], one["verdict"]) for one in tried(site, "--diff", "5", status=1)] == [
        ("5", "skipped"), ("4", "held"), ("3", "same"), ("2", "different"), ("1", "new")]
    assert [one["body"] for one in tried(site, "--diff", "5", status=1)][3:] == [
        '{"id":2,"title":"Sir"}', '{"id":1,"title":"Dr"}']
    assert len(tried(site, "--diff", "1")) == 1
    done = site.command("try", "--diff", "5")
    assert b"different  crm" in done.stdout
    assert b"crm: 1 same, 1 different, 1 new, 1 skipped, 1 held" in done.stderr
    assert len(crm.received()) == 4
    wait_until(lambda: site.states() == {"delivered": 4, "skipped": 1}, "nothing to have changed")
