"""The ``%%requires`` line: what a cell needs, as in ``%%requires gpu, trt<11``, and what happens where that is missing.

Met, the line is dropped and the cell runs as any other (line numbers, errors and names are its own). Unmet, it does not
run: one line says what is missing, and what was recorded for the same source in the shipped notebooks is shown, marked
with the machine. The test run uses the same ``unmet`` to report such a cell as skipped.
"""
import functools
import hashlib
import html
import json
import os
import re

from . import backend
from .errors import RequiresError

MAGIC = "%%requires"
# word: (kind, how to get it). A word that is not here is an error: a typing mistake must not skip a cell for ever.
KNOWN = {"gpu": ("gpu", ""), "trt": ("trt", "see the environments in README.md"),
         "rtx": ("rtx", "pip install tensorrt-rtx, on a GPU that it supports"),
         "NvInfer.h": ("tool", "set TRT_INCLUDE to TensorRT's folder of headers, which containers and archives have"),
         "trtexec": ("tool", "comes with TensorRT's containers and archives, not with its Python package"),
         **{tool: ("tool", f"install {product}") for tool, product in {"nvcc": "the CUDA toolkit", "compute-sanitizer": "the CUDA toolkit",
                                                                       "nsys": "Nsight Systems", "ncu": "Nsight Compute"}.items()},
         **{name: ("package", f"pip install {package}") for name, package in {
             "tensorrt_rtx": "tensorrt-rtx", "torch": "torch", "triton": "torch", "torch_tensorrt": "torch-tensorrt",
             "modelopt": "nvidia-modelopt", "pytriton": "nvidia-pytriton", "pynvml": "nvidia-ml-py"}.items()}}
_WORD = re.compile(r"([A-Za-z][\w.-]*?)\s*((?:==|!=|<=|>=|<|>)\s*[\w.]+)?")


def spec_of(source: str) -> str | None:
    """The text after ``%%requires`` if that is how the cell starts, else None."""
    first = source.lstrip("\n").split("\n", 1)[0]
    return first[len(MAGIC):].strip() if re.match(rf"{MAGIC}(\s|$)", first) else None


def parse(spec: str) -> list[tuple[str, str]]:
    """``"gpu, trt<11"`` → ``[("gpu", ""), ("trt", "<11")]``. Raises: RequiresError for an unknown word or a misplaced version."""
    words = []
    for part in spec.split(","):
        match = _WORD.fullmatch(part.strip())
        if not match or match[1] not in KNOWN:
            raise RequiresError(f"{MAGIC} {spec}: cannot read {part.strip()!r}. Write words with commas between them, as in `{MAGIC} gpu, trt<11`; "
                                f"known words: {', '.join(KNOWN)}")
        word, version = match[1], (match[2] or "").replace(" ", "")
        if bool(version) != (word == "trt") and KNOWN[word][0] != "package":
            raise RequiresError(f"{MAGIC} {spec}: {word} " + ("needs a version, as in trt<11" if word == "trt" else "takes no version"))
        words.append((word, version))
    return words


def unmet(spec: str) -> list[str]:
    """What of the spec this machine lacks, as "what: remedy"; empty where the cell can run."""
    from packaging.specifiers import SpecifierSet
    missing = []
    for word, version in parse(spec):
        kind, remedy = KNOWN[word]
        if kind == "gpu":
            missing += [problem] if (problem := backend.gpu_problem()) else []
            continue
        name = f"{word}{version}"
        if kind == "trt":
            found = ".".join(map(str, backend.api_version()))
            name = f"TensorRT{version} ({backend.product()} is here" + (", with the API of 11)" if backend.is_rtx() else ")")
        elif kind == "rtx":
            found, name = backend.is_rtx(), "TensorRT-RTX"
        else:
            found = (backend.find_tool if kind == "tool" else backend.package_version)(word)
        if not found or (version and not SpecifierSet(version, prereleases=True).contains(found)):
            missing.append(f"{name}: {remedy}")
    return missing


