"""``python -m cookbook doctor``: what is on this machine, what will be skipped, what to install."""

import collections
import importlib
import importlib.util
import json
import platform
import re
from typing import NamedTuple

from . import backend, paths, requires, tools
from .errors import BackendError, RequiresError
from .requires import KNOWN


class Row(NamedTuple):
    """One line of the report."""

    topic: str
    found: str
    todo: str = ""


def doctor() -> list[Row]:
    """The report about this machine. Nothing in it raises: a problem is a row.

    What would change nothing here, such as a profiler where there is no GPU, is not recommended.
    """
    waiting = cells_waiting()
    return [
        Row("Python", platform.python_version()),
        *_gpu_rows(waiting),
        *_product_rows(),
        *_use_rows(),
        *_package_rows(),
        *_need_rows(waiting),
    ]


def course_specs() -> dict[str, int]:
    """{what follows ``%%requires``: how many cells of the notebooks at hand start so}."""
    counts: dict[str, int] = collections.Counter()
    for path in sorted(paths.NOTEBOOKS.glob("*/*.ipynb")):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):  # damaged: `run` says so
            continue
        for cell in cells:
            spec = requires.spec_of("".join(cell["source"]))
            if spec is not None and cell["cell_type"] == "code":
                counts[spec] += 1
    return counts


def cells_waiting() -> dict[str, int] | None:
    """{word: how many cells lack it and nothing else}; None where it cannot be told yet."""
    counts: dict[str, int] = collections.Counter()
    for spec, cells in course_specs().items():
        try:
            missing = requires.missing(spec)
        except RequiresError:
            continue
        except (BackendError, ImportError):  # no TensorRT, or no package to compare versions
            return None
        if len(missing) == 1:
            counts[missing.pop()] += cells
    return counts


def _gpu_rows(waiting: dict[str, int] | None) -> list[Row]:
    card = backend.gpu()
    if card is None:
        cells = f" ({_waits(waiting['gpu'])})" if waiting else ""
        todo = f"an NVIDIA GPU with its driver{cells}; without one the course still builds engines"
        return [Row("GPU", "none that CUDA can use", todo)]
    major, minor = card.capability
    memory = card.memory / 2**30
    text = f"{card.name}, compute capability {major}.{minor}, {memory:.0f} GiB"
    return [Row("GPU", text), Row("driver", f"{card.driver}, for CUDA up to {card.cuda}")]


def _product_rows() -> list[Row]:
    """Which TensorRT products can be imported, and their versions. One is enough."""
    rows = []
    here = [name for name in backend.PRODUCTS if importlib.util.find_spec(name)]
    for name, title in backend.PRODUCTS.items():
        package = name.replace("_", "-")
        if name not in here:
            helps = not here and (name == "tensorrt_rtx" or backend.gpu() is not None)
            rows.append(Row(title, "not installed", f"pip install {package}" if helps else ""))
            continue
        try:
            module = importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:
            rows.append(Row(title, "cannot be imported", f"{error}; pip install {package}"))
        else:
            rows.append(Row(title, module.__version__))
    return rows


def _use_rows() -> list[Row]:
    """What the course makes of it."""
    try:
        product = backend.product()
        environment = backend.environment_name()
        problem = backend.gpu_problem()
    except BackendError as error:
        return [Row("in use", "no TensorRT", str(error))]
    engines = Row("engines", "run here")
    if problem:
        engines = Row("engines", "are built here, not run", problem)
    return [Row("in use", product), Row("environment", environment), engines]


def _package_rows() -> list[Row]:
    """The packages of requirements.txt, TensorRT apart."""
    rows = []
    try:
        lines = (paths.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        todo = "`pip install -e .` in the course's folder: it needs the notebooks beside it"
        return [Row("course", "only its package is here", todo)]
    for line in lines:
        match = re.match(r"[\w-]+", line)
        if match is None or match[0].startswith("tensorrt"):
            continue
        version = tools.package_version(match[0])
        if version:
            rows.append(Row(match[0], version))
        else:
            rows.append(Row(match[0], "not installed", "make setup"))
    return rows


def _need_rows(waiting: dict[str, int] | None) -> list[Row]:
    """Tools and packages that some ``%%requires`` lines name."""
    rows = []
    for name, need in KNOWN.items():
        if need.kind == "tool":
            found = "found" if tools.find_tool(name) else None
        elif need.kind == "package" and name != "torch":
            found = tools.package_version(name)
        else:
            continue
        rows.append(Row(name, found) if found else _missing_row(name, need.remedy, waiting))
    return rows


def _missing_row(name: str, remedy: str, waiting: dict[str, int] | None) -> Row:
    """What to do about a tool or package, if it would let a cell run that does not run now."""
    if waiting is None:
        return Row(name, "not found", remedy)
    if not waiting.get(name):
        return Row(name, "not found, but no cell lacks only this")
    return Row(name, "not found", f"{remedy} ({_waits(waiting[name])})")


def _waits(cells: int) -> str:
    if cells == 1:
        return "1 cell waits for it"
    return f"{cells} cells wait for it"
