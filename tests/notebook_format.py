"""Layout and faults of the code in notebooks, as ruff sees them: cells, and solutions of exercises.

    python -m tests.notebook_format [--check] [NOTEBOOK …]

Without --check it brings the code into ruff's layout. Both list the faults that ``ruff check``
finds, without those that ``tests/still_allowed.py`` lets pass for now; nothing changes code for
them.

ruff leaves out every cell that starts with a magic that it does not know, and knows nothing of
code in a text. So it gets a copy of each notebook in which the ``%%requires`` lines are comments,
and each solution is a cell below its exercise's. Layout must not cost a recording: a piece of code
whose digest would change is left as it is, and named."""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat

from cookbook.course.recording import digest
from cookbook.paths import ROOT
from cookbook.requires import MAGIC
from tests.rules.reading import TEMPLATE, Piece, course, pieces, put_back
from tests.rules.records import fix
from tests.still_allowed import LINT


class Change(NamedTuple):
    """What formatting does to a piece. source: the new one; None where its digest would change."""

    piece: Piece
    source: str | None


class Fault(NamedTuple):
    """A fault that ruff sees. row: of the piece's source, from 1. code: ruff's name of the rule."""

    piece: Piece
    row: int
    code: str
    message: str


class Copies:
    """Copies of notebooks that ruff can read, in a folder: code only, in the order of the
    notebook."""

    def __init__(self, paths: list[Path], folder: Path):
        self.folder = folder
        self.pieces: dict[str, list[Piece]] = {}
        self.paths: dict[str, Path] = {}
        for number, path in enumerate(paths):
            found = pieces(nbformat.read(path, as_version=4))
            cells = [nbformat.v4.new_code_cell(_as_python(piece.source)) for piece in found]
            metadata = {"language_info": {"name": "python"}}
            copy = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
            name = f"{number}-{path.name}"
            nbformat.write(copy, folder / name)
            self.pieces[name] = found
            self.paths[name] = path

    def ruff(self, *arguments: str) -> str:
        """Run ruff over all copies, with the course's settings; returns what it printed.

        Raises: RuntimeError with its words if it cannot do its work.
        """
        options = ["--config", str(ROOT / "pyproject.toml"), "--no-cache"]
        command = [sys.executable, "-m", "ruff", *arguments, *options, *self.paths]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        if done.returncode > 1:  # 1: it found faults
            raise RuntimeError(f"ruff {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def sources(self, name: str) -> list[str]:
        """The code of a copy as it is now, each piece as the notebook writes it."""
        copy = nbformat.read(self.folder / name, as_version=4)
        found = []
        for piece, cell in zip(self.pieces[name], copy.cells, strict=True):
            source = cell.source
            if piece.source.startswith(MAGIC):
                source = source.removeprefix("# ")
            found.append(source)
        return found


def _as_python(source: str) -> str:
    """The source with its ``%%requires`` line as a comment."""
    return f"# {source}" if source.startswith(MAGIC) else source


def changes(paths: list[Path]) -> dict[Path, list[Change]]:
    """{notebook: the pieces that ruff lays out differently}; notebooks without any are left out."""
    found: dict[Path, list[Change]] = {}
    with tempfile.TemporaryDirectory() as name:
        copies = Copies(paths, Path(name))
        copies.ruff("format")
        for file, before in copies.pieces.items():
            changed = list(_changes(before, copies.sources(file)))
            if changed:
                found[copies.paths[file]] = changed
    return found


def _changes(before: list[Piece], after: list[str]) -> Iterator[Change]:
    for piece, source in zip(before, after, strict=True):
        if source == piece.source:
            continue
        if digest(source) == digest(piece.source):
            yield Change(piece, source)
        else:
            yield Change(piece, None)


def faults(paths: list[Path]) -> dict[Path, list[Fault]]:
    """{notebook: the faults that ``ruff check`` finds}; notebooks without any are left out."""
    found: dict[Path, list[Fault]] = {}
    with tempfile.TemporaryDirectory() as name:
        copies = Copies(paths, Path(name))
        report = json.loads(copies.ruff("check", "--output-format", "json"))
        for entry in report:
            file = Path(entry["filename"]).name
            piece = copies.pieces[file][entry["cell"] - 1]
            row = entry["location"]["row"]
            fault = Fault(piece, row, entry["code"], entry["message"])
            found.setdefault(copies.paths[file], []).append(fault)
    return found


def counts(found: list[Fault]) -> dict[str, int]:
    """{ruff's name of a rule: how often it is broken}."""
    return dict(Counter(fault.code for fault in found))


def not_allowed(path: Path, found: list[Fault]) -> list[Fault]:
    """The faults of those rules that the notebook breaks more often than it may for now."""
    count = counts(found)
    allowed = LINT.get(path.stem, {})
    return [fault for fault in found if count[fault.code] > allowed.get(fault.code, 0)]


def write(path: Path, changed: list[Change]) -> None:
    """Write the notebook with its changes, and cell ids that follow the sources."""
    notebook = nbformat.read(path, as_version=4)
    for change in changed:
        if change.source is not None:
            put_back(notebook, change.piece, change.source)
    nbformat.write(fix(notebook), path)


def main(arguments: list[str]) -> int:
    """Format, or with --check only say what is amiss. Returns the exit code: 1 if anything is
    left."""
    check = "--check" in arguments
    names = [argument for argument in arguments if not argument.startswith("--")]
    chosen = [Path(name).resolve() for name in names] or [*course(), TEMPLATE]
    left = 0
    for path, changed in changes(chosen).items():
        if not check:
            write(path, changed)
        for change in changed:
            if change.source is None:
                left += 1
                print(f"{path.name}: {change.piece} is left alone: its digest would change")
            elif check:
                left += 1
                print(f"{path.name}: {change.piece} has another layout than ruff's")
            else:
                print(f"{path.name}: {change.piece} is laid out anew")
    for path, found in faults(chosen).items():
        for fault in not_allowed(path, found):
            left += 1
            print(f"{path.name}: {fault.piece} line {fault.row}: {fault.code} {fault.message}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
