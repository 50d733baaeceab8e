"""Every row of the table of HTTP answers, through nginx."""

import json
import time

import pytest

from harness import fcgi, leads, tokens
from harness.wait import wait_until


@pytest.fixture
def up(site):
    site.crm()
    return site.start()


def assert_problem(answer, status, kind=None):
    assert answer.status == status, answer
    assert answer.headers.get_content_type() == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status and problem["title"]
    if kind is not None:
        assert answer.problem == kind
    text = answer.body.decode()
    for inside in ("sqlite", "libjwt", "json-c", "/etc/", "/tmp/", "outbox.db", ".c:"):
        assert inside not in text.lower()
    return problem


def assert_unauthorized(answer, kind):
    problem = assert_problem(answer, 401, kind)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    return problem


# --- accepted, duplicate ------------------------------------------------------

def test_accepted_202(up):
    answer = up.post()
    assert answer.status == 202 and answer.json["status"] == "accepted"
    assert answer.headers.get_content_type() == "application/json"


def test_duplicate_200_with_the_first_id(up):
    payload = leads.payload()
    first = up.post(payload)
    again = up.post(payload)
    assert again.status == 200
    assert again.json == {"status": "duplicate", "id": first.json["id"]}


def test_a_fresh_iat_is_no_new_event(up):
    value = leads.sample()
    first = up.post({**value, "iat": int(time.time())})
    again = up.post({**value, "iat": int(time.time()) + 1})
    assert (first.status, again.status) == (202, 200)
    assert again.json["id"] == first.json["id"]


def test_there_and_back_are_three_events(up):
    lead = leads.next_id()
    a, b = leads.payload(lead, message="A"), leads.payload(lead, message="B")
    answers = [up.post(p) for p in (a, b, a)]
    assert [x.status for x in answers] == [202, 202, 202]
    assert len({x.json["id"] for x in answers}) == 3
    requests = up.crms["crm"].wait_count(3)
    assert [r.body for r in requests] == [a, b, a]
    assert [r.sequence for r in requests] == sorted({r.sequence for r in requests})


def test_a_token_with_iat_is_known_whatever_came_between(up):
    lead = leads.next_id()
    a = tokens.compact({**leads.sample(lead, message="A"), "iat": int(time.time())})
    b = leads.payload(lead, message="B")
    first = up.post(a)
    assert up.post(b).status == 202
    again = up.post(a)
    assert again.status == 200 and again.json["id"] == first.json["id"]


def test_the_same_data_under_another_event_is_new(up):
    lead = leads.next_id()
    assert up.post(leads.payload(lead, event="lead.created")).status == 202
    assert up.post(leads.payload(lead, event="lead.updated")).status == 202


# --- authentic but wrong: held ------------------------------------------------

def test_rules_422_with_all_of_them(up):
    payload = leads.payload(email="nobody", type="castle", full_name=None, phone=7)
    answer = up.post(payload)
    problem = assert_problem(answer, 422)
    pointers = {error["pointer"] for error in problem["errors"]}
    assert {"#/data/email", "#/data/type", "#/data/full_name", "#/data/phone"} <= pointers
    for error in problem["errors"]:
        assert set(error) == {"pointer", "rule", "detail"} and error["detail"]
        assert "castle" not in error["detail"] and "nobody" not in error["detail"]
    row, = up.list("--state", "held")
    assert row["id"] == problem["id"]
    assert up.crms["crm"].bodies() == []


@pytest.mark.parametrize("payload", [
    b'{"event":"lead.deleted","data":{"id":5}}',
    b'{"event":"lead.created","data":[1]}',
    b'{"event":"lead.created"}',
    b'{"data":{"id":6}}',
    b'{}',
], ids=["unknown event", "data no object", "no data", "no event", "empty"])
def test_rules_422_for_odd_envelopes(up, payload):
    problem = assert_problem(up.post(payload), 422)
    assert problem["errors"] and problem["id"]
    assert len(up.list("--state", "held")) == 1


def test_a_held_duplicate_gets_its_first_answer_again(up):
    payload = leads.payload(email="nobody")
    first, again = up.post(payload), up.post(payload)
    assert (first.status, again.status) == (422, 422)
    assert first.json == again.json
    assert len(up.list("--state", "held")) == 1


