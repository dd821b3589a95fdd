"""Helper package of the TensorRT course: it removes what is not the lesson, and hides no lesson.

Names are loaded on first use, so that ``python -m cookbook doctor`` works without TensorRT.
"""

import importlib
import sys
from typing import Any

if sys.version_info < (3, 10):  # this file, unlike the others, is one that it can read
    sys.exit(
        "The course needs Python 3.10 or newer, and this one is {}.{}: install one (Debian, "
        "Ubuntu: apt install python3 python3-venv), or name one that is here, as in "
        "`make setup PYTHON=python3.12`.".format(sys.version_info[0], sys.version_info[1])
    )

# {module: the names that ``cookbook`` itself offers}
_PUBLIC = {
    "backend": ["trt", "require_gpu", "cuda_check"],
    "course.notebook": ["environment"],
    "log": ["LOG", "capture_log"],
    "building.network": ["create_network", "parse"],
    "building.builder": ["build"],
    "building.plan": ["Plan", "deserialize"],
    "running.session": ["Session"],
    "running.tensors": ["TensorSpec"],
    "measure": ["Timing", "benchmark"],
    "reference": ["compare"],
    "course.results": ["record"],
    "errors": [
        "CookbookError",
        "BackendError",
        "NoGpuError",
        "CudaError",
        "DeviceMemoryError",
        "RequiresError",
        "BuildError",
        "PlanError",
        "PluginError",
        "SessionError",
        "ProcessError",
        "MeasureError",
        "ComparisonError",
    ],
}
_MODULES = [
    "backend",
    "building",
    "course",
    "data",
    "errors",
    "inspect",
    "log",
    "measure",
    "models",
    "paths",
    "plot",
    "plugins",
    "process",
    "reference",
    "requires",
    "running",
    "tools",
]
_HOME = {}
for _module, _names in _PUBLIC.items():
    for _name in _names:
        _HOME[_name] = _module
__all__ = sorted(_HOME)


def __dir__() -> list[str]:
    """What tab completion shows."""
    return sorted({*__all__, *_MODULES})


def __getattr__(name: str) -> Any:
    if name in _HOME:
        module = importlib.import_module(f".{_HOME[name]}", __name__)
        return getattr(module, name)
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'cookbook' has no attribute {name!r}")
