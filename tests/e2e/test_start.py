"""How the program is started: worker on its own socket or on fd 0, CGI, command."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import time

import pytest

from harness import apache, fcgi, leads
from harness.nginx import free_port
from harness.site import PROGRAM, environment
from harness.wait import wait_until


def cgi(site, query="", argv=(), body=b"", token=None, method="POST", **variables):
    """One plain CGI request, the way mod_cgi makes it; returns (status, headers, body)."""
    env = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": method,
           "REQUEST_URI": "/cgi-bin/leadrelay" + (f"?{query}" if query else ""),
           "QUERY_STRING": query, "SCRIPT_NAME": "/cgi-bin/leadrelay",
           "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": str(len(body)),
           "CONTENT_TYPE": "application/json", "LEADRELAY_CONFIG": str(site.config)}
    if token is not None:
        env["HTTP_AUTHORIZATION"] = token
    env.update(variables)
    done = subprocess.run([str(PROGRAM), *argv], input=body, capture_output=True, timeout=60,
                          env=environment({k: v for k, v in env.items() if v is not None}),
                          check=False)
    answer = fcgi.Answer()
    answer.stdout = done.stdout
    answer.stderr = done.stderr
    return answer


@pytest.fixture
def configured(site):
    """Configuration only; the relay of CGI requests has nobody to deliver to."""
    crm = site.crm()
    crm.stop()
    site.write_config()
    return site


# --- CGI ----------------------------------------------------------------------

def test_cgi_accepts_and_answers(configured):
    payload = leads.payload()
    answer = cgi(configured, token=configured.sign(payload), body=payload)
    assert answer.status == 202, answer.stdout
    assert b"Content-Type: application/json" in answer.stdout
    again = cgi(configured, token=configured.sign(payload), body=payload)
    assert again.status == 200
    row, = configured.list()
    assert row["state"] in ("waiting", "sending")


@pytest.mark.parametrize("query, argv", [
    ("list+--json", ["list", "--json"]),
    ("erase+--lead+1", ["erase", "--lead", "1"]),
    ("discard+--all", ["discard", "--all"]),
    ("--version", ["--version"]),
    ("--config+/etc/passwd+list", ["--config", "/etc/passwd", "list"]),
])
def test_a_url_runs_no_command(configured, query, argv):
    """Apache turns a query without '=' into argv."""
    payload = leads.payload()
    answer = cgi(configured, query, argv, payload, configured.sign(payload))
    assert answer.status == 202, answer.stdout
    row, = configured.list()
    for method in ("GET", "POST"):
        answer = cgi(configured, query, argv, b"", method=method)
        assert answer.status == (405 if method == "GET" else 401)
        assert row["id"].encode() not in answer.stdout
        assert b"leadrelay 0" not in answer.stdout
    assert [r["id"] for r in configured.list()] == [row["id"]]


def test_cgi_always_answers(configured):
    for broken in ("nonsense {", "source { secret_file = }"):
        configured.config.write_text(broken)
        answer = cgi(configured, token="x")
        assert answer.status == 503, answer.stdout
        assert b"Retry-After: " in answer.stdout
        assert b"application/problem+json" in answer.stdout
        assert str(configured.config).encode() not in answer.stdout
    answer = cgi(configured, LEADRELAY_CONFIG="/nowhere/leadrelay.conf")
    assert answer.status == 503


def test_cgi_configuration_is_not_a_request_header(configured):
    """Only the process environment's own variable counts, not what a client can send."""
    answer = cgi(configured, token="x", LEADRELAY_CONFIG="/nowhere/leadrelay.conf",
                 HTTP_LEADRELAY_CONFIG=str(configured.config))
    assert answer.status == 503


def test_cgi_without_a_content_length(configured):
    """The body is not used, so nothing is missed."""
    payload = leads.payload()
    answer = cgi(configured, token=configured.sign(payload), CONTENT_LENGTH=None)
    assert answer.status == 202


def test_cgi_reads_exactly_its_content(site):
    """Where the body counts: one that was cut is refused, what follows it is not read."""
    site.crm().stop()
    site.settings["source"] = {"verify": "none"}
    site.write_config()
    payload = leads.payload()
    for length in (str(len(payload) + 10), "-1", "abc", "99999999999999999999"):
        answer = cgi(site, body=payload, CONTENT_LENGTH=length)
        assert answer.status in (400, 413), (length, answer.stdout)
    assert not site.store.exists() or site.list() == []
    answer = cgi(site, body=payload + b"and more", CONTENT_LENGTH=str(len(payload)))
    assert answer.status == 202, answer.stdout
    row, = site.list()
    assert row["state"] in ("waiting", "sending")


def test_cgi_with_standard_input_closed(configured):
    payload = leads.payload()
    env = environment({"REQUEST_METHOD": "POST", "REQUEST_URI": "/x", "CONTENT_LENGTH": "0",
                       "HTTP_AUTHORIZATION": configured.sign(payload),
                       "LEADRELAY_CONFIG": str(configured.config)})
    done = subprocess.run(["/bin/sh", "-c", 'exec "$0" <&-', str(PROGRAM)], env=env,
                          capture_output=True, timeout=60, check=False)
    assert b"Status: 202" in done.stdout, done


