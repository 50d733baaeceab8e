"""Fixtures of the whole-path tests.

The program under test is $LEADRELAY_BUILD/leadrelay (by default the one in the
top folder).  Everything is started on free loopback ports and in a folder of
its own, and ended by its process number.
"""

import fcntl
import os
import pathlib
import shutil
import tempfile

import pytest

from harness.clock import JUMPS, Clock
from harness.site import PROGRAM, Site


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.addinivalue_line("markers", "true_clock: means something only by one that is not set")
    config.addinivalue_line("markers", "threads: worth running under the thread sanitizer")


def pytest_sessionstart(session):
    if not PROGRAM.exists():
        raise pytest.UsageError(f"{PROGRAM} is not there: build first, or set LEADRELAY_BUILD")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember the outcome, so that a fixture knows whether its test failed."""
    outcome = yield
    report = outcome.get_result()
    setattr(item, "failed_" + report.when, report.failed)


def temporary_folder():
    """A folder that the front server's own user may enter, gone afterwards."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="leadrelay-e2e-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


folder = pytest.fixture(temporary_folder, name="folder")
module_folder = pytest.fixture(temporary_folder, scope="module", name="module_folder")


@pytest.fixture(scope="module")
def system():
    """This machine's own folders and the build's, for one file of tests at a time."""
    with open(pathlib.Path(tempfile.gettempdir()) / "leadrelay-e2e.lock", "w",
              encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pytest_generate_tests(metafunc):
    """Files with CLOCKS = True run under clocks that are set while leads are taken in."""
    if (not getattr(metafunc.module, "CLOCKS", False)
            or "new_site" not in metafunc.fixturenames
            or metafunc.definition.get_closest_marker("true_clock")):
        return
    jumps = JUMPS if os.environ.get("LEADRELAY_LONG") else ()
    metafunc.parametrize("jump", [pytest.param(None, id="")] + [
        pytest.param(JUMPS[name], id=name) for name in jumps], indirect=True)


@pytest.fixture
def jump(request):
    """By how many seconds the clock is off while a lead is taken in."""
    return getattr(request, "param", None)


@pytest.fixture
def new_site(request, folder, jump):
    """Makes installations; ends them all, and shows their logs when the test failed."""
    made = []

    def make(name=None):
        place = folder if name is None else folder / name
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
        made.append(Site(place))
        if jump:
            made[-1].clock, made[-1].jump = Clock(place), jump
            made[-1].settings["source"]["duplicate_window"] = "4000d"
        return made[-1]

    yield make
    complaints = [complaint for site in made for complaint in site.stop()]
    if getattr(request.node, "failed_call", False) or complaints:
        for site in made:
            show_logs(site)
    assert not complaints, complaints


@pytest.fixture
def site(new_site):
    """An installation with nothing running yet."""
    return new_site()


def show_logs(site):
    for path in (site.config, site.log, site.folder / "nginx-error.log"):
        if path.exists():
            text = path.read_text(errors="replace")
            print(f"--- {path.name}\n{text[-3000:]}")
