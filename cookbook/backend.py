"""Which TensorRT is here, which GPU, and what the two make possible.

``trt`` is the module that the course uses: ``tensorrt`` where it can run, else ``tensorrt_rtx``. The environment
variable ``COOKBOOK_TENSORRT`` (``tensorrt`` or ``tensorrt_rtx``) chooses by hand.
"""
import collections
import contextlib
import datetime
import functools
import glob
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

from .errors import BackendError, CudaError, DeviceMemoryError, NoGpuError

_distributions = functools.cache(importlib.metadata.packages_distributions)  # asking takes a while, and many cells ask
ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"  # plans, caches, executed notebooks: whatever a run makes
PRODUCTS = {"tensorrt": "TensorRT", "tensorrt_rtx": "TensorRT-RTX"}
TOOL_FOLDERS = ("/usr/src/tensorrt/bin", "/opt/tensorrt/bin", "/usr/local/cuda/bin", "/usr/local/bin",  # not on every PATH
                "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu", "/usr/local/tensorrt/include")


# A CUDA device: name, compute capability (major, minor), memory in bytes, driver version, newest CUDA of that driver.
Gpu = collections.namedtuple("Gpu", "name capability memory driver cuda")


def cuda_check(result: tuple):
    """Unpack what a ``cuda.bindings.runtime`` call returned, ``(status, value, …)``, to nothing, the value, or a tuple.

    Raises: DeviceMemoryError when the GPU is out of memory, CudaError for any other status but success."""
    from cuda.bindings import runtime as cudart
    status, *values = result
    if status != cudart.cudaError_t.cudaSuccess:
        name, text = (call(status)[1].decode() for call in (cudart.cudaGetErrorName, cudart.cudaGetErrorString))
        kind = DeviceMemoryError if status == cudart.cudaError_t.cudaErrorMemoryAllocation else CudaError
        raise kind(f"{name}: {text}")
    return values[0] if len(values) == 1 else tuple(values) or None


@functools.cache
def gpu() -> Gpu | None:
    """The first CUDA device, or None where there is no GPU, no driver or no cuda-python."""
    try:
        from cuda.bindings import runtime as cudart
        properties, newest = cuda_check(cudart.cudaGetDeviceProperties(0)), cuda_check(cudart.cudaDriverGetVersion())
    except (ImportError, CudaError):
        return None
    try:
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split()[0]
    except (OSError, IndexError, subprocess.TimeoutExpired):
        driver = "unknown"
    return Gpu(properties.name.decode(), (properties.major, properties.minor), properties.totalGlobalMem,
               driver, f"{newest // 1000}.{newest % 1000 // 10}")


@functools.cache
def _load():
    wanted, problems = os.environ.get("COOKBOOK_TENSORRT"), []
    if wanted and wanted not in PRODUCTS:
        raise BackendError(f"COOKBOOK_TENSORRT={wanted!r}: must be one of {', '.join(PRODUCTS)}")
    for name in [wanted] if wanted else sorted(PRODUCTS, reverse=gpu() is None):  # without a GPU only TensorRT-RTX builds
        try:
            return importlib.import_module(name)
        except (ImportError, OSError, RuntimeError) as error:
            problems.append(f"{name}: {error}")
    raise BackendError("no TensorRT can be imported. Run `make setup`, or `pip install tensorrt-rtx` (needs no GPU). Tried " + "; ".join(problems))


def __getattr__(name: str):
    if name == "trt":
        return _load()
    raise AttributeError(name)


def is_rtx() -> bool:
    """Whether the TensorRT at hand is TensorRT-RTX."""
    return _load().__name__ == "tensorrt_rtx"


def product() -> str:
    """``TensorRT 8.6.1`` or ``TensorRT-RTX 1.7.1.116``: the product and its own version."""
    return f"{PRODUCTS[_load().__name__]} {_load().__version__}"


def api_version() -> tuple[int, int]:
    """(major, minor) of the API. TensorRT-RTX numbers its releases from 1, but its API is that of TensorRT 11."""
    return (11, 0) if is_rtx() else tuple(int(part) for part in _load().__version__.split(".")[:2])


