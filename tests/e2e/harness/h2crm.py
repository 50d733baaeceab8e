"""A stand-in CRM that speaks HTTP/2, and can break an answer at any frame."""

import collections
import dataclasses
import socket
import ssl
import struct
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events

# What may follow the answer's frames, instead of a connection that stays.
STAY, CLOSE, CUT, RESET = "stay", "close", "cut", "reset"


@dataclasses.dataclass
class Answer:
    """In this order, each only when it is asked for; the plain one is whole."""
    refuse: bool = False                # GOAWAY, the request's stream above its last
    early: int = None                   # RST_STREAM with this code, before the headers
    status: int = 200                   # HEADERS; None: none
    headers: tuple = ()                 # (name, value) beside the status
    only_headers: bool = False          # no DATA, and END_STREAM with the HEADERS
    body: bytes = b'{"status":"ok"}'    # DATA; None: none
    end: bool = True                    # END_STREAM
    reset: int = None                   # RST_STREAM with this code
    goaway: bool = False                # GOAWAY, the request's stream its last
    then: str = STAY                    # CLOSE: TLS and all; CUT: the socket alone; RESET: RST
    after: threading.Event = None       # not before this is set


@dataclasses.dataclass
class Request:
    headers: dict
    body: bytes
    answer: Answer
    connection: int

    @property
    def key(self):
        return self.headers.get("idempotency-key")


class H2Crm:
    def __init__(self, certificate, key):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)
        self.tls.set_alpn_protocols(["h2"])
        self.script = collections.deque()
        self.default = Answer()
        self.requests = []
        self.connections = 0
        self.changed = threading.Condition()
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}/api/leads"

    def stop(self):
        self._listener.close()
        with self.changed:
            left = list(self._open)
        for connection in left:
            connection.close()

    def received(self):
        with self.changed:
            return list(self.requests)

    def wait_count(self, count, timeout=20):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, timeout), \
                f"{len(self.requests)} of {count} requests came"
            return list(self.requests)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self.changed:
                self.connections += 1
                number = self.connections
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            secure = self.tls.wrap_socket(connection, server_side=True)
            with self.changed:
                self._open.add(secure)
            _Connection(self, secure, number).run()
        except (OSError, ssl.SSLError, h2.exceptions.ProtocolError):
            pass


class _Connection:
    """One connection: a reader, and a thread for each answer that has to wait."""

    def __init__(self, crm, secure, number):
        self.crm, self.secure, self.number = crm, secure, number
        self.lock = threading.Lock()
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False))
        self.streams = {}

    def run(self):
        self.state.initiate_connection()
        self._flush()
        while data := self.secure.recv(65536):
            with self.lock:
                events = self.state.receive_data(data)
                self._flush()
            for event in events:
                self._take(event)

    def _flush(self):
        if data := self.state.data_to_send():
            self.secure.sendall(data)

    def _take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.streams[event.stream_id] = (dict(event.headers), bytearray())
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id][1].extend(event.data)
            with self.lock:
                self.state.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id)
                self._flush()
        elif isinstance(event, h2.events.StreamEnded):
            headers, body = self.streams.pop(event.stream_id)
            with self.crm.changed:
                answer = self.crm.script.popleft() if self.crm.script else self.crm.default
                self.crm.requests.append(Request(headers, bytes(body), answer, self.number))
                self.crm.changed.notify_all()
            if answer.after is None:
                self._answer(event.stream_id, answer)
            else:
                threading.Thread(target=self._answer_later, daemon=True,
                                 args=(event.stream_id, answer)).start()

    def _answer_later(self, stream, answer):
        answer.after.wait(60)
        try:
            self._answer(stream, answer)
        except OSError:
            pass

    def _answer(self, stream, answer):
        with self.lock:
            self._frames(stream, answer)
            self._flush()
            if answer.then == CLOSE:
                self.secure.unwrap()
            if answer.then == RESET:
                self.secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            if answer.then != STAY:
                self.secure.close()

    def _frames(self, stream, answer):
        state = self.state
        if answer.refuse:
            state.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=stream - 2)
            return
        if answer.early is not None:
            state.reset_stream(stream, answer.early)
            return
        if answer.status is not None:
            state.send_headers(stream, [(":status", str(answer.status)), *answer.headers],
                               end_stream=answer.only_headers)
        if answer.body is not None and not answer.only_headers:
            state.send_data(stream, answer.body, end_stream=answer.end)
        elif answer.end and answer.status is not None and not answer.only_headers:
            state.end_stream(stream)
        if answer.reset is not None:
            # By hand: a stream that has ended can be reset all the same.
            self._flush()
            self.secure.sendall(b"\0\0\4\3\0" + struct.pack(">II", stream, answer.reset))
        if answer.goaway:
            state.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=stream)
