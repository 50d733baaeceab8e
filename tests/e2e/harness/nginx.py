"""A real nginx on a loopback port, with the repository's own files included."""

import os
import pathlib
import shutil
import signal
import socket

from .process import Process, children
from .wait import wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")

MAIN = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 512; }}
http {{
	access_log {folder}/nginx-access.log;
	client_body_temp_path {folder}/temp-body;
	fastcgi_temp_path {folder}/temp-fastcgi;
	proxy_temp_path {folder}/temp-proxy;
	uwsgi_temp_path {folder}/temp-uwsgi;
	scgi_temp_path {folder}/temp-scgi;
	root {folder}/htdocs;
	# A client's address as a test wants it, for the rate limit.
	set_real_ip_from 127.0.0.1;
	real_ip_header X-Test-Address;
	include {folder}/leadrelay.conf;
{http}
	server {{
		listen 127.0.0.1:{port};
		include {folder}/leadrelay-location.conf;
{server}
	}}
}}
"""


def free_port():
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Does somebody take connections on the loopback port?"""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Nginx:
    def __init__(self, folder, worker_socket, http="", server=""):
        self.folder = pathlib.Path(folder)
        self.error_log = self.folder / "nginx-error.log"
        self.access_log = self.folder / "nginx-access.log"
        self.conf = self.folder / "nginx.conf"
        (self.folder / "htdocs").mkdir(exist_ok=True)
        self._include(worker_socket)
        self.process = None
        self.port = None
        self._start(http, server)

    def _include(self, worker_socket):
        """The repository's two files, with this test's socket in place of the usual one."""
        text = (SOURCE / "nginx/leadrelay.conf").read_text()
        usual = "unix:/run/leadrelay/leadrelay.sock"
        assert usual in text
        (self.folder / "leadrelay.conf").write_text(text.replace(usual, f"unix:{worker_socket}"))
        shutil.copy(SOURCE / "nginx/leadrelay-location.conf", self.folder)

    def _start(self, http, server):
        user = "user www-data;" if os.geteuid() == 0 else ""
        for _ in range(20):
            self.port = free_port()
            self.conf.write_text(MAIN.format(
                folder=self.folder, port=self.port, user=user, http=http, server=server))
            self.process = Process(
                [PROGRAM, "-p", self.folder, "-e", self.error_log, "-c", self.conf],
                self.folder / "nginx-output.log")
            wait_until(lambda: self._answers() or not self.process.running, "nginx to start")
            if self.process.running:
                return
            if "Address already in use" not in self.process.output() + self.errors():
                break
        raise AssertionError(f"nginx did not start:\n{self.process.output()}{self.errors()}")

    def _answers(self):
        """It listens before it has children; a reload without any would find none of the old."""
        return (self.folder / "nginx.pid").exists() and self.children() and listens(self.port)

    def errors(self):
        return self.error_log.read_text(errors="replace") if self.error_log.exists() else ""

    def children(self):
        return set(children(self.process.pid))

    def reload(self):
        """Take the files as they are now; the children that go by the old ones are gone."""
        old = self.children()
        self.process.send(signal.SIGHUP)
        wait_until(lambda: self.children() and not self.children() & old, "nginx to reload")

    def stop(self):
        if self.process is not None:
            self.process.stop(signal.SIGQUIT if self.process.running else signal.SIGTERM, 5.0)
