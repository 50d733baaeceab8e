"""A plain HTTP client that can send headers of any size and bodies of any kind."""

import http.client
import json

# The reader's own limits are not what is being tested here.
http.client._MAXLINE = 1 << 20


class Response:
    def __init__(self, raw):
        self.status = raw.status
        self.headers = raw.headers
        self.body = raw.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """The last part of the problem's type: "token-missing"."""
        assert self.headers.get_content_type() == "application/problem+json", self.headers
        return self.json["type"].rstrip("/").replace(":", "/").rpartition("/")[2]

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r}>"


class Client:
    """One kept connection; opened again when the server closed it."""

    def __init__(self, port, timeout=30.0):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, method, path, headers=(), body=b""):
        connection = self.connection
        connection.putrequest(method, path, skip_accept_encoding=True)
        items = list(headers.items() if isinstance(headers, dict) else headers)
        if body is not None and not any(n.lower() == "content-length" for n, _ in items):
            items.append(("Content-Length", str(len(body))))
        for name, value in items:
            connection.putheader(name, value)
        try:
            connection.endheaders()
            if body:
                connection.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass                        # refused before all was sent: the answer may be there
        try:
            return Response(connection.getresponse())
        except Exception:
            connection.close()
            raise