UNREADABLE = {
    "array": b"[1]",
    "not JSON": b"hello",
    "trailing comma": b'{"event":"lead.created","data":{"id":1},}',
    "single quotes": b"{'event':'lead.created'}",
    "NaN": b'{"event":"lead.created","data":{"id":NaN}}',
    "name twice": b'{"event":"lead.created","data":{"id":1,"id":2}}',
    "name twice, escaped": b'{"event":"lead.created","data":{"id":1,"\\u0069d":2}}',
    "bad UTF-8": b'{"event":"lead.created","data":{"id":1,"title":"\xc0\xaf"}}',
    "lone surrogate": b'{"event":"lead.created","data":{"id":1,"title":"\\ud800"}}',
    "control character": b'{"event":"lead.created","data":{"id":1,"title":"a\x01"}}',
    "NUL and more": b'{"event":"lead.created","data":{"id":1}}\x00{}',
    "byte order mark": b'\xef\xbb\xbf{"event":"lead.created","data":{"id":1}}',
    "too deep": b'{"event":"lead.created","data":' + b"[" * 40 + b"]" * 40 + b"}",
    "integer over 64 bits": b'{"event":"lead.created","data":{"id":1,"x":1e999999}} x',
    "empty": b"",
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_unreadable_400_held_as_bytes(up, case):
    answer = up.post(UNREADABLE[case])
    if case == "empty" and answer.status == 401:
        assert_unauthorized(answer, "token-malformed")     # no segment may be empty
        assert up.list() == []
        return
    problem = assert_problem(answer, 400)
    assert problem["id"]
    row, = up.list("--state", "held")
    assert row["id"] == problem["id"]
    shown = up.command("show", problem["id"], "--json")
    assert shown.returncode == 0


@pytest.mark.parametrize("claims", [
    {"exp": 1000000000}, {"nbf": 33000000000},
], ids=["expired", "not yet valid"])
def test_stale_401_held_once(up, claims):
    payload = tokens.compact({**leads.sample(), **claims})
    problem = assert_unauthorized(up.post(payload), "token-stale")
    again = assert_unauthorized(up.post(payload), "token-stale")
    assert problem["id"] == again["id"]
    assert len(up.list("--state", "held")) == 1


def test_stale_comes_before_the_rules(up):
    payload = tokens.compact({**leads.sample(email="nobody"), "exp": 1000000000})
    assert_unauthorized(up.post(payload), "token-stale")


def test_leeway_of_a_minute(up):
    now = int(time.time())
    assert up.post({**leads.sample(), "exp": now - 20}).status == 202
    assert up.post({**leads.sample(), "nbf": now + 20}).status == 202


def test_stale_by_max_age(site):
    site.crm()
    site.settings["source"]["max_age"] = "1h"
    site.start()
    assert site.post({**leads.sample(), "iat": int(time.time()) - 10}).status == 202
    assert_unauthorized(site.post({**leads.sample(), "iat": int(time.time()) - 7200}),
                        "token-stale")


def test_stale_refused_keeps_nothing(site):
    site.crm()
    site.settings["source"]["stale"] = "refuse"
    site.start()
    problem = assert_unauthorized(site.post({**leads.sample(), "exp": 1000000000}), "token-stale")
    assert "id" not in problem
    assert site.list() == []


def test_a_live_token_takes_the_place_of_a_stale_one(up):
    value = leads.sample()
    assert_unauthorized(up.post({**value, "exp": 1000000000}), "token-stale")
    assert up.post(value).status == 202
    up.wait_states(delivered=1, **({"discarded": 1} if len(up.list()) > 1 else {}))


def test_invalid_relay_accepts_with_its_violations(site):
    crm = site.crm()
    site.settings["source"]["invalid"] = "relay"
    site.start()
    payload = leads.payload(email="nobody")
    answer = site.post(payload)
    assert answer.status == 202
    assert crm.wait_count(1)[0].body == payload
    shown = site.command("show", answer.json["id"])
    assert b"#/data/email" in shown.stdout


def test_office_ids(site):
    site.crm()
    site.settings["source"]["office_ids"] = [3, 8]
    site.start()
    assert site.post(leads.payload(office_id=8)).status == 202
    problem = assert_problem(site.post(leads.payload(office_id=9)), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["#/data/office_id"]


# --- not proven: nothing kept -------------------------------------------------

def test_missing_401(up):
    answer = up.request("POST", "/leadpro", [], leads.payload())
    assert_unauthorized(answer, "token-missing")
    answer = up.request("POST", "/leadpro", [("Authorization", "Bearer ")], b"")
    assert_unauthorized(answer, "token-missing")
    assert up.list() == []


def test_signature_401(up):
    payload = leads.payload()
    token = up.sign(payload)
    assert_unauthorized(up.post(payload, tokens.sign(payload, b"another secret altogether")),
                        "token-signature")
    head, body, mac = token.split(".")
    other = tokens.b64(leads.payload())
    assert_unauthorized(up.post(payload, f"{head}.{other}.{mac}"), "token-signature")
    assert up.list() == []


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "none"])
def test_algorithm_401(up, algorithm):
    payload = leads.payload()
    key = None if algorithm == "none" else up.secret
    token = tokens.sign(payload, key, algorithm=algorithm)
    kind = "token-algorithm"
    if algorithm == "none":
        token = token.rstrip(".") + "." + tokens.b64(b"x" * 32)
    assert_unauthorized(up.post(payload, token), kind)
    assert up.list() == []


