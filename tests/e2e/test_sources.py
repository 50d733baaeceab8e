"""Names on a command line: a lead is a source and an id, an event goes by the beginning of its own."""

import collections
import json

import pytest

from harness import fcgi, leads

ACTING = ["retry", "release", "discard"]


def put(site, source, lead, **fields):
    """Hand a lead to the source whose path is /SOURCE; returns its event."""
    token = site.sign(leads.payload(lead, **fields))
    answer = fcgi.ask(site.socket, fcgi.webhook(token, uri=f"/{source}"))
    assert answer.status in (202, 422), answer.stdout
    return json.loads(answer.body)["id"]


def words(done):
    return done.stderr.decode()


@pytest.fixture
def two(site):
    """Two sources, each with a lead 1 and one of its own, all of them held."""
    site.crm()
    del site.settings["source"]
    for name in ("oxford", "bath"):
        site.settings[f"source {name}"] = {"path": f"/{name}", "secret_file": site.secret_file}
    site.start_worker()
    site.events = {
        (source, lead): put(site, source, lead, email="nobody")
        for source, lead in (("oxford", 1), ("bath", 1), ("oxford", 2), ("bath", 3))}
    return site


def left(site):
    return {(row["source"], int(row["lead"])) for row in site.list() if row["state"] == "held"}


# --- looking -----------------------------------------------------------------

def test_list_names_the_source(two):
    head, *rows = two.command("list").stdout.decode().splitlines()
    assert head.split()[:5] == ["STATE", "AGE", "ID", "SOURCE", "LEAD"]
    at = head.index("SOURCE")
    assert sorted(row[at:].split()[0] for row in rows) == ["bath", "bath", "oxford", "oxford"]
    assert {row["source"] for row in two.list()} == {"oxford", "bath"}
    for (source, _), event in two.events.items():
        assert json.loads(two.command("show", event, "--json").stdout)["source"] == source
        assert f"source       {source}\n" in two.command("show", event).stdout.decode()


def test_one_source_needs_no_column(site):
    site.crm()
    site.start_worker()
    put(site, "leadpro", 1)
    head = site.command("list").stdout.decode().splitlines()[0]
    assert "SOURCE" not in head
    assert site.list()[0]["source"] == "default"


def test_list_takes_a_lead_of_all_sources_or_of_one(two):
    def found(*options):
        return {(row["source"], row["lead"]) for row in two.list(*options)}
    assert found("--lead", "1") == {("oxford", "1"), ("bath", "1")}
    assert found("--lead", "1", "--source", "bath") == {("bath", "1")}
    assert found("--source", "oxford") == {("oxford", "1"), ("oxford", "2")}
    assert found("--lead", "3", "--source", "oxford") == set()


def test_a_source_that_left_the_configuration(two):
    """It is known by what it has left behind, and goes on being told apart."""
    del two.settings["source bath"]
    two.write_config()
    assert "SOURCE" in two.command("list").stdout.decode().splitlines()[0]
    assert {row["lead"] for row in two.list("--source", "bath")} == {"1", "3"}
    assert two.command("discard", "--all", "--lead", "1").returncode == 64
    done = two.command("discard", "--all", "--source", "bath")
    assert done.returncode == 0 and b"2 events discarded" in done.stdout, done
    assert left(two) == {("oxford", 1), ("oxford", 2)}


# --- acting ------------------------------------------------------------------

@pytest.mark.parametrize("verb", ACTING)
@pytest.mark.parametrize("how", [[], ["--dry-run"], ["--since", "1h"], ["--destination", "crm"]],
                         ids=" ".join)
def test_a_lead_of_two_sources_is_nobody(two, verb, how):
    done = two.command(verb, "--all", "--lead", "1", *how)
    assert done.returncode == 64 and done.stdout == b"", done
    assert "bath" in words(done) and "oxford" in words(done) and "--source" in words(done)
    assert left(two) == set(two.events)


