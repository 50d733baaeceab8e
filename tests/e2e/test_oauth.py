"""OAuth 2.0 against a token endpoint that can be told to fail in any way."""

import json
import signal
import sqlite3
import threading
import urllib.parse

import pytest

from harness import leads
from harness.crm import Crm, NEVER, RESET_AFTER, Reply
from harness.wait import wait_until

SECRET = "client-secret-value"
REFRESH = "refresh-token-value"


class Tokens(Crm):
    """A token endpoint: what it grants, a resource server may ask about."""

    def __init__(self):
        super().__init__()
        self.granted = []
        self.more = {"expires_in": 3600}
        self.rule = self.grant
        self.delay = 0.0

    def grant(self, _):
        token = f"access-{len(self.granted) + 1}-token"
        self.granted.append(token)
        return Reply(200, json.dumps({"access_token": token, "token_type": "Bearer",
                                      **self.more}).encode(), delay=self.delay)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/oauth/token"

    def forms(self):
        return [dict(urllib.parse.parse_qsl(request.body.decode()))
                for request in self.received()]


@pytest.fixture
def tokens():
    made = Tokens()
    yield made
    made.stop()


def oauth(site, tokens, **more):
    """A destination that wants tokens."""
    secret = site.folder / "client.secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    settings = {"oauth_token_url": tokens.url, "oauth_client_id": "lead&relay",
                "oauth_client_secret_file": str(secret), "probe": ["100ms"]}
    settings.update(more)
    return site.crm(**{key: value for key, value in settings.items() if value is not None})


def refresh_file(site, text=REFRESH):
    path = site.folder / "refresh.token"
    fresh = site.folder / "refresh.new"
    fresh.write_text(text + "\n")
    fresh.chmod(0o600)
    fresh.rename(path)
    return str(path)


def used(crm):
    return [request.header("Authorization") for request in crm.received()]


def no_secret_in(site, *secrets):
    """Neither the log nor what the commands print holds any of these."""
    text = site.log.read_text(errors="replace")
    for row in site.list():
        text += site.command("show", row["id"]).stdout.decode(errors="replace")
    text += site.command("stats").stdout.decode(errors="replace")
    text += site.command("check").stdout.decode(errors="replace")
    for secret in (SECRET, REFRESH, *secrets):
        assert secret not in text


@pytest.mark.threads
def test_client_credentials_fetched_once_for_many(site, tokens):
    tokens.delay = 0.2
    crm = oauth(site, tokens, oauth_scope="leads.write all")
    site.start()
    for _ in range(20):
        assert site.post().status == 202
    site.wait_states(delivered=20)
    assert tokens.forms() == [{
        "grant_type": "client_credentials", "client_id": "lead&relay",
        "client_secret": SECRET, "scope": "leads.write all"}]
    request = tokens.received()[0]
    assert request.header("Content-Type") == "application/x-www-form-urlencoded"
    assert request.header("Authorization") is None
    assert set(used(crm)) == {"Bearer access-1-token"}
    no_secret_in(site, "access-1-token")


def test_nothing_is_fetched_without_a_lead(site, tokens):
    oauth(site, tokens)
    site.start()
    assert site.command("relay", "--once").returncode == 0
    assert site.command("check").returncode == 0
    assert tokens.received() == []


def test_scheme_and_refresh_token(site, tokens):
    crm = oauth(site, tokens, oauth_scheme="Zoho-oauthtoken",
                oauth_refresh_token_file=refresh_file(site))
    site.start()
    site.post()
    site.wait_states(delivered=1)
    assert tokens.forms() == [{
        "grant_type": "refresh_token", "refresh_token": REFRESH,
        "client_id": "lead&relay", "client_secret": SECRET}]
    assert used(crm) == ["Zoho-oauthtoken access-1-token"]


def test_a_token_that_runs_out(site, tokens):
    tokens.more = {"expires_in": 1}
    crm = oauth(site, tokens)
    site.start()
    site.post()
    site.wait_states(delivered=1)

    def renewed():
        site.post()
        return len(tokens.granted) > 1
    wait_until(renewed, "a second token", pause=0.2)
    wait_until(lambda: "Bearer access-2-token" in used(crm), "the second token in use")
    assert all(request.reply.status == 200 for request in crm.received())