# --- the Authorization header, wherever the front server put it ---------------

@pytest.mark.parametrize("name", [
    "HTTP_AUTHORIZATION", "REDIRECT_HTTP_AUTHORIZATION", "REDIRECT_REDIRECT_HTTP_AUTHORIZATION"])
@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_authorization_variables(configured, name, prefix):
    payload = leads.payload()
    answer = cgi(configured, body=payload, **{name: prefix + configured.sign(payload)})
    assert answer.status == 202, answer.stdout


@pytest.mark.parametrize("size", [600, 16000, 16001, 40000])
def test_authorization_in_parts(configured, size):
    """LR_AUTH_0…n: how Apache's mod_proxy_fcgi gets more than 16 KB through."""
    payload = leads.payload() if size < 1500 else leads.payload_of_token_size(size)
    value = "Bearer " + configured.sign(payload)
    step = 200 if size < 1500 else 16000
    parts = {f"LR_AUTH_{n}": value[at:at + step]
             for n, at in enumerate(range(0, len(value), step))}
    answer = cgi(configured, body=payload, **parts)
    assert answer.status == 202, answer.stdout
    assert cgi(configured, **{k: v for k, v in parts.items() if k != "LR_AUTH_1"}).status == 401


def test_authorization_as_fcgid_passes_it(configured):
    configured.start_worker()
    payload = leads.payload()
    values = fcgi.webhook()
    values["Authorization"] = configured.sign(payload)
    assert fcgi.ask(configured.socket, values).status == 202


# --- sockets ------------------------------------------------------------------

def test_its_own_socket(site):
    site.start_worker()
    mode = os.stat(site.socket)
    assert stat.S_ISSOCK(mode.st_mode) and stat.S_IMODE(mode.st_mode) == 0o660
    assert fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405


def test_a_living_socket_is_not_replaced(site):
    site.start_worker()
    second = site.command("serve", "--listen", f"unix:{site.socket}")
    assert second.returncode != 0 and second.stderr
    assert fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405


def test_a_dead_socket_is_replaced(site):
    site.start_worker()
    site.worker.kill()
    assert site.socket.exists()
    site.start_worker()
    assert fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405


def test_a_file_is_not_replaced(site):
    site.write_config()
    site.socket.write_text("somebody's file")
    done = site.command("serve", "--listen", f"unix:{site.socket}")
    assert done.returncode != 0 and done.stderr
    assert site.socket.read_text() == "somebody's file"


def test_tcp(site):
    site.crm()
    port = free_port()
    site.start_worker(listen=f"127.0.0.1:{port}")
    payload = leads.payload()
    answer = fcgi.ask(("127.0.0.1", port), fcgi.webhook(site.sign(payload)))
    assert answer.status == 202
    admin = fcgi.webhook(method="GET", uri="/leadpro/metrics", LEADRELAY_ROLE="admin")
    assert fcgi.ask(("127.0.0.1", port), admin).status == 404


def test_socket_on_descriptor_0(site):
    """As spawn-fcgi, mod_fcgid, lighttpd and systemd's StandardInput=socket start it."""
    crm = site.crm()
    site.write_config()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(site.socket))
        listener.listen(64)
        env = environment({"LEADRELAY_CONFIG": str(site.config)})
        with open(site.log, "ab") as log:
            worker = subprocess.Popen([str(PROGRAM)], stdin=listener, stdout=log, stderr=log,
                                      env=env)
    try:
        payload = leads.payload()
        answer = fcgi.ask(site.socket, fcgi.webhook(site.sign(payload)))
        assert answer.status == 202
        crm.wait_count(1)
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0


@pytest.mark.skipif(shutil.which("spawn-fcgi") is None, reason="spawn-fcgi is not installed")
def test_spawn_fcgi(site):
    crm = site.crm()
    site.write_config()
    pidfile = site.folder / "pid"
    subprocess.run(["spawn-fcgi", "-s", str(site.socket), "-P", str(pidfile), "--",
                    str(PROGRAM)],
                   env=environment({"LEADRELAY_CONFIG": str(site.config)}),
                   check=True, capture_output=True, timeout=20)
    pid = int(wait_until(lambda: pidfile.exists() and pidfile.read_text().strip(), "the pid"))
    try:
        payload = leads.payload()
        assert fcgi.ask(site.socket, fcgi.webhook(site.sign(payload))).status == 202
        crm.wait_count(1)
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: ended(pid), "the worker to leave")


