"""Certificates of every kind a TLS server can be wrong with, made by openssl."""

import ssl
import subprocess


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder, name="authority"):
        self.folder = folder / name
        self.folder.mkdir()
        self.file = self.folder / "ca.pem"
        self._key = self.folder / "ca.key"
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                  "-subj", f"/CN=leadrelay test {name}", "-keyout", self._key, "-out", self.file)

    def _run(self, *words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True,
                       cwd=self.folder)

    def issue(self, name, host="IP:127.0.0.1", days=2, usage="serverAuth", not_after=None):
        """(certificate, key) for ``host``; ``not_after`` in the past: one that has expired."""
        key, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        certificate, more = self.folder / f"{name}.pem", self.folder / f"{name}.ext"
        more.write_text(f"subjectAltName={host}\nextendedKeyUsage={usage}\n")
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                  "-keyout", key, "-out", request)
        if not_after is None:
            self._run("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key,
                      "-CAcreateserial", "-days", days, "-extfile", more, "-out", certificate)
        else:
            self._sign_with_dates(request, more, certificate, not_after)
        key.chmod(0o600)
        return certificate, key

    def _sign_with_dates(self, request, more, certificate, not_after):
        """Only "openssl ca" takes an end of one's own choice."""
        (self.folder / "index").write_text("")
        (self.folder / "serial").write_text("1000\n")
        config = self.folder / "ca.conf"
        config.write_text(
            "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
            "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n")
        self._run("ca", "-batch", "-config", config, "-cert", self.file, "-keyfile", self._key,
                  "-startdate", "20200101000000Z", "-enddate", not_after,
                  "-extfile", more, "-in", request, "-out", certificate, "-notext")


def server(certificate, key, clients=None):
    """A server's side of TLS; ``clients``: the authority whose clients alone may in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


def server_of_old(certificate, key):
    """A server that speaks TLS 1.0 and nothing newer."""
    context = server(certificate, key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1
    return context