def test_a_refused_token_is_fetched_anew(site, tokens):
    tokens.more = {}                    # no expires_in: good until refused
    crm = oauth(site, tokens)
    revoked = set()
    crm.rule = lambda request: Reply(
        401 if request.header("Authorization") in revoked else 200,
        f'{{"you sent":"{request.header("Authorization")}"}}'.encode())
    site.start()
    site.post()
    site.wait_states(delivered=1)
    revoked.add("Bearer access-1-token")
    payloads = [leads.payload() for _ in range(10)]
    for payload in payloads:
        site.post(payload)
    site.wait_states(delivered=11)
    assert len(tokens.granted) == 2
    assert site.log_lines(what="paused") == []
    refused = [request for request in crm.received() if request.reply.status == 401]
    assert refused
    attempts = json.loads(site.command("show", refused[0].event, "--json").stdout)
    assert "access-1-token" not in json.dumps(attempts)
    no_secret_in(site, "access-1-token", "access-2-token")


def test_a_fresh_token_refused_pauses_and_costs_no_lead(site, tokens):
    crm = oauth(site, tokens)
    crm.default = Reply(401)
    site.start()
    event = site.post().json["id"]
    wait_until(lambda: site.log_lines(what="paused"), "the pause")
    assert len(tokens.granted) == 2     # one more, and no more, before the pause
    crm.default = Reply(200)
    site.wait_states(delivered=1)
    assert site.wait_lines(what="recovered")
    shown = json.loads(site.command("show", event, "--json").stdout)
    assert shown


@pytest.mark.parametrize("fault, said", [
    (Reply(400, b'{"error":"invalid_client"}'), "status 400 (invalid_client)"),
    (Reply(503, b"busy"), "status 503"),
    (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), "status 302"),
    (Reply(200, b"<html>not JSON</html>"), "no JSON object"),
    (Reply(200, b'{"error":"invalid_code"}'), "no usable access_token (invalid_code)"),
    (Reply(200, b'{"access_token":"a\\nb"}'), "no usable access_token"),
    (Reply(200, b'{"access_token":"' + b"a" * 100000 + b'"}'), "too long"),
    (Reply(fault=RESET_AFTER), "token endpoint: "),
    (Reply(fault=NEVER), "token endpoint: "),
], ids=["refused", "busy", "redirect", "html", "error-200", "control", "huge", "reset", "silent"])
def test_a_failing_token_endpoint_pauses(site, tokens, fault, said):
    crm = oauth(site, tokens, timeout="1s")
    tokens.rule = None
    tokens.default = fault
    site.start()
    for _ in range(3):
        assert site.post().status == 202
    paused = wait_until(lambda: site.log_lines(what="paused"), "the pause")
    assert paused[0]["error"].startswith("token endpoint: ")
    assert said in paused[0]["error"]
    wait_until(lambda: b"token endpoint: " in site.command("stats").stdout, "stats to say so",
               pause=0.1)
    assert crm.received() == []
    tokens.rule = tokens.grant
    site.wait_states(delivered=3)
    for row in site.list():
        assert row["attempts"] == 1     # the failures cost nothing
    no_secret_in(site)


def test_a_token_endpoint_that_is_away(site, tokens):
    oauth(site, tokens)
    tokens.stop()
    site.start()
    site.post()
    wait_until(lambda: site.log_lines(what="paused"), "the pause")
    assert site.command("check").returncode == 69
    tokens.start()
    site.wait_states(delivered=1)


def test_other_destinations_go_on(site, tokens):
    oauth(site, tokens)
    other = site.crm("other")
    tokens.rule = None
    tokens.default = Reply(fault=NEVER)
    site.start()
    for _ in range(5):
        site.post()
    other.wait_count(5, timeout=4)      # less than the token endpoint's timeout
    tokens.stop()