@pytest.mark.parametrize("header", [
    b'{"alg":"hs256"}', b'{"alg":"HS256","crit":["exp"]}', b'{"alg":"HS256","b64":false}',
    b'{"alg":"HS256","jwk":{}}', b'{"alg":"HS256","jku":"https://keys.example/"}',
    b'{"typ":"JWT"}', b'{"alg":["HS256"]}',
], ids=["lower case", "crit", "b64", "jwk", "jku", "no alg", "alg a list"])
def test_header_policy_401(up, header):
    payload = leads.payload()
    answer = up.post(payload, tokens.sign_raw(header, payload, up.secret))
    problem = assert_problem(answer, 401)
    assert answer.problem in ("token-algorithm", "token-malformed") and "id" not in problem
    assert up.list() == []


def malformed(up):
    payload = leads.payload()
    token = up.sign(payload)
    head, body, mac = token.split(".")
    yield "two segments", f"{head}.{body}"
    yield "four segments", f"{token}.{mac}"
    yield "empty first", f".{body}.{mac}"
    yield "empty last", f"{head}.{body}."
    yield "padding", f"{token}="
    yield "standard alphabet", f"{head}.{body}.+/{mac[2:]}"
    yield "header no JSON", tokens.sign_raw(b"nonsense", payload, up.secret)
    yield "header an array", tokens.sign_raw(b"[1]", payload, up.secret)
    yield "header over 1 KB", tokens.sign_raw(
        b'{"alg":"HS256","x":"' + b"x" * 1100 + b'"}', payload, up.secret)
    yield "word", "hello"


def test_malformed_401(up):
    for name, token in malformed(up):
        answer = up.post(b"{}", token)
        assert answer.status == 401 and answer.problem == "token-malformed", (name, answer)
    assert up.list() == []


@pytest.mark.parametrize("claims", [{"exp": "soon"}, {"nbf": None}, {"exp": [1]}],
                         ids=["exp a word", "nbf null", "exp a list"])
def test_time_claims_that_are_no_numbers_401(up, claims):
    answer = up.post({**leads.sample(), **claims})
    assert_unauthorized(answer, "token-malformed")
    assert up.list() == []


def test_every_secret_of_the_file_counts(site):
    site.crm()
    old, new = site.secret, b"a second secret, for rotation"
    site.write_secret(new, b"", old)
    site.start()
    for secret in (old, new):
        payload = leads.payload()
        assert site.post(payload, tokens.sign(payload, secret)).status == 202
    payload = leads.payload()
    assert_unauthorized(site.post(payload, tokens.sign(payload, b"")), "token-signature")


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer ", "BEARER  "])
def test_bare_or_bearer(up, prefix):
    payload = leads.payload()
    answer = up.request("POST", "/leadpro",
                        [("Authorization", prefix + up.sign(payload))], payload)
    assert answer.status == 202


# --- verify = none ------------------------------------------------------------

@pytest.fixture
def unverified(site):
    site.crm()
    site.settings["source"] = {"verify": "none"}
    return site.start()


def test_unverified_body_is_taken(unverified):
    payload = leads.payload()
    answer = unverified.request("POST", "/leadpro",
                                [("Content-Type", "application/json; charset=utf-8")], payload)
    assert answer.status == 202
    assert unverified.crms["crm"].wait_count(1)[0].body == payload
    assert unverified.wait_lines(level="warn")


def test_unverified_400_and_415_keep_nothing(unverified):
    headers = [("Content-Type", "application/json")]
    assert_problem(unverified.request("POST", "/leadpro", headers, b"{broken"), 400)
    assert_problem(unverified.request("POST", "/leadpro", headers, b""), 400)
    assert_problem(unverified.request("POST", "/leadpro", [("Content-Type", "text/plain")],
                                      leads.payload()), 415)
    assert_problem(unverified.request("POST", "/leadpro", [], leads.payload()), 415)
    assert unverified.list() == []


# --- the request itself -------------------------------------------------------

@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "SOMETHING"])
def test_method_405(up, method):
    answer = up.request(method, "/leadpro")
    assert_problem(answer, 405)
    assert answer.headers["Allow"] == "POST"


def test_head_405_without_a_body(up):
    answer = up.request("HEAD", "/leadpro")
    assert answer.status == 405 and answer.body == b""


def test_body_413(up):
    answer = up.post(leads.payload(), headers=[], path="/leadpro")
    assert answer.status == 202
    payload = leads.payload()
    answer = up.request("POST", "/leadpro", [("Authorization", up.sign(payload))],
                        b"x" * (256 * 1024 + 1))
    assert_problem(answer, 413)
    wait_until(lambda: up.log_lines(what="refused", status=413), "the worker's log line")
    assert len(up.list()) == 1


