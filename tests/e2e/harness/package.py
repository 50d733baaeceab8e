"""Debian packages of this tree and of a former release, each built once and kept.

Whoever calls this holds the lock of the fixture "system"."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile

from .nginx import SOURCE
from .site import PROGRAM

TOOLS = ("dpkg-buildpackage", "dh", "dpkg")
KEPT = PROGRAM.parent / "packages"
RELEASE_0_1_0 = "0f64445"


def run(*argv, **more):
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, **more)


def succeed(*argv, **more):
    done = run(*argv, **more)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def _digest(tarball):
    """Of what is in it; the archive itself has times."""
    digest = hashlib.sha256()
    with tarfile.open(tarball) as archive:
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            digest.update(f"{member.name}\0{member.mode}\0".encode())
            if member.isfile():
                digest.update(archive.extractfile(member).read())
    return digest.hexdigest()[:16]


def _build(folder, tree, **env):
    """What deploy/build-deb of the tree makes, in the folder."""
    if folder.exists():
        return
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as fresh:
        succeed(tree / "deploy/build-deb", fresh, env={
            **os.environ, "REVISION": "1",
            "DEB_BUILD_OPTIONS": f"nocheck parallel={os.cpu_count()}", **env})
        pathlib.Path(fresh).rename(folder)
        pathlib.Path(fresh).mkdir()     # for its end


def deb(folder):
    (path,) = folder.glob("leadrelay_*.deb")
    return path


def of_this_tree():
    """The folder with the package, as the documented command makes it."""
    succeed("make", "-C", PROGRAM.parent, "-s", "dist")
    (tarball,) = PROGRAM.parent.glob("leadrelay-[0-9]*[0-9].tar.gz")
    folder = KEPT / _digest(tarball)
    _build(folder, SOURCE, DIST=str(tarball))
    return folder


def of_0_1_0():
    """The package of release 0.1.0, or None where its source is not at hand."""
    folder = KEPT / "0.1.0"
    git = ["git", "-c", "safe.directory=*", "-C", SOURCE]
    if not folder.exists():
        if shutil.which("git") is None or run(
                *git, "cat-file", "-e", f"{RELEASE_0_1_0}^{{commit}}").returncode != 0:
            return None
        with tempfile.TemporaryDirectory() as temporary:
            tree = pathlib.Path(temporary)
            succeed(*git, "archive", f"--output={tree}/0.1.0.tar", RELEASE_0_1_0)
            succeed("tar", "-C", tree, "-xf", tree / "0.1.0.tar")
            _build(folder, tree)
    return deb(folder)


def newer(package, path):
    """The same package as revision 2."""
    with tempfile.TemporaryDirectory() as temporary:
        unpacked = pathlib.Path(temporary) / "unpacked"
        succeed("dpkg-deb", "-R", package, unpacked)
        control = unpacked / "DEBIAN/control"
        text, count = re.subn(r"(?m)^(Version: .*)-1$", r"\1-2", control.read_text())
        assert count == 1
        control.write_text(text)
        succeed("dpkg-deb", "-b", unpacked, path)
    return path