def ended(pid):
    """Gone, or a zombie that nobody here can reap."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as text:
            return text.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


# --- with less than it would like to have -----------------------------------------

@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as a user of its own")
def test_with_few_threads(site):
    """It serves with those that can be started, or ends, and never hangs."""
    user = 54321                        # of nobody's, so that all its threads are ours
    site.settings["worker"].pop("socket_group")
    site.crm()
    site.write_config()
    program = apache.program_for(site)
    for path in (site.folder, site.config, site.secret_file):
        os.chown(path, user, user)
    served = []
    for limit in range(2, 11):
        worker = site.spawn(["prlimit", f"--nproc={limit}:{limit}", "setpriv", f"--reuid={user}",
                             f"--regid={user}", "--clear-groups", program, "--config",
                             site.config, "serve", "--listen", f"unix:{site.socket}"])
        wait_until(lambda one=worker: not one.running or answers(site.socket), "its decision")
        if worker.running:
            token = site.sign(leads.payload())
            served.append(fcgi.ask(site.socket, fcgi.webhook(token)).status)
        assert worker.stop() == (0 if len(served) else 70)
    assert set(served) == {202}
    few = [row for row in site.log_lines(level="warn") if "instead of" in row.get("msg", "")]
    assert few


def answers(address):
    try:
        return fcgi.ask(address, fcgi.webhook(method="GET")).status == 405
    except OSError:
        return False


def test_with_few_descriptors(site):
    """Those who connect wait for one; that they do is said once, not each time."""
    site.crm()
    site.write_config()
    site.worker = site.spawn(["prlimit", "--nofile=32:32", PROGRAM, "--config", site.config,
                              "serve", "--listen", f"unix:{site.socket}"])
    site.wait_for_worker()
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(fcgi.Connection(site.socket, 20)) for _ in range(60)]
        for one in waiting:
            one.send(fcgi.request(fcgi.webhook(method="GET"), flags=fcgi.KEEP_CONN))
        for one in waiting:
            assert one.read_answer().status == 405
            one.close()
    said = [row["msg"] for row in site.log_lines(level="warn") if "msg" in row]
    assert len([words for words in said if "32 files may be open" in words]) == 1, said
    assert len([words for words in said if "not accepting" in words]) == 1, said


# --- neither ------------------------------------------------------------------

def test_usage_when_nothing_says_what_to_do(tmp_path):
    done = subprocess.run([str(PROGRAM)], stdin=subprocess.DEVNULL, capture_output=True,
                          env=environment(), timeout=20, check=False)
    assert done.returncode == 64
    assert done.stdout == b"" and b"usage" in done.stderr.lower()


def test_serve_without_a_socket(site):
    site.write_config()
    done = site.command("serve", stdin=b"")
    assert done.returncode in (64, 69), done


def test_bad_configuration_is_78_for_commands(site):
    for text in ("nonsense = 1\n", "source { secret_file = \"x\"; colour = \"red\" }\n", ""):
        site.config.write_text(text)
        for words in (["check"], ["list"], ["relay"], ["relay", "--once"], ["stats"]):
            done = site.command(*words)
            assert done.returncode == 78, done
            assert str(site.config).encode() in done.stderr
    assert not site.store.exists()


# --- leaving ------------------------------------------------------------------

@pytest.mark.threads
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_within_two_seconds(site, number):
    site.start()
    assert site.post().status == 202
    idle = fcgi.Connection(site.socket)
    half = fcgi.Connection(site.socket)
    half.send(fcgi.begin() + fcgi.record(fcgi.PARAMS, b"\x0e\x04REQUEST_ME")[:20])
    before = time.monotonic()
    assert site.worker.stop(number, 10) == 0
    assert time.monotonic() - before < 4      # two seconds, and room for a slow machine
    idle.close()
    half.close()


def test_a_stop_while_the_store_is_locked(site):
    """Who waits for the disk is told to come again, not cut off."""
    site.start_worker()
    first, second = (fcgi.webhook(site.sign(leads.payload())) for _ in range(2))
    assert fcgi.ask(site.socket, first).status == 202
    with contextlib.closing(sqlite3.connect(site.store, isolation_level=None)) as other, \
            fcgi.Connection(site.socket) as connection:
        other.execute("BEGIN IMMEDIATE")
        connection.send(fcgi.request(second))
        before = time.monotonic()
        assert site.worker.stop(signal.SIGTERM, 10) == 74
        assert time.monotonic() - before < 4
        answer = connection.read_answer()
    assert answer.status == 503 and answer.ended
    assert b"\r\nRetry-After: " in answer.stdout


@pytest.mark.threads
def test_what_is_in_flight_is_answered(site):
    """A request whose last byte comes after the signal still gets its answer."""
    site.start_worker()
    payload = leads.payload()
    text = fcgi.request(fcgi.webhook(site.sign(payload)))
    with fcgi.Connection(site.socket) as connection:
        connection.send(text[:-9])
        assert fcgi.ask(site.socket, fcgi.webhook(method="GET")).status == 405
        site.worker.send(signal.SIGTERM)
        connection.send(text[-9:])
        answer = connection.read_answer()
    assert answer.status in (202, None)
    assert site.worker.stop() == 0
    assert len(site.list()) == (1 if answer.status == 202 else 0)
