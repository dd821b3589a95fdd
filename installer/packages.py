"""Which packages the machine needs, and how pip brings them."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

RTX = "tensorrt-rtx"
# A container's own builds, which were made for each other.
PINNED = re.compile("torch|tensorrt|pytorch[-_]triton|triton|numpy", re.IGNORECASE)
CUDA12_LIMITS = {"cuda-python": ",<13", "torch": ",<2.11"}  # later ones are built for CUDA 13
SHOWN = re.compile(
    r"^Installing collected|(Downloading|Using cached) .*\((\d{3,}(\.\d+)? M|[\d.]+ G)B"
)
UNREACHABLE = re.compile(
    "NewConnectionError|NameResolutionError|name resolution|ConnectTimeout|ReadTimeout|"
    "Connection refused|Network is unreachable|ProxyError"
)
AGAIN = "pip failed, see above. The same command tries again; finished downloads are kept."
OTHER_WAYS = """
Behind a proxy:   export HTTPS_PROXY=http://HOST:PORT
With a mirror:    export PIP_INDEX_URL=https://HOST/simple (README.md names some)"""
OFFLINE = "\nThe package index cannot be reached from here." + OTHER_WAYS
NONE_THERE = "\nThe package index has no such package, or cannot be reached from here." + OTHER_WAYS
NO_PACKAGE = """
TensorRT-RTX has packages for x86-64 processors only; this one is {}.
README.md, under `Where it runs`, says what else can be done."""
FULL = """
The disk is full: .venv takes about 7 GB, and pip about 4 GB more while it works.
Downloads go to {}; another folder: export TMPDIR=/path/to/it"""
BROKEN_OFF = """
A download broke off. That may be the network, or a full disk: downloads go to {},
where {:.1f} GB are free. Another folder: export TMPDIR=/path/to/it"""


class PipError(Exception):
    """pip failed. Its text is pip's last words, and what can be done."""


def choose(has: list[str], gpu: bool, wanted: str = "") -> list[str]:
    """The TensorRT packages to try in turn; "" stands for the one among the Python's own modules.

    Args: ``has`` – those modules; ``gpu`` – there is one; ``wanted`` – what TENSORRT says.
    """
    if wanted not in ("", "tensorrt", RTX):
        raise SystemExit(
            f"TENSORRT={wanted} is not known: use tensorrt or {RTX}, "
            "or auto for the one that suits the machine."
        )
    if wanted == RTX:
        return [RTX]
    if not wanted and not gpu:
        return [RTX]  # the one that builds engines without a GPU
    if "tensorrt" in has:
        return [""]
    return ["tensorrt", RTX]


def adapt(requirements: str, has: list[str], cuda12: bool, tensorrt: str) -> list[str]:
    """The lines of requirements.txt to install, with one of choose()'s in TensorRT-RTX's place."""
    lines = []
    for text in requirements.splitlines():
        line = text.split("#")[0].strip()
        name = name_of(line)
        if not line:
            continue
        if name == RTX:
            if tensorrt:
                lines.append(_tensorrt_line(line, tensorrt, cuda12))
        elif not _is_there(name, has, cuda12):
            limit = CUDA12_LIMITS.get(name, "") if cuda12 else ""
            lines.append(line + limit)
    return lines


def _is_there(name: str, has: list[str], cuda12: bool) -> bool:
    """Whether a package is not to be installed."""
    if name == "torch":
        return {"tensorrt", "torch"} <= set(has)  # a container's own, made for each other
    if name == "cuda-toolkit":
        return cuda12 or "tensorrt" in has  # packages of CUDA 12 have no nvcc; containers do
    return False


def _tensorrt_line(line: str, tensorrt: str, cuda12: bool) -> str:
    """The requirement for the chosen TensorRT. ``line``: TensorRT-RTX's in requirements.txt."""
    if tensorrt != RTX:
        line = "tensorrt>=11,<12"
    if cuda12:
        line = line.replace(tensorrt, f"{tensorrt}-cu12")
    return line


def name_of(requirement: str) -> str:
    """The package that a line of requirements.txt asks for."""
    return re.split(r"[^\w.-]", requirement)[0]


def pip(python: str, *arguments: str, root: Path) -> None:
    """Run `pip install` in the folder ``root`` and print its large downloads as they come.

    Raises: PipError with its last lines.
    """
    # Takes the place of the containers' own PIP_CONSTRAINT, which pins everything; relative,
    # because pip splits it at blanks.
    settings = {
        **os.environ,
        "PIP_CONSTRAINT": ".venv/constraints.txt",
        "PIP_USER": "0",
        "PYTHONUNBUFFERED": "1",
    }
    options = ["--no-input", "--disable-pip-version-check"]
    output = []
    with subprocess.Popen(
        [python, "-m", "pip", *options, "install", *arguments],
        env=settings,
        cwd=root,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        for line in process.stdout or []:
            if not line.startswith("Requirement already"):
                output.append(line)
            if SHOWN.search(line):
                print(line.rstrip()[:120])
    if process.returncode:
        raise PipError("".join(output[-20:]) + advice("".join(output)))


def advice(output: str) -> str:
    """What to do about a pip that failed with this output."""
    folder = tempfile.gettempdir()
    processor = platform.machine()
    if "No space left on device" in output:
        return AGAIN + FULL.format(folder)
    if "not enough bytes were received" in output:
        return AGAIN + BROKEN_OFF.format(folder, shutil.disk_usage(folder).free / 1e9)
    if UNREACHABLE.search(output):
        return AGAIN + OFFLINE
    if "No matching distribution found for tensorrt" in output and processor != "x86_64":
        return AGAIN + NO_PACKAGE.format(processor)
    if "(from versions: none)" in output:
        return AGAIN + NONE_THERE
    return AGAIN
