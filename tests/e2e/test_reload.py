"""A new configuration while everything goes on: all of it or nothing."""

import os
import secrets
import signal
import socket
import threading

import pytest

from harness import fcgi, leads, tokens
from harness.crm import NEVER, Reply
from harness.site import PROGRAM
from harness.wait import wait_until

TAKEN = "the configuration was read again"
REFUSED = "the new configuration is not taken, the former one stays in force"


def count(site, text):
    return len(site.log_lines(msg=text))


def reload(site, process=None, text=TAKEN):
    """Write the configuration, send SIGHUP, wait until the log says what became of it."""
    before = count(site, text)
    site.write_config()
    (process or site.worker).send(signal.SIGHUP)
    wait_until(lambda: count(site, text) > before, "the reload")


class Sender(threading.Thread):
    """One lead's events, one after the other, signed with whatever secret is current."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site = site
        self.lead = leads.next_id()
        self.finish = threading.Event()
        self.sent = []
        self.wrong = []
        self.key = site.secret

    def run(self):
        number = 0
        while not self.finish.is_set():
            number += 1
            payload = leads.payload(self.lead, message=f"{number}")
            answer = self.site.post(payload, tokens.sign(payload, self.key))
            if answer.status == 202:
                self.sent.append(payload)
            else:
                self.wrong.append(answer)


class Load:
    def __init__(self, site, senders=4):
        self.senders = [Sender(site) for _ in range(senders)]

    def __enter__(self):
        for sender in self.senders:
            sender.start()
        return self

    def __exit__(self, *_):
        for sender in self.senders:
            sender.finish.set()
        for sender in self.senders:
            sender.join(60)

    def more(self, number=20):
        before = self.total()
        wait_until(lambda: self.total() >= before + number, "more webhooks", 30)

    def total(self):
        return sum(len(s.sent) for s in self.senders)

    def assert_all_delivered_once(self, crm):
        wrong = [answer for s in self.senders for answer in s.wrong]
        assert not wrong, wrong
        crm.wait_count(self.total(), 30)
        bodies = crm.bodies()
        assert len(bodies) == self.total()
        for sender in self.senders:
            mine = set(sender.sent)
            assert [body for body in bodies if body in mine] == sender.sent


# --- secrets --------------------------------------------------------------------

@pytest.mark.threads
def test_secrets_rotate_under_load(site):
    """Old, then both, then new alone: nobody is refused on the way."""
    crm = site.crm()
    site.start()
    with Load(site) as load:
        for _ in range(3):
            load.more()
            former, site.secret = site.secret, secrets.token_hex(24).encode()
            site.write_secret(former, site.secret)
            reload(site)
            for sender in load.senders:
                sender.key = site.secret
            # Whatever was signed before the change has been answered after this.
            load.more(2 * len(load.senders))
            site.write_secret(site.secret)
            reload(site)
        load.more()
    load.assert_all_delivered_once(crm)
    payload = leads.payload()
    assert site.post(payload, tokens.sign(payload, former)).problem == "token-signature"


def test_a_changed_file_is_taken_where_nobody_sends_signals(site):
    """A worker on descriptor 0, as mod_fcgid starts it."""
    site.crm()
    site.write_config()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(site.socket))
    listener.listen(16)
    site.worker = site.spawn([PROGRAM, "--config", site.config], stdin=listener)
    site.wait_for_worker()

    def post(secret):
        payload = leads.payload()
        return fcgi.ask(site.socket, fcgi.webhook(tokens.sign(payload, secret)), b"").status
    assert post(site.secret) == 202
    fresh = secrets.token_hex(24).encode()
    site.write_secret(site.secret, fresh)
    wait_until(lambda: post(fresh) == 202, "the new secret to be taken", 15, pause=.1)
    assert post(site.secret) == 202
    # A bad one is said once, and taken when it has become good.
    site.secret_file.write_bytes(b"")
    wait_until(lambda: count(site, REFUSED) == 1, "the empty file to be refused", 15)
    assert post(fresh) == 202
    site.write_secret(fresh)
    wait_until(lambda: post(site.secret) == 401, "the old secret to be refused", 15, pause=.1)
    assert post(fresh) == 202
    assert count(site, REFUSED) == 1


# --- all or nothing ---------------------------------------------------------------

@pytest.mark.parametrize("what", ["unknown key", "no secret", "no destination", "bad url",
                                  "log that cannot be written", "program"])
def test_a_bad_file_changes_nothing(site, what):
    crm = site.crm()
    site.start()
    good = {section: dict(keys) for section, keys in site.settings.items()}
    text = REFUSED
    if what == "unknown key":
        site.settings["source"]["nonsense"] = 1
    elif what == "no secret":
        site.settings["source"]["secret_file"] = site.folder / "nowhere"
    elif what == "no destination":
        del site.settings["destination crm"]
    elif what == "bad url":
        site.settings["destination crm"]["url"] = "http://crm.example/"
    elif what == "program":
        site.settings["destination crm"]["when"] = ".data.type =="
    else:
        site.settings["worker"]["log"] = f"file:{site.folder}/nowhere/log"
        text = f"{site.config}: log file:{site.folder}/nowhere/log: No such file or directory"
    site.settings["source"]["path"] = "/elsewhere"
    reload(site, text=text)
    first = site.post()
    assert first.status == 202
    crm.wait_count(1)

    site.settings = good
    site.settings["source"]["path"] = "/elsewhere"
    reload(site)
    assert site.post().status == 404
    assert site.command("check").returncode in (0, 1)


def test_what_needs_a_restart_is_said_and_kept(site):
    crm = site.crm()
    site.start()
    site.settings["worker"]["threads"] = 2
    site.settings["store"]["url"] = f"sqlite:{site.folder}/other/outbox.db"
    site.settings["destination crm"]["method"] = "PUT"
    reload(site)
    line, = [row["msg"] for row in site.log_lines(level="warn") if "next start" in row.get("msg", "")]
    assert "worker threads" in line and "store url" in line
    assert site.post().status == 202
    crm.wait_count(1)
    assert crm.received()[0].method == "PUT"
    assert not (site.folder / "other").exists()


def test_the_body_limit_of_a_source_without_tokens(site):
    """What is kept of a body follows the configuration, on kept connections too."""
    site.crm()
    site.settings["source"] = {"verify": "none", "max_body": "1k"}
    site.start()
    large = leads.payload(message="x" * 4000)
    with site.client() as client:
        assert site.post(large, token="", client=client).status == 413
        site.settings["source"]["max_body"] = "8k"
        reload(site)
        assert site.post(large, token="", client=client).status == 202


# --- destinations -----------------------------------------------------------------

@pytest.mark.threads
def test_destinations_come_and_go(site):
    one, two = site.crm("one"), site.crm("two")
    both = dict(site.settings)
    del site.settings["destination two"]
    site.start()
    first = leads.payload()
    assert site.post(first).status == 202
    one.wait_count(1)

    site.settings = dict(both)
    reload(site)
    second = leads.payload()
    assert site.post(second).status == 202
    two.wait_count(1)
    assert (one.wait_count(2) and one.bodies()) == [first, second]
    assert two.bodies() == [second]

    two.default = Reply(status=503)
    third = leads.payload()
    assert site.post(third).status == 202
    two.wait_count(2)
    del site.settings["destination two"]
    reload(site)
    two.default = Reply()
    fourth = leads.payload()
    assert site.post(fourth).status == 202
    one.wait_count(4)
    left = [row for row in site.list() if row["destination"] == "two" and
            row["state"] != "delivered"]
    assert [row["state"] for row in left] == ["waiting"]

    site.settings = dict(both)
    reload(site)
    two.wait(lambda seen: [r.body for r in seen].count(third) > 1, "what waited for it", 20)
    site.wait_states(delivered=6)
    assert fourth not in two.bodies()


def test_a_new_address_takes_over_what_waits(site):
    old, new = site.crm("crm"), site.crm("new")
    address = site.settings.pop("destination new")["url"]
    old.default = Reply(status=503)
    site.start()
    payload = leads.payload()
    assert site.post(payload).status == 202
    old.wait_count(1)
    site.settings["destination crm"]["url"] = address
    reload(site)
    new.wait_count(1)
    assert new.bodies() == [payload]
    seen = len(old.received())
    site.wait_states(delivered=1)
    assert len(old.received()) == seen


def test_what_is_under_way_is_finished(site):
    """The answer that was awaited counts; nothing is sent twice."""
    slow, quick = site.crm("slow"), site.crm("quick")
    release = threading.Event()

    def wait(_):
        release.wait(20)
        return Reply()
    slow.rule = wait
    site.start()
    first = leads.payload()
    assert site.post(first).status == 202
    wait_until(lambda: [r for r in site.list("--state", "sending")
                        if r["destination"] == "slow"], "the lead to be under way")
    reload(site)
    second = leads.payload()
    assert site.post(second).status == 202
    quick.wait_count(2)                 # does not wait for the other
    release.set()
    site.wait_states(delivered=4)
    assert slow.bodies() == [first, second] and quick.bodies() == [first, second]


def test_a_destination_that_never_answers_stops_no_other(site):
    stuck, quick = site.crm("stuck", timeout="60s"), site.crm("quick")
    stuck.default = Reply(fault=NEVER)
    site.start()
    assert site.post().status == 202
    stuck.wait_count(1)
    for number in range(2, 5):
        reload(site)
        assert site.post().status == 202
        quick.wait_count(number)
    keys = [request.key for request in stuck.received()]
    assert len(keys) == len(set(keys))  # and what is under way there is not sent again


@pytest.fixture
def slow(site):
    """A CRM that says nothing to one lead until it is let, on the one connection there may be."""
    crm = site.crm(max_concurrent=1, timeout="60s")
    crm.slow = leads.next_id()
    crm.let = threading.Event()
    crm.late = Reply(after=crm.let)
    crm.rule = lambda request: \
        crm.late if request.lead == crm.slow and not crm.let.is_set() else None
    site.start()
    return crm


def test_other_leads_do_not_wait_for_the_slowest_of_the_former_configuration(site, slow):
    first, second = leads.payload(slow.slow), leads.payload(slow.slow, message="later")
    site.post(first)
    slow.wait_count(1)
    site.settings["destination crm"]["method"] = "PUT"
    reload(site)
    site.post(second)
    others = [leads.payload() for _ in range(5)]
    for payload in others:
        assert site.post(payload).status == 202
    slow.wait_count(6)                  # all that but the slow one's next event
    assert slow.bodies() == [first, *others]
    assert [r.method for r in slow.received()] == ["POST"] + 5 * ["PUT"]
    slow.let.set()
    site.wait_states(delivered=7)       # its answer counted, and then came the next
    assert slow.bodies() == [first, *others, second]
    assert slow.received()[-1].method == "PUT"


def test_a_late_answer_is_judged_by_the_settings_it_was_asked_under(site, slow):
    site.post(leads.payload(slow.slow))
    slow.wait_count(1)
    site.settings["destination crm"]["success"] = "204"
    reload(site)
    slow.let.set()
    site.wait_states(delivered=1)
    assert len(slow.received()) == 1


@pytest.mark.parametrize("status", [422, 401, 500])
def test_a_late_no_of_the_former_settings_is_none(site, slow, status):
    """The lead goes out once more, under the new ones, and nothing is paused."""
    slow.late.status = status
    site.settings["destination crm"].update(retry=["1h"], probe=["1h"])
    site.post(leads.payload(slow.slow))
    slow.wait_count(1)
    site.settings["destination crm"]["method"] = "PUT"
    reload(site)
    slow.let.set()
    site.wait_states(delivered=1)
    assert [r.method for r in slow.received()] == ["POST", "PUT"]
    assert slow.received()[0].key == slow.received()[1].key
    assert site.log_lines(what="paused") == []


def test_a_destination_that_comes_back_before_it_was_done(site, slow):
    """Removed and put back while a request is under way: the answer still counts."""
    other = site.crm("other")
    kept = site.settings.pop("destination crm")
    site.post(leads.payload(slow.slow))
    slow.wait_count(1)
    reload(site)
    site.settings["destination crm"] = kept
    reload(site)
    payload = leads.payload(slow.slow, message="later")
    site.post(payload)
    other.wait_count(1)
    slow.let.set()
    site.wait_states(delivered=3)
    assert len(slow.received()) == 2 and slow.bodies()[1] == payload


def test_what_did_not_change_keeps_its_pause_and_its_connection(site):
    well, ill = site.crm("well"), site.crm("ill", probe=["1h"])
    ill.default = Reply(401)
    site.start()
    for number in range(1, 5):
        site.post()
        well.wait_count(number)
        site.settings["source"]["max_age"] = f"{number}h"
        reload(site)
    assert well.connections == 1
    assert len(ill.received()) == 1
    assert len(site.log_lines(what="paused")) == 1


def test_a_storm_leaves_no_configuration_behind(site):
    """What former settings held is given back as soon as nothing uses it."""
    crm = site.crm()
    site.start()
    for number in range(20):
        site.settings["destination crm"]["max_concurrent"] = 1 + number % 5
        reload(site)
        site.post()
    crm.wait_count(20)
    before = site.worker.resident_anonymous()
    for number in range(80):
        site.settings["destination crm"]["max_concurrent"] = 1 + number % 5
        reload(site)
    site.post()
    crm.wait_count(21)
    if not os.environ.get("LEADRELAY_SANITIZER"):
        assert site.worker.resident_anonymous() < before + (2 << 20)


@pytest.mark.threads
@pytest.mark.slow
def test_a_storm_of_signals(site):
    crm = site.crm()
    crm.rule = lambda _: Reply(delay=.005)
    site.start()
    with Load(site) as load:
        for number in range(40):
            site.settings["destination crm"]["max_concurrent"] = 1 + number % 5
            site.write_config()
            site.worker.send(signal.SIGHUP)
            load.more(2)
        load.more()
        reload(site)
    load.assert_all_delivered_once(crm)
    assert site.worker.running
    wait_until(lambda: site.worker.descriptors() < 60, "former connections to be closed")


# --- elsewhere --------------------------------------------------------------------

def test_a_relay_of_its_own(site):
    old, new = site.crm("crm"), site.crm("new")
    address = site.settings.pop("destination new")["url"]
    old.stop()
    site.settings["destination crm"]["probe"] = ["100ms"]
    site.settings["worker"]["relay"] = False
    site.start()
    relay = site.spawn([PROGRAM, "--config", site.config, "relay"])
    payload = leads.payload()
    assert site.post(payload).status == 202
    wait_until(lambda: site.log_lines(what="paused"), "the relay to try")
    site.settings["destination crm"]["url"] = address
    reload(site, relay)
    new.wait_count(1)
    assert new.bodies() == [payload]


def test_before_the_outbox_is_open(site):
    """A reload while the store cannot be opened yet counts when it can."""
    crm = site.crm()
    site.settings["store"]["url"] = f"sqlite:{site.folder}/later/store/outbox.db"
    site.start()
    assert site.post().status == 503
    other = site.crm("other")
    reload(site)
    later = site.folder / "later"
    later.mkdir()
    if os.geteuid() == 0:
        later.chmod(0o755)
    payload = leads.payload()
    wait_until(lambda: site.post(payload).status == 202, "the outbox to be opened", 20, pause=.2)
    crm.wait_count(1)
    other.wait_count(1)
    assert other.bodies() == [payload]
