"""backup: a copy that is whole, made while leads come in, and that works in the outbox's place."""

import stat
import threading

from harness import leads


def test_while_leads_come_in(site):
    site.crm(retry=["1h"], probe=["200ms"]).stop()
    site.start()
    before = [site.post().json["id"] for _ in range(20)]
    stop = threading.Event()

    def post_on():
        with site.client() as client:
            for _ in range(300):
                if stop.is_set():
                    break
                assert site.post(leads.payload(), client=client).status == 202
    sender = threading.Thread(target=post_on)
    sender.start()
    try:
        copies = [site.folder / f"copy-{n}.db" for n in range(5)]
        for copy in copies:
            done = site.command("backup", copy)
            assert done.returncode == 0 and done.stdout == b"", done
    finally:
        stop.set()
        sender.join()
    counts = []
    for copy in copies:
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        site.settings["store"]["url"] = f"sqlite:{copy}"
        site.write_config()
        rows = site.list()
        assert set(before) <= {row["id"] for row in rows}
        counts.append(len(rows))
    assert counts == sorted(counts)

    # The last copy in the outbox's place: everything in it goes out.
    site.worker.stop()
    site.crms["crm"].start()
    site.start_worker()
    assert site.command("retry", "--all").returncode == 0
    site.wait_states(delivered=counts[-1], timeout=60)


def test_refusals(site):
    site.crm()
    site.write_config()
    copy = site.folder / "copy.db"
    assert site.command("backup", copy).returncode == 66
    assert not copy.exists()
    site.start()
    site.post()
    copy.write_text("precious")
    done = site.command("backup", copy)
    assert done.returncode == 73 and copy.read_text() == "precious"
    assert site.command("backup", site.store).returncode == 73
    assert site.command("backup", site.folder / "nowhere/copy.db").returncode == 73
    assert site.command("backup").returncode == 64
