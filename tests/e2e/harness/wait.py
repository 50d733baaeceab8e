"""Waiting by asking again, never by a fixed sleep."""

import time


def wait_until(predicate, what, timeout=15.0, pause=0.005):
    """Ask ``predicate`` until it gives something true; return that.

    ``what`` completes the sentence "waited for ..." when it never does.
    """
    deadline = time.monotonic() + timeout
    while True:
        result = predicate()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}")
        time.sleep(pause)
