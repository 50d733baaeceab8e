"""FastCGI straight at the socket: stalls, kept connections, cuts, odd records."""

import os
import resource
import struct
import time

import pytest

from harness import fcgi, leads
from harness.wait import wait_until

pytestmark = pytest.mark.threads


@pytest.fixture
def up(site):
    site.crm()
    site.settings["worker"]["threads"] = 2
    site.start_worker()
    return site


def assert_alive(site, pid=None):
    """A genuine lead is accepted at once, by the same process."""
    payload = leads.payload()
    before = time.monotonic()
    answer = fcgi.ask(site.socket, fcgi.webhook(site.sign(payload)))
    assert answer.status == 202, answer.stdout
    assert time.monotonic() - before < 2
    assert site.worker.running
    assert pid is None or site.worker.pid == pid


def stalls(site):
    """Beginnings of requests after which a peer may fall silent."""
    token = site.sign(leads.payload())
    whole = fcgi.request(fcgi.webhook(token), b"")
    yield "nothing", b""
    yield "half a header", whole[:5]
    yield "begin", fcgi.begin()
    yield "half the parameters", whole[:len(whole) // 2]
    yield "all but the last byte", whole[:-1]
    yield "no end of standard input", fcgi.begin() + fcgi.params(fcgi.webhook(token))
    yield "half the body", fcgi.begin() + fcgi.params(
        fcgi.webhook(token, CONTENT_LENGTH="1000")) + fcgi.record(fcgi.STDIN, b"x" * 500)
    yield "a long pair announced", fcgi.begin() + fcgi.record(
        fcgi.PARAMS, struct.pack(">II", 0x80000005, 0xbfffffff) + b"HELLO")


def test_peers_that_stall_block_nobody(up):
    """More stalled peers than threads, of every kind, and leads still pass."""
    stalled = []
    for _ in range(4):
        for _, text in stalls(up):
            connection = fcgi.Connection(up.socket)
            connection.send(text)
            stalled.append(connection)
    for _ in range(20):
        assert_alive(up)
    for connection in stalled:
        connection.close()
    assert_alive(up)


def test_kept_connections_block_nobody(up):
    """fastcgi_keep_conn on: more kept connections than threads, used in turn."""
    kept = [fcgi.Connection(up.socket) for _ in range(8)]
    for _ in range(5):
        for connection in kept:
            payload = leads.payload()
            connection.send(fcgi.request(fcgi.webhook(up.sign(payload)), payload[:0],
                                         flags=fcgi.KEEP_CONN))
            answer = connection.read_answer()
            assert answer.status == 202 and answer.ended
    assert_alive(up)
    for connection in kept:
        connection.close()


def test_a_kept_connection_survives_a_body_nobody_wants(up):
    """What the worker does not use is still read, so the next request is not confused."""
    payload = leads.payload()
    with fcgi.Connection(up.socket) as connection:
        for body in (b"", b"x" * 5000, b"", b"y" * 200000, b""):
            values = fcgi.webhook(up.sign(payload), body=body)
            connection.send(fcgi.request(values, body, flags=fcgi.KEEP_CONN))
            assert connection.read_answer().status in (200, 202)
        for method in ("GET", "POST"):
            values = fcgi.webhook(method=method, body=b"z" * 3000)
            connection.send(fcgi.request(values, b"z" * 3000, flags=fcgi.KEEP_CONN))
            assert connection.read_answer().status in (405, 401)


def test_without_keep_conn_the_connection_is_closed(up):
    with fcgi.Connection(up.socket) as connection:
        connection.send(fcgi.request(fcgi.webhook(up.sign(leads.payload()))))
        assert connection.read_answer().status == 202
        assert connection.closed_by_peer()


def test_pipelined_requests_on_one_connection(up):
    texts = [fcgi.request(fcgi.webhook(up.sign(leads.payload())), flags=fcgi.KEEP_CONN)
             for _ in range(10)]
    with fcgi.Connection(up.socket) as connection:
        connection.send(b"".join(texts))
        for _ in texts:
            assert connection.read_answer().status == 202


def test_byte_by_byte(up):
    payload = leads.payload()
    text = fcgi.request(fcgi.webhook(up.sign(payload)), b"")
    with fcgi.Connection(up.socket) as connection:
        for at in range(len(text)):
            connection.send(text[at:at + 1])
        assert connection.read_answer().status == 202


@pytest.mark.parametrize("chunk", [1, 7, 8, 100, 65535])
def test_parameters_in_records_of_any_size(up, chunk):
    values = fcgi.webhook(up.sign(leads.payload()))
    text = fcgi.begin() + fcgi.params(values, chunk=chunk) + fcgi.stream(fcgi.STDIN, b"")
    with fcgi.Connection(up.socket) as connection:
        connection.send(text)
        assert connection.read_answer().status == 202


def test_parameters_over_one_record(up):
    """The 64 KB of one record is the front server's limit, not the worker's."""
    up.settings["source"]["max_token"] = "128k"
    up.worker.stop()
    up.start_worker()
    payload = leads.payload_of_token_size(100000)
    answer = fcgi.ask(up.socket, fcgi.webhook(up.sign(payload)))
    assert answer.status == 202


def test_cuts_store_nothing(up):
    """A connection that ends inside a request is no request, wherever it is cut."""
    payload = leads.payload(message="cut")
    body = b"b" * 64
    values = {"CONTENT_LENGTH": "64", **fcgi.webhook(up.sign(payload), body=body)}
    text = fcgi.request(values, body)
    # The end-of-stream record of standard input is the last thing that must come.
    for at in range(0, len(text) - 8):
        with fcgi.Connection(up.socket) as connection:
            connection.send(text[:at])
            connection.done_sending()
            answer = connection.read_answer()
            assert answer.status is None or 400 <= answer.status < 500, (at, answer.stdout)
    assert up.list() == []
    assert_alive(up)


def test_cut_at_the_border_of_a_pair(up):
    """FACTS of the protocol: here libfcgi's own reader would hand over half an environment."""
    token = up.sign(leads.payload())
    pairs = [fcgi.pair(name, value) for name, value in fcgi.webhook(token).items()]
    for count in range(len(pairs) + 1):
        for ending in (b"", fcgi.record(99, b"x"), fcgi.record(fcgi.ABORT_REQUEST)):
            with fcgi.Connection(up.socket) as connection:
                connection.send(fcgi.begin() + fcgi.record(fcgi.PARAMS, b"".join(pairs[:count]))
                                + ending)
                connection.done_sending()
                answer = connection.read_answer()
                assert answer.status is None or 400 <= answer.status < 500
    assert up.list() == []
    assert_alive(up)


def test_abort_request(up):
    with fcgi.Connection(up.socket) as connection:
        connection.send(fcgi.begin(flags=fcgi.KEEP_CONN)
                        + fcgi.params(fcgi.webhook(up.sign(leads.payload())))
                        + fcgi.record(fcgi.ABORT_REQUEST))
        connection.done_sending()
        answer = connection.read_answer()
        assert answer.status is None
    assert up.list() == []
    assert_alive(up)


def test_get_values(up):
    """The management record that overruns libfcgi's buffer when its names repeat."""
    names = b"".join(fcgi.pair("FCGI_MPXS_CONNS", "") for _ in range(2000))
    with fcgi.Connection(up.socket) as connection:
        connection.send(fcgi.record(fcgi.GET_VALUES, names, request_id=0))
        connection.done_sending()
        connection.read_answer()
    assert_alive(up)
    with fcgi.Connection(up.socket) as connection:
        connection.send(fcgi.record(fcgi.GET_VALUES, fcgi.pair("FCGI_MPXS_CONNS", ""),
                                    request_id=0))
        got = connection.read_record()
        assert got is None or (got[0] == fcgi.GET_VALUES_RESULT and b"FCGI_MPXS_CONNS" in got[2])
    assert_alive(up)


@pytest.mark.parametrize("name, value", [
    (0x7fffffff, 0x7fffffff), (0x7ffffffe, 0x7ffffffe), (0x40000000, 0x40000000),
    (0x7fffffff, 0), (0, 0x7fffffff), (1 << 30, 3)])
def test_lengths_that_overflow(up, name, value):
    pid = up.worker.pid
    lengths = struct.pack(">II", name | 0x80000000, value | 0x80000000)
    with fcgi.Connection(up.socket) as connection:
        connection.send(fcgi.begin() + fcgi.record(fcgi.PARAMS, lengths + b"x" * 1000))
        connection.done_sending()
        answer = connection.read_answer()
        assert answer.status is None or 400 <= answer.status < 500
    assert_alive(up, pid)


ODD = {
    "wrong version": fcgi.record(fcgi.BEGIN_REQUEST, b"\0\1\0\0\0\0\0\0", version=2),
    "HTTP": b"GET / HTTP/1.1\r\nHost: worker\r\n\r\n",
    "unknown role": fcgi.begin(role=77) + fcgi.params({}) + fcgi.stream(fcgi.STDIN, b""),
    "authorizer": fcgi.begin(role=fcgi.AUTHORIZER) + fcgi.params({"REQUEST_METHOD": "POST"}),
    "filter": fcgi.begin(role=fcgi.FILTER) + fcgi.params({"REQUEST_METHOD": "POST"}),
    "parameters before begin": fcgi.params({"REQUEST_METHOD": "POST"}),
    "short begin": fcgi.record(fcgi.BEGIN_REQUEST, b"\0\1"),
    "begin twice": fcgi.begin() + fcgi.begin(),
    "begin of another": fcgi.begin(request_id=1) + fcgi.begin(request_id=2),
    "id 0": fcgi.begin(request_id=0),
    "unknown type": fcgi.record(200, b"x" * 100, request_id=0),
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "only end records": fcgi.begin() + fcgi.record(fcgi.PARAMS) + fcgi.record(fcgi.STDIN),
    "data records": fcgi.begin() + fcgi.record(fcgi.DATA, b"x" * 100),
    "ends of nothing": fcgi.record(fcgi.END_REQUEST, bytes(8)) + fcgi.record(fcgi.STDOUT, b"x"),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_records(up, case):
    pid = up.worker.pid
    with fcgi.Connection(up.socket) as connection:
        connection.send(ODD[case])
        connection.done_sending()
        try:
            answer = connection.read_answer()
        except ConnectionResetError:
            answer = fcgi.Answer()
        assert answer.status is None or 400 <= answer.status < 500
    assert_alive(up, pid)


def test_multiplexing_is_declined(up):
    """A second request on a connection before the first one's end does no harm to the first."""
    first = fcgi.webhook(up.sign(leads.payload()))
    with fcgi.Connection(up.socket) as connection:
        connection.send(fcgi.begin(request_id=1) + fcgi.begin(request_id=2)
                        + fcgi.params(first, 1) + fcgi.stream(fcgi.STDIN, b"", 1))
        kinds = []
        while (got := connection.read_record()) is not None:
            kinds.append(got[:2])
            if got[:2] == (fcgi.END_REQUEST, 1):
                break
    assert_alive(up)
    assert len(up.list()) in (1, 2)


def test_request_ids_are_echoed(up):
    for request_id in (1, 2, 255, 65535):
        with fcgi.Connection(up.socket) as connection:
            connection.send(fcgi.request(fcgi.webhook(method="GET"), request_id=request_id))
            kind, echoed, _ = connection.read_record()
            assert (kind, echoed) == (fcgi.STDOUT, request_id)


def test_padding_is_skipped(up):
    values = fcgi.webhook(up.sign(leads.payload()))
    content = b"".join(fcgi.pair(n, v) for n, v in values.items())
    text = fcgi.begin() + fcgi.record(fcgi.PARAMS, content, padding=255) \
        + fcgi.record(fcgi.PARAMS, padding=7) + fcgi.record(fcgi.STDIN, padding=3)
    with fcgi.Connection(up.socket) as connection:
        connection.send(text)
        assert connection.read_answer().status == 202


@pytest.mark.parametrize("values", [
    {}, {"REQUEST_METHOD": "POST"}, {"REQUEST_METHOD": ""}, {"REQUEST_URI": "/leadpro"},
    {"REQUEST_METHOD": "POST", "REQUEST_URI": "/x", "CONTENT_LENGTH": "99999999999999999999"},
    {"REQUEST_METHOD": "POST", "REQUEST_URI": "/x", "CONTENT_LENGTH": "-5"},
    {"REQUEST_METHOD": "PO\0ST", "REQUEST_URI": "/\0"},
    {"": "", "=": "=", "REQUEST_METHOD": "POST"},
    {"LEADRELAY_STATUS": "abc", "REQUEST_METHOD": "POST"},
    {"LEADRELAY_STATUS": "200", "REQUEST_METHOD": "POST"},
    {"LEADRELAY_STATUS": "431", "REQUEST_METHOD": "POST"},
    {"LEADRELAY_CONFIG": "/etc/passwd", "REQUEST_METHOD": "POST"},
], ids=lambda values: " ".join(values).strip() or "none")
def test_odd_parameters(up, values):
    answer = fcgi.ask(up.socket, values)
    assert answer.status is None or 400 <= answer.status < 500, answer.stdout
    assert up.list() == []
    assert_alive(up)


def test_short_body_is_no_request(site):
    """Where the body counts, fewer bytes than CONTENT_LENGTH says are no lead."""
    site.settings["source"] = {"verify": "none"}
    site.start_worker()
    payload = leads.payload()
    values = fcgi.webhook(CONTENT_TYPE="application/json", CONTENT_LENGTH=str(len(payload) + 1))
    answer = fcgi.ask(site.socket, values, payload)
    assert answer.status is None or 400 <= answer.status < 500
    assert site.list() == []
    values["CONTENT_LENGTH"] = str(len(payload))
    assert fcgi.ask(site.socket, values, payload).status == 202


def test_descriptors_are_not_leaked(up):
    assert_alive(up)
    before = up.worker.descriptors()
    for _ in range(50):
        for _, text in stalls(up):
            with fcgi.Connection(up.socket) as connection:
                connection.send(text)
    assert_alive(up)
    wait_until(lambda: up.worker.descriptors() <= before + 2, "the descriptors to be closed")


@pytest.mark.skipif("LEADRELAY_SANITIZER" in os.environ, reason="slow under a sanitizer")
def test_descriptors_may_run_out(site):
    """More peers than descriptors: the worker waits, says so, and goes on."""
    site.crm()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        site.start_worker()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    peers = [fcgi.Connection(site.socket) for _ in range(100)]
    for peer in peers:
        peer.close()
    assert_alive(site)
