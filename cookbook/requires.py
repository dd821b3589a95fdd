"""The words of a ``%%requires`` line: what a cell needs, as in ``%%requires gpu, trt<11``.

``cookbook.course.notebook`` acts on them when a cell runs; the tests use the same ``unmet`` to
report a cell that cannot run here as skipped.
"""

import functools
import re
import sys
from typing import NamedTuple

from . import backend, cmake, paths, process, tools
from .errors import PluginError, ProcessError, RequiresError

MAGIC = "%%requires"


class Need(NamedTuple):
    """A word that a ``%%requires`` line may use. kind: package, tool, or one with its own test."""

    kind: str
    remedy: str


class Word(NamedTuple):
    """A word of one line. version: a comparison such as ``<11``, or empty."""

    name: str
    version: str


# A word that is not here is an error: a typing mistake must not skip a cell for ever.
KNOWN = {
    "gpu": Need("gpu", ""),
    "trt": Need("trt", "see the environments in README.md"),
    "rtx": Need("rtx", "pip install tensorrt-rtx, on a GPU that it supports"),
    "NvInfer.h": Need(
        "tool",
        "set TRT_INCLUDE to TensorRT's folder of headers, which containers and archives have",
    ),
    "trtexec": Need(
        "tool", "comes with TensorRT's containers and archives, not with its Python package"
    ),
    "nvcc": Need("tool", "install the CUDA toolkit"),
    "cmake": Need("cmake", "pip install cmake"),
    "compute-sanitizer": Need("tool", "install the CUDA toolkit"),
    "nsys": Need("tool", "install Nsight Systems"),
    "ncu": Need("tool", "install Nsight Compute"),
    "counters": Need(
        "counters",
        "let every user read them (https://developer.nvidia.com/ERR_NVGPUCTRPERM); "
        "in a container, start it with --cap-add SYS_ADMIN",
    ),
    "tensorrt_rtx": Need("package", "pip install tensorrt-rtx"),
    "torch": Need("package", "pip install torch"),
    "triton": Need("package", "pip install torch"),
    "torch_tensorrt": Need("package", "pip install torch-tensorrt"),
    "modelopt": Need("package", "pip install nvidia-modelopt"),
    "pytriton": Need("package", "pip install nvidia-pytriton"),
    "pynvml": Need("package", "pip install nvidia-ml-py"),
}
_WORD = re.compile(r"(?P<name>[A-Za-z][\w.-]*?)\s*(?P<version>(?:==|!=|<=|>=|<|>)\s*\d[\w.]*)?")
_COMPARISON = re.compile(r"(?P<operator>==|!=|<=|>=|<|>)(?P<version>\d+(?:\.\d+)*)")


def spec_of(source: str) -> str | None:
    """The text after ``%%requires`` if that is how the cell starts, else None."""
    first = source.lstrip("\n").split("\n", 1)[0]
    if not re.match(rf"{MAGIC}(\s|$)", first):
        return None
    return first[len(MAGIC) :].strip()


def parse(spec: str) -> list[Word]:
    """``"gpu, trt<11"`` → ``[("gpu", ""), ("trt", "<11")]``.

    Raises: RequiresError for an unknown word or a misplaced version.
    """
    words = []
    for part in spec.split(","):
        match = _WORD.fullmatch(part.strip())
        if not match or match["name"] not in KNOWN:
            raise RequiresError(
                f"{MAGIC} {spec}: cannot read {part.strip()!r}. Write words with commas between "
                f"them, as in `{MAGIC} gpu, trt<11`; known words: {', '.join(KNOWN)}"
            )
        word = Word(match["name"], (match["version"] or "").replace(" ", ""))
        _check_version(spec, word)
        words.append(word)
    return words


def _check_version(spec: str, word: Word) -> None:
    """Refuse a version where none belongs, and its absence where one must stand."""
    if KNOWN[word.name].kind == "package":
        return
    if word.name == "trt":
        if not _COMPARISON.fullmatch(word.version):
            raise RequiresError(f"{MAGIC} {spec}: trt needs a version, as in trt<11 or trt>=8.6.1")
    elif word.version:
        raise RequiresError(f"{MAGIC} {spec}: {word.name} takes no version")