def gpu_problem() -> str | None:
    """Why engines cannot run here, and the remedy; None where they can."""
    card = gpu()
    if card is None:
        return "a CUDA GPU (none found, or no driver): run this on a machine with an NVIDIA GPU"
    if is_rtx() and card.capability not in [(8, 0), (8, 6), (8, 9)] and card.capability < (12, 0):  # its support matrix, 1.7
        return f"a GPU that TensorRT-RTX supports ({card.name} is not one): `pip install tensorrt`"
    return None


def require_gpu(what: str) -> None:
    """Raise NoGpuError, saying that ``what`` needs a GPU, unless engines can run here."""
    if problem := gpu_problem():
        raise NoGpuError(f"{what} needs {problem}. Building a plan and everything before it works without.")


def environment_name() -> str:
    """``cpu``, ``rtx``, or the version of TensorRT (``8.6``, ``10``, ``11``): the row of the README's table."""
    if gpu_problem():
        return "cpu"
    return "rtx" if is_rtx() else "8.6" if api_version()[0] == 8 else str(api_version()[0])


def find_tool(name: str) -> str | None:
    """Path of an executable or header: on the PATH, in CUDA_HOME, TRT_INCLUDE, or where NVIDIA's containers and packages put it; else None."""
    folders = [os.environ.get("PATH", ""), os.path.join(os.environ.get("CUDA_HOME", "/nowhere"), "bin"), os.environ.get("TRT_INCLUDE", "/nowhere"),
               *TOOL_FOLDERS, *glob.glob(os.path.join(sysconfig.get_path("purelib"), "nvidia", "*", "bin"))]
    return shutil.which(name, os.F_OK if name.endswith(".h") else os.F_OK | os.X_OK, os.pathsep.join(folders))


def package_version(name: str) -> str | None:
    """Version of a package, by its import name or its distribution's; None if it is not here."""
    for one in (name, *_distributions().get(name.replace("-", "_"), [])):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(one)


def stamp() -> dict[str, str]:
    """What a recorded number or output needs beside it: environment, GPU, driver, TensorRT, torch, Python, date."""
    card, torch = gpu(), (package_version("torch") or "none").split("+")[0]
    return {"environment": environment_name(), "gpu": card.name if card else "none", "driver": card.driver if card else "none",
            "tensorrt": product(), "torch": torch, "python": platform.python_version(), "date": datetime.date.today().isoformat()}


def environment() -> None:
    """First call of every notebook: switches ``%%requires`` on and says in one line where the notebook runs."""
    from . import requires
    requires.load()
    now = stamp()
    print(f"environment {now['environment']} · {now['tensorrt']} · GPU: {now['gpu']} · torch {now['torch']}")
    if problem := gpu_problem():
        print(f"GPU cells are skipped and show what was recorded: they need {problem.split(':')[0]}.")


def doctor() -> list[tuple[str, str, str]]:
    """Rows (topic, what was found, what to do) about this machine. Nothing in it raises: a problem is a row."""
    from .requires import KNOWN
    card, rows = gpu(), [("Python", platform.python_version(), "")]
    rows += [("GPU", f"{card.name}, compute capability {card.capability[0]}.{card.capability[1]}, {card.memory / 2**30:.0f} GiB", ""),
             ("driver", f"{card.driver}, for CUDA up to {card.cuda}", "")] if card else [
             ("GPU", "none that CUDA can use", "an NVIDIA GPU with its driver; without one the course still builds engines")]
    for name, title in PRODUCTS.items():
        found = importlib.util.find_spec(name) and importlib.import_module(name).__version__
        rows.append((title, found or "not installed", "" if found else f"pip install {name.replace('_', '-')}"))
    try:
        rows += [("in use", product(), ""), ("environment", environment_name(), ""),
                 ("engines", "are built here, not run" if gpu_problem() else "run here", gpu_problem() or "")]
    except BackendError as error:
        rows.append(("in use", "no TensorRT", str(error)))
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if (name := re.match(r"[\w-]*", line)[0]) and not name.startswith("tensorrt"):
            found = package_version(name)
            rows.append((name, found or "not installed", "" if found else "make setup"))
    for name, (kind, remedy) in KNOWN.items():
        if kind in ("tool", "package") and name != "torch":
            found = find_tool(name) if kind == "tool" else package_version(name)
            rows.append((name, "found" if found and kind == "tool" else found or "not found", "" if found else remedy))
    return rows
