"""The snippets of the documents, and a root of one's own to run them in."""

import os
import pathlib
import re
import shutil
import subprocess

from .nginx import SOURCE

FENCE = re.compile(r"(?ms)^```\w*\n(.*?)^```\n")
INDENTED = re.compile(r"(?m)(?:^    .*\n)(?:(?:^[ \t]*\n)*^    .*\n)*")


def snippets(document):
    """(heading, text) of every fenced or indented block, in order."""
    text = (SOURCE / document).read_text()
    found = []
    for part in re.split(r"(?m)^(?=##+ )", text):
        heading = re.match(r"##+ (.*)", part)
        heading = heading.group(1) if heading else ""
        fenced = [(match.start(), match.group(1)) for match in FENCE.finditer(part)]
        rest = FENCE.sub(lambda match: re.sub(r"[^\n]", "", match.group(0)), part)
        indented = [(match.start(), re.sub(r"(?m)^    ", "", match.group(0)))
                    for match in INDENTED.finditer(rest)]
        found += [(heading, block) for _, block in fenced]
        found += [(heading, block) for _, block in indented]
    return found


def snippet(document, heading, begins):
    """The one block below the heading that begins so."""
    (found,) = [block for where, block in snippets(document)
                if where == heading and block.startswith(begins)]
    return found


class Root:
    """A view of the whole file system; what is written stays in a folder of ours.

    What run() starts sees no network but a loopback of its own and no process but
    its own, and all of it ends with the script.  The changes of ``below``, another
    Root, are there from the start.
    """

    def __init__(self, folder, below=None):
        self.folder = pathlib.Path(folder)
        self.changed = self.folder / "changed"
        for name in ("work", "root"):
            (self.folder / name).mkdir()
        if below is None:
            self.changed.mkdir()
        else:               # a layer of its own would overlap with the lowest, "/"
            subprocess.run(["cp", "-a", below.changed, self.changed], check=True)

    def path(self, inside):
        """Where a file that was written in this root lies outside of it."""
        return self.changed / str(inside).lstrip("/")

    def run(self, script, timeout=300, **env):
        begin = (
            f"mount -t overlay overlay -o 'lowerdir=/,upperdir={self.changed},"
            f"workdir={self.folder}/work' '{self.folder}/root' && "
            f"mount --rbind /dev '{self.folder}/root/dev' && "
            f"mount -t proc proc '{self.folder}/root/proc' && ip link set lo up && "
            f"exec chroot '{self.folder}/root' /bin/sh -c \"$1\"")
        return subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork",
             "--kill-child", "sh", "-c", begin, "sh", script],
            capture_output=True, text=True, errors="replace", check=False,
            timeout=timeout, stdin=subprocess.DEVNULL, env=self.environment(env))

    @staticmethod
    def environment(more):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **more}


def why_no_root(folder):
    """What keeps this machine from having such a root, or None."""
    if os.geteuid() != 0:
        return "a root of one's own needs root"
    if missing := [tool for tool in ("unshare", "ip") if shutil.which(tool) is None]:
        return f"not here: {missing}"
    done = Root(folder).run("test -e /etc/passwd && touch /etc/of-our-own")
    if done.returncode != 0 or pathlib.Path("/etc/of-our-own").exists():
        return f"no root of one's own here: {done.stderr.strip()}"
    return None