def test_token_431_by_max_token(site):
    site.crm()
    site.settings["source"]["max_token"] = "4k"
    site.start()
    assert site.post(leads.payload_of_token_size(4000)).status == 202
    assert_problem(site.post(leads.payload_of_token_size(4200)), 431)
    assert len(site.list()) == 1


def test_body_413_by_max_body(site):
    site.crm()
    site.settings["source"]["max_body"] = "1k"
    site.start()
    payload = leads.payload()
    token = site.sign(payload)
    headers = [("Authorization", token)]
    assert_problem(site.request("POST", "/leadpro", headers, b"x" * 1025), 413)
    assert site.request("POST", "/leadpro", headers, b"x" * 1024).status == 202


def test_no_such_source_404(site):
    site.crm()
    secret = site.settings.pop("source")
    site.settings["source oxford"] = {**secret, "path": "/leadpro/oxford"}
    site.start()
    assert site.post(path="/leadpro/oxford").status == 202
    assert site.post(path="/leadpro/oxford?from=leadpro").status == 202
    assert_problem(site.post(path="/leadpro"), 404)
    assert_problem(site.post(path="/leadpro/oxford/"), 404)


def test_sources_by_path_have_their_own_secrets(site):
    site.crm()
    oxford = site.settings.pop("source")
    other = site.folder / "other-secret"
    other.write_text("the secret of the other account\n")
    other.chmod(0o600)
    site.settings["source oxford"] = {**oxford, "path": "/leadpro/oxford"}
    site.settings["source bath"] = {"secret_file": other, "path": "/leadpro/bath"}
    site.start()
    payload = leads.payload()
    token = site.sign(payload)
    assert site.post(payload, token, path="/leadpro/oxford").status == 202
    assert_unauthorized(site.post(payload, token, path="/leadpro/bath"), "token-signature")
    bath = tokens.sign(payload, b"the secret of the other account")
    assert site.post(payload, bath, path="/leadpro/bath").status == 202   # its own leads


# --- limits -------------------------------------------------------------------

def test_full_503_and_delivery_goes_on(site):
    crm = site.crm()
    crm.default.status = 503
    site.settings["store"]["max_waiting"] = 3
    site.start()
    for _ in range(3):
        assert site.post().status == 202
    answer = site.post()
    assert_problem(answer, 503)
    assert int(answer.headers["Retry-After"]) > 0
    assert wait_until(lambda: site.log_lines(what="unavailable"), "the log line")
    crm.default.status = 200
    site.wait_states(delivered=3)
    assert site.post().status == 202


def test_min_free_503(site):
    site.crm()
    site.settings["store"]["min_free"] = "900000g"
    site.start()
    assert_problem(site.post(), 503)
    assert site.list() == []


def test_served_configuration_503(site, folder):
    """A secret that the web server would hand out is not used."""
    site.crm()
    site.settings["source"]["secret_file"] = folder / "htdocs" / "secret"
    (folder / "htdocs").mkdir()
    (folder / "htdocs" / "secret").write_bytes(site.secret)
    (folder / "htdocs" / "secret").chmod(0o600)
    site.start()
    assert_problem(site.post(), 503)
    assert site.list() == []


# --- admin pages --------------------------------------------------------------

def test_admin_pages_for_whom_the_location_lets_in(up):
    assert up.post().status == 202
    up.wait_states(delivered=1)
    health = up.request("GET", "/leadpro/healthz")
    assert health.status == 200
    metrics = up.request("GET", "/leadpro/metrics")
    assert metrics.status == 200
    assert b"leadrelay_" in metrics.body and b"accepted" in metrics.body
    status = up.request("GET", "/leadpro/status")
    assert status.status == 200
    stranger = [("X-Test-Address", "203.0.113.9")]
    for page in ("healthz", "metrics", "status"):
        assert up.request("GET", f"/leadpro/{page}", stranger).status == 403


def test_admin_pages_are_404_without_the_role(up):
    for page in ("healthz", "metrics", "status"):
        for method in ("GET", "POST"):
            answer = fcgi.ask(up.socket, fcgi.webhook(method=method, uri=f"/leadpro/{page}"))
            assert answer.status == 404, (page, method)
        asked = fcgi.webhook(method="GET", uri=f"/leadpro/{page}", HTTP_LEADRELAY_ROLE="admin")
        assert fcgi.ask(up.socket, asked).status == 404


def test_answers_are_never_cached(up):
    for answer in (up.post(), up.post(token="x"), up.request("GET", "/leadpro")):
        assert answer.headers["Cache-Control"] == "no-store"


def test_problems_say_nothing_of_the_lead(up):
    lead = leads.next_id()
    answer = up.post(leads.payload(lead, email="nobody", message="private words"))
    text = json.dumps(answer.json)
    assert "private" not in text and "nobody" not in text and str(lead) not in text
