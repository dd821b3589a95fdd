"""``python -m cookbook``: doctor · run · record · coverage."""
from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from . import backend, requires
from .backend import BUILD, ROOT
from .errors import CookbookError

NOTEBOOKS = ROOT / "notebooks"


def notebooks(wanted: list[str]) -> list[Path]:
    """The notebooks to work on: those named, or the whole course in order. Raises: CookbookError for a missing one."""
    paths = [Path(name).resolve() for name in wanted] or sorted(NOTEBOOKS.glob("part*/*.ipynb"))
    for path in paths:
        if not path.is_file() or path.suffix != ".ipynb":
            raise CookbookError(f"{path} is not a notebook: name one as in NB=notebooks/part1-intro/102-network-api.ipynb")
    return paths


def execute(path: Path, tick=lambda: None) -> tuple[object, str]:
    """Run a notebook in its folder, in a kernel of this Python. Returns (executed notebook, error text or "")."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False, extra_arguments=["--log-level=40"], coalesce_streams=True,
                            resources={"metadata": {"path": str(path.parent)}}, on_cell_executed=lambda **_: tick())
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return notebook, str(error)
    return notebook, ""


def code_cells(notebook) -> list:
    """The notebook's code cells that hold anything."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def _status(cell) -> str:
    """What became of an executed cell: ``ran``, ``skipped: reason``, or ``not reached``."""
    reason = requires.is_skipped(cell.outputs)
    return f"skipped: {reason}" if reason else "ran" if cell.execution_count else "not reached"


def _remember(folder: Path, path: Path, notebook) -> None:
    """Keep, for ``coverage``, what became of each cell in this environment; an unchanged record is left as it is."""
    file, stamp = folder / f"{backend.environment_name()}.json", backend.stamp()
    known = json.loads(file.read_text()) if file.is_file() else {}
    cells = {requires.digest(cell.source): _status(cell) for cell in code_cells(notebook)}
    name, now = path.relative_to(NOTEBOOKS).as_posix(), {**stamp, "cells": cells}
    if known.get(name, {}).get("cells") != cells or known[name]["tensorrt"] != stamp["tensorrt"]:
        known[name] = now
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def _write_record(path: Path, executed) -> None:
    """Put outputs and stamp into the shipped notebook.

    A GPU environment records all that it ran. The ``cpu`` environment fills in only what no GPU recording holds.
    """
    import nbformat
    shipped, here = nbformat.read(path, as_version=4), backend.environment_name()
    for old, new in zip(shipped.cells, executed.cells):
        if old.cell_type != "code":
            continue
        note = old.metadata.get("cookbook", {})
        intact = note.get("digest") == requires.digest(old.source, old.outputs)
        if (requires.is_skipped(new.outputs) or here == "cpu") and intact and note.get("environment") not in (None, here):
            continue
        skipped = requires.is_skipped(new.outputs)
        old.outputs, old.execution_count = ([], None) if skipped else (new.outputs, new.execution_count)
        old.metadata = {k: v for k, v in old.metadata.items() if k != "cookbook"}
        if not skipped:
            old.metadata["cookbook"] = {"environment": here, "digest": requires.digest(old.source, old.outputs)}
    used = {cell.metadata["cookbook"]["environment"] for cell in shipped.cells if "cookbook" in cell.metadata}
    stamps = {**shipped.metadata.get("cookbook", {}), here: backend.stamp()}
    shipped.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                        "language_info": {"name": "python"}, "cookbook": {k: v for k, v in stamps.items() if k in used}}
    nbformat.write(shipped, path)


