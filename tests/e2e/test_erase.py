"""erase: a person's data is gone, from every file of the outbox."""

import pytest

from harness import leads

NAME = b"Zebedee Quillfeather"


def in_store(site, word):
    return any(word in path.read_bytes() for path in site.store.parent.iterdir()
               if path.is_file())


def post(site, lead, **more):
    more.setdefault("email", "zebedee@agency.example")
    answer = site.post(leads.payload(lead, full_name=NAME.decode(), **more))
    assert answer.status in (202, 422)
    return answer.json["id"]


@pytest.mark.parametrize("how", ["lead", "email"])
def test_every_trace(site, how):
    site.crm()
    site.crm("down", retry=["1h"]).stop()
    site.start()
    lead = leads.next_id()
    mine = [post(site, lead, message=str(n)) for n in range(5)]
    mine.append(post(site, lead, email="nobody"))
    other = site.post().json["id"]
    site.wait_states(delivered=6, waiting=6, held=1)
    assert in_store(site, NAME)
    words = ["--lead", str(lead)] if how == "lead" else ["--email", "ZEBEDEE@agency.example"]

    shown = site.command("erase", *words)
    assert shown.returncode == 0, shown
    assert shown.stdout.decode().splitlines()[-1] == "6 events, 6 undelivered"
    assert in_store(site, NAME) and len(site.list()) == 13

    done = site.command("erase", *words, "--yes")
    assert done.returncode == 0 and b"6 events erased" in done.stdout, done
    assert not in_store(site, NAME)
    assert {row["id"] for row in site.list()} == {other}
    assert site.states() == {"delivered": 1, "waiting": 1}
    for event in mine:
        assert site.command("show", event).returncode == 66
    assert site.command("erase", *words, "--yes").returncode == 66
    # Its like is accepted as if it had never been there.
    post(site, lead, message="0")
    site.wait_states(delivered=2, waiting=2)


def test_what_cannot_be_read(site):
    """A payload that is no JSON is searched to its end, also behind a NUL."""
    site.crm()
    site.start()
    assert site.post(b"hello\0, I am zebedee@agency.example").status == 400
    done = site.command("erase", "--email", "Zebedee@agency.example", "--yes")
    assert done.returncode == 0 and b"1 event erased" in done.stdout, done
    assert site.list() == [] and not in_store(site, b"zebedee")


def test_usage(site):
    site.crm()
    site.write_config()
    for words in ([], ["--lead", "1", "--email", "x@agency.example"], ["--email", ""]):
        assert site.command("erase", *words).returncode == 64, words
    assert site.command("erase", "--lead", "1").returncode == 66
