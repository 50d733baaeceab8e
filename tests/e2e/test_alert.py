"""Alerts: who is told what, once, and that it is over."""

import contextlib
import json
import os
import signal
import subprocess

import pytest

from harness import leads
from harness.crm import Crm, NEVER, Reply
from harness.site import PROGRAM
from harness.wait import wait_until


@pytest.fixture
def pager():
    """What gets the alerts by POST."""
    made = Crm()
    yield made
    made.stop()


def alerts(pager):
    return [request.json for request in pager.received()]


def wait_alert(pager, kind, state="raised", timeout=15):
    def found():
        return [alert for alert in alerts(pager)
                if alert["kind"] == kind and alert["state"] == state]
    return wait_until(found, f"an alert {kind} {state}", timeout, pause=0.05)[0]


def tell(site, pager, **more):
    site.settings["alert"] = {"url": pager.url.replace("/api/leads", "/alerts"), **more}


@pytest.mark.threads
def test_a_pause_and_its_end(site, pager):
    crm = site.crm(probe=["100ms"])
    other = site.crm("other", probe=["100ms"])
    crm.default = other.default = Reply(403)
    tell(site, pager)
    site.start()
    for _ in range(3):
        site.post()
    raised = wait_alert(pager, "paused")
    assert raised["items"][0]["destination"] in ("crm", "other")
    assert "status 403" in raised["items"][0]["reason"]
    assert raised["items"][0]["since"]
    assert "is paused" in raised["text"]
    wait_until(lambda: {item["destination"] for alert in alerts(pager)
                        for item in alert["items"]} == {"crm", "other"}, "both told")
    crm.default = other.default = Reply(200)
    wait_alert(pager, "paused", "recovered")
    wait_until(lambda: {item["destination"] for alert in alerts(pager)
                        if alert["state"] == "recovered"
                        for item in alert["items"]} == {"crm", "other"}, "both ends told")
    # Coalesced: at most one message for each destination and state.
    assert 2 <= len(alerts(pager)) <= 4


def test_dead_and_held_are_told_once(site, pager):
    crm = site.crm()
    crm.default = Reply(422, b'{"error":"secret detail of a lead"}')
    tell(site, pager)
    site.start()
    lead = leads.payload(email="person@tenant.example")
    dead = site.post(lead).json["id"]
    assert wait_alert(pager, "dead")["items"][0] == {
        "destination": "crm", "count": 1, "since": None, "reason": None}
    assert site.post(leads.payload(email="no address")).status == 422
    held = wait_alert(pager, "held")
    assert held["items"][0]["destination"] is None and held["items"][0]["count"] == 1

    # A second dead one is no news yet, nor is any of it after a restart.
    site.post(leads.payload())
    site.wait_states(dead=2, held=1)
    told = len(pager.received())
    site.worker.stop()
    site.start_worker()
    site.command("discard", dead)
    for row in site.list("--state", "dead"):
        site.command("discard", row["id"])
    wait_alert(pager, "dead", "recovered")
    assert len(pager.received()) == told + 1
    for request in pager.received():
        for word in (b"person@tenant.example", b"no address", b"secret detail",
                     dead.encode()):
            assert word not in request.body


def test_waiting_too_long(site, pager):
    crm = site.crm(timeout="60s")
    crm.default = Reply(503, b"", {"Retry-After": "3600"})
    tell(site, pager, waiting_longer_than="1s")
    site.start()
    site.post()
    site.post()
    assert wait_alert(pager, "waiting")["items"][0]["destination"] == "crm"


def test_silence_and_its_end(site, pager):
    tell(site, pager, quiet_for="1s")
    site.start()
    assert wait_alert(pager, "quiet")["items"][0]["since"]
    site.worker.stop()
    tell(site, pager, quiet_for="1h")
    site.start_worker()
    site.post()
    wait_alert(pager, "quiet", "recovered")


@pytest.mark.threads
def test_refused_tokens(site, pager):
    tell(site, pager)
    site.start()
    for _ in range(4):
        assert site.post(token="x.y.z").status == 401
    alert = wait_alert(pager, "refused")
    assert 1 <= alert["items"][0]["count"] <= 4
    assert site.post().status == 202
    wait_alert(pager, "refused", "recovered")


