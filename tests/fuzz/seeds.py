"""Where fuzzing starts: python3 seeds.py FUZZER FOLDER writes inputs that mean something."""

import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import fcgi, leads, tokens             # noqa: E402
from harness.hostile import Hostile                 # noqa: E402

SECRET = b"a secret for fuzzing"
COUNT = 300


def payloads():
    yield leads.payload()
    hostile = Hostile(1, SECRET)
    for _ in range(COUNT):
        yield hostile.payload()[:8192]


def fuzz_json():
    return payloads()


def fuzz_lead():
    import test_schema
    source = random.Random(1)
    yield from payloads()
    for _ in range(COUNT):
        yield test_schema.lead(source).encode("utf-8")


def fuzz_token():
    """An even first byte: a value as it is; an odd one: header, NUL, payload."""
    hostile = Hostile(1, SECRET)
    yield b"\0Bearer " + tokens.sign(leads.payload(), SECRET).encode()
    for header in (b'{"alg":"HS256","typ":"JWT"}', b'{"alg":"none"}', b'{"alg":"HS512"}'):
        yield b"\1" + header + b"\0" + leads.payload()
    for _ in range(COUNT):
        yield b"\0" + hostile.token().encode("utf-8")[:8000]


def fuzz_fastcgi():
    hostile = Hostile(1, SECRET)
    yield fcgi.request(fcgi.webhook(tokens.sign(leads.payload(), SECRET), body=b"{}"), b"{}")
    yield fcgi.record(fcgi.GET_VALUES, fcgi.pair("FCGI_MPXS_CONNS", ""), 0)
    for _ in range(COUNT):
        yield hostile.fastcgi()[:8000]


def fuzz_config():
    example = (HERE.parents[1] / "deploy/leadrelay.conf.example").read_bytes()
    yield example
    for line in example.splitlines():
        line = line.strip().lstrip(b"#")
        yield line
        if b"=" in line:
            yield line.partition(b"=")[2].strip().strip(b'"')


def main():
    name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(globals().get(name, tuple)()):
        (folder / f"seed-{number}").write_bytes(text)


if __name__ == "__main__":
    main()
