"""send --scenario: what it sends gets the answers it names, and it says so when not."""

import pytest

import test_doctor

SCENARIOS = {
    "duplicate": [(202, "accepted"), (200, "duplicate")],
    "reorder": [(202, "accepted"), (202, "accepted"), (200, "duplicate"), (202, "accepted")],
    "forged": [(401, "token-signature")],
    "expired": [(401, "token-stale")],
    "wrong-alg": [(401, "token-algorithm")],
    "none-alg": [(401, "token-algorithm")],
    "large": [(202, "accepted")],
    "invalid": [(422, "rules")],
    "cut": [(401, "token-malformed"), (401, "token-signature")],
}


def url(site):
    return f"http://127.0.0.1:{site.nginx.port}/leadpro"


def play(site, scenario, status=0):
    done = site.command("send", url(site), "--scenario", scenario)
    assert done.returncode == status, done
    return done.stdout.decode().splitlines()


def test_each(site):
    site.crm()
    site.start()
    for scenario, answers in SCENARIOS.items():
        lines = play(site, scenario)
        assert len(lines) == len(answers), lines
        for line, (status, word) in zip(lines, answers):
            assert line.startswith("ok "), line
            assert f"expected {status} {word}" in line and f"got {status} {word}" in line
    site.wait_states(delivered=5, held=2)


def test_follows_the_settings(site):
    site.crm()
    site.settings["source"].update(invalid="relay", max_token="32k", stale="refuse")
    site.start()
    for scenario, got in (("invalid", "202 accepted"), ("large", "431 token-too-large"),
                          ("expired", "401 token-stale")):
        assert f"got {got}" in play(site, scenario)[0]


def test_says_what_is_wrong(site):
    """The front server lets too little through; the worker knows another secret."""
    site.crm()
    site.start()
    test_doctor.change_nginx(site, ("buffers 4 63k", "buffers 4 16k"))
    line = play(site, "large", status=1)[0]
    assert "expected 202 accepted" in line and "got 431" in line
    site.write_secret(b"another-secret-of-sufficient-length")
    line = play(site, "duplicate", status=1)[0]
    assert "got 401 token-signature" in line


@pytest.mark.parametrize("more", [["--file", "x"], ["--count", "2"], ["--concurrency", "2"]])
def test_usage(site, more):
    site.crm()
    site.write_config()
    done = site.command("send", "http://127.0.0.1:1/", "--scenario", "large", *more)
    assert done.returncode == 64
    done = site.command("send", "http://127.0.0.1:1/", "--scenario", "larger")
    assert done.returncode == 64 and b"wrong-alg" in done.stderr
    done = site.command("send", "http://leads.agency.example/", "--scenario", "large")
    assert done.returncode == 64 and b"--yes" in done.stderr
    done = site.command("send", "http://127.0.0.1:1/", "--scenario", "large")
    assert done.returncode == 69
