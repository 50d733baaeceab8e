"""A real lighttpd on a loopback port, with the repository's own file included."""

import os
import shutil
import signal

from .apache import SEARCH, program_for
from .nginx import SOURCE, free_port, listens
from .process import Process
from .wait import wait_until

LIGHTTPD = shutil.which("lighttpd", path=SEARCH)

MAIN = """\
server.modules = ( )
server.document-root = "{folder}/htdocs"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/run/error.log"
server.upload-dirs = ( "{folder}/run" )
{user}
include "{folder}/leadrelay-lighttpd.conf"
"""


class Lighttpd:
    def __init__(self, site):
        self.folder = site.folder
        self.error_log = self.folder / "run/error.log"
        self.conf = self.folder / "lighttpd.conf"
        (self.folder / "htdocs").mkdir(exist_ok=True)
        text = (SOURCE / "deploy/lighttpd.conf").read_text()
        for usual, ours in (("/usr/sbin/leadrelay", program_for(site)),
                            ("/etc/leadrelay/leadrelay.conf", site.config),
                            ("/var/run/lighttpd/leadrelay.sock", site.folder / "run/l.sock")):
            assert usual in text
            text = text.replace(usual, str(ours))
        (self.folder / "leadrelay-lighttpd.conf").write_text(text)
        run = self.folder / "run"
        run.mkdir(exist_ok=True)
        run.chmod(0o777)
        self.process = None
        self.port = None
        self._start()

    def _start(self):
        user = 'server.username = "www-data"\nserver.groupname = "www-data"' \
            if os.geteuid() == 0 else ""
        for _ in range(20):
            self.port = free_port()
            self.conf.write_text(MAIN.format(folder=self.folder, port=self.port, user=user))
            self.process = Process([LIGHTTPD, "-D", "-f", self.conf],
                                   self.folder / "lighttpd-output.log")
            wait_until(lambda: listens(self.port) or not self.process.running, "lighttpd to start")
            if self.process.running:
                return
            if "in use" not in self.process.output() + self.errors():
                break
        raise AssertionError(f"lighttpd did not start:\n{self.process.output()}{self.errors()}")

    def errors(self):
        return self.error_log.read_text(errors="replace") if self.error_log.exists() else ""

    def stop(self):
        if self.process is not None:
            self.process.stop(signal.SIGTERM, 20.0)
