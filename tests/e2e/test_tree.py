"""The source tree: each folder stands above what it uses, and no arrow runs back up."""

import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src"

# From the top down; those on one line do not know each other.
FLOORS = [
    ["."],                              # main.c
    ["client"],
    ["cli"],
    ["start"],
    ["relay"],
    ["alert"],
    ["http"],
    ["program", "intake"],
    ["outbox", "token"],
    ["config"],
    ["lead"],
    ["base"],
]
RANK = {folder: rank for rank, floor in enumerate(FLOORS) for folder in floor}


def folder(path):
    return path.relative_to(SOURCE).parts[0] if path.parent != SOURCE else "."


def arrows(source=SOURCE):
    """(file, header) for each #include "…" of a header in another folder."""
    for path in sorted(source.rglob("*.[ch]")):
        for header in re.findall(r'^#include "([^"]+/[^"]+)"', path.read_text(), re.MULTILINE):
            assert (source / header).exists(), f"{path}: {header}"
            if folder(path) != header.split("/")[0]:
                yield path, header


def test_every_folder_has_its_floor():
    assert {folder(path) for path in SOURCE.rglob("*.[ch]")} == set(RANK)


def test_no_arrow_runs_up():
    up = [f"{path.relative_to(SOURCE)} includes {header}" for path, header in arrows()
          if RANK[header.split("/")[0]] <= RANK[folder(path)]]
    assert not up, "\n".join(up)


def test_the_store_is_behind_its_face():
    """Nobody outside outbox/ calls a store by its table of functions."""
    found = [f"{path.relative_to(SOURCE)}:{number}"
             for path in sorted(SOURCE.rglob("*.[ch]")) if folder(path) != "outbox"
             for number, line in enumerate(path.read_text().splitlines(), 1)
             if re.search(r"\bops\s*->|->\s*ops\b", line)]
    assert not found, "\n".join(found)
