"""The main job: a signed webhook through nginx, onto disk, to the CRM."""

import uuid

import pytest

from harness import leads, tokens


def test_sample_reaches_the_crm_as_signed(site):
    crm = site.crm()
    site.start()
    payload = leads.payload()
    answer = site.post(payload)
    assert answer.status == 202, answer
    assert answer.json == {"status": "accepted", "id": answer.json["id"]}
    assert uuid.UUID(answer.json["id"]).version == 7
    request, = crm.wait_count(1)
    assert request.body == payload
    assert request.method == "POST"
    assert request.path == "/api/leads"
    assert request.header("Content-Type") == "application/json"
    assert request.event == answer.json["id"]
    assert request.header("X-Leadrelay-Event") == "lead.updated"
    assert request.key == f'"{answer.json["id"]}.crm.1"'
    assert request.header("User-Agent").startswith("leadrelay/")
    assert request.header("Authorization") is None
    site.wait_states(delivered=1)


# Bytes that a parser would be tempted to write differently.
AS_SIGNED = {
    "spaces": b'{ "event" : "lead.created" ,\n\t"data" : %s }',
    "data first": b'{"data":%s,"event":"lead.created"}',
    "more members": b'{"event":"lead.created","data":%s,"iat":1700000000,"more":[1.10,1e2,-0]}',
}


@pytest.mark.parametrize("form", AS_SIGNED)
def test_payload_is_relayed_byte_for_byte(site, form):
    crm = site.crm()
    site.start()
    data = tokens.compact(leads.sample(message="caf\u00e9 \u2603 \U0001f600")["data"])
    data = data.replace(b'"https://www.site.com/result"', b'"https:\\/\\/www.site.com\\/\\u0072esult"')
    data = data[:-1] + b',"average_rent_estimation":1.10,"average_sale_estimation":1.5e3}'
    payload = AS_SIGNED[form] % data
    answer = site.post(payload)
    assert answer.status == 202, answer
    assert crm.wait_count(1)[0].body == payload


def test_the_body_is_never_used(site):
    """With verification on, only what the token signed counts."""
    crm = site.crm()
    site.start()
    payload = leads.payload()
    token = site.sign(payload)
    other = leads.payload(message="not signed")
    for body, kind in ((other, "application/json"), (b"{broken", "text/plain"), (b"", "")):
        with site.client() as client:
            answer = client.request(
                "POST", "/leadpro", [("Authorization", token), ("Content-Type", kind)], body)
        assert answer.status in (200, 202), answer
    site.wait_states(delivered=1)
    assert crm.bodies() == [payload]


def test_two_destinations_each_get_it(site):
    first, second = site.crm("first"), site.crm("second")
    site.start()
    payload = leads.payload()
    event = site.post(payload).json["id"]
    assert first.wait_count(1)[0].key == f'"{event}.first.1"'
    assert second.wait_count(1)[0].key == f'"{event}.second.1"'
    assert first.bodies() == second.bodies() == [payload]


def test_nothing_of_the_lead_is_logged(site):
    site.crm()
    site.start()
    payload = leads.payload(message="a private question")
    token = site.sign(payload)
    assert site.post(payload, token).status == 202
    assert site.post(payload, token[:-2]).status == 401
    site.wait_states(delivered=1)
    assert site.wait_lines(what="accepted") and site.wait_lines(what="delivered")
    said = site.log.read_text()
    for private in ("rbranson", "private question", "07123456789", "Starbridge",
                    token[-20:-4], site.secret.decode()):
        assert private not in said


def test_log_line_per_outcome(site):
    site.crm()
    site.start()
    lead = leads.next_id()
    payload = leads.payload(lead)
    event = site.post(payload).json["id"]
    site.post(payload)
    site.post(payload, token="not.a.token")
    site.wait_states(delivered=1)
    accepted, = site.wait_lines(what="accepted")
    assert accepted.items() >= {"id": event, "lead": str(lead), "event": "lead.updated",
                                "status": "202"}.items()
    assert int(accepted["bytes"]) == len(payload)
    duplicate, = site.wait_lines(what="duplicate")
    assert duplicate["id"] == event and duplicate["status"] == "200"
    refused, = site.wait_lines(what="refused")
    assert refused["status"] == "401"
    delivered, = site.wait_lines(what="delivered")
    assert delivered.items() >= {"id": event, "destination": "crm", "attempt": "1",
                                 "status": "200"}.items()
