"""Rules of what was recorded: outputs, cell ids, metadata.

A learner who opens a notebook in JupyterLab and saves it, or runs and saves it, changes exactly
this: JupyterLab notes the Python's version and the kernel's name, widgets, folded and scrolled
cells, and adds an empty cell at the end; outputs become those of the learner's machine. None of it
is a fault. So the tests ask these rules of the notebook as it is, and, where it breaks one, of the
notebook that git has: what the course ships must keep them, a learner's copy need not. On a
checkout that nobody touched, as in CI, the two are the same. Whoever writes notebooks asks
``python -m tests.notebook_rules``, which knows no such excuse."""

import copy
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat

from cookbook import requires
from cookbook.course.recording import code_cells, is_intact

PRIVATE_PATH = re.compile(
    r"(?<![\w./])/(?:tmp|root|home|work|opt|usr|mnt|workspace|Users|content)/[\w.]"
)
TIME_STAMP = re.compile(r"\[\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d\]")


def _first_line(cell: Any) -> str:
    return cell.source.partition("\n")[0]


def outputs_are_explained(path: Path, notebook: Any) -> Iterator[str]:
    filled = [cell for cell in notebook.cells if cell.source.strip()]
    for cell, after in zip(filled, [*filled[1:], None], strict=True):
        if cell.cell_type != "code" or not cell.outputs:
            continue
        if after is not None and after.cell_type == "markdown":
            continue
        # Cells for different needs (one thing in two versions' ways) share one explanation.
        if after is None or requires.spec_of(after.source) is None:
            yield f"no text explains the output of the cell that starts {_first_line(cell)!r}"


def outputs_hold_nothing_private(path: Path, notebook: Any) -> Iterator[str]:
    for cell in code_cells(notebook):
        first = _first_line(cell)
        for output in cell.outputs:
            text = _text(output)
            if output.output_type == "error":
                yield f"{first!r} has a stored exception"
            if PRIVATE_PATH.search(text):
                yield f"{first!r} prints an absolute path"
            if TIME_STAMP.search(text):
                yield f"{first!r} prints a TensorRT log with time stamps"
            if output.output_type == "stream" and output.name == "stderr":
                yield f"{first!r} writes to stderr: {text.splitlines()[0][:80]!r}"


def _text(output: Any) -> str:
    """All text of an output."""
    parts = [output.get("text", "")]
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/"):
            parts.append(str(value))
    return "".join(parts)


def shows_a_figure(path: Path, notebook: Any) -> Iterator[str]:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.get("data", {}).get("image/png"):
                return
    yield "shows no figure"


def recorded(path: Path, notebook: Any) -> Iterator[str]:
    stamps = notebook.metadata.get("cookbook", {})
    if not stamps:
        yield "is not recorded: run `make record` on a GPU"
        return
    for cell in code_cells(notebook):
        first = _first_line(cell)
        note = cell.metadata.get("cookbook")
        if note is None:
            if cell.outputs:
                yield f"{first!r} has outputs that `make record` did not write"
        elif note["environment"] not in stamps:
            yield (
                f"{first!r} was recorded in {note['environment']!r}, "
                "which the notebook has no stamp of"
            )
        elif not is_intact(cell):
            yield f"{first!r} was changed after it was recorded: run `make record`"


def tidy(path: Path, notebook: Any) -> Iterator[str]:
    if nbformat.writes(fix(notebook)) != nbformat.writes(notebook):
        yield (
            "is not tidy (cell ids, stray metadata, trailing blanks): "
            "run `python -m tests.notebook_rules --fix`"
        )


def fix(notebook: Any) -> Any:
    """A tidy copy: cell ids from the source, no stray metadata, no blanks at line ends, no empty
    cells.

    Outputs and records stay.
    """
    notebook = copy.deepcopy(nbformat.from_dict(notebook))
    notebook.cells = [cell for cell in notebook.cells if cell.source.strip()]
    seen: set[str] = set()
    for cell in notebook.cells:
        _fix_cell(cell, seen)
    kept = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    if "cookbook" in notebook.metadata:
        kept["cookbook"] = notebook.metadata["cookbook"]
    notebook.metadata = nbformat.from_dict(kept)
    notebook.nbformat = 4
    notebook.nbformat_minor = 5
    return notebook


def _fix_cell(cell: Any, seen: set[str]) -> None:
    lines = cell.source.strip("\n").splitlines()
    cell.source = "\n".join(line.rstrip() for line in lines)
    cell.id = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
    while cell.id in seen:
        cell.id += "x"
    seen.add(cell.id)
    kept = {}
    for name in ("cookbook", "tags"):
        if name in cell.metadata:
            kept[name] = cell.metadata[name]
    cell.metadata = nbformat.from_dict(kept)
