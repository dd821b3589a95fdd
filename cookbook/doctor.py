"""``python -m cookbook doctor``: what is on this machine, what will be skipped, what to install."""

import importlib
import importlib.util
import platform
import re
from typing import NamedTuple

from . import backend, paths, tools
from .errors import BackendError
from .requires import KNOWN


class Row(NamedTuple):
    """One line of the report."""

    topic: str
    found: str
    todo: str = ""


def doctor() -> list[Row]:
    """The report about this machine. Nothing in it raises: a problem is a row."""
    return [
        Row("Python", platform.python_version()),
        *_gpu_rows(),
        *_product_rows(),
        *_use_rows(),
        *_package_rows(),
        *_need_rows(),
    ]


def _gpu_rows() -> list[Row]:
    card = backend.gpu()
    if card is None:
        todo = "an NVIDIA GPU with its driver; without one the course still builds engines"
        return [Row("GPU", "none that CUDA can use", todo)]
    major, minor = card.capability
    memory = card.memory / 2**30
    text = f"{card.name}, compute capability {major}.{minor}, {memory:.0f} GiB"
    return [Row("GPU", text), Row("driver", f"{card.driver}, for CUDA up to {card.cuda}")]


def _product_rows() -> list[Row]:
    """Which TensorRT products can be imported, and their versions."""
    rows = []
    for name, title in backend.PRODUCTS.items():
        package = name.replace("_", "-")
        if importlib.util.find_spec(name) is None:
            rows.append(Row(title, "not installed", f"pip install {package}"))
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
    lines = (paths.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
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


def _need_rows() -> list[Row]:
    """Tools and packages that some ``%%requires`` lines name."""
    rows = []
    for name, need in KNOWN.items():
        found = None
        if need.kind == "tool" and tools.find_tool(name):
            found = "found"
        elif need.kind == "package" and name != "torch":
            found = tools.package_version(name)
        elif need.kind != "tool":
            continue
        if found:
            rows.append(Row(name, found))
        else:
            rows.append(Row(name, "not found", need.remedy))
    return rows