@pytest.mark.parametrize("verb, done_to", [("release", "delivered"), ("discard", "discarded")])
def test_a_source_makes_it_one(two, verb, done_to):
    options = ["--all", "--lead", "1", "--source", "bath"]
    dry = two.command(verb, *options, "--dry-run").stdout.decode().splitlines()
    assert len(dry) == 2 and dry[0].startswith(two.events["bath", 1]), dry
    done = two.command(verb, *options)
    assert done.returncode == 0 and done.stdout.startswith(b"1 event "), done
    two.wait_states(held=3, **{done_to: 1})
    assert left(two) == set(two.events) - {("bath", 1)}


def test_a_lead_of_one_source_needs_no_source(two):
    done = two.command("discard", "--all", "--lead", "2")
    assert done.returncode == 0 and b"1 event discarded" in done.stdout, done
    assert left(two) == set(two.events) - {("oxford", 2)}


def test_a_whole_source(two):
    done = two.command("release", "--all", "--source", "oxford")
    assert done.returncode == 0 and b"2 events released" in done.stdout, done
    two.wait_states(delivered=2, held=2)
    assert left(two) == {("bath", 1), ("bath", 3)}


@pytest.mark.parametrize("options", [["--lead", "99"], ["--lead", "2", "--source", "bath"]],
                         ids=" ".join)
def test_a_lead_that_is_not_there(two, options):
    for verb in ACTING:
        done = two.command(verb, "--all", *options)
        assert done.returncode == 66 and done.stdout == b"", done
        assert options[1] in words(done)


def test_source_goes_with_all(two):
    for verb in ACTING:
        done = two.command(verb, "--source", "bath", two.events["bath", 1])
        assert done.returncode == 64 and "--source" in words(done), done


# --- erase -------------------------------------------------------------------

def test_erase_erases_nobody_where_it_could_be_two(two):
    for how in ([], ["--yes"]):
        done = two.command("erase", "--lead", "1", *how)
        assert done.returncode == 64 and done.stdout == b"", done
        assert "bath" in words(done) and "oxford" in words(done) and "--source" in words(done)
    assert left(two) == set(two.events)
    shown = two.command("erase", "--lead", "1", "--source", "bath")
    assert shown.returncode == 0 and b"bath" in shown.stdout and b"oxford" not in shown.stdout
    done = two.command("erase", "--lead", "1", "--source", "bath", "--yes")
    assert done.returncode == 0 and b"1 event erased" in done.stdout, done
    assert left(two) == set(two.events) - {("bath", 1)}
    # Now there is but one.
    assert two.command("erase", "--lead", "1", "--yes").returncode == 0
    assert left(two) == {("oxford", 2), ("bath", 3)}
    assert two.command("erase", "--lead", "1", "--yes").returncode == 66


def test_erase_by_address_names_the_sources(site):
    """One person may have written to both; each line says where."""
    site.crm()
    del site.settings["source"]
    for name in ("oxford", "bath"):
        site.settings[f"source {name}"] = {"path": f"/{name}", "secret_file": site.secret_file}
    site.settings["destination crm"]["when"] = ".data.id == 9"
    site.start_worker()
    for source in ("oxford", "bath"):
        put(site, source, 9, email="zoe@agency.example")
    site.wait_states(delivered=2)
    shown = site.command("erase", "--email", "zoe@agency.example")
    assert shown.returncode == 0, shown
    text = shown.stdout.decode()
    assert "bath" in text and "oxford" in text and text.splitlines()[-1].startswith("2 events")
    done = site.command("erase", "--email", "zoe@agency.example", "--source", "bath", "--yes")
    assert done.returncode == 0 and b"1 event erased" in done.stdout, done
    assert [row["source"] for row in site.list()] == ["oxford"]


# --- names that are nobody's -------------------------------------------------