def digest(source: str, outputs: list | None = None) -> str:
    """Ten hexadecimal digits that name a cell by its source, or by its source and outputs."""
    kept = [{k: v for k, v in dict(o).items() if k not in ("execution_count", "metadata")} for o in outputs or []]
    return hashlib.sha256((source.strip() + ("" if outputs is None else json.dumps(kept, sort_keys=True))).encode()).hexdigest()[:10]


def is_skipped(outputs: list) -> str | None:
    """The reason, if these are the outputs of a cell that did not run; else None."""
    return outputs[0].get("metadata", {}).get("cookbook", {}).get("skipped") if outputs else None


@functools.cache
def _recorded() -> dict[str, list[tuple[str, dict, dict]]]:
    """Source digest → [(notebook path, its recording stamps, cell)] for every ``%%requires`` cell of the shipped notebooks."""
    found = {}  # read without nbformat, whose import takes seconds; notebook files hold their texts as lists of lines
    for path in sorted((backend.ROOT / "notebooks").glob("*/*.ipynb")):
        notebook = json.loads(path.read_text("utf-8"), object_hook=lambda node: {
            key: "".join(value) if isinstance(value, list) and all(isinstance(line, str) for line in value) else value for key, value in node.items()})
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and spec_of(cell["source"]) is not None:
                found.setdefault(digest(cell["source"]), []).append((str(path), notebook["metadata"].get("cookbook", {}), cell))
    return found


def _origin(stamps: dict, cell: dict) -> tuple[str, list]:
    """(where a cell's stored outputs come from, in words; the outputs)."""
    outputs, note = cell["outputs"], cell["metadata"].get("cookbook", {})
    if is_skipped(outputs):  # a replay that somebody saved
        return outputs[0]["metadata"]["cookbook"]["origin"], outputs[1:]
    stamp = stamps.get(note.get("environment"))
    if not outputs:
        return "it printed nothing when it was recorded" if stamp else "nothing is recorded for it yet", []
    if not stamp or note.get("digest") != digest(cell["source"], outputs):
        return "below: saved by a later run of this notebook, not the shipped recording", outputs
    return f"below: recorded on {'a CPU' if stamp['gpu'] == 'none' else stamp['gpu']} with {stamp['tensorrt']}, {stamp['date']}", outputs


def replay(source: str) -> None:
    """Show, instead of running a cell, what is missing and what was recorded for its source."""
    from IPython.display import display
    missing, here = unmet(spec_of(source)), os.path.basename(os.getcwd())
    found = sorted(_recorded().get(digest(source), []), key=lambda hit: here not in hit[0])
    origin, outputs = _origin(*found[0][1:]) if found else ("nothing is recorded for it: the cell was changed", [])
    text = f"Not run here. It needs {'; and '.join(missing)}. Of this cell, {origin}."
    box = f'<div style="border-left:4px solid #76b900;padding:2px 8px;color:#666">⏭ {html.escape(text)}</div>'
    note = {"skipped": "; ".join(one.split(":")[0] for one in missing), "origin": origin}
    display({"text/plain": text, "text/html": box}, raw=True, metadata={"cookbook": note})
    for output in outputs:
        display(output.get("data") or {"text/plain": output.get("text", "").rstrip("\n")}, raw=True)


def _transform(lines: list[str]) -> list[str]:
    source = "".join(lines)
    spec = spec_of(source)
    if spec is None:
        return lines
    try:
        missing = unmet(spec)
    except RequiresError as error:
        return [f"raise __import__('cookbook').RequiresError({str(error)!r})\n"]
    return [f"__import__('cookbook').requires.replay({source.strip()!r})\n"] if missing else ["# " + lines[0][2:], *lines[1:]]


def load() -> None:
    """Switch the line on in the running IPython (nothing to do outside of one)."""
    from IPython import get_ipython
    if (shell := get_ipython()) is not None and _transform not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_transform)
