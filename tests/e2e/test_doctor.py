"""doctor URL: what it says of a web server that is set up well, and of one that is not."""

import fcntl
import http.server
import json
import re
import signal
import threading
import time

import pytest

import test_apache
from harness import apache, leads, lighttpd
from harness.wait import wait_until


def url(site, path="/leadpro"):
    return f"http://127.0.0.1:{site.nginx.port}{path}"


def doctor(site, status, *words, where=None):
    """Run it twice, for the program and for a person; return what the former reads."""
    target = where or url(site)
    done = site.command("doctor", target, *words)
    assert done.returncode == status, done
    text = done.stdout.decode()
    assert ("FAILED" in text) == (status != 0), text
    assert site.secret.decode() not in text
    done = site.command("doctor", target, "--json", *words)
    assert done.returncode == status, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def findings(site, where=None):
    return {line["finding"]: line for line in doctor(site, 1, where=where)
            if "finding" in line}


def change_nginx(site, *changes):
    """Change the included files, and wait until the new ones are in force."""
    for name in ("leadrelay.conf", "leadrelay-location.conf"):
        path = site.folder / name
        text = path.read_text()
        for old, new in changes:
            text = re.sub(old, new, text)
        path.write_text(text)
    site.nginx.reload()


@pytest.fixture
def up(site):
    site.crm()
    return site.start()


