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
    """(file, header) for each #include of a header in another folder."""
    for path in sorted(source.rglob("*.[ch]")):
        for header in re.findall(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+/[^">]+)[">]',
                                 path.read_text(), re.MULTILINE):
            if (source / header.split("/")[0]).is_dir():
                assert (source / header).exists(), f"{path}: {header}"
                if folder(path) != header.split("/")[0]:
                    yield path, header


def code(path):
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)


def definitions():
    """{function: folder} of those that other files may call."""
    return {name: folder(path) for path in SOURCE.rglob("*.c")
            for kind, name in re.findall(r"^([a-z][^\n;=#]*)\n([a-z]\w*)\(", code(path),
                                         re.MULTILINE)
            if not kind.startswith("static")}


def test_every_folder_has_its_floor():
    assert {folder(path) for path in SOURCE.rglob("*.[ch]")} == set(RANK)


def test_no_arrow_runs_up():
    up = [f"{path.relative_to(SOURCE)} includes {header}" for path, header in arrows()
          if RANK[header.split("/")[0]] <= RANK[folder(path)]]
    assert not up, "\n".join(up)


def test_a_header_promises_what_its_folder_has():
    """Or what stands above could be called by way of a declaration further down."""
    defined = definitions()
    assert len(defined) > 300
    strangers = [f"{path.relative_to(SOURCE)} declares {name} of {defined[name]}/"
                 for path in sorted(SOURCE.rglob("*.[ch]"))
                 for name in re.findall(r"^(?!static)[a-z][\w *]*?\b([a-z]\w*)\([^{]*?\);", code(path),
                                        re.MULTILINE)
                 if name in defined and defined[name] != folder(path)]
    assert not strangers, "\n".join(strangers)


def test_the_store_is_behind_its_face():
    """Nobody outside outbox/ calls a store by its table of functions."""
    found = [f"{path.relative_to(SOURCE)}:{number}"
             for path in sorted(SOURCE.rglob("*.[ch]")) if folder(path) != "outbox"
             for number, line in enumerate(path.read_text().splitlines(), 1)
             if re.search(r"\bops\s*->|->\s*ops\b|outbox/(store_ops\.h|sqlite/)", line)]
    assert not found, "\n".join(found)
