"""Which TensorRT is here, which GPU, and what the two make possible.

``trt`` is the module that the course uses: ``tensorrt`` where it can run, else ``tensorrt_rtx``.
The environment variable ``COOKBOOK_TENSORRT`` (``tensorrt`` or ``tensorrt_rtx``) chooses by hand.
"""

import datetime
import functools
import importlib
import os
import platform
import subprocess
from types import ModuleType
from typing import Any, NamedTuple

from . import tools
from .errors import BackendError, CudaError, DeviceMemoryError, NoGpuError

PRODUCTS = {"tensorrt": "TensorRT", "tensorrt_rtx": "TensorRT-RTX"}
# TensorRT-RTX 1.7's support matrix: these, and 12.0 or newer.
RTX_CAPABILITIES = ((8, 0), (8, 6), (8, 9))
RTX_NEWEST = (12, 0)


class Gpu(NamedTuple):
    """A CUDA device. memory: bytes. cuda: the newest CUDA version that its driver knows."""

    name: str
    capability: tuple[int, int]
    memory: int
    driver: str
    cuda: str


def cuda_check(result: tuple) -> Any:
    """Unpack what a ``cuda.bindings.runtime`` call returned, ``(status, value, …)``.

    Returns: None, the value, or a tuple of several values.
    Raises: DeviceMemoryError when the GPU is out of memory, CudaError for any status but success.
    """
    from cuda.bindings import runtime as cudart

    status, *values = result
    if status != cudart.cudaError_t.cudaSuccess:
        name = cudart.cudaGetErrorName(status)[1].decode()
        text = cudart.cudaGetErrorString(status)[1].decode()
        if status == cudart.cudaError_t.cudaErrorMemoryAllocation:
            raise DeviceMemoryError(f"{name}: {text}")
        raise CudaError(f"{name}: {text}")
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    return tuple(values)


def _driver_version() -> str:
    """The driver's version as nvidia-smi prints it, or ``unknown``."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    words = done.stdout.split()
    return words[0] if words else "unknown"


@functools.cache
def gpu() -> Gpu | None:
    """The first CUDA device, or None where there is no GPU, no driver or no cuda-python."""
    try:
        from cuda.bindings import runtime as cudart

        properties = cuda_check(cudart.cudaGetDeviceProperties(0))
        newest = cuda_check(cudart.cudaDriverGetVersion())
    except (ImportError, CudaError):
        return None
    return Gpu(
        name=properties.name.decode(),
        capability=(properties.major, properties.minor),
        memory=properties.totalGlobalMem,
        driver=_driver_version(),
        cuda=f"{newest // 1000}.{newest % 1000 // 10}",
    )


def _candidates() -> list[str]:
    """Names of the modules to try, the preferred one first."""
    wanted = os.environ.get("COOKBOOK_TENSORRT")
    if wanted and wanted not in PRODUCTS:
        raise BackendError(
            f"COOKBOOK_TENSORRT={wanted!r}: must be one of {', '.join(PRODUCTS)}, or unset"
        )
    if wanted:
        return [wanted]
    if gpu() is None:  # without a GPU only TensorRT-RTX builds
        return ["tensorrt_rtx", "tensorrt"]
    return ["tensorrt", "tensorrt_rtx"]


@functools.cache
def load() -> ModuleType:
    """The TensorRT module of this process. Raises: BackendError, with what was tried."""
    problems = []
    for name in _candidates():
        try:
            return importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:
            problems.append(f"{name}: {error}")
    raise BackendError(
        "no TensorRT can be imported. Run `make setup`, or `pip install tensorrt-rtx` "
        f"(needs no GPU). Tried {'; '.join(problems)}"
    )


def __getattr__(name: str) -> Any:
    if name == "trt":
        return load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def is_rtx() -> bool:
    """Whether the TensorRT at hand is TensorRT-RTX."""
    return load().__name__ == "tensorrt_rtx"


def product() -> str:
    """``TensorRT 8.6.1`` or ``TensorRT-RTX 1.7.1.116``: the product and its own version."""
    return f"{PRODUCTS[load().__name__]} {load().__version__}"


def api_version() -> tuple[int, ...]:
    """Version of the API, as in (8, 6, 1). TensorRT-RTX counts anew, but its API is that of 11."""
    if is_rtx():
        return (11, 0)
    parts = load().__version__.split(".")
    return tuple(int(part) for part in parts)


def gpu_problem() -> str | None:
    """Why engines cannot run here, and the remedy; None where they can."""
    card = gpu()
    if card is None:
        return "a CUDA GPU (none found, or no driver): run this on a machine with an NVIDIA GPU"
    if not is_rtx():
        return None
    if card.capability in RTX_CAPABILITIES or card.capability >= RTX_NEWEST:
        return None
    return f"a GPU that TensorRT-RTX supports ({card.name} is not one): `pip install tensorrt`"


def require_gpu(what: str) -> None:
    """Raise NoGpuError, saying that ``what`` needs a GPU, unless engines can run here."""
    if problem := gpu_problem():
        raise NoGpuError(
            f"{what} needs {problem}. Building a plan and everything before it works without."
        )


def environment_name() -> str:
    """``cpu``, ``rtx``, or TensorRT's version (``8.6``, ``10``, ``11``): a row of README."""
    if gpu_problem():
        return "cpu"
    if is_rtx():
        return "rtx"
    version = api_version()
    if version[0] == 8:
        return "8.6"
    return str(version[0])


def stamp() -> dict[str, str]:
    """What a recorded number or output needs beside it: environment, GPU, versions, date."""
    card = gpu()
    torch = tools.package_version("torch") or "none"
    return {
        "environment": environment_name(),
        "gpu": card.name if card else "none",
        "driver": card.driver if card else "none",
        "tensorrt": product(),
        "torch": torch.split("+")[0],
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }
