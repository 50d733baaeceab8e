"""Signed leads at a steady rate, whatever becomes of them.

    python3 -m harness.load PORT RATE SECRET-FILE [COUNT]

Each comes on a connection of its own, as a webhook does.  Prints how many have been
answered, at every fiftieth.  After COUNT, or when its standard input ends, it waits for
what is still out, and prints a JSON object: how often each status, or kind of failure,
was seen.
"""

import asyncio
import collections
import itertools
import json
import pathlib
import sys
import time

from . import leads, tokens

PATIENCE = 60.0                         # seconds for one answer


async def post(port, token):
    """The status, or what there was instead of one."""
    writer = None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /leadpro HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     b"Content-Length: 0\r\nAuthorization: Bearer %s\r\n\r\n" % token.encode())
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        return answer.split(None, 2)[1].decode() if answer else "no answer"
    except (OSError, asyncio.TimeoutError) as error:
        return type(error).__name__
    finally:
        if writer is not None:
            writer.close()


async def load(port, rate, secret, ended, limit):
    seen, out = collections.Counter(), set()

    async def one(token):
        seen[await post(port, token)] += 1
        if seen.total() % 50 == 0:
            print(seen.total(), flush=True)

    begin = time.monotonic()
    for count in itertools.count() if limit is None else range(limit):
        late = begin + count / rate - time.monotonic()
        await asyncio.sleep(max(late, 0))
        if ended.done():
            break
        # ids that no other run has used
        token = tokens.sign(leads.payload(time.time_ns() // 1000), secret)
        task = asyncio.create_task(one(token))
        out.add(task)
        task.add_done_callback(out.discard)
    await asyncio.gather(*out)
    return seen


async def main():
    port, rate, secret, *limit = sys.argv[1:]
    limit = int(limit[0]) if limit else None
    ended = asyncio.get_running_loop().create_future()
    if limit is None:
        ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    seen = await load(int(port), float(rate), pathlib.Path(secret).read_bytes().strip(),
                      ended, limit)
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
