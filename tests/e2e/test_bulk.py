"""retry, release and discard of whatever matches."""

from harness import leads

COUNT = 450			# more than two batches of the program's


def post_many(site, count, **fields):
    with site.client() as client:
        return [site.post(leads.payload(**fields), client=client).json["id"]
                for _ in range(count)]


def words(done):
    return (done.stdout + done.stderr).decode()


def test_usage(site):
    site.crm()
    site.write_config()
    for argv in (["retry"], ["retry", "--lead", "1", "x"], ["discard", "--since", "1h"],
                 ["release", "--all", "x"], ["retry", "--all", "--since", "soon"]):
        assert site.command(*argv).returncode == 64, argv


def test_release_and_discard(site):
    site.crm()
    site.start()
    held = post_many(site, COUNT, email="nobody")
    site.wait_states(held=COUNT)

    dry = site.command("release", "--all", "--dry-run")
    assert dry.returncode == 0, dry
    lines = dry.stdout.decode().splitlines()
    assert lines[0].split()[0] == held[0]
    assert lines[-1] == f"{COUNT} events would be released"
    assert len(lines) == 102
    assert site.states() == {"held": COUNT}

    done = site.command("discard", "--all", "--lead", str(site.list()[0]["lead"]))
    assert done.returncode == 0 and "1 event discarded" in words(done)
    done = site.command("release", "--all")
    assert done.returncode == 0, done
    assert f"{COUNT - 1} events released" in words(done)
    site.wait_states(delivered=COUNT - 1, discarded=1)
    assert sorted(got.event for got in site.crms["crm"].received()) == sorted(held[:-1])

    done = site.command("release", "--all")
    assert done.returncode == 0 and "0 events released" in words(done)


def test_retry_at_one_destination(site):
    site.crm("up")
    site.crm("down", retry=["1h"]).stop()
    site.start()
    events = post_many(site, 5)
    site.wait_states(delivered=5, waiting=5)
    # The one that was tried waits for an hour; the destination's pause keeps the others.
    dry = site.command("retry", "--all", "--dry-run", "--destination", "up")
    assert dry.returncode == 0 and "0 events" in words(dry)
    done = site.command("discard", "--all", "--destination", "down", "--since", "1h")
    assert done.returncode == 0 and f"{len(events)} events discarded" in words(done)
    assert site.states() == {"delivered": 5, "discarded": 5}


def test_paced_by_the_destination(site):
    crm = site.crm(max_rate="20/s")
    site.start()
    post_many(site, 50, email="nobody")
    assert site.command("release", "--all").returncode == 0
    seen = crm.wait_count(50)
    assert seen[-1].time - seen[0].time > 1


def test_dry_run_of_one(site):
    site.crm()
    site.start()
    event = site.post(leads.payload(email="nobody")).json["id"]
    done = site.command("release", "--dry-run", event)
    assert done.returncode == 0 and "would be released" in words(done)
    assert site.states() == {"held": 1}


def test_superseded(site):
    site.crm()
    site.start()
    lead = leads.next_id()
    old = site.post(leads.payload(lead, email="nobody")).json["id"]
    new = site.post(leads.payload(lead)).json["id"]
    other = site.post(leads.payload(email="nobody")).json["id"]
    site.wait_states(held=2, delivered=1)
    for how in (["--dry-run"], []):
        done = site.command("release", "--all", *how)
        assert done.returncode == 1, done
        text = done.stderr.decode()
        assert old in text and new in text and "superseded" in text
        assert other not in text
    site.wait_states(held=1, delivered=2)
    done = site.command("release", "--all", "--force")
    assert done.returncode == 0, done
    site.wait_states(delivered=3)
    assert site.crms["crm"].received()[-1].event == old