def test_a_rotated_refresh_token_survives_a_restart(site, tokens):
    crm = oauth(site, tokens, oauth_refresh_token_file=refresh_file(site))
    good = [REFRESH]

    def rotate(request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if form["refresh_token"] != good[-1]:
            return Reply(400, b'{"error":"invalid_grant"}')
        good.append(f"rotated-{len(good)}")
        return Reply(200, json.dumps({"access_token": f"access-{len(good)}-token",
                                      "refresh_token": good[-1]}).encode())
    tokens.rule = rotate
    site.start()
    site.post()
    site.wait_states(delivered=1)
    for count in (2, 3):
        site.worker.stop()
        site.start_worker()
        site.post()
        site.wait_states(delivered=count)
    assert len(good) == 4 and len(crm.received()) == 3
    no_secret_in(site, *good)

    # A new one in the operator's file takes its place.
    good.append("brand-new-refresh")
    refresh_file(site, "brand-new-refresh")
    site.worker.stop()
    site.start_worker()
    site.post()
    site.wait_states(delivered=4)
    assert site.log_lines(what="paused") == []


class Rotating:
    """A provider to which each refresh token is worth one answer."""

    def __init__(self, tokens):
        self.good = [REFRESH]
        self.answer = threading.Event()     # not before this is set
        self.answer.set()
        tokens.rule = self.rotate

    def rotate(self, request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if form["refresh_token"] != self.good[-1]:
            return Reply(400, b'{"error":"invalid_grant"}')
        self.good.append(f"rotated-{len(self.good)}")
        return Reply(200, json.dumps({"access_token": f"access-{len(self.good)}-token",
                                      "refresh_token": self.good[-1]}).encode(),
                     after=self.answer)


@pytest.fixture
def rotating(site, tokens):
    """The refresh token was rotated while somebody else held the store."""
    provider = Rotating(tokens)
    provider.answer.clear()
    provider.crm = oauth(site, tokens, oauth_refresh_token_file=refresh_file(site))
    site.start()
    site.post()
    tokens.wait_count(1)
    holder = sqlite3.connect(site.store, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    provider.answer.set()
    wait_until(lambda: [line for line in site.log_lines(level="error")
                        if "refresh token is not stored yet" in line.get("msg", "")],
               "a try to store it to fail", 30)
    holder.execute("ROLLBACK")
    holder.close()
    return provider


def still_good(site, provider):
    """Another process, with what is stored alone."""
    site.start_worker()
    site.post()
    site.wait_states(delivered=2)
    assert site.log_lines(what="paused") == [] and len(provider.good) == 3
    no_secret_in(site, *provider.good)


def test_a_rotated_token_is_stored_at_a_clean_stop(site, rotating):
    assert site.worker.stop() == 0
    still_good(site, rotating)


def test_a_rotated_token_is_stored_while_idle(site, rotating):
    wait_until(lambda: [line for line in site.log_lines(level="info")
                        if line.get("msg", "").endswith("its new refresh token is stored")],
               "it to be stored", 30)
    site.worker.kill()
    still_good(site, rotating)


def test_a_file_that_changes_while_its_token_is_used_counts(site, tokens):
    """The answer belongs to the former token: it does not stand in for the new one."""
    provider = Rotating(tokens)
    provider.answer.clear()
    crm = oauth(site, tokens, oauth_refresh_token_file=refresh_file(site))
    site.start()
    site.post()
    tokens.wait_count(1)
    for text, said in (("", "the former credential stays in use"),
                       ("brand-new-refresh", "its credentials are good again")):
        refresh_file(site, text)
        wait_until(lambda said=said: said in site.log.read_text(), "the file to be read")
    provider.answer.set()
    site.wait_states(delivered=1)
    provider.good.append("brand-new-refresh")
    site.worker.stop()
    site.start_worker()
    site.post()
    site.wait_states(delivered=2)
    assert site.log_lines(what="paused") == [] and len(crm.received()) == 2


# --- reloads ------------------------------------------------------------------

def reload(site, change):
    """Apply ``change`` to the settings and wait until they are in force."""
    before = len(site.log_lines(msg="the configuration was read again"))
    change(site.settings)
    site.write_config()
    site.worker.send(signal.SIGHUP)
    wait_until(lambda: len(site.log_lines(msg="the configuration was read again")) > before,
               "the reload")


def test_the_token_is_kept_over_reloads(site, tokens):
    """Of a mere secret, of another destination, of nothing at all."""
    crm = oauth(site, tokens)
    other = site.crm("other")
    site.start()
    changes = [lambda _: site.write_secret(site.secret, b"another secret, long enough"),
               lambda settings: settings["destination other"].update(method="PUT"),
               lambda settings: settings["store"].update(keep_delivered="40d"),
               lambda _: None]
    for number, change in enumerate(changes, 1):
        site.post()
        crm.wait_count(number)
        reload(site, change)
    site.post()
    crm.wait_count(len(changes) + 1)
    other.wait_count(len(changes) + 1)
    assert len(tokens.received()) == 1
    # What is changed itself starts anew.
    reload(site, lambda settings: settings["destination crm"].update(oauth_scope="all"))
    site.post()
    crm.wait_count(len(changes) + 2)
    assert [form.get("scope") for form in tokens.forms()] == [None, "all"]


def test_a_reload_while_a_token_is_fetched_loses_no_refresh_token(site, tokens):
    provider = Rotating(tokens)
    provider.answer.clear()
    crm = oauth(site, tokens, oauth_refresh_token_file=refresh_file(site))
    site.start()
    site.post()
    tokens.wait_count(1)
    for method in ("PUT", "PATCH"):
        reload(site, lambda settings, method=method:
               settings["destination crm"].update(method=method))
    assert len(tokens.received()) == 1
    provider.answer.set()
    site.wait_states(delivered=1)
    assert crm.received()[0].method == "PATCH"
    assert len(tokens.received()) == 2 and site.log_lines(what="paused") == []
    site.worker.stop()
    site.start_worker()
    site.post()
    site.wait_states(delivered=2)
    assert site.log_lines(what="paused") == []


def test_a_secret_mended_in_its_file_is_used_without_restart(site, tokens):
    oauth(site, tokens)
    (site.folder / "client.secret").write_text("wrong\n")

    def grant(request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if form["client_secret"] != SECRET:
            return Reply(401, b'{"error":"invalid_client"}')
        return tokens.grant(request)
    tokens.rule = grant
    site.start()
    site.post()
    wait_until(lambda: site.log_lines(what="paused"), "the pause")
    (site.folder / "client.secret").write_text(SECRET + "\n")
    site.wait_states(delivered=1)


def test_relay_once(site, tokens):
    crm = oauth(site, tokens)
    site.settings["worker"] = {**site.settings.get("worker", {}), "relay": "no"}
    site.start()
    for _ in range(3):
        site.post()
    done = site.command("relay", "--once")
    assert done.returncode == 0 and done.stdout == b""
    assert len(crm.received()) == 3 and len(tokens.granted) == 1


@pytest.mark.threads
def test_stopping_during_a_fetch(site, tokens):
    tokens.rule = None
    tokens.default = Reply(fault=NEVER)
    oauth(site, tokens)
    site.start()
    done = threading.Event()
    site.post()
    tokens.wait_count(1)
    threading.Thread(target=lambda: (site.worker.stop(), done.set()), daemon=True).start()
    assert done.wait(5)
    tokens.rule = tokens.grant
    site.start_worker()
    site.wait_states(delivered=1)


def test_a_kept_connection_that_ends_is_no_fault(site, tokens):
    """The endpoint closes one while the request is on its way: it is asked again at once."""
    crm = oauth(site, tokens)
    site.start()
    site.post()
    crm.wait_count(1)
    tokens.script.append(Reply(fault=RESET_AFTER))
    crm.script.append(Reply(401))
    site.post()
    site.wait_states(delivered=2)
    assert len(tokens.received()) == 3
    assert not site.log_lines(what="paused")
