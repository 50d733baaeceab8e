"""The repository's nginx files with the real nginx: sizes, limits, refusals."""

import concurrent.futures
import re
import select
import socket
import threading

import pytest

from harness import leads
from harness.nginx import SOURCE, Nginx
from harness.site import Site
from harness.wait import wait_until

KB = 1024


@pytest.fixture(scope="module")
def big(module_folder):
    """One installation for all sizes."""
    site = Site(module_folder).start()
    yield site
    complaints = site.stop()
    assert not complaints, complaints


OTHER_HEADERS = {
    "few": [],
    "2 KB": [("User-Agent", "u" * 500), ("Cookie", "c" * 1000), ("X-Forwarded-For", "f" * 500)],
}
PATHS = {
    "short path": "/leadpro",
    "long query": "/leadpro?" + "q" * 3000,
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("others", OTHER_HEADERS)
@pytest.mark.parametrize("size", [1 * KB, 4 * KB, 7 * KB, 8 * KB, 9 * KB, 16 * KB, 17 * KB,
                                  32 * KB, 33 * KB, 48 * KB, 60 * KB, 62 * KB])
def test_tokens_up_to_62_kb(big, size, others, path):
    payload = leads.payload_of_token_size(size)
    token = big.sign(payload)
    assert size - 4 <= len(token) <= size
    answer = big.post(payload, token, PATHS[path], OTHER_HEADERS[others])
    assert answer.status == 202, answer
    assert big.crms["crm"].wait(lambda seen: any(r.body == payload for r in seen), "the lead")


def test_everything_long_at_once(big):
    """The longest of each parameter that passes, with the longest token that does."""
    payload = leads.payload_of_token_size(62 * KB)
    answer = big.post(payload, path="/leadpro/" + "p" * 240 + "?" + "q" * 60000, headers=[
        ("X-Other", "o" * 30000)])
    assert answer.status == 202



@pytest.mark.parametrize("size", [64 * KB, 66 * KB, 100 * KB, 300 * KB])
def test_above_it_is_a_431_of_the_worker(big, size):
    before = len(big.log_lines(what="refused", status=431))
    token = ("t" * size)
    answer = big.request("POST", "/leadpro", [("Authorization", f"Bearer {token}")])
    assert answer.status == 431
    assert answer.headers.get_content_type() == "application/problem+json"
    assert answer.json["status"] == 431
    wait_until(lambda: len(big.log_lines(what="refused", status=431)) == before + 1,
               "the worker's log line")
    assert big.post().status == 202


def test_no_size_at_the_border_is_a_500(big):
    """Byte by byte round the limit: accepted as a token (401) or refused (431), no third."""
    seen = set()
    for size in [*range(63400, 64600, 60), *range(64480, 64512)]:
        answer = big.request(
            "POST", "/leadpro/" + "p" * 247 + "?" + "q" * 3000,
            [("Authorization", "t" * size), ("Content-Type", "application/" + "x" * 116),
             ("Content-Length", "0" * 300 + "0")])
        assert answer.status in (401, 431), (size, answer)
        seen.add(answer.status)
    assert seen == {401, 431}
    assert "too big" not in big.nginx.errors()


def test_long_parameters_do_not_reach_the_record(big):
    """Method, type, length and path beside a token of the full size: never nginx's own 500."""
    token = "t" * 64400
    for method, path, headers in (
            ("A" * 60000, "/leadpro", []),
            ("POST", "/leadpro" + "/p" * 20000, []),
            ("POST", "/leadpro", [("Content-Type", "t" * 60000)]),
            ("POST", "/leadpro", [("Content-Length", "0" * 60000)]),
            ("POST", "/leadpro", [("Referer", "r" * 60000), ("Cookie", "c" * 60000)])):
        answer = big.request(method, path, [("Authorization", token), *headers])
        assert 400 <= answer.status < 500, (method[:10], path[:20], answer)
    assert "too big" not in big.nginx.errors()


def test_a_413_is_handed_to_the_worker(big):
    before = len(big.log_lines(what="refused", status=413))
    token = big.sign(leads.payload())
    answer = big.request("POST", "/leadpro", [("Authorization", token)], b"x" * (300 * KB))
    assert answer.status == 413
    assert answer.headers.get_content_type() == "application/problem+json"
    wait_until(lambda: len(big.log_lines(what="refused", status=413)) == before + 1,
               "the worker's log line")


def test_a_chunked_413_too(big):
    before = len(big.log_lines(what="refused", status=413))
    with big.client() as client:
        connection = client.connection
        connection.putrequest("POST", "/leadpro")
        connection.putheader("Authorization", big.sign(leads.payload()))
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        try:
            for _ in range(300):
                connection.send(b"400\r\n" + b"x" * KB + b"\r\n")
            connection.send(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = connection.getresponse()
        assert answer.status == 413
        answer.read()
    wait_until(lambda: len(big.log_lines(what="refused", status=413)) == before + 1,
               "the worker's log line")


def test_a_chunked_body_is_counted(big):
    payload = leads.payload()
    with big.client() as client:
        connection = client.connection
        connection.putrequest("POST", "/leadpro")
        connection.putheader("Authorization", big.sign(payload))
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        connection.send(b"%x\r\n" % len(payload) + payload + b"\r\n0\r\n\r\n")
        answer = connection.getresponse()
        assert answer.status == 202
        answer.read()


def test_the_counter_counts_refusals(big):
    def refused():
        page = big.request("GET", "/leadpro/metrics")
        assert page.status == 200
        return sum(int(n) for n in re.findall(r"^leadrelay_refused\w*(?:{[^}]*})? (\d+)$",
                                              page.body.decode(), re.MULTILINE))
    before = refused()
    big.request("POST", "/leadpro", [("Authorization", "t" * 70000)])
    assert refused() == before + 1


def test_the_error_log_quotes_no_token(big):
    big.request("POST", "/leadpro", [("Authorization", "Bearer quoted" + "t" * 70000)])
    big.post(token="quoted.quoted.quoted")
    assert "quoted" not in big.nginx.errors()


def test_headers_of_the_client_do_not_become_parameters(big):
    """A role or a status comes from the front server's own configuration only."""
    headers = [("Leadrelay-Role", "admin"), ("Leadrelay-Status", "431"),
               ("X-Test-Address", "203.0.113.9")]
    assert big.request("GET", "/leadpro/none/metrics", headers).status in (404, 405)
    assert big.post(headers=headers).status == 202


def test_rate_limit_answers_429(big):
    """From elsewhere than loopback; a burst passes, a flood does not."""
    headers = [("X-Test-Address", "203.0.113.77")]

    def some(_):
        with big.client() as client:
            return [client.request("GET", "/leadpro", headers).status for _ in range(250)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = [status for part in pool.map(some, range(4)) for status in part]
    assert set(statuses) == {405, 429}
    assert statuses.count(405) >= 500
    assert big.post(headers=[("X-Test-Address", "203.0.113.78")]).status == 202


def test_other_locations_are_untouched(big):
    assert big.request("GET", "/elsewhere").status == 404
    answer = big.request("POST", "/elsewhere", [], b"x" * (2 * KB * KB))
    assert answer.headers.get_content_type() == "text/html"


def test_pipelined_and_kept_connections(big):
    """Many leads down one connection to nginx; connections to the worker are kept too."""
    with big.client() as client:
        for _ in range(200):
            assert big.post(client=client).status == 202
    assert "prematurely" not in big.nginx.errors()


def test_http_1_0_without_a_host(big):
    payload = leads.payload()
    token = big.sign(payload)
    with socket.create_connection(("127.0.0.1", big.nginx.port), 10) as connection:
        connection.sendall(f"POST /leadpro HTTP/1.0\r\nAuthorization: {token}\r\n"
                           f"Content-Length: 0\r\n\r\n".encode())
        text = b""
        while more := connection.recv(65536):
            text += more
    assert b" 202 " in text.split(b"\r\n")[0]


def test_configuration_is_clean(site):
    """nginx has nothing to say about the files, at the level of warnings."""
    site.start()
    site.nginx.stop()
    assert site.nginx.errors() == ""
    assert "warn" not in site.nginx.process.output()


def test_a_worker_that_comes_back(site):
    """No stale connection outlives a restart of the worker."""
    site.start()
    for _ in range(5):
        with site.client() as client:
            for _ in range(10):
                assert site.post(client=client).status == 202
        assert site.worker.stop() == 0
        site.start_worker()


class Lossy:
    """Stands between nginx and the worker, and can lose what either says next."""

    def __init__(self, site):
        self.worker = str(site.socket)
        self.path = site.folder / "lossy.sock"
        self.lose = None                # "request" or "answer", once
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.path.chmod(0o666)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                front, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(front,), daemon=True).start()

    def _serve(self, front):
        with front, socket.socket(socket.AF_UNIX) as worker:
            worker.connect(self.worker)
            while True:
                for end in select.select([front, worker], [], [])[0]:
                    text = end.recv(65536)
                    if not text or self._loses("request" if end is front else "answer"):
                        return
                    (worker if end is front else front).sendall(text)

    def _loses(self, what):
        if self.lose != what:
            return False
        self.lose = None
        return True

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def lossy(site):
    site.start_worker()
    between = Lossy(site)
    site.nginx = Nginx(site.folder, between.path)
    yield between
    between.stop()


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
@pytest.mark.parametrize("what, answer", [("answer", (200, "duplicate")),
                                          ("request", (202, "accepted"))])
def test_what_got_lost_is_asked_again(site, lossy, what, answer, kept):
    """Whichever way it went: the sender is told, and the lead is there once."""
    earlier = [leads.payload() for _ in range(3 if kept else 0)]
    for payload in earlier:
        assert site.post(payload).status == 202
    lossy.lose = what
    payload = leads.payload()
    got = site.post(payload)
    assert lossy.lose is None
    assert (got.status, got.json["status"]) == answer
    site.wait_states(delivered=len(earlier) + 1)
    assert got.json["id"] in {row["id"] for row in site.list()}
    assert sorted(site.crms["crm"].bodies()) == sorted([*earlier, payload])


@pytest.mark.parametrize("what", ["answer", "request"])
def test_its_body_comes_along(site, lossy, what):
    """Seen where the body is what counts."""
    site.settings["source"] = {"verify": "none"}
    site.worker.stop()
    site.start_worker()
    lossy.lose = what
    payload = leads.payload(padding="p" * 40000)
    answer = site.request("POST", "/leadpro", [("Content-Type", "application/json")], payload)
    assert lossy.lose is None
    assert answer.status in (202, 200), answer
    site.wait_states(delivered=1)
    assert site.crms["crm"].bodies() == [payload]


def test_a_worker_that_is_away_is_no_dead_end(site):
    """Failures, however many, do not keep nginx from asking the one that is back."""
    site.start()
    assert site.worker.stop() == 0
    for _ in range(5):
        assert site.post().status == 502
    site.start_worker()
    assert site.post().status == 202


def test_tokens_are_not_kept_in_files(big):
    assert not any(path.is_file() for path in big.folder.glob("temp-*/**/*"))


@pytest.mark.parametrize("name", ["leadrelay-location.conf", "examples.conf"])
def test_every_way_to_the_worker_asks_again(name):
    text = (SOURCE / "nginx" / name).read_text()
    assert len(re.findall(r"(?m)^\s*fastcgi_next_upstream error timeout non_idempotent;", text)) \
        == len(re.findall(r"(?m)^\s*fastcgi_pass ", text)) > 0


def test_params_name_nothing_unknown():
    """What the location files send is what the worker reads."""
    text = (SOURCE / "nginx/leadrelay-location.conf").read_text()
    sent = set(re.findall(r"fastcgi_param\s+(\w+)", text))
    assert sent == {"REQUEST_METHOD", "REQUEST_URI", "CONTENT_TYPE", "CONTENT_LENGTH",
                    "DOCUMENT_ROOT", "HTTP_AUTHORIZATION", "LEADRELAY_ROLE", "LEADRELAY_STATUS",
                    "QUERY_STRING"}
