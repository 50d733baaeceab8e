"""Requests that nobody honest sends, made from a seed."""

import json
import random
import struct

from . import fcgi, leads, tokens

JUNK = ["\0", "\x01", "\x7f", "\xff", "..", "/", "\\", "'", '"', "%00", "{}", "[]", "null",
        "${jndi:x}", "<script>", "' OR 1=1 --", "\u202e", "A" * 300, "=", "+", "-", "_"]


class Hostile:
    def __init__(self, seed, secret):
        self.random = random.Random(seed)
        self.secret = secret

    # --- tokens that must not get in: (token,) never leaves a row -------------

    def token(self):
        return self.random.choice([
            self._mutated, self._junk, self._segments, self._header, self._algorithm,
            self._forged, self._swapped, self._long])()

    def _good(self):
        return tokens.sign(leads.payload(), self.secret)

    def _mutated(self):
        """A genuine token with one character of its signed text or signature changed."""
        text = list(self._good())
        at = self.random.randrange(len(text) - 1)   # the very last character has spare bits
        old = text[at]
        while text[at] == old:
            text[at] = self.random.choice(
                "ABCDEFabcdef0123456789-_.+/= ~!*\t\xe9" if self.random.random() < .5
                else "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        return "".join(text)

    def _junk(self):
        junk = "".join(self.random.choice(JUNK) for _ in range(self.random.randrange(1, 12)))
        return "".join(c for c in junk if c not in "\r\n\0") or "x"

    def _segments(self):
        parts = self._good().split(".")
        count = self.random.choice([0, 1, 2, 4, 5, 50, 2000])
        return ".".join(self.random.choice([*parts, ""]) for _ in range(count)) or "."

    def _header(self):
        header = self.random.choice([
            b"", b"{", b"[]", b"null", b"{}", b'{"alg":null}', b'{"alg":1}', b'{"alg":"HS256"',
            b'{"alg":"HS256"}x', b'{"alg":"HS256","alg":"none"}', b'\xff\xfe{"alg":"HS256"}',
            b'{"alg":"HS256\\u0000"}', b'{"alg":"HS256","crit":[]}', b'{"alg":"HS256","b64":true}',
            b'{"alg":"HS256","kid":"../../dev/null","jku":"http://127.0.0.1/"}',
            b'{"alg":"HS256","x":' + b"[" * 600 + b"]" * 400 + b"}",
            b'{"alg":"HS256","x":"' + b"y" * 2000 + b'"}'])
        return tokens.sign_raw(header, leads.payload(), self.secret)

    def _algorithm(self):
        algorithm = self.random.choice(["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256",
                                        "PS256", "EdDSA", "HS256 ", " HS256", "hs256", "HS-256"])
        header = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
        return tokens.sign_raw(header, leads.payload(), self.secret)

    def _forged(self):
        key = self.random.choice([b"", b"\0", self.secret[:-1], self.secret + b"\n",
                                  self.secret.upper() + b"x", b"secret"])
        return tokens.sign_raw(b'{"alg":"HS256","typ":"JWT"}', leads.payload(), key)

    def _swapped(self):
        """Header, payload and signature of different genuine tokens."""
        a, b = self._good().split("."), self._good().split(".")
        return f"{a[0]}.{b[1]}.{a[2]}"

    def _long(self):
        size = self.random.choice([8000, 30000, 60000])
        return self.random.choice(["t" * size, "." * size, "a." * (size // 2),
                                   f"{'A' * 10}.{'B' * size}.{'C' * 43}"])

    # --- payloads that are signed but wrong: held, never relayed ------------------

    def payload(self):
        return self.random.choice([
            self._values, self._depth, self._breadth, self._broken, self._cut, self._number,
            self._twice, self._other, self._text])()

    def _values(self):
        """Any value in any field, and an e-mail address that is none."""
        r = self.random
        value = leads.sample()
        value["data"][r.choice(list(value["data"]))] = r.choice(
            [None, True, 0, -1, 1.5, [], {}, [[]], "x" * 9000, {"a": {"b": []}}, [None]])
        value["data"]["email"] = r.choice([1, "a", "@", "a@", "a@b c", "a@" + "b" * 300])
        return tokens.compact(value)

    def _depth(self):
        depth = self.random.choice([33, 100, 1000, 5000])
        return b'{"event":"lead.created","data":' + b"[" * depth + b"]" * depth + b"}"

    def _breadth(self):
        many = {f"field{n}": n for n in range(self.random.choice([100, 2000]))}
        return leads.payload(type="x", **many)

    def _broken(self):
        """Bytes that JSON, or UTF-8, does not have."""
        text = bytearray(leads.payload())
        for _ in range(self.random.randrange(1, 5)):
            text[self.random.randrange(len(text))] = self.random.choice(
                b"\x00\x01\x1f\x80\xc0\xed\xf5\xff")
        return bytes(text)

    def _cut(self):
        text = leads.payload()
        return text[:self.random.randrange(1, len(text) - 1)]

    def _number(self):
        return b'{"event":"lead.updated","data":{"id":%s}}' % self.random.choice([
            b"1e400", b"-0", b"1" * 400, b"1e-400", b"01", b"+1", b".5", b"1.", b"0x10",
            b"9007199254740993", b"1e1000000000000"])

    def _twice(self):
        return leads.payload()[:-2] + b',"id":7}}'

    def _other(self):
        return self.random.choice([
            b"null", b"true", b"1", b'"x"', b"[]", b"[{}]", b" ", b"{}{}",
            b'{"event":5,"data":5}', b'{"event":"lead.created","data":null}',
            b'{"EVENT":"lead.created","DATA":{}}'])

    def _text(self):
        """Text that means something elsewhere."""
        r = self.random
        return leads.payload(type=r.choice(JUNK), full_name=r.choice(JUNK) * 40,
                             meta={name: r.choice(JUNK) for name in JUNK})

    # --- requests over HTTP ---------------------------------------------------

    def http(self):
        """(method, path, headers, body) without a valid token."""
        r = self.random
        method = r.choice(["POST"] * 6 + ["GET", "PUT", "HEAD", "OPTIONS", "TRACE", "X" * 100])
        path = "/leadpro" + r.choice(["", "/", "/../..", "?list+--json", "?" + "q" * 3000, "/%00",
                                      "/%2e%2e/", "//", "/x/healthz", "/" + "p" * 5000, "#x",
                                      "?erase+--lead+1", "/\xff"])
        headers = [("Authorization", _printable(self.token()))]
        for _ in range(r.randrange(4)):
            headers.append((r.choice(["X-Junk", "Content-Type", "Cookie", "Proxy",
                                      "Leadrelay-Role", "Transfer", "Expect-X", "Range"]),
                            _printable(r.choice(JUNK) * r.randrange(1, 9))))
        body = r.choice([b"", b"x", b"{}", b"[" * 5000, bytes(range(256)), b"\0" * 2000])
        return method, path, headers, body

    # --- FastCGI --------------------------------------------------------------

    def fastcgi(self):
        """Bytes for the worker's socket that are no valid request with a valid token."""
        return self.random.choice([
            self._request, self._request_cut, self._noise, self._noise_after_begin,
            self._lengths, self._records, self._bit])()

    def _bytes(self, most):
        return bytes(self.random.randrange(256)
                     for _ in range(self.random.randrange(1, most)))

    def _request(self):
        """Whole, with a token that must not get in."""
        values = {"REQUEST_METHOD": "POST", "REQUEST_URI": "/leadpro",
                  "HTTP_AUTHORIZATION": self.token(),
                  self.random.choice(JUNK): self.random.choice(JUNK)}
        values = {name.encode("utf-8"): value.encode("utf-8") for name, value in values.items()}
        return fcgi.request(values, self.random.choice([b"", b"body"]))

    def _request_cut(self):
        whole = self._request()
        return whole[:self.random.randrange(len(whole))]

    def _noise(self):
        return self._bytes(200)

    def _noise_after_begin(self):
        return fcgi.begin() + self._bytes(600)

    def _lengths(self):
        """Lengths of a name and a value that lie."""
        lengths = struct.pack(">II", self.random.getrandbits(32) | 0x80000000,
                              self.random.getrandbits(32) | 0x80000000)
        return fcgi.begin() + fcgi.record(fcgi.PARAMS, lengths + self._bytes(100))

    def _records(self):
        """Any records in any order."""
        r = self.random
        return b"".join(fcgi.record(r.randrange(13), bytes(r.randrange(40)),
                                    r.choice([0, 1, 1, 2, 65535]), r.randrange(256))
                        for _ in range(r.randrange(1, 30)))

    def _bit(self):
        """One bit wrong somewhere in the framing."""
        text = bytearray(self._request())
        text[self.random.randrange(min(len(text), 200))] ^= 1 << self.random.randrange(8)
        return bytes(text)


def _printable(text):
    """What an HTTP client can put into a header line."""
    return "".join(c if " " <= c <= "~" or "\xa0" <= c <= "\xff" else "?" for c in text).strip() or "?"
