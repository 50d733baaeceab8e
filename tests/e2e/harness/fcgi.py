"""FastCGI by hand, so that every rule of it can be broken."""

import socket
import struct

VERSION = 1
BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST = 1, 2, 3
PARAMS, STDIN, STDOUT, STDERR, DATA = 4, 5, 6, 7, 8
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP_CONN = 1


def record(kind, content=b"", request_id=1, padding=0, version=VERSION, length=None):
    """One record; ``length`` may lie about the content's."""
    length = len(content) if length is None else length
    return struct.pack(">BBHHBx", version, kind, request_id, length, padding) \
        + content + bytes(padding)


def begin(role=RESPONDER, flags=0, request_id=1):
    return record(BEGIN_REQUEST, struct.pack(">HB5x", role, flags), request_id)


def _length(number):
    return bytes([number]) if number < 128 else struct.pack(">I", number | 0x80000000)


def pair(name, value):
    name = name.encode("latin-1") if isinstance(name, str) else name
    value = value.encode("latin-1") if isinstance(value, str) else value
    return _length(len(name)) + _length(len(value)) + name + value


def stream(kind, content, request_id=1, chunk=65535):
    """Content as records of at most ``chunk`` bytes, and the empty one that ends it."""
    parts = [record(kind, content[at:at + chunk], request_id)
             for at in range(0, len(content), chunk)]
    return b"".join(parts) + record(kind, b"", request_id)


def params(values, request_id=1, chunk=65535):
    items = values.items() if isinstance(values, dict) else values
    return stream(PARAMS, b"".join(pair(name, value) for name, value in items),
                  request_id, chunk)


def webhook(token=None, uri="/leadpro", method="POST", body=b"", **more):
    """The parameters of a webhook, as a front server gives them."""
    values = {"REQUEST_METHOD": method, "REQUEST_URI": uri, "CONTENT_LENGTH": str(len(body))}
    if token is not None:
        values["HTTP_AUTHORIZATION"] = token
    values.update(more)
    return values


def request(values, body=b"", flags=0, request_id=1):
    """A whole request as bytes."""
    return begin(flags=flags, request_id=request_id) + params(values, request_id) \
        + stream(STDIN, body, request_id)


class Answer:
    """What came back on a connection for one request."""

    def __init__(self):
        self.stdout = b""
        self.stderr = b""
        self.ended = False              # an END_REQUEST record came
        self.protocol_status = None
        self.others = []                # (type, request id, content) of any other record

    @property
    def status(self):
        head = self.stdout.partition(b"\r\n\r\n")[0].decode("latin-1")
        for line in head.split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "status":
                return int(value.split()[0])
        return 200 if self.stdout else None

    @property
    def body(self):
        return self.stdout.partition(b"\r\n\r\n")[2]


class Connection:
    def __init__(self, address, timeout=10.0):
        if isinstance(address, tuple):
            self.socket = socket.create_connection(address, timeout)
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(timeout)
            self.socket.connect(str(address))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def done_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                return None
            data += more
        return data

    def read_record(self):
        """(type, request id, content), or None at the end of the connection."""
        head = self._exactly(8)
        if head is None:
            return None
        _, kind, request_id, length, padding = struct.unpack(">BBHHBx", head)
        content = self._exactly(length + padding)
        return None if content is None else (kind, request_id, content[:length])

    def read_answer(self):
        """Read up to END_REQUEST or the end of the connection."""
        answer = Answer()
        while not answer.ended:
            got = self.read_record()
            if got is None:
                break
            kind, request_id, content = got
            if kind == STDOUT:
                answer.stdout += content
            elif kind == STDERR:
                answer.stderr += content
            elif kind == END_REQUEST:
                answer.ended = True
                answer.protocol_status = content[4]
            else:
                answer.others.append((kind, request_id, content))
        return answer

    def closed_by_peer(self):
        """Wait for the peer to close; whatever it still sends is dropped."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


def ask(address, values, body=b"", timeout=10.0):
    """One request on a connection of its own."""
    with Connection(address, timeout) as connection:
        connection.send(request(values, body))
        return connection.read_answer()
