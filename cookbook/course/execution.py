"""Running notebooks from the command line: which, how, and what became of their cells."""

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import backend, paths
from ..errors import CookbookError
from . import coverage
from .recording import code_cells, is_skipped, merge

CELL_TIMEOUT = 600  # seconds; a dead kernel must not hang the run


@dataclass
class Outcome:
    """What became of one notebook. cells: one status for each code cell, in order."""

    path: Path
    seconds: float = 0.0
    error: str = ""
    cells: list[str] = field(default_factory=list)

    @property
    def ran(self) -> int:
        """How many cells ran."""
        return self.cells.count("ran")

    @property
    def reasons(self) -> list[str]:
        """Why cells were skipped, one entry a skipped cell."""
        start = len("skipped: ")
        return [status[start:] for status in self.cells if status.startswith("skipped: ")]


def find_notebooks(wanted: list[str]) -> list[Path]:
    """The notebooks to work on: those named, or the whole course in order.

    Raises: CookbookError for one that is not there.
    """
    if not wanted:
        return sorted(paths.NOTEBOOKS.glob("part*/*.ipynb"))
    found = [Path(name).resolve() for name in wanted]
    for path in found:
        if not path.is_file() or path.suffix != ".ipynb":
            raise CookbookError(
                f"{path} is not a notebook: name one as in "
                "NB=notebooks/part1-intro/102-network-api.ipynb"
            )
    return found


def read(path: Path) -> Any:
    """The notebook in a file. Raises: CookbookError, naming the file, if it is damaged."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat, json and the file system have no common base
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CookbookError(
            f"{path.name} is damaged and cannot be read ({reason[:200]}): restore it, as in "
            f"`git checkout -- {path.name}`, or copy it whole"
        ) from error


def execute(path: Path, tick: Callable[[], None]) -> tuple[Any, str]:
    """Run a notebook in its folder, in a kernel of this Python; ``tick`` is called after each cell.

    Returns: (the notebook with its outputs, the error's text or "").
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, DeadKernelError

    notebook = read(path)
    for cell in code_cells(notebook):
        cell.outputs = []
        cell.execution_count = None
    client = NotebookClient(
        notebook,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_executed=lambda **_: tick(),
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=40"],
    )
    try:
        client.execute()
    except (CellControlSignal, DeadKernelError, TimeoutError, RuntimeError) as error:
        return notebook, str(error)
    return notebook, ""


def status(cell: Any) -> str:
    """What became of an executed cell: ``ran``, ``skipped: reason``, or ``not reached``."""
    if reason := is_skipped(cell.outputs):
        return f"skipped: {reason}"
    if cell.execution_count:
        return "ran"
    return "not reached"


def run(wanted: list[str], record: bool, workers: int = 1) -> list[Outcome]:
    """Execute notebooks into build/, or, recording, in place.

    Args: ``wanted`` – paths, or none for the whole course; ``workers`` – how many run at a time:
        more than one is quicker, and spoils what they measure.
    Returns: an Outcome for each, in the order of the course. One that fails does not stop
        the others.
    """
    from tqdm import tqdm

    chosen = find_notebooks(wanted)
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["COOKBOOK_RECORD"] = "1" if record else ""
    lock = threading.Lock()
    with tqdm(total=_count_cells(chosen), unit="cell") as bar, ThreadPoolExecutor(workers) as pool:

        def tick() -> None:
            with lock:
                bar.update()

        def one(path: Path) -> Outcome:
            bar.set_description(path.stem)
            return _run_one(path, record, tick, lock)

        return list(pool.map(one, chosen))


def _count_cells(chosen: list[Path]) -> int:
    total = 0
    for path in chosen:
        try:
            total += len(code_cells(read(path)))
        except CookbookError:
            continue  # its own turn reports it
    return total


def _run_one(path: Path, record: bool, tick: Callable[[], None], lock: threading.Lock) -> Outcome:
    """Execute one notebook and keep what belongs to be kept."""
    outcome = Outcome(path)
    start = time.perf_counter()
    try:
        notebook, outcome.error = execute(path, tick)
    except CookbookError as error:
        outcome.error = str(error)
        return outcome
    outcome.seconds = time.perf_counter() - start
    outcome.cells = [status(cell) for cell in code_cells(notebook)]
    with lock:
        _keep(outcome, notebook, record)
    return outcome


def _keep(outcome: Outcome, notebook: Any, record: bool) -> None:
    """Write the executed notebook, its coverage and, recording, the shipped notebook."""
    import nbformat

    path = outcome.path
    inside = paths.NOTEBOOKS in path.parents
    if inside and not outcome.error:
        folder = paths.BUILD
        if record:
            folder = paths.RESULTS
        coverage.remember(folder / "coverage", path, notebook, outcome.cells)
    if record and not outcome.error:
        shipped = read(path)
        merge(shipped, notebook, backend.stamp())
        nbformat.write(shipped, path)
    target = paths.BUILD / path.name
    if inside:
        target = paths.BUILD / path.relative_to(paths.ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)


def report(outcomes: list[Outcome]) -> int:
    """Print the table and the failures. Returns: 1 if a notebook failed, else 0."""
    rows = []
    for outcome in outcomes:
        reasons = set()
        for reason in outcome.reasons:
            reasons.update(reason.split("; "))
        skipped = len(outcome.reasons)
        seconds = f"{outcome.seconds:.1f}"
        rows.append((outcome.path.stem, outcome.ran, skipped, seconds, "; ".join(sorted(reasons))))
    table(("notebook", "ran", "skipped", "seconds", "why skipped"), rows)
    failed = [outcome for outcome in outcomes if outcome.error]
    for outcome in failed:
        print(f"\nFAILED {outcome.path.name}\n{outcome.error}", file=sys.stderr)
    return 1 if failed else 0


def table(heads: tuple, rows: Sequence[tuple]) -> None:
    """Print rows as a plain table; the last column may be long."""
    text = [[str(value) for value in row] for row in [heads, *rows]]
    widths = []
    for k in range(len(heads) - 1):
        widths.append(max(len(row[k]) for row in text))
    for row in text:
        cells = [value.ljust(width) for value, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())