def meets(found: tuple[int, ...], comparison: str) -> bool:
    """Whether a version of TensorRT meets a comparison, in as many parts as the comparison has.

    10.6.0 meets ``==10`` and ``<=10.6``, not ``>10``; 8.6.1 meets ``>=8.6.1``.
    """
    match = _COMPARISON.fullmatch(comparison)
    if match is None:
        raise RequiresError(
            f"cannot read the version {comparison!r}: write it as in <11 or >=8.6.1"
        )
    wanted = tuple(int(part) for part in match["version"].split("."))
    missing = len(wanted) - len(found)
    here = (found + (0,) * max(missing, 0))[: len(wanted)]
    outcomes = {
        "==": here == wanted,
        "!=": here != wanted,
        "<=": here <= wanted,
        ">=": here >= wanted,
        "<": here < wanted,
        ">": here > wanted,
    }
    return outcomes[match["operator"]]


def unmet(spec: str) -> list[str]:
    """What of the spec this machine lacks, as "what: remedy"; empty where the cell can run."""
    problems = [_problem(word) for word in parse(spec)]
    return list(dict.fromkeys(problem for problem in problems if problem))


def missing(spec: str) -> set[str]:
    """Names of the words of the spec that this machine does not meet."""
    return {word.name for word in parse(spec) if _problem(word)}


def _problem(word: Word) -> str | None:
    """What is missing for one word, with the remedy; None where it is met."""
    need = KNOWN[word.name]
    if need.kind == "gpu":
        return backend.gpu_problem()
    if need.kind == "trt":
        return _trt_problem(word)
    if need.kind == "rtx":
        return None if backend.is_rtx() else f"TensorRT-RTX: {need.remedy}"
    if need.kind == "counters":
        return _counters_problem()
    if need.kind == "cmake":
        return _cmake_problem()
    if need.kind == "tool":
        return None if tools.find_tool(word.name) else f"{word.name}: {need.remedy}"
    return _package_problem(word)


def _trt_problem(word: Word) -> str | None:
    if meets(backend.api_version(), word.version):
        return None
    here = f"{backend.product()} is here"
    if backend.is_rtx():
        here += ", with the API of 11"
    return f"TensorRT{word.version} ({here}): {KNOWN['trt'].remedy}"


def _cmake_problem() -> str | None:
    """Why there is no CMake. It may be inside a Python package, which is on no PATH."""
    try:
        cmake.find_cmake()
    except PluginError:
        return f"cmake: {KNOWN['cmake'].remedy}"
    return None


def _counters_problem() -> str | None:
    """Why the GPU's counters cannot be read: on many machines ``ncu`` is there and may not."""
    ncu = tools.find_tool("ncu")
    if ncu is None:
        return f"counters (no ncu): {KNOWN['ncu'].remedy}"
    problem = backend.gpu_problem()
    if problem is None and (words := counters_refused(ncu)):
        problem = f"counters ({words}): {KNOWN['counters'].remedy}"
    return problem


@functools.cache
def counters_refused(ncu: str) -> str:
    """What ``ncu`` says when it is to count a kernel's cycles; empty where it counts them.

    Trying takes seconds, so it is done once in a process.
    """
    options = ["--csv", "--page", "raw", "--clock-control", "none"]  # the card is left as it is
    command = [ncu, *options, "--metrics", "sm__cycles_elapsed.max"]
    program = [sys.executable, "-m", "cookbook.one_kernel"]
    try:
        done = process.run([*command, *program], check=False, time_limit=60, cwd=paths.ROOT)
    except ProcessError as error:
        return _without_colon(str(error).splitlines()[0])
    said = []
    for line in done.text.splitlines():
        if line.startswith('"') and "one_kernel" in line:
            return ""
        if line.startswith("==ERROR=="):
            said.append(line.removeprefix("==ERROR==").strip())
    return _without_colon(said[0] if said else f"ncu counted nothing, {done.ending}")


def _without_colon(text: str) -> str:
    """A text for the first half of "what: remedy"."""
    return text.replace(":", ",")


def _package_problem(word: Word) -> str | None:
    from packaging.specifiers import SpecifierSet

    found = tools.package_version(word.name)
    if found and SpecifierSet(word.version, prereleases=True).contains(found):
        return None
    return f"{word.name}{word.version}: {KNOWN[word.name].remedy}"
