"""A yes counts when the whole of it came; whatever breaks off before is an unknown outcome.

Sent again with the same key, then, and never taken for delivered: the receiver that
broke it off may not have kept the lead.
"""

import json
import subprocess

import pytest

from harness import leads, pki
from harness.crm import RAW, RAW_RESET, Reply
from harness.h2crm import CLOSE, CUT, RESET, STAY, Answer, H2Crm

SHORT = (("content-length", "100"),)
NO_ERROR, INTERNAL, CLOSED, REFUSED, CANCEL = 0, 2, 5, 7, 8


@pytest.fixture
def crm(site, folder):
    authority = pki.Authority(folder)
    made = H2Crm(*authority.issue("good"))
    site.crms["crm"] = made
    site.settings["destination crm"] = {
        "url": made.url, "ca_file": authority.file, "retry": ["50ms"], "probe": ["50ms"],
        "timeout": "2s"}
    site.start_worker()
    return made


def attempts(site, event):
    shown = json.loads(site.command("show", event, "--json").stdout)
    return shown["deliveries"][0]["attempts"]


def deliver(site, crm, answer):
    """A lead delivered, another whose first answer is this one: its requests and attempts."""
    site.accept(leads.payload())
    site.wait_states(delivered=1)       # so it is a kept connection
    crm.script.append(answer)
    event = site.accept(leads.payload())
    site.wait_states(delivered=2)
    requests = crm.received()[1:]
    assert len({request.key for request in requests}) == 1
    return requests, event


# --- HTTP/2 -------------------------------------------------------------------------

@pytest.mark.parametrize("answer", [
    Answer(),
    Answer(only_headers=True),
    Answer(body=b""),
    Answer(headers=(("content-length", "15"),)),
    Answer(reset=NO_ERROR),             # RFC 9113 8.1: the rest of the request is not wanted
    Answer(goaway=True),
    Answer(then=CLOSE),
    Answer(goaway=True, then=CLOSE),
    Answer(then=CUT),
], ids=["plain", "headers only", "empty", "length", "reset after its end", "goaway", "close",
        "goaway and close", "cut after its end"])
def test_a_whole_answer_counts(site, crm, answer):
    requests, _ = deliver(site, crm, answer)
    assert len(requests) == 1


