"""The servers of nginx/examples.conf, run as they stand but for places and ports."""

import base64
import http.client
import re
import ssl
import subprocess

import pytest

from harness import leads
from harness.http import Response
from harness.nginx import SOURCE, free_port


@pytest.fixture
def servers(site):
    """The site with the examples in it; site.tls is their port."""
    folder = site.folder
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=www.agency.example", "-keyout", folder / "key.pem",
                    "-out", folder / "cert.pem"], check=True, capture_output=True)
    (folder / "htpasswd").write_text("operator:{PLAIN}a password\n")
    site.tls = free_port()
    text = (SOURCE / "nginx/examples.conf").read_text()
    for usual, ours in (("listen 443", f"listen 127.0.0.1:{site.tls}"),
                        ("/etc/ssl/agency.example/fullchain.pem", folder / "cert.pem"),
                        ("/etc/ssl/agency.example/privkey.pem", folder / "key.pem"),
                        ("/etc/nginx/leadrelay.htpasswd", folder / "htpasswd"),
                        ("snippets/leadrelay.conf", folder / "leadrelay-location.conf"),
                        ("/var/www/agency", folder / "htdocs"),
                        ("/var/www/empty", folder / "htdocs")):
        assert usual in text
        text = text.replace(usual, str(ours))
    site.crm()
    site.start(http=text)
    return site


def ask(site, host, method, path, headers=(), body=b""):
    trust = ssl.create_default_context(cafile=str(site.folder / "cert.pem"))
    trust.check_hostname = False
    connection = http.client.HTTPSConnection("127.0.0.1", site.tls, context=trust, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    # Authorization before Host: the default server's limits are in force then.
    for name, value in (*headers, ("Host", host), ("Content-Length", str(len(body)))):
        connection.putheader(name, value)
    connection.endheaders(body)
    try:
        return Response(connection.getresponse())
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["www.agency.example", "leads.agency.example"])
@pytest.mark.parametrize("size", [900, 60 * 1024])
def test_each_server_takes_large_tokens(servers, host, size):
    payload = leads.payload() if size < 1024 else leads.payload_of_token_size(size)
    answer = ask(servers, host, "POST", "/leadpro/oxford",
                 [("Authorization", servers.sign(payload))], payload)
    assert answer.status == 202, answer


def test_who_is_not_on_the_list_is_kept_out(servers):
    payload = leads.payload()
    for host, status in (("www.agency.example", 202), ("leads.agency.example", 403)):
        answer = ask(servers, host, "POST", "/leadpro", [
            ("X-Test-Address", "198.51.100.7"), ("Authorization", servers.sign(payload))], payload)
        assert answer.status == status
        payload = leads.payload()


def test_admin_pages_with_a_password(servers):
    login = "Basic " + base64.b64encode(b"operator:a password").decode()
    path = "/operator/healthz"
    assert ask(servers, "leads.agency.example", "GET", path).status == 401
    answer = ask(servers, "leads.agency.example", "GET", path, [("Authorization", login)])
    assert answer.json == {"status": "ok"}
    assert ask(servers, "www.agency.example", "GET", path).status == 404


def test_the_rest_of_nginx_is_content(servers):
    assert not re.search(r"\[(warn|emerg|alert|crit)\]", servers.nginx.errors())
