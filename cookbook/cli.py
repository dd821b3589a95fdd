"""``python -m cookbook``: doctor · run · record · coverage."""
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
    if wrong := [path for path in paths if not path.is_file() or path.suffix != ".ipynb"]:
        raise CookbookError(f"{wrong[0]} is not a notebook: name one as in NB=notebooks/part1-intro/102-network-api.ipynb")
    return paths


def code_cells(notebook) -> list:
    """The notebook's code cells that hold anything."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def execute(path: Path, tick) -> tuple[object, str]:
    """Run a notebook in its folder, in a kernel of this Python, with ``tick()`` after each cell. Returns (notebook, error text or "")."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, DeadKernelError
    notebook = nbformat.read(path, as_version=4)
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None
    options = {"timeout": 600, "kernel_name": "python3", "record_timing": False, "coalesce_streams": True, "extra_arguments": ["--log-level=40"]}
    try:
        NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}, on_cell_executed=lambda **_: tick(), **options).execute()
    except (CellControlSignal, DeadKernelError, TimeoutError) as error:
        return notebook, str(error)
    return notebook, ""


def _status(cell) -> str:
    """What became of an executed cell: ``ran``, ``skipped: reason``, or ``not reached``."""
    if reason := requires.is_skipped(cell.outputs):
        return f"skipped: {reason}"
    return "ran" if cell.execution_count else "not reached"


def _remember(folder: Path, path: Path, notebook) -> None:
    """Keep, for ``coverage``, what became of each cell in this environment."""
    file, name = folder / f"{backend.environment_name()}.json", path.relative_to(NOTEBOOKS).as_posix()
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    known[name] = {**backend.stamp(), "cells": {requires.digest(cell.source): _status(cell) for cell in code_cells(notebook)}}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def _write_record(path: Path, executed) -> None:
    """Put outputs and stamp into the shipped notebook: a GPU environment records all that it ran, ``cpu`` only what no GPU did."""
    import nbformat
    shipped, here = nbformat.read(path, as_version=4), backend.environment_name()
    for old, new in [(old, new) for old, new in zip(shipped.cells, executed.cells) if old.cell_type == "code"]:
        note, skipped = old.metadata.pop("cookbook", {}), requires.is_skipped(new.outputs)
        intact = note.get("digest") == requires.digest(old.source, old.outputs)
        if (skipped or here == "cpu") and intact and note["environment"] != here:
            old.metadata["cookbook"] = note
        elif skipped:
            old.outputs, old.execution_count = [], None
        else:
            old.outputs, old.execution_count = new.outputs, new.execution_count
            old.metadata["cookbook"] = {"environment": here, "digest": requires.digest(old.source, old.outputs)}
    used = {cell.metadata["cookbook"]["environment"] for cell in shipped.cells if "cookbook" in cell.metadata}
    stamps = {**shipped.metadata.get("cookbook", {}), here: backend.stamp()}
    shipped.metadata["cookbook"] = {environment: stamp for environment, stamp in stamps.items() if environment in used}
    nbformat.write(shipped, path)


def run(wanted: list[str], record: bool) -> int:
    """Execute notebooks into build/, or, recording, in place. Prints the table; returns 1 if a cell failed, else 0."""
    import nbformat
    from tqdm import tqdm
    paths, rows, failures = notebooks(wanted), [], []
    os.environ.update({"JUPYTER_PREFER_ENV_PATH": "1", **({"COOKBOOK_RECORD": "1"} if record else {})})
    with tqdm(total=sum(len(code_cells(nbformat.read(path, as_version=4))) for path in paths), unit="cell") as bar:
        for path in paths:
            bar.set_description(path.stem)
            start, inside = time.perf_counter(), NOTEBOOKS in path.parents
            notebook, error = execute(path, bar.update)
            cells = [_status(cell) for cell in code_cells(notebook)]
            skipped, seconds = [text[9:] for text in cells if text.startswith("skipped")], time.perf_counter() - start
            why = sorted({reason for text in skipped for reason in text.split("; ")})
            rows.append((path.stem, cells.count("ran"), len(skipped), f"{seconds:.1f}", "; ".join(why)))
            if error:
                failures.append((path, error))
            elif inside:
                _remember((ROOT / "results" if record else BUILD) / "coverage", path, notebook)
            if record and not error:
                _write_record(path, notebook)
            target = BUILD / (path.relative_to(ROOT) if inside else path.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, target)
    table(("notebook", "ran", "skipped", "seconds", "why skipped"), rows)
    for path, error in failures:
        print(f"\nFAILED {path.name}\n{error}", file=sys.stderr)
    return 1 if failures else 0


def table(heads: tuple, rows: list[tuple]) -> None:
    """Print rows as a plain table; the last column may be long."""
    text = [[str(value) for value in row] for row in [heads, *rows]]
    widths = [max(len(row[k]) for row in text) for k in range(len(heads) - 1)]
    for row in text:
        print("  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip())


def coverage() -> None:
    """Print for each notebook how many code cells each environment ran, and name the cells that none did."""
    import nbformat
    ran: dict[str, dict[str, set]] = {}  # environment: {notebook: digests of the cells that ran}
    for file in [*(ROOT / "results" / "coverage").glob("*.json"), *(BUILD / "coverage").glob("*.json")]:
        for name, entry in json.loads(file.read_text(encoding="utf-8")).items():
            found = {digest for digest, status in entry["cells"].items() if status == "ran"}
            ran.setdefault(file.stem, {}).setdefault(name, set()).update(found)
    rows, nowhere = [], []
    for path in notebooks([]):
        name, cells = path.relative_to(NOTEBOOKS).as_posix(), code_cells(nbformat.read(path, as_version=4))
        found = [{environment for environment in ran if requires.digest(cell.source) in ran[environment].get(name, ())} for cell in cells]
        rows.append((name, len(cells), *(sum(environment in one for one in found) for environment in sorted(ran)), found.count(set())))
        nowhere += [(name, cell.source.split("\n")[0]) for cell, one in zip(cells, found) if not one]
    table(("notebook", "cells", *sorted(ran), "nowhere"), rows)
    if nowhere:
        print("\nRun in no environment yet:")
        table(("notebook", "first line of the cell"), nowhere)


def main() -> int | None:
    """Entry of ``python -m cookbook``. Returns the exit code: 0 or None done, 1 a cell failed, 2 something to put right first."""
    command_line = argparse.ArgumentParser(prog="python -m cookbook", description="The TensorRT course from the command line.")
    commands = command_line.add_subparsers(dest="command", required=True)
    commands.add_parser("doctor", help="what is on this machine, what will be skipped, and what to install")
    for name, text in (("run", "execute notebooks into build/"), ("record", "execute notebooks in place and stamp them")):
        commands.add_parser(name, help=text).add_argument("notebooks", nargs="*", help="default: the whole course")
    commands.add_parser("coverage", help="which cells ran in which environment")
    arguments = command_line.parse_args()
    try:
        if arguments.command == "doctor":
            return table(("topic", "found", "to do"), backend.doctor())
        return coverage() if arguments.command == "coverage" else run(arguments.notebooks, arguments.command == "record")
    except CookbookError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
