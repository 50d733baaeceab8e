"""deploy/crm: each CRM's stanza and program, compared with the exact request they make.

To write the expected files anew: LEADRELAY_WRITE_EXPECTED=1, then read the difference.
"""

import json
import os
import pathlib
import re

import pytest

from harness import leads
from harness.crm import Crm, Reply
from harness.nginx import SOURCE

SHIPPED = SOURCE / "deploy" / "crm"
EXPECTED = pathlib.Path(__file__).parent / "crm"
NAMES = sorted(path.stem for path in SHIPPED.glob("*.conf"))

# What each CRM is documented to answer to a lead it takes, and the record that is captured.
ANSWERS = {
    "apex27": (Reply(body=b'{"success": true}'), None),
    "dynamics365": (Reply(status=204, body=b""), None),
    "hubspot": (Reply(body=b'{"status": "COMPLETE", "results": [{"id": "512", "new": true,'
                           b' "properties": {}}]}'), "512"),
    "reapit": (Reply(status=201, body=b""), None),
    "salesforce-web-to-lead": (Reply(body=b""), None),
    "zapier-make": (Reply(body=b'{"status": "success"}'), None),
    "zoho": (Reply(body=b'{"data": [{"code": "SUCCESS", "action": "insert", "details":'
                        b' {"id": "3652397000004467001"}, "status": "success"}]}'),
             "3652397000004467001"),
}
# What it is documented to answer, with a status of success, to one it does not take.
REFUSALS = {
    "hubspot": Reply(body=b'{"status": "COMPLETE", "results": [], "numErrors": 1}'),
    "apex27": Reply(body=b'{"success": false}'),
    "zoho": Reply(status=202, body=b'{"data": [{"code": "INVALID_DATA", "status": "error"}]}'),
}


class Shipped:
    """A stanza as it is shipped, beside its program and stand-ins for its secrets."""

    def __init__(self, site, name):
        self.site = site
        self.folder = site.folder
        self.text = (SHIPPED / f"{name}.conf").read_text()
        (self.folder / f"{name}.jq").write_text((SHIPPED / f"{name}.jq").read_text())
        for key, file in re.findall(r'(\w+_file) = "([^"]+)"', self.text):
            path = self.folder / file
            secret = {"url_file": "https://hooks.example.com/hooks/catch/1/secret/",
                      "header_file": "x-api-key: the-key"}.get(key, f"the-{key}")
            path.write_text(secret + "\n")
            path.chmod(0o600)

    def write(self):
        """The smallest configuration round it."""
        self.site.write_config()
        with open(self.site.config, "a", encoding="utf-8") as out:
            out.write(self.text)


@pytest.mark.parametrize("name", NAMES)
def test_the_request(site, name):
    Shipped(site, name).write()
    done = site.command("try", "--show-secrets", "-", stdin=leads.payload(1))
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}", "EVENT-ID", text)
    text = re.sub(r"leadrelay/\S+", "leadrelay/VERSION", text)
    text = re.sub(r"20\d\d-\d\d-\d\dT[0-9:.]+Z(?=\",\"lead\")", "RECEIVED-AT", text)
    path = EXPECTED / f"{name}.expected"
    if os.environ.get("LEADRELAY_WRITE_EXPECTED"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def to_the_stand_in(site, name):
    """The same stanza, with its host and its token endpoint on this machine."""
    shipped, crm, tokens = Shipped(site, name), Crm(), Crm()
    site.crms.update(stand_in=crm, tokens=tokens)
    tokens.default = Reply(body=b'{"access_token": "fetched", "expires_in": 3600}')
    there = f"http://127.0.0.1:{crm.port}"
    for path in site.folder.glob("hook.url"):
        path.write_text(f"{there}/hook\n")
    shipped.text = re.sub(r'(\n    url = ")https://[^/]+', rf"\1{there}", shipped.text)
    shipped.text = re.sub(r'(oauth_token_url = ")https://[^/]+',
                          rf"\1http://127.0.0.1:{tokens.port}", shipped.text)
    shipped.write()
    site.write_config = lambda: None
    return crm


@pytest.mark.parametrize("name", NAMES)
def test_a_delivery(site, name):
    """Over the whole path: what try printed is what is sent, and its yes is understood."""
    crm = to_the_stand_in(site, name)
    crm.default, record = ANSWERS[name]
    payload = leads.payload(1)
    site.start()
    tried = [json.loads(line) for line in
             site.command("try", "--json", "--show-secrets", "-", stdin=payload).stdout.splitlines()]
    event = json.loads(site.post(payload).body)["id"]
    request = crm.wait_count(1)[0]
    site.wait_states(delivered=1)
    assert site.list()[0]["record"] == record
    assert request.method == tried[1]["method"]
    assert f"http://127.0.0.1:{crm.port}{request.path}" == tried[1]["url"]
    if name != "zapier-make":           # its body has the event's id and time in it
        assert request.body.decode() == tried[1]["body"]
    else:
        assert request.json["id"] == event
        assert request.json["lead"] == json.loads(payload)["data"]
    sent = {line.split(":")[0].lower() for line in tried[1]["headers"]}
    assert sent <= {key.lower() for key, _ in request.headers}
    if "oauth" in (SHIPPED / f"{name}.conf").read_text():
        scheme = "Zoho-oauthtoken" if name == "zoho" else "Bearer"
        assert request.header("Authorization") == f"{scheme} fetched"


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_no_in_the_answer(site, name):
    crm = to_the_stand_in(site, name)
    crm.default = REFUSALS[name]
    site.start()
    site.post(leads.payload(1))
    site.wait_states(dead=1)
    assert "success_when" in site.list()[0]["reason"]


@pytest.mark.parametrize("name", NAMES)
def test_leads_of_every_kind(site, name):
    """Only what LeadPro always sends, and other alphabets: a body comes of it all the same."""
    Shipped(site, name).write()
    bare = {"id": 5, "full_name": "Ζωή", "email": "z@leads.example", "phone": ""}
    cases = [
        bare | {"type": "vendor", "address": "1 High St", "postcode": "AB1 2CD"},
        bare | {"type": "landlord", "address": "1 High St", "postcode": "AB1 2CD"},
        bare | {"type": "mortgage_request", "address": "1 High St", "postcode": "AB1 2CD"},
        bare | {"type": "sale", "office_id": 1, "property_reference": "R-1"},
        bare | {"type": "let", "office_id": 1, "property_reference": "R-1", "last_name": None,
                "message": "ünï\n\"quoted\" & <b>=</b>"},
    ]
    for data in cases:
        payload = json.dumps({"event": "lead.created", "data": data}).encode()
        done = site.command("try", "--json", "-", stdin=payload)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, (data["type"], done.stdout, done.stderr)
        assert [line["outcome"] for line in lines[1:]] == ["send"]
        assert "null" not in lines[1]["body"] or name == "zapier-make"


def test_every_file_says_that_it_was_never_tried():
    for path in SHIPPED.glob("*.jq"):
        assert "was\n# ever sent to a real" in path.read_text() \
            or "was ever sent to a real" in path.read_text().replace("\n# ", " "), path
