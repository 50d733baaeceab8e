"""A stand-in CRM that can be told to fail in any way.

It speaks just enough HTTP/1.1 on a raw socket to be able to break it too.  What
it answers is decided request by request: first by the replies queued in
``script``, then by ``rule`` (a function of the request), then with ``default``.
"""

import collections
import dataclasses
import json
import socket
import ssl
import struct
import threading
import time

# Ways to break an answer, for Reply.fault.
RESET_EARLY = "reset before reading"    # the connection dies before the request is read
RESET_AFTER = "reset after reading"     # the request arrived; its answer is lost
RESET_DURING = "reset in the answer"    # half a status line, then the connection dies
NEVER = "never answers"
DRIP = "one byte a second"
DRIP_BODY = "the body one byte a second"
HUGE = "endless answer"                 # with Content-Length: up to that length
HEADERS = "endless headers"
RAW = "no HTTP"                         # the body's bytes and nothing else
RAW_RESET = "no HTTP, and a reset"      # the same, and the connection dies

# After these nobody can tell from the answer whether the CRM said yes.
UNTOLD = (RESET_EARLY, RESET_AFTER, RESET_DURING, NEVER, DRIP, DRIP_BODY, RAW,
          RAW_RESET)


@dataclasses.dataclass
class Reply:
    status: int = 200
    body: bytes = b'{"status":"ok"}'
    headers: dict = dataclasses.field(default_factory=dict)
    delay: float = 0.0                  # seconds before the answer
    after: threading.Event = None       # not before this is set
    fault: str = ""


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: list                       # (name, value) as they came
    body: bytes
    time: float                         # monotonic, when the last byte was read
    reply: Reply = None                 # what it was answered
    orphan: bool = False                # its sender was gone before it was read
    concurrent: int = 0                 # how many were being answered, this one included

    def header(self, name):
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    @property
    def key(self):
        return self.header("Idempotency-Key")

    @property
    def event(self):
        return self.header("X-Leadrelay-Id")

    @property
    def sequence(self):
        return int(self.header("X-Leadrelay-Sequence"))

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lead(self):
        return self.json["data"]["id"]

    @property
    def accepted(self):
        """Did the CRM say yes (whether or not the answer got through)?"""
        return 200 <= self.reply.status < 300 and self.reply.fault not in (RESET_EARLY, NEVER)

    @property
    def told(self):
        """Did the sender get to know what the CRM said?"""
        return self.reply.fault not in UNTOLD


