"""Compiling CUDA: one CMake project, one target, and the compiler's words where it fails."""

import contextlib
import fcntl
import importlib.util
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from . import paths, tools
from .errors import PluginError

MOST_LINES = 20  # of a compiler's words
CHATTER = re.compile(r"\[ *\d+[%/]|g?make\b|ninja:|FAILED:|-- ")  # how CMake's own lines begin


def build(project: Path, folder: Path, target: str, settings: dict[str, str]) -> Path:
    """Compile one shared library of a CMake project. What is up to date is left alone.

    Args:
        project: folder of its CMakeLists.txt.
        folder: where it is built; one process works there at a time, others wait.
        target: name of the library.
        settings: {variable of the project: value}; nvcc is found here.
    Returns: path of the library.
    Raises: PluginError with the compiler's words, or with the tool that is missing.
    """
    nvcc = tools.find_tool("nvcc")
    if nvcc is None:
        raise PluginError(
            "no nvcc on this machine: install the CUDA toolkit, or `pip install nvidia-cuda-nvcc`"
        )
    cmake = find_cmake()
    configure = [cmake, "-S", str(project), "-B", str(folder), f"-DCMAKE_CUDA_COMPILER={nvcc}"]
    for name, value in settings.items():
        configure.append(f"-D{name}={value}")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        _configure(configure, folder, target)
        _check(_run([cmake, "--build", str(folder), "--target", target]), f"compile {target}")
    return folder / f"{target}.so"


def _configure(command: list[str], folder: Path, target: str) -> None:
    """Prepare a folder, unless it was prepared in the same way before.

    Where the project itself changed, CMake prepares it again by itself when it builds.
    Raises: PluginError with CMake's words.
    """
    note = folder / "configured.json"
    wanted = json.dumps(command)
    is_used = (folder / "CMakeCache.txt").exists()
    if is_used and note.exists() and note.read_text(encoding="utf-8") == wanted:
        return
    note.unlink(missing_ok=True)
    done = _run(command)
    if done.returncode != 0 and is_used:
        # What a clone that was moved left behind, or an interrupted run, may be in the way.
        done = _run([*command, "--fresh"])
    _check(done, f"prepare the compilation of {target}")
    note.write_text(wanted, encoding="utf-8")


def find_cmake() -> str:
    """Path of CMake: the program inside the Python package ``cmake``, else an installed one.

    Raises: PluginError where there is none.
    """
    package = importlib.util.find_spec("cmake")
    if package is not None and package.origin is not None:
        inside = Path(package.origin).parent / "data" / "bin" / "cmake"
        if inside.is_file():
            return str(inside)
    installed = tools.find_tool("cmake")
    if installed is None:
        raise PluginError("no cmake on this machine: `pip install cmake`")
    return installed


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other process is in here with the same file."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: list[str]) -> subprocess.CompletedProcess:
    environment = dict(os.environ)
    environment.pop("PYTHONHOME", None)  # an installed cmake may be a script of another Python
    return subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def _check(done: subprocess.CompletedProcess, what: str) -> None:
    """Raise PluginError with the lines that matter, their paths relative to the repository."""
    if done.returncode == 0:
        return
    said = done.stdout.replace(f"{paths.ROOT}/", "").splitlines()
    kept = [line for line in said if line.strip() and not CHATTER.match(line)]
    raise PluginError(f"cannot {what}:\n" + "\n".join(kept[:MOST_LINES]))