def test_a_destination_that_left(site, pager):
    crm = site.crm()
    crm.default = Reply(403)
    site.crm("other")
    tell(site, pager)
    site.start()
    site.post()
    wait_alert(pager, "paused")
    site.worker.stop()
    del site.settings["destination crm"]
    site.start_worker()
    assert wait_alert(pager, "unconfigured")["items"][0] == {
        "destination": "crm", "count": 1, "since": None, "reason": None}


def test_the_post_is_tried_again_and_never_in_the_way(site, pager):
    """A pager that is silent holds up nothing; one that fails is asked again."""
    crm = site.crm()
    crm.script.append(Reply(422))
    pager.default = Reply(fault=NEVER)
    tell(site, pager)
    site.start()
    site.post()
    pager.wait_count(1)
    for _ in range(5):
        site.post()
    crm.wait_count(6)
    assert site.wait_lines(what="alert", kind="dead", state="raised")


def test_a_url_in_a_file_stays_secret(site, pager):
    path = site.folder / "alert.url"
    path.write_text(pager.url + "/very-secret-hook\n")
    path.chmod(0o600)
    site.crm().default = Reply(422)
    site.settings["alert"] = {"url_file": path}
    site.start()
    site.post()
    wait_alert(pager, "dead")
    assert pager.received()[0].path.endswith("/very-secret-hook")
    assert "very-secret-hook" not in site.log.read_text()
    assert b"very-secret-hook" not in site.command("check").stdout


@pytest.mark.threads
def test_a_command(site):
    """The words on standard input, the kind in the environment; nothing of ours inherited."""
    site.crm().default = Reply(422)
    told = site.folder / "told"
    site.settings["alert"] = {
        "command": f'{{ echo "$LEADRELAY_ALERT_KIND/$LEADRELAY_ALERT_STATE"; '
                   f'echo "$LEADRELAY_ALERT_SUMMARY"; cat; }} >>{told}; '
                   f'ls -l /proc/self/fd >{told}.fds'}
    site.start()
    site.post()
    text = wait_until(lambda: told.exists() and told.read_text().endswith("discard ID\n")
                      and told.read_text(), "the command")
    first, summary, *rest = text.splitlines()
    assert first == "dead/raised"
    assert summary.endswith("1 delivery to crm is given up")
    assert rest[0] == summary
    wait_until(lambda: "fd" in str(os.listdir(site.folder)), "the list")
    assert "socket:" not in (site.folder / "told.fds").read_text()


def stat_of(pid):
    """State and parent; None: it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as text:
            return text.read().rsplit(")", 1)[1].split()[:2]
    except OSError:
        return None


def alive(pid):
    return (stat_of(pid) or "Z")[0] != "Z"


def parent(pid):
    return int(stat_of(pid)[1])


def test_a_command_that_fails_or_hangs(site):
    crm = site.crm()
    crm.script.append(Reply(422))
    site.settings["alert"] = {"command": "exit 7"}
    site.start()
    site.post()
    wait_until(lambda: "command ended with status 7" in site.log.read_text(), "the complaint")
    site.worker.stop()
    pid = site.folder / "pid"
    site.settings["alert"] = {"command": f"echo $$ >{pid}; exec sleep 600 # till the worker is gone",
                              "quiet_for": "1ms"}
    site.start_worker()
    wait_until(lambda: pid.exists() and pid.read_text(), "the command")
    site.post()
    crm.wait_count(2)
    try:
        assert site.worker.stop() == 0  # it waits for no command, which has its time all the same
        command = int(pid.read_text())
        watcher = parent(command)
        assert os.path.basename(os.readlink(f"/proc/{watcher}/exe")) in ("timeout", "coreutils")
        os.kill(watcher, signal.SIGALRM)        # and now it is over
        wait_until(lambda: not alive(command), "the end of the command")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGKILL)


def can_mount():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/usr/sbin"],
        capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="no mount namespace to put a sendmail into")
def test_a_mail(site):
    """By /usr/sbin/sendmail -t: a stand-in, in a mount namespace of the worker's own."""
    site.crm().default = Reply(422)
    mail = site.folder / "mail"
    sendmail = site.folder / "sendmail"
    sendmail.write_text(f'#!/bin/sh\n{{ echo "arguments: $*"; cat; }} >{mail}.part && '
                        f'mv {mail}.part {mail}\n')
    sendmail.chmod(0o755)
    site.settings["alert"] = {"email": "office@agent.example, boss@agent.example"}
    site.write_config()
    site.spawn(["unshare", "-m", "sh", "-c",
                f"mount -t tmpfs none /usr/sbin && cp {sendmail} /usr/sbin/sendmail && "
                f"exec '{PROGRAM}' --config {site.config} serve --listen unix:{site.socket}"])
    site.worker = site.workers[-1]
    site.wait_for_worker()
    from harness import fcgi
    payload = leads.payload()
    answer = fcgi.ask(site.socket, fcgi.webhook(site.sign(payload)))
    assert answer.status == 202
    wait_until(mail.exists, "the mail")
    head, _, body = mail.read_text().partition("\n\n")
    assert head.startswith("arguments: -t -i\nTo: office@agent.example, boss@agent.example\n")
    assert "1 delivery to crm is given up" in head.split("Subject: ")[1].split("\n")[0]
    assert "leadrelay list --state dead" in body


