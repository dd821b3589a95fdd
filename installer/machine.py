"""What the machine has: a Python that can make environments, a GPU."""

import ctypes
import json
import shutil
import subprocess
import sys
from typing import NamedTuple

OLDEST = (3, 10)
NEWEST = (3, 14)  # the newest that all packages have wheels for
ROOM = 1e9  # bytes
NAMES = ["python3.12", "python3.11", "python3.10", "python3.13", "python3.14"]
MODULES = ["tensorrt", "torch", "ensurepip", "pip"]
PROBE = """
import importlib.util, json, sys
has = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
print(json.dumps([sys.version_info[:2], has]))
"""


class Interpreter(NamedTuple):
    """A Python. version: as in [3, 12]. has: which of MODULES it brings."""

    path: str
    version: list[int]
    has: list[str]

    @property
    def name(self) -> str:
        """As in python3.12."""
        return "python{}.{}".format(*self.version)

    @property
    def brings_tensorrt(self) -> bool:
        """Whether it is that of a container with TensorRT."""
        return "tensorrt" in self.has


class Gpu(NamedTuple):
    """usable: there is one. cuda12: packages have to be those for CUDA 12."""

    usable: bool
    cuda12: bool


def find_python(known: str | None) -> Interpreter:
    """The first suitable Python: the known one, this one, one on the PATH.

    Raises: SystemExit, with what to do, where there is none.
    """
    this = getattr(sys, "_base_executable", sys.executable)
    for name in [known, this, *NAMES]:
        path = shutil.which(name) if name else None
        found = probe(path) if path else None
        if found is not None:
            return found
    here = sys.version.split()[0]
    raise SystemExit(
        f"Found no Python 3.10 to 3.14 that can make environments; this one is {here}.\n"
        "Install one (Debian, Ubuntu: apt install python3 python3-venv), "
        "or name one: make setup PYTHON=/path/to/python3.12"
    )


def probe(path: str) -> Interpreter | None:
    """What a Python is and brings; None if it is too old, too new, or cannot make environments."""
    # Not from this folder, where modules have the names of the standard library's.
    done = subprocess.run([path, "-c", PROBE, *MODULES], capture_output=True, text=True, cwd="/")
    if done.returncode:
        return None
    version, has = json.loads(done.stdout)
    suits = OLDEST <= tuple(version) <= NEWEST
    if not suits or not {"ensurepip", "pip"} & set(has):
        return None
    return Interpreter(path, version, has)


def find_gpu(container: str) -> Gpu:
    """Ask the driver. ``container``: the CUDA version that a container states, or empty."""
    in_cuda12 = container.startswith("12.")
    count = ctypes.c_int()
    version = ctypes.c_int()
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:  # no driver
        return Gpu(False, in_cuda12)
    if cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(count)) == 0:
        cuda.cuDriverGetVersion(ctypes.byref(version))
    usable = count.value > 0
    return Gpu(usable, in_cuda12 or (usable and version.value < 13000))


def little_room(*folders: str) -> str:
    """Which of the folders are nearly full, as lines to append to an error; empty if none is."""
    lines = ""
    for folder in folders:
        free = shutil.disk_usage(folder).free
        if free < ROOM:
            lines += f"\nOnly {free / 1e9:.1f} GB are free in {folder}."
    return lines