def test_unknown_names_are_told_with_the_known_ones(two):
    event = two.events["bath", 1]
    for words_ in (["list"], ["list", "--json"], *([verb, "--all"] for verb in ACTING),
                   *([verb, "--all", "--dry-run"] for verb in ACTING)):
        done = two.command(*words_, "--source", "bahth")
        assert done.returncode == 66 and done.stdout == b"", done
        assert all(name in words(done) for name in ("bahth", "bath", "oxford"))
        done = two.command(*words_, "--destination", "crn")
        assert done.returncode == 66 and done.stdout == b"", done
        assert "crn" in words(done) and "crm" in words(done)
    for verb in ACTING:
        done = two.command(verb, event, "--destination", "crn")
        assert done.returncode == 66 and "crm" in words(done), done
    for how in (["--lead", "1"], ["--email", "x@agency.example"]):
        done = two.command("erase", *how, "--source", "bahth", "--yes")
        assert done.returncode == 66 and "oxford" in words(done), done
    assert left(two) == set(two.events)


def test_a_destination_that_left_the_configuration_is_known(site):
    site.crm("old", retry=["1h"]).stop()
    site.crm()
    site.start_worker()
    put(site, "leadpro", 1)
    site.wait_states(delivered=1, waiting=1)
    site.worker.stop()
    del site.settings["destination old"]
    site.write_config()
    assert [row["state"] for row in site.list("--destination", "old")] == ["waiting"]
    done = site.command("discard", "--all", "--destination", "old")
    assert done.returncode == 0 and b"1 event discarded" in done.stdout, done
    assert site.command("discard", "--all", "--destination", "older").returncode == 66


# --- ids by their beginning --------------------------------------------------

def test_an_id_by_its_beginning(two):
    event = two.events["oxford", 1]
    for length in (36, 30, 14):
        done = two.command("show", event[:length], "--json")
        if done.returncode == 0:
            assert json.loads(done.stdout)["id"] == event
        else:
            assert done.returncode == 64 and event in words(done), done
    for length in (1, 7):
        done = two.command("show", event[:length])
        assert done.returncode == 64 and "8 characters" in words(done), done
    for verb in ACTING:
        done = two.command(verb, event[:12])
        assert done.returncode == 64 and "13 characters" in words(done), done
    assert left(two) == set(two.events)
    done = two.command("discard", event[:28])
    assert done.returncode == 0 and done.stdout.decode() == f"{event} discarded\n", done
    assert left(two) == set(two.events) - {("oxford", 1)}


def test_a_beginning_of_none(two):
    none = "01890a5d-ac96"
    assert two.command("show", none[:8]).returncode == 66
    for beginning in (none, two.events["bath", 1] + "0", "%" * 13, "_" * 13, "é" * 13, "~" * 13):
        assert two.command("show", beginning).returncode == 66, beginning
        for verb in ACTING:
            assert two.command(verb, beginning).returncode == 66, beginning
    # What is there is done all the same.
    done = two.command("discard", none, two.events["bath", 1])
    assert done.returncode == 66 and b"discarded" in done.stdout, done
    assert left(two) == set(two.events) - {("bath", 1)}


def test_an_ambiguous_beginning_is_nobody(site):
    site.crm()
    site.start()
    url = f"http://127.0.0.1:{site.nginx.port}/leadpro"
    rows = []
    for _ in range(20):             # until several came within one millisecond
        assert site.command("send", url, "--count", "200", "--concurrency", "32",
                            ).returncode == 0
        rows = [row["id"] for row in site.list()]
        beginning, count = collections.Counter(event[:13] for event in rows).most_common(1)[0]
        if count > 1:
            break
    alike = sorted(event for event in rows if event.startswith(beginning))
    done = site.command("show", beginning)
    assert done.returncode == 64 and done.stdout == b"", done
    assert all(event in words(done) for event in alike[:5])
    site.wait_states(delivered=len(rows))
    for verb in ACTING:
        done = site.command(verb, rows[0], beginning)
        assert done.returncode == 64 and done.stdout == b"", done
        assert all(event in words(done) for event in alike[:5])
    # All of them begin alike with eight characters, or nearly all: five are named.
    beginning, count = collections.Counter(event[:8] for event in rows).most_common(1)[0]
    done = site.command("show", beginning)
    assert done.returncode == 64 and count > 5, done
    assert sum(event in words(done) for event in rows) == 5 and "more" in words(done)
