"""A real Apache on a loopback port, with one of the repository's own files included."""

import os
import pathlib
import pwd
import shutil
import signal

from .nginx import SOURCE, free_port, listens
from .process import Process
from .site import PROGRAM
from .wait import wait_until

SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
APACHE = shutil.which("apache2", path=SEARCH) or shutil.which("httpd", path=SEARCH)
MODULES = pathlib.Path("/usr/lib/apache2/modules")
NEEDED = ("mpm_event", "mime", "authz_core", "authz_host", "alias", "env", "setenvif")

MAIN = """\
{modules}
ServerRoot {folder}
ServerName localhost
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache-error.log
LogLevel warn
{user}
Listen 127.0.0.1:{port}
TypesConfig /dev/null
StartServers 1
ServerLimit 4
ThreadsPerChild 16
ThreadLimit 16
MinSpareThreads 16
MaxSpareThreads 64
MaxRequestWorkers 64
GracefulShutDownTimeout 5
{main}
<Directory />
	AllowOverride None
	Require all denied
</Directory>
DocumentRoot {folder}/htdocs
<Directory {folder}/htdocs>
	Require all granted
</Directory>
<VirtualHost 127.0.0.1:{port}>
	ServerName localhost
{server}
</VirtualHost>
"""


def has_module(*names):
    return APACHE is not None and all((MODULES / f"mod_{name}.so").exists() for name in names)


def front_user():
    """Whom the front server and what it starts run as: www-data when that can be had."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("www-data")


class Apache:
    """``module`` beside the usual ones; ``server`` goes into the virtual host."""

    def __init__(self, site, modules, server, main=""):
        self.folder = site.folder
        self.error_log = self.folder / "apache-error.log"
        self.conf = self.folder / "apache.conf"
        (self.folder / "htdocs").mkdir(exist_ok=True)
        self.modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so"
                                 for name in (*NEEDED, *modules))
        self.process = None
        self.port = None
        self._start(server, main)

    def _start(self, server, main):
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        for _ in range(20):
            self.port = free_port()
            self.conf.write_text(MAIN.format(folder=self.folder, port=self.port, user=user,
                                             modules=self.modules, server=server, main=main))
            self.process = Process([APACHE, "-D", "FOREGROUND", "-f", self.conf],
                                   self.folder / "apache-output.log")
            wait_until(lambda: listens(self.port) or not self.process.running, "Apache to start")
            if self.process.running:
                return
            if "Address already in use" not in self.process.output() + self.errors():
                break
        raise AssertionError(f"Apache did not start:\n{self.process.output()}{self.errors()}")

    def errors(self):
        return self.error_log.read_text(errors="replace") if self.error_log.exists() else ""

    def graceful(self):
        """What ``apachectl graceful`` does; returns at once."""
        self.process.send(signal.SIGUSR1)

    def stop(self):
        if self.process is not None:
            self.process.stop(signal.SIGTERM, 20.0)


def shipped(site, name):
    """One of the repository's files, with this test's places instead of the usual ones."""
    text = (SOURCE / "apache" / name).read_text()
    for usual, ours in (("/usr/sbin/leadrelay", program_for(site)),
                        ("/etc/leadrelay/leadrelay.conf", site.config),
                        ("/run/leadrelay/leadrelay.sock", site.socket)):
        text = text.replace(usual, str(ours))
    return text


def program_for(site):
    """The program where the front server's user may run it."""
    copy = site.folder / "leadrelay"
    if not copy.exists():
        shutil.copy(PROGRAM, copy)
        copy.chmod(0o755)
    return copy


def hand_over(site):
    """Give configuration, secrets and store to the user the front server runs as."""
    site.write_config()
    site.store.parent.mkdir(mode=0o700, exist_ok=True)
    site.log.touch()
    user = front_user()
    if user is not None:
        for path in (site.config, site.secret_file, site.store.parent, site.log):
            os.chown(path, user.pw_uid, user.pw_gid)
