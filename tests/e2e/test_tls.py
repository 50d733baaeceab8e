"""TLS to the CRM: who is believed, who is not, and who we are to it."""

import shutil
import warnings

import pytest

from harness import pki
from harness.crm import Crm
from harness.nginx import free_port
from harness.wait import wait_until


@pytest.fixture
def authority(folder):
    return pki.Authority(folder)


def distrusted(site, crm, *words):
    """Nothing is sent, the destination pauses and says why, and no lead is lost."""
    site.start()
    assert site.post().status == 202
    paused = wait_until(lambda: site.log_lines(what="paused"), "the pause")[0]
    for word in words:
        assert word in paused["error"].lower()
    # What a plain server makes of a handshake's bytes is no lead of ours.
    assert not any(request.event for request in crm.received())
    done = site.command("check")
    assert done.returncode == 69
    return done


def mended(site, crm, tls):
    """With a good certificate what waited goes out by itself."""
    crm.tls = tls
    site.wait_states(delivered=1)


@pytest.mark.threads
def test_a_good_certificate(site, authority):
    tls = pki.server(*authority.issue("good"))
    crm = site.crm(tls=tls, ca_file=authority.file)
    site.start()
    for _ in range(5):
        site.post()
    site.wait_states(delivered=5)
    assert crm.refused == []
    assert site.command("check").returncode == 0


def test_expired(site, authority):
    tls = pki.server(*authority.issue("old", not_after="20210101000000Z"))
    crm = site.crm(tls=tls, ca_file=authority.file, probe=["100ms"])
    done = distrusted(site, crm, "expired")
    assert b"renew" in done.stdout + done.stderr
    mended(site, crm, pki.server(*authority.issue("good")))


def test_another_host(site, authority):
    tls = pki.server(*authority.issue("other", host="DNS:crm.example"))
    crm = site.crm(tls=tls, ca_file=authority.file, probe=["100ms"])
    done = distrusted(site, crm)
    assert b"another host" in done.stdout + done.stderr
    mended(site, crm, pki.server(*authority.issue("good")))


def test_an_unknown_authority(site, authority):
    tls = pki.server(*authority.issue("good"))
    crm = site.crm(tls=tls, probe=["100ms"])
    done = distrusted(site, crm)
    assert b"ca_file" in done.stdout + done.stderr
    site.worker.stop()
    site.crm(ca_file=authority.file)
    site.start_worker()
    site.wait_states(delivered=1)


def test_a_ca_file_that_is_replaced(site, authority, folder):
    """The CRM moves to another authority: no restart for that, nor a day's wait."""
    tls = pki.server(*authority.issue("good"))
    trusted = folder / "trusted.pem"
    shutil.copy(pki.Authority(folder, "former").file, trusted)
    site.crm(tls=tls, ca_file=trusted, probe=["100ms"])
    site.start()
    site.post()
    wait_until(lambda: site.log_lines(what="paused"), "the pause")
    fresh = folder / "fresh.pem"
    shutil.copy(authority.file, fresh)
    fresh.rename(trusted)
    site.wait_states(delivered=1)


def test_tls_1_0_only(site, authority):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = pki.server_of_old(*authority.issue("good"))
    crm = site.crm(tls=old, ca_file=authority.file, probe=["100ms"])
    done = distrusted(site, crm)
    assert b"TLS 1.2" in done.stdout + done.stderr
    mended(site, crm, pki.server(*authority.issue("better")))


def test_no_tls_at_all(site, authority):
    crm = site.crm(ca_file=authority.file, probe=["100ms"])
    site.crm(url=crm.url.replace("http:", "https:"))
    distrusted(site, crm)


def test_a_client_certificate(site, authority, folder):
    """Without ours the CRM does not let us in; with it, it knows who we are."""
    clients = pki.Authority(folder, "clients")
    certificate, key = clients.issue("leadrelay", host="DNS:leadrelay.example",
                                     usage="clientAuth")
    tls = pki.server(*authority.issue("good"), clients=clients.file)
    crm = site.crm(tls=tls, ca_file=authority.file, probe=["100ms"], retry=["100ms"])
    site.start()
    site.post()
    crm.wait(lambda _: crm.refused, "a refused handshake")
    assert crm.received() == []
    site.worker.stop()
    site.crm(client_cert=certificate, client_key=key)
    site.start_worker()
    site.wait_states(delivered=1)
    assert site.command("check").returncode == 0


def test_a_client_certificate_of_another_authority(site, authority, folder):
    clients = pki.Authority(folder, "clients")
    certificate, key = authority.issue("stranger", usage="clientAuth")
    tls = pki.server(*authority.issue("good"), clients=clients.file)
    crm = site.crm(tls=tls, ca_file=authority.file, client_cert=certificate, client_key=key,
                   probe=["100ms"], retry=["100ms"])
    site.start()
    site.post()
    crm.wait(lambda _: len(crm.refused) > 1, "refused handshakes")
    assert crm.received() == []
    assert site.states() in ({"waiting": 1}, {"sending": 1})


def test_a_client_key_that_is_not_the_certificates(site, authority):
    certificate, _ = authority.issue("one", usage="clientAuth")
    _, key = authority.issue("two", usage="clientAuth")
    tls = pki.server(*authority.issue("good"))
    crm = site.crm(tls=tls, ca_file=authority.file, client_cert=certificate, client_key=key,
                   probe=["100ms"])
    done = distrusted(site, crm)
    assert b"client_cert" in done.stdout + done.stderr


def test_a_proxy_and_none_from_the_environment(site):
    """proxy is gone through; what the environment names is not."""
    crm = site.crm(retry=["100ms"])
    proxy = Crm()
    try:
        nobody = f"http://127.0.0.1:{free_port()}"
        site.write_config()
        environment = {"http_proxy": nobody, "https_proxy": nobody, "ALL_PROXY": nobody}
        site.start()
        site.worker.stop()
        done = site.command("relay", "--once", env=environment)
        assert done.returncode == 0
        site.start_worker()
        site.post()
        site.wait_states(delivered=1)
        site.worker.stop()
        site.crm(proxy=f"http://127.0.0.1:{proxy.port}")
        site.start_worker()
        site.post()
        site.wait_states(delivered=2)
        assert len(crm.received()) == 1
        assert [request.path for request in proxy.received()] == [crm.url]
    finally:
        proxy.stop()