@pytest.mark.threads
def test_all_is_well(up):
    lines = doctor(up, 0)
    assert [line["probe"] // 1024 for line in lines] == [1, 8, 16, 32, 48, 60]
    assert all(line["ok"] and line["status"] == 200 for line in lines)
    assert up.list() == []
    assert up.crms["crm"].received() == []
    seen = up.wait_lines(what="probe")
    assert seen and seen[0]["store"] == "ok"


def test_probe_answer(up):
    payload = json.dumps({"leadrelay_probe": 1, "iat": int(time.time())}).encode()
    answer = up.post(payload)
    assert answer.status == 200
    seen = answer.json
    assert seen["status"] == "probe" and seen["variable"] == "HTTP_AUTHORIZATION"
    assert seen["bytes"] == len(up.sign(payload))
    assert seen["store"] == "ok"
    assert seen["destinations"][0]["name"] == "crm"
    assert "/" not in json.dumps(seen)
    seen = up.post(b'{"leadrelay_probe":[]}').json
    assert "store" not in seen and "destinations" not in seen
    assert up.list() == []


def test_who_may_probe(up):
    """A probe of anybody else's is refused; an old one makes no connection."""
    payload = json.dumps({"leadrelay_probe": 1, "iat": int(time.time())}).encode()
    assert up.post(payload, token=up.sign(payload)[:-4] + "AAAA").status == 401
    old = json.dumps({"leadrelay_probe": 1, "iat": int(time.time()) - 90}).encode()
    for payload in (old, b'{"leadrelay_probe":1}', b'{"leadrelay_probe":["destinations"]}', b'{"leadrelay_probe":1,"iat":"x"}'):
        answer = up.post(payload)
        assert answer.status == 200
        assert answer.json["destinations"] == [{"name": "crm", "state": "untested"}]
    assert up.crms["crm"].connections == 0


def test_tries_destinations_seldom(up):
    for _ in range(50):
        payload = json.dumps({"leadrelay_probe": 1, "iat": int(time.time())}).encode()
        assert up.post(payload).status == 200
    assert up.crms["crm"].connections <= 3


def test_no_probe_is_an_event(up):
    event = leads.sample()
    event["leadrelay_probe"] = 1
    assert up.post(event).status == 202
    assert up.post({"leadrelay_probe": 1, "event": "lead.created"}).status == 422
    assert up.post({"leadrelay_probe": 1, "data": None}).status == 422
    assert up.post({"leadrelay": 1}).status == 422


def test_header_stripped(up):
    change_nginx(up, (r"fastcgi_param HTTP_AUTHORIZATION.*\n", "\n"))
    found = findings(up)
    assert "HTTP_AUTHORIZATION" in found["header-stripped"]["cure"]


@pytest.mark.parametrize("room", ["4 8k", "4 20k"])
def test_header_limit(up, room):
    change_nginx(up, ("large_client_header_buffers 4 63k", f"large_client_header_buffers {room}"))
    found = findings(up)
    assert "large_client_header_buffers" in found["header-limit"]["cure"]
    assert found["header-limit"]["passed"] == (1024 if room == "4 8k" else 16384)
    # The same when nginx answers by itself.
    change_nginx(up, (r"error_page 494.*\n", "\n"))
    assert "large_client_header_buffers" in findings(up)["header-limit"]["cure"]


def test_record_limit(up):
    change_nginx(up, ("buffers 4 63k", "buffers 4 128k"),
                 (r"fastcgi_param DOCUMENT_ROOT .*\n",
                  "".join(f"fastcgi_param COPY_{n} $http_authorization;\n" for n in range(3))))
    assert "fastcgi_pass_request_headers" in findings(up)["record-limit"]["cure"]


def test_path(up):
    assert "path" in findings(up, where=url(up, "/elsewhere"))
    up.settings["source"]["path"] = "/leadpro/oxford"
    up.worker.stop()
    up.start_worker()
    assert "path" in findings(up)
    doctor(up, 0, where=url(up, "/leadpro/oxford"))


def test_secret(up):
    up.write_secret(b"another-secret-of-sufficient-length")
    assert "secret" in findings(up)


def test_worker_gone(up):
    up.worker.stop()
    assert "worker" in findings(up)


def test_store(up):
    up.post()
    up.wait_states(delivered=1)
    with open(up.store.with_name("outbox.db-lock"), "rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = findings(up)
    assert "locked" in found["store"]["detail"]


def test_destination(up):
    up.crms["crm"].stop()
    found = findings(up)
    assert "nobody takes the connection" in found["destination"]["detail"]
    assert found["destination"]["part"] == "crm"


def test_destination_after_a_reload(up):
    """What was found out about a former configuration's destinations is forgotten."""
    up.crms["crm"].stop()
    assert "destination" in findings(up)
    up.crm("other")
    up.settings["destination crm"]["url"] = up.crms["other"].url
    up.write_config()
    up.worker.popen.send_signal(signal.SIGHUP)
    wait_until(lambda: up.log_lines(msg="the configuration was read again"), "the reload")
    doctor(up, 0)
    up.crms["crm"].start()


def test_admin_pages_open(up):
    change_nginx(up, (r"deny all;", "allow all;"))
    found = findings(up)
    assert "status" in found["admin-open"]["detail"]
    assert "allow" in found["admin-open"]["cure"]


class Stranger(http.server.BaseHTTPRequestHandler):
    """Answers as ${server.answer} says, as a web server called ${server.name}."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        size = len(self.headers["Authorization"])
        status, body = self.server.answer(size)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.send_error(404)

    def version_string(self):
        return self.server.name

    def log_message(self, *_):
        pass


@pytest.fixture
def stranger(site):
    site.crm()
    site.write_config()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    server.name = "Apache/2.4"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def seen(**more):
    now = more.pop("clock", time.time())
    clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return 200, json.dumps({"status": "probe", "variable": "HTTP_AUTHORIZATION", "clock": clock,
                            "store": "ok", "destinations": [], **more}).encode()


def problem(status, name):
    return status, json.dumps({"type": f"urn:leadrelay:problem:{name}"}).encode()


def test_clock(site, stranger):
    stranger.answer = lambda size: seen(clock=time.time() + 300)
    found = findings(site, where=stranger.url)
    assert re.search("4m|5m", found["clock"]["detail"]) and "ahead" in found["clock"]["detail"]


def test_dropped_by_apache(site, stranger):
    stranger.answer = lambda size: seen() if size < 16361 else problem(401, "token-missing")
    found = findings(site, where=stranger.url)
    assert "LR_AUTH_0" in found["header-dropped"]["cure"]
    assert found["header-dropped"]["passed"] == 8192


def test_cut(site, stranger):
    stranger.answer = lambda size: seen() if size < 40000 else problem(401, "token-malformed")
    assert findings(site, where=stranger.url)["header-cut"]["bytes"] == 49152


@pytest.mark.parametrize("status, body, finding", [
    (200, b'{"status":"ok"}', "path"), (201, b'{"status":"created","id":7}', "path"),
    (404, b'{"type":"about:blank","status":404}', "path"),
    (401, b'{"type":"https://api.example/problems/token-missing"}', "login")])
def test_somebody_elses_json(site, stranger, status, body, finding):
    stranger.answer = lambda size: (status, body)
    found = findings(site, where=stranger.url)[finding]
    assert "the worker" not in found["detail"]


def test_nobody(site):
    site.crm()
    site.write_config()
    done = site.command("doctor", "http://127.0.0.1:1/")
    assert done.returncode == 69, done
    assert site.command("doctor", "ftp://127.0.0.1/").returncode == 64
    assert site.command("doctor").returncode == 64


# --- behind the other web servers -----------------------------------------------

@pytest.mark.parametrize("name", test_apache.DOORS)
def test_apache_well(site, name):
    test_apache.open_door(site, name)
    lines = doctor(site, 0)
    assert all(line["ok"] for line in lines)
    assert site.list() == []


@pytest.mark.parametrize("name, old, new, finding, cure", [
    ("mod_fcgid", r"CGIPassAuth On", "", "header-stripped", "CGIPassAuth"),
    ("mod_cgid", r"CGIPassAuth On", "", "header-stripped", "CGIPassAuth"),
    ("mod_fcgid", r"LimitRequestFieldSize \d+", "", "header-limit", "LimitRequestFieldSize"),
    ("mod_cgid", r"LimitRequestFieldSize \d+", "", "header-limit", "LimitRequestFieldSize"),
    ("mod_proxy_fcgi", r"LimitRequestFieldSize \d+", "", "header-limit",
     "LimitRequestFieldSize"),
    ("mod_proxy_fcgi", r"SetEnvIf Authorization .*", "", "header-stripped", "CGIPassAuth"),
    ("mod_proxy_fcgi", r"(?s)(SetEnvIf Authorization .*LR_AUTH_\d=\S+)", "CGIPassAuth On",
     "header-dropped", "LR_AUTH_0"),
])
def test_apache_badly(site, monkeypatch, name, old, new, finding, cure):
    shipped = apache.shipped

    def spoilt(*args):
        text = shipped(*args)
        assert re.search(old, text), text
        return re.sub(old, new, text)
    monkeypatch.setattr(apache, "shipped", spoilt)
    test_apache.open_door(site, name)
    assert cure in findings(site)[finding]["cure"]


@pytest.fixture
def behind_lighttpd(site):
    if lighttpd.LIGHTTPD is None:
        pytest.skip("there is no lighttpd")
    site.crm()
    site.settings["worker"]["log"] = f"file:{site.log}"
    site.settings["worker"].pop("socket_group", None)
    apache.hand_over(site)
    return site


def test_lighttpd_well(behind_lighttpd):
    behind_lighttpd.nginx = lighttpd.Lighttpd(behind_lighttpd)
    doctor(behind_lighttpd, 0)


def test_lighttpd_badly(behind_lighttpd, monkeypatch, tmp_path):
    (tmp_path / "deploy").mkdir()
    text = (lighttpd.SOURCE / "deploy/lighttpd.conf").read_text()
    assert re.search(r"(?m)^server.max-request-field-size.*", text)
    (tmp_path / "deploy/lighttpd.conf").write_text(
        re.sub(r"(?m)^server.max-request-field-size.*", "", text))
    monkeypatch.setattr(lighttpd, "SOURCE", tmp_path)
    behind_lighttpd.nginx = lighttpd.Lighttpd(behind_lighttpd)
    found = findings(behind_lighttpd)
    assert "server.max-request-field-size" in found["header-limit"]["cure"]