BROKEN = {
    f"{what}{', length' if headers else ''}, {end}":
        (Answer(headers=headers, body=body, end=False, **how), status)
    for status in (200,)
    for headers in ((), SHORT)
    for what, body in (("headers", None), ("half a body", b'{"status":'))
    for end, how in {
        "reset: internal error": {"reset": INTERNAL}, "reset: stream closed": {"reset": CLOSED},
        "reset: refused": {"reset": REFUSED}, "reset: cancel": {"reset": CANCEL},
        "closed": {"then": CLOSE}, "cut": {"then": CUT}, "connection reset": {"then": RESET},
        "goaway, closed": {"goaway": True, "then": CLOSE},
        "goaway, cut": {"goaway": True, "then": CUT},
        "silence": {"then": STAY},
        **({"reset: no error": {"reset": NO_ERROR}} if headers else {}),
    }.items()
}
BROKEN |= {
    "shorter than its length": (Answer(headers=SHORT), None),
    "longer than its length": (Answer(headers=(("content-length", "3"),)), None),
    "no answer, reset: no error": (Answer(early=NO_ERROR), None),
    "no answer, reset: internal error": (Answer(early=INTERNAL), None),
    "no answer, reset: cancel": (Answer(early=CANCEL), None),
    "no answer, closed": (Answer(status=None, body=None, end=False, then=CLOSE), None),
    "goaway, its stream above the last": (Answer(refuse=True), None),
    "goaway, its stream above the last, closed": (Answer(refuse=True, then=CLOSE), None),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_an_unknown_outcome(site, crm, name):
    answer, status = BROKEN[name]
    requests, event = deliver(site, crm, answer)
    assert len(requests) == 2
    first, last = attempts(site, event)
    assert first["status"] is None and last["status"] == 200
    if status is not None and "connection reset" not in name:
        assert "broke off after status 200" in first["error"]


@pytest.mark.parametrize("status", [422, 401, 503])
def test_a_broken_no_is_none_either(site, crm, status):
    requests, event = deliver(site, crm, Answer(status=status, body=None, end=False, reset=INTERNAL))
    assert len(requests) == 2 and site.log_lines(what="paused") == []
    assert attempts(site, event)[0]["status"] is None


def libcurl_sees_resets():
    """Before 8.1 libcurl takes a reset with NO_ERROR for the end, where no length was told."""
    words = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    version = words.stdout.split("libcurl/")[1].split()[0]
    return tuple(map(int, version.split(".")[:2])) >= (8, 1)


@pytest.mark.parametrize("body", [None, b'{"status":'], ids=["headers", "half a body"])
def test_a_reset_without_error_and_without_length(site, crm, body):
    if not libcurl_sees_resets():
        pytest.skip("this libcurl does not tell it from an end")
    requests, _ = deliver(site, crm, Answer(body=body, end=False, reset=NO_ERROR))
    assert len(requests) == 2


@pytest.mark.parametrize("answer", [
    Answer(early=REFUSED), Answer(status=None, body=None, end=False, then=RESET)],
    ids=["refused stream", "kept connection that is dead"])
def test_what_libcurl_sends_again_by_itself_is_unknown_too(site, crm, answer):
    """Its second answer is a 409: the echo of what the first sending may have left there."""
    crm.script.append(Answer())
    site.accept(leads.payload())
    site.wait_states(delivered=1)
    crm.script.append(answer)
    crm.default = Answer(status=409)
    event = site.accept(leads.payload())
    site.wait_states(delivered=2)
    assert len({request.key for request in crm.received()[1:]}) == 1
    assert "already there" in attempts(site, event)[-1]["error"]


def test_many_streams_die_with_their_connection(site, crm):
    """All that was under way on it is sent again, nothing is lost or taken for delivered."""
    site.accept(leads.payload())
    site.wait_states(delivered=1)
    crm.script.extend([Answer(body=None, end=False)] * 4 +
                      [Answer(body=None, end=False, then=CUT)])
    events = [site.accept(leads.payload()) for _ in range(5)]
    site.wait_states(delivered=6)
    for event in events:
        requests = [r for r in crm.received() if event in r.key]
        assert requests[-1].answer is crm.default and len(requests) >= 2


# --- HTTP/1.1 -----------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"


def first_answer(site, crm, reply, requests):
    crm.script.append(reply)
    site.start_worker()
    event = site.accept(leads.payload())
    site.wait_states(delivered=1)
    assert len([r for r in crm.received() if r.event == event]) == requests
    assert len({request.key for request in crm.received()}) == 1
    if requests > 1:
        assert attempts(site, event)[0]["status"] is None


@pytest.mark.parametrize("text, whole", [
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", True),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", False),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", False),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", False),
    (HEAD + b"Content-Length: 5\r\n\r\nhello", True),
    (HEAD + b"Content-Length: 6\r\n\r\nhello", False),
    (HEAD + b"Content-Length: 6\r\n\r\n", False),
    (HEAD + b"Content-Type: text/plain\r\n", False),
    (HEAD + b"\r\nhello", True),        # its end is the connection's
    (b"HTTP/1.1 204 No Content\r\n\r\n", True),
], ids=["chunked", "no last chunk", "half a chunk", "no chunk", "length", "too short",
        "no body", "half a head", "until the end", "204"])
def test_http_1_1(site, text, whole):
    crm = site.crm(retry=["50ms"], probe=["50ms"])
    first_answer(site, crm, Reply(body=text, fault=RAW), 1 if whole else 2)


def test_http_1_1_whose_end_would_be_the_connections(site):
    """And that was reset."""
    crm = site.crm(retry=["50ms"], probe=["50ms"])
    first_answer(site, crm, Reply(body=HEAD + b"\r\n" + b"x" * 4000, fault=RAW_RESET), 2)


@pytest.mark.parametrize("text, requests", [
    (HEAD + b"Content-Length: 5\r\n\r\nhello", 1),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 2),
], ids=["length", "no last chunk"])
def test_http_1_1_over_tls_without_its_farewell(site, folder, text, requests):
    authority = pki.Authority(folder)
    crm = site.crm(tls=pki.server(*authority.issue("good")), ca_file=authority.file,
                   retry=["50ms"], probe=["50ms"])
    first_answer(site, crm, Reply(body=text, fault=RAW), requests)