class Crm:
    def __init__(self, tls=None):
        self.tls = tls                  # an ssl.SSLContext: speak https
        self.refused = []               # what went wrong in TLS handshakes
        self.requests = []              # appended under lock, in order of arrival
        self.script = collections.deque()
        self.rule = None
        self.default = Reply()
        self.connections = 0
        self.concurrent = 0
        self.most_concurrent = 0
        self.changed = threading.Condition()
        self._open = set()
        self._stopping = threading.Event()
        self._listener = None
        self.port = 0
        self.start()

    # --- life ----------------------------------------------------------------

    def start(self):
        """Listen (again, on the same port, after stop)."""
        self._stopping.clear()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self):
        """Be gone: later connections are refused, open ones are cut."""
        self._stopping.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self.changed:
            cut = list(self._open)
        for connection in cut:
            _reset(connection)

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/api/leads"

    # --- what came -----------------------------------------------------------

    def bodies(self):
        with self.changed:
            return [request.body for request in self.requests]

    def received(self):
        with self.changed:
            return list(self.requests)

    def wait(self, predicate, what, timeout=15.0):
        """Wait until ``predicate(requests)`` is true of what came; return the requests."""
        with self.changed:
            if not self.changed.wait_for(lambda: predicate(self.requests), timeout):
                raise AssertionError(
                    f"waited {timeout:g} s for {what}; the CRM has {len(self.requests)} requests")
            return list(self.requests)

    def wait_count(self, count, timeout=15.0):
        return self.wait(lambda seen: len(seen) >= count, f"{count} requests", timeout)

    # --- serving -------------------------------------------------------------

    def _accept(self, listener):
        while not self._stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.changed:
                self.connections += 1
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.tls is not None:
                connection = self._handshake(connection)
            with connection.makefile("rb") as stream:
                while self._one(connection, stream):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            with self.changed:
                self._open.discard(connection)
            try:
                connection.close()
            except OSError:
                pass

    def _handshake(self, connection):
        try:
            secure = self.tls.wrap_socket(connection, server_side=True)
        except OSError as error:
            with self.changed:
                self.refused.append(str(error))
                self.changed.notify_all()
            raise
        with self.changed:
            self._open.discard(connection)
            self._open.add(secure)
        return secure

    def _one(self, connection, stream):
        """Read a request, answer it; False when the connection is done with."""
        with self.changed:
            early = bool(self.script) and self.script[0].fault == RESET_EARLY
            if early or (not self.script and self.rule is None
                         and self.default.fault == RESET_EARLY):
                if early:
                    self.script.popleft()
                _reset(connection)
                return False
        request = _read(stream)
        if request is None:
            return False
        request.orphan = _hung_up(connection)
        with self.changed:
            if self.script:
                reply = self.script.popleft()
            elif self.rule is not None:
                reply = self.rule(request) or self.default
            else:
                reply = self.default
            request.reply = reply
            self.requests.append(request)
            self.concurrent += 1
            request.concurrent = self.concurrent
            self.most_concurrent = max(self.most_concurrent, self.concurrent)
            self.changed.notify_all()
        try:
            return self._answer(connection, reply)
        finally:
            with self.changed:
                self.concurrent -= 1

    def _answer(self, connection, reply):
        if reply.delay:
            self._stopping.wait(reply.delay)
        while reply.after is not None and not reply.after.wait(.05):
            if self._stopping.is_set():
                return False
        if reply.fault in (RESET_AFTER, RESET_EARLY):
            _reset(connection)
            return False
        if reply.fault == NEVER:
            self._stopping.wait(3600)
            return False
        text = _format(reply)
        if reply.fault == RESET_DURING:
            connection.sendall(text[:7])
            _reset(connection)
            return False
        if reply.fault == DRIP:
            for byte in text:
                connection.sendall(bytes([byte]))
                if self._stopping.wait(1.0):
                    return False
            return True
        if reply.fault in (RAW, RAW_RESET):
            connection.sendall(reply.body)
            if reply.fault == RAW_RESET:
                _reset(connection)
            return False
        if reply.fault in (HUGE, HEADERS, DRIP_BODY):
            self._endless(connection, reply)
            return False
        connection.sendall(text)
        return True

    def _endless(self, connection, reply):
        """An answer whose status arrives, and whose end does not."""
        head = [f"HTTP/1.1 {reply.status} X", "Connection: close"]
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        connection.sendall("\r\n".join(head).encode("latin-1") + b"\r\n")
        if reply.fault != HEADERS:
            connection.sendall(b"\r\n")
        left = int(reply.headers.get("Content-Length", 1 << 62))
        piece = {HUGE: b"x" * 65536, DRIP_BODY: b"x",
                 HEADERS: b"X-Filler: " + b"x" * 1000 + b"\r\n"}[reply.fault]
        while left > 0 and not self._stopping.is_set():
            connection.sendall(piece[:left])
            left -= len(piece)
            if reply.fault == DRIP_BODY:
                self._stopping.wait(1.0)


def _read(stream):
    line = stream.readline(65536)
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers = []
    while True:
        line = stream.readline(65536)
        if line in (b"\r\n", b"\n", b""):
            break
        name, _, value = line.decode("latin-1").partition(":")
        headers.append((name, value.strip()))
    found = {name.lower(): value for name, value in headers}
    body = stream.read(int(found.get("content-length", "0")))
    return Request(method, path, headers, body, time.monotonic())


def _hung_up(connection):
    """Has the other side gone?  What it sent before can still be read, late."""
    if isinstance(connection, ssl.SSLSocket):
        return False                    # it cannot be looked into
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _format(reply):
    lines = [f"HTTP/1.1 {reply.status} Whatever", f"Content-Length: {len(reply.body)}",
             "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + reply.body


def _reset(connection):
    """Close with RST instead of FIN."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
        connection.close()
    except OSError:
        pass