def test_relay_once_tells_too(site, pager):
    crm = site.crm()
    crm.default = Reply(422)
    site.settings["worker"]["relay"] = "no"
    tell(site, pager)
    site.start()
    site.post()
    done = site.command("relay", "--once")
    assert done.returncode == 0
    assert [alert["kind"] for alert in alerts(pager)] == ["dead"]
    assert site.command("relay", "--once").returncode == 0
    assert len(pager.received()) == 1


@pytest.mark.slow
def test_a_frozen_relay(site, pager):
    """The holder stands still: another process says so, once, and when it is over."""
    tell(site, pager)
    site.start()
    site.post()
    site.wait_states(delivered=1)
    frozen = site.worker
    for number in range(2):
        site.start_worker(listen=f"unix:{site.folder}/second{number}.sock", wait=False)
        wait_until(lambda: site.log.read_text().count("serves") >= number + 2, "another")
    frozen.send(signal.SIGSTOP)
    try:
        alert = wait_alert(pager, "frozen", timeout=40)
        assert f"process {frozen.pid}" in alert["items"][0]["reason"]
        wait_until(lambda: "no sign of life" in site.log.read_text(), "the line")
    finally:
        frozen.send(signal.SIGCONT)
    wait_alert(pager, "frozen", "recovered", timeout=20)
    assert [a["state"] for a in alerts(pager) if a["kind"] == "frozen"] == [
        "raised", "recovered"]


def test_check_tries_it(site, pager):
    """check connects to where alerts are posted, and names what is missing."""
    tell(site, pager)
    site.write_config()
    site.start()
    assert b"answers" in [line for line in site.command("check").stdout.splitlines()
                          if line.startswith(b"ok      alert")][0]
    pager.stop()
    done = site.command("check")
    assert done.returncode == 69
    assert any(line.startswith(b"FAILED  alert") and b"nobody takes the connection" in line
               for line in done.stdout.splitlines())
    del site.settings["alert"]
    site.write_config()
    assert b"note    alert" in site.command("check").stdout


def test_nobody_to_tell(site):
    """Without an alert section nothing of the kind happens."""
    site.crm().default = Reply(422)
    site.start()
    site.post()
    site.wait_states(dead=1)
    assert site.log_lines(what="alert") == []
    shown = json.loads(site.command("stats", "--json").stdout)
    assert shown["person_needed"] is True


def test_a_reload_changes_whom_to_tell(site, pager):
    """SIGHUP takes a new alert section; what is under way is finished."""
    crm = site.crm()
    crm.rule = lambda request: Reply(422)
    site.start()
    site.post()
    site.wait_states(dead=1)
    tell(site, pager)
    site.write_config()
    site.worker.send(signal.SIGHUP)
    assert wait_alert(pager, "dead")["items"][0]["count"] == 1
    crm.rule = None
    pager.default = Reply(fault=NEVER)
    site.command("discard", "--all")
    pager.wait_count(2)
    del site.settings["alert"]
    site.write_config()
    site.worker.send(signal.SIGHUP)
    site.post()
    crm.wait_count(2)
