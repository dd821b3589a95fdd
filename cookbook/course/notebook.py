"""What happens in a notebook: its first line, the ``%%requires`` line, and recorded outputs.

Met, a ``%%requires`` line is dropped and the cell runs as any other (line numbers, errors and names
are its own). Unmet, the cell does not run: one line says what is missing, and what was recorded for
the same code in the shipped notebooks is shown, marked with the machine.
"""

import functools
import html
import json
import os
from typing import Any, NamedTuple

from .. import backend, paths
from ..errors import RequiresError
from ..requires import spec_of, unmet
from .recording import digest, is_intact, is_skipped


def environment() -> None:
    """First call of every notebook: switches ``%%requires`` on, and says where it runs."""
    load_magic()
    now = backend.stamp()
    place = f"environment {now['environment']} · {now['tensorrt']}"
    print(f"{place} · GPU: {now['gpu']} · torch {now['torch']}")
    if problem := backend.gpu_problem():
        need = problem.split(":")[0]
        print(f"GPU cells are skipped and show what was recorded: they need {need}.")


def load_magic() -> None:
    """Switch the line on in the running IPython (nothing to do outside of one)."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None and transform not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(transform)


def transform(lines: list[str]) -> list[str]:
    """IPython's input transformer: the lines to run in place of a cell's lines."""
    source = "".join(lines)
    spec = spec_of(source)
    if spec is None:
        return lines
    try:
        missing = unmet(spec)
    except RequiresError as error:
        return [f"raise __import__('cookbook').RequiresError({str(error)!r})\n"]
    if missing:
        return [f"__import__('cookbook').course.notebook.replay({source.strip()!r})\n"]
    return ["# " + lines[0][2:], *lines[1:]]


class Cell:
    """A code cell as a notebook's file holds it, with the same attributes as nbformat's."""

    def __init__(self, stored: dict):
        self.source: str = stored["source"]
        self.outputs: list[dict] = stored["outputs"]
        self.metadata: dict = stored["metadata"]


class Recording(NamedTuple):
    """A cell of a shipped notebook. stamps: {environment: what was recorded where}."""

    notebook: str
    stamps: dict
    cell: Cell


def _joined(node: dict) -> dict:
    """A JSON object with its lists of lines put together: notebook files hold texts as lists."""
    for key, value in node.items():
        if isinstance(value, list) and all(isinstance(line, str) for line in value):
            node[key] = "".join(value)
    return node


@functools.cache
def recordings() -> dict[str, list[Recording]]:
    """{digest of the code: recordings} for every ``%%requires`` cell of the shipped notebooks."""
    found: dict[str, list[Recording]] = {}
    for path in sorted(paths.NOTEBOOKS.glob("*/*.ipynb")):
        # Without nbformat, whose import takes seconds.
        notebook = json.loads(path.read_text(encoding="utf-8"), object_hook=_joined)
        stamps = notebook["metadata"].get("cookbook", {})
        for stored in notebook["cells"]:
            if stored["cell_type"] == "code" and spec_of(stored["source"]) is not None:
                cell = Cell(stored)
                recording = Recording(str(path), stamps, cell)
                found.setdefault(digest(cell.source), []).append(recording)
    return found


def _origin(recording: Recording) -> tuple[str, list]:
    """(where a cell's stored outputs come from, in words; the outputs)."""
    cell = recording.cell
    if is_skipped(cell.outputs):  # a replay that somebody saved
        note = cell.outputs[0]["metadata"]["cookbook"]
        return note["origin"], cell.outputs[1:]
    name = cell.metadata.get("cookbook", {}).get("environment")
    stamp = recording.stamps.get(name)
    if not cell.outputs and stamp:
        return "it printed nothing when it was recorded", []
    if not cell.outputs:
        return "nothing is recorded for it yet", []
    if not stamp or not is_intact(cell):
        return (
            "below: saved by a later run of this notebook, not the shipped recording",
            cell.outputs,
        )
    machine = stamp["gpu"]
    if machine == "none":
        machine = "a CPU"
    words = f"below: recorded on {machine} with {stamp['tensorrt']}, {stamp['date']}"
    return words, cell.outputs


def _find(source: str) -> Recording | None:
    """The recording of this code; that of the notebook's own folder first."""
    found = recordings().get(digest(source), [])
    here = os.path.basename(os.getcwd())
    for recording in found:
        if here in recording.notebook:
            return recording
    return found[0] if found else None


def replay(source: str) -> None:
    """Show, instead of running a cell, what is missing and what was recorded for its code."""
    from IPython.display import display

    spec = spec_of(source)
    missing = unmet(spec or "")
    recording = _find(source)
    origin = "nothing is recorded for it: the cell was changed"
    outputs: list[dict] = []
    if recording is not None:
        origin, outputs = _origin(recording)
    text = f"Not run here. It needs {'; and '.join(missing)}. Of this cell, {origin}."
    style = "border-left:4px solid #76b900;padding:2px 8px;color:#666"
    box = f'<div style="{style}">⏭ {html.escape(text)}</div>'
    skipped = "; ".join(one.split(":")[0] for one in missing)
    note = {"skipped": skipped, "origin": origin}
    display({"text/plain": text, "text/html": box}, raw=True, metadata={"cookbook": note})
    for output in outputs:
        display(_shown(output), raw=True)


def _shown(output: dict) -> dict[str, Any]:
    """A stored output as what ``display`` takes."""
    if "data" in output:
        return output["data"]
    return {"text/plain": output.get("text", "").rstrip("\n")}
