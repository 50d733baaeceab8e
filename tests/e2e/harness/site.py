"""An installation: folder, configuration, worker, nginx and a stand-in CRM."""

import contextlib
import json
import os
import pathlib
import secrets
import shlex
import signal
import socket
import sqlite3
import subprocess

from . import fcgi, leads, tokens
from .crm import Crm
from .http import Client
from .nginx import SOURCE, Nginx
from .process import Process
from .wait import wait_until

PROGRAM = pathlib.Path(os.environ.get("LEADRELAY_BUILD", SOURCE)).resolve() / "leadrelay"


def _value(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(_value(item) for item in value) + "}"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


class Site:
    """Nothing runs until it is asked for: start() brings up all of it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.secret = secrets.token_hex(24).encode("ascii")
        self.secret_file = self.folder / "secret"
        self.write_secret(self.secret)
        self.socket = self.folder / "worker.sock"
        self.store = self.folder / "store" / "outbox.db"
        self.config = self.folder / "leadrelay.conf.worker"
        self.log = self.folder / "worker.log"
        self.crms = {}
        self.workers = []
        self.worker = None
        self.nginx = None
        self.clock = None               # a Clock: programs go by it
        self.jump = 0                   # seconds it is off while a lead is taken in
        self.settings = {
            "source": {"secret_file": self.secret_file},
            "store": {"url": f"sqlite:{self.store}"},
            "worker": {"threads": 4},
        }
        if os.geteuid() == 0:
            self.settings["worker"]["socket_group"] = "www-data"

    # --- configuration -------------------------------------------------------

    def write_secret(self, *lines):
        self.secret_file.write_bytes(b"\n".join(lines) + b"\n")
        self.secret_file.chmod(0o600)

    def crm(self, name="crm", tls=None, **settings):
        """The stand-in CRM of that name, made a destination when it is new."""
        if name not in self.crms:
            self.crms[name] = Crm(tls)
            self.settings[f"destination {name}"] = {
                "url": self.crms[name].url, "retry": ["100ms", "200ms"],
                "timeout": "5s", "connect_timeout": "2s"}
        self.settings[f"destination {name}"].update(settings)
        return self.crms[name]

    def write_config(self):
        text = []
        for section, keys in self.settings.items():
            text.append(f"{section} {{")
            text += [f"\t{key} = {_value(value)}" for key, value in keys.items()]
            text.append("}")
        self.config.write_text("\n".join(text) + "\n")
        self.config.chmod(0o600)

    # --- life ----------------------------------------------------------------

    def start(self, http="", server=""):
        self.start_worker()
        self.nginx = Nginx(self.folder, self.socket, http, server)
        return self

    def start_worker(self, *more, listen=None, wait=True):
        """serve --listen on this site's socket (or ``listen``); waits until it answers."""
        if not self.crms:
            self.crm()
        self.write_config()
        address = listen or f"unix:{self.socket}"
        self.worker = self.spawn(
            [PROGRAM, "--config", self.config, "serve", "--listen", address, *more])
        if wait:
            self.wait_for_worker(listen)
            if self.jump and self.settings["worker"].get("relay", True):
                wait_until(self.knows_clock, "a relay that has seen the true clock")
        return self.worker

    def spawn(self, argv, **more):
        """Any long-running process of this site, with the worker's log."""
        process = Process(argv, self.log, env=self.environment(), **more)
        self.workers.append(process)
        return process

    def wait_for_worker(self, listen=None):
        def up():
            if not self.worker.running:
                raise AssertionError(f"the worker left with {self.worker.popen.returncode}:\n"
                                     f"{self.worker.output()[-4000:]}")
            try:
                if listen and not listen.startswith("unix:"):
                    host, port = listen.rsplit(":", 1)
                    socket.create_connection((host, int(port)), 1).close()
                else:
                    with fcgi.Connection(self.socket, 1):
                        pass
                return True
            except OSError:
                return False
        wait_until(up, "the worker to listen", 30)

    def stop(self):
        """End everything; returns what the sanitizers or the worker's own end complained of."""
        if self.nginx is not None:
            self.nginx.stop()
        statuses = []
        for process in self.workers:
            ended_by_test = not process.running
            status = process.stop()
            if not ended_by_test:
                statuses.append(status)
        for crm in self.crms.values():
            crm.stop()
        bad = [status for status in statuses if status not in (0, -signal.SIGTERM)]
        complaints = sanitizer_reports(self.log)
        if bad:
            complaints.append(f"a worker ended with {bad}")
        return complaints

    # --- the sender's side ---------------------------------------------------

    def sign(self, payload, **more):
        return tokens.sign(payload, self.secret, **more)

    def client(self):
        return Client(self.nginx.port)

    def post(self, payload=None, token=None, path="/leadpro", headers=(), client=None):
        """Post as LeadPro does: the token in Authorization, the payload as the body too."""
        if payload is None:
            payload = leads.payload()
        if not isinstance(payload, bytes):
            payload = tokens.compact(payload)
        if token is None:
            token = self.sign(payload)
        items = [("Content-Type", "application/json"), ("Authorization", f"Bearer {token}")]
        items += list(headers.items() if isinstance(headers, dict) else headers)
        with self.elsewhen():
            if client is not None:
                return client.request("POST", path, items, payload)
            with self.client() as one:
                return one.request("POST", path, items, payload)

    def accept(self, payload, address=None):
        """Hand it to a worker past the front server; returns the id of its 202."""
        with self.elsewhen():
            answer = fcgi.ask(address or self.socket, fcgi.webhook(self.sign(payload)))
        assert answer.status == 202, answer.stdout
        return json.loads(answer.body)["id"]

    def request(self, method, path, headers=(), body=b""):
        with self.client() as one:
            return one.request(method, path, headers, body)

    # --- the operator's side -------------------------------------------------

    def knows_clock(self):
        """Has a relay looked at the clock, and written down what it saw?"""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as db:
                return db.execute("SELECT wall > 0 FROM clock").fetchone()[0]
        except sqlite3.Error:
            return False

    def stats(self):
        """leadrelay stats --json: (exit status, the object, its destinations by name)."""
        done = self.command("stats", "--json")
        assert done.returncode in (0, 1), done.stderr.decode(errors="replace")
        whole = json.loads(done.stdout)
        return done.returncode, whole, {one["name"]: one for one in whole["destinations"]}

    def command(self, *words, timeout=60, stdin=None, env=None):
        return subprocess.run(
            [str(PROGRAM), "--config", str(self.config), *map(str, words)],
            capture_output=True, timeout=timeout, input=stdin, check=False,
            env=self.environment(env))

    def environment(self, more=None):
        """What this site's programs are started with."""
        clock = self.clock.environment if self.clock else {}
        return environment({**clock, **(more or {})})

    @contextlib.contextmanager
    def elsewhen(self):
        """While a lead is taken in the clock stands somewhere else, where a test wants that."""
        if self.clock and self.jump:
            self.clock.set(self.jump)
        try:
            yield
        finally:
            if self.clock and self.jump:
                self.clock.set(0)

    def list(self, *words):
        """The outbox as objects: leadrelay list --json."""
        done = self.command("list", "--json", "--limit", "0", *words)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def states(self):
        """How many deliveries stand in each state."""
        count = {}
        for row in self.list():
            count[row["state"]] = count.get(row["state"], 0) + 1
        return count

    def wait_states(self, timeout=20.0, **wanted):
        return wait_until(lambda: self.states() == wanted, f"the outbox to be {wanted}",
                          timeout, pause=0.05)

    def log_lines(self, **fields):
        """The worker's log lines that have all these fields, each as a dict."""
        lines = [parse_logfmt(line) for line in
                 self.log.read_text(errors="replace").splitlines()]
        wanted = {key: str(value) for key, value in fields.items()}
        return [line for line in lines if wanted.items() <= line.items()]

    def wait_lines(self, count=1, **fields):
        """The same, when there are so many: the log is written by a thread of its own."""
        def found():
            lines = self.log_lines(**fields)
            return lines if len(lines) >= count else None
        return wait_until(found, f"{count} of {fields} in the log")


def environment(more=None):
    """What a service is started with: no configuration from the outside."""
    env = {key: value for key, value in os.environ.items()
           if key in ("PATH", "HOME", "LANG", "TMPDIR") or key.endswith("SAN_OPTIONS")}
    env.update(more or {})
    return env


def parse_logfmt(line):
    try:
        words = shlex.split(line)
    except ValueError:
        return {"unparsed": line}
    return dict(word.partition("=")[::2] for word in words)


def sanitizer_reports(log):
    """The lines by which a sanitizer announces what it found."""
    marks = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
             "WARNING: ThreadSanitizer")
    if not log.exists():
        return []
    return [line for line in log.read_text(errors="replace").splitlines()
            if any(mark in line for mark in marks)]