def run(wanted: list[str], record: bool) -> int:
    """Execute notebooks into build/, or, recording, in place. Prints the table; returns 1 if a cell failed, else 0."""
    import nbformat
    from tqdm import tqdm
    paths, rows, failures = notebooks(wanted), [], []
    total = sum(len(code_cells(nbformat.read(path, as_version=4))) for path in paths)
    os.environ.update({"JUPYTER_PREFER_ENV_PATH": "1", **({"COOKBOOK_RECORD": "1"} if record else {})})
    with tqdm(total=total, unit="cell") as bar:
        for path in paths:
            bar.set_description(path.stem)
            start = time.perf_counter()
            notebook, error = execute(path, bar.update)
            cells = [_status(cell) for cell in code_cells(notebook)]
            skipped = sorted({why for text in cells if text.startswith("skipped") for why in text[9:].split("; ")})
            rows.append((path.stem, cells.count("ran"), sum(c.startswith("skipped") for c in cells), "; ".join(skipped), time.perf_counter() - start))
            inside = NOTEBOOKS in path.parents
            if error:
                failures.append((path, error))
            elif inside:
                _remember((ROOT / "results" if record else BUILD) / "coverage", path, notebook)
            if record and not error:
                _write_record(path, notebook)
            target = BUILD / (path.relative_to(ROOT) if inside else path.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, target)
    table(("notebook", "ran", "skipped", "seconds", "why skipped"), [(n, r, s, f"{t:.1f}", why) for n, r, s, why, t in rows])
    for path, error in failures:
        print(f"\nFAILED {path.name}\n{error}", file=sys.stderr)
    return 1 if failures else 0


def table(heads: tuple, rows: list[tuple]) -> None:
    """Print rows as a plain table; the last column may be long."""
    text = [[str(value) for value in row] for row in [heads, *rows]]
    widths = [max(len(row[k]) for row in text) for k in range(len(heads) - 1)]
    for row in text:
        print("  ".join([value.ljust(width) for value, width in zip(row, widths)] + [row[-1]]).rstrip())


def coverage() -> int:
    """Print for each notebook how many code cells each environment ran, and name the cells that none did."""
    import nbformat
    records: dict[str, dict] = {}
    for folder in (ROOT / "results" / "coverage", BUILD / "coverage"):
        for file in sorted(folder.glob("*.json")):
            for name, entry in json.loads(file.read_text()).items():
                ran = {digest for digest, status in entry["cells"].items() if status == "ran"}
                records.setdefault(file.stem, {}).setdefault(name, set()).update(ran)
    rows, nowhere = [], []
    for path in notebooks([]):
        name, cells = path.relative_to(NOTEBOOKS).as_posix(), code_cells(nbformat.read(path, as_version=4))
        digests = [requires.digest(cell.source) for cell in cells]
        ran = {environment: entry.get(name, set()) for environment, entry in records.items()}
        none = [cell for cell, digest in zip(cells, digests) if not any(digest in found for found in ran.values())]
        rows.append((name, len(cells), *(sum(d in found for d in digests) for found in ran.values()), len(none)))
        nowhere += [(name, cell.source.split("\n")[0]) for cell in none]
    table(("notebook", "cells", *records, "nowhere"), rows)
    if nowhere:
        print("\nRun in no environment yet:")
        table(("notebook", "first line of the cell"), nowhere)
    return 0


def main() -> int:
    """Entry of ``python -m cookbook``. Returns the exit code: 0 done, 1 a cell failed, 2 something to put right first."""
    command_line = argparse.ArgumentParser(prog="python -m cookbook", description="The TensorRT course from the command line.")
    commands = command_line.add_subparsers(dest="command", required=True)
    commands.add_parser("doctor", help="what is on this machine, what will be skipped, and what to install")
    for name, text in (("run", "execute notebooks into build/"), ("record", "execute notebooks in place and stamp them")):
        commands.add_parser(name, help=text).add_argument("notebooks", nargs="*", help="default: the whole course")
    commands.add_parser("coverage", help="which cells ran in which environment")
    arguments = command_line.parse_args()
    try:
        if arguments.command == "doctor":
            table(("topic", "found", "to do"), backend.doctor())
            return 0
        return coverage() if arguments.command == "coverage" else run(arguments.notebooks, arguments.command == "record")
    except CookbookError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
