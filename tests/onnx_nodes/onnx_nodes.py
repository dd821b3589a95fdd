"""ONNX's own node tests: each asks TensorRT for one operator, and knows the right answer.

As a program, ``python -m tests.onnx_nodes.onnx_nodes FOLDER WHAT REPORT`` does the cases of a
folder whose names it reads; see worker_pool.py beside this file.
"""

import dataclasses
import json
import pickle
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

import cookbook
from cookbook.building.onnx_bodies import all_bodies
from cookbook.errors import ComparisonError, CookbookError
from tests.onnx_nodes import worker_pool

HANG_SECONDS = 60  # for one case; the slowest takes 3 seconds
LEVEL = 0  # whether a result is right must not depend on how long the builder searched
TOLERANCES = {"float16": (1e-2, 1e-3), "bfloat16": (4e-2, 1e-2)}
TOLERANCE = (1e-3, 1e-5)  # (relative, absolute) for other floating-point types
# TensorRT computes with the narrower type where it has no other: 64-bit floats in every version,
# 64-bit integers before 10.
NARROWED = {"float64": "float32", "int64": "int32"}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a case.

    kind: right – the engine's result is ONNX's; built – it builds, and was not to be run; refused –
    one CookbookError that names a node or tensor of the model; unnamed – one that names none;
    different – another result; raised – another exception; crashed or hung – with its process.
    detail: the error, or where the results differ.
    """

    kind: str
    detail: str = ""


def collect() -> list[Any]:
    """All cases of the installed onnx package that have data, sorted by name (takes 10 s)."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [case for case in collect_testcases(None) if case.data_sets]
    return sorted(cases, key=lambda case: case.name)


def sample(cases: Sequence[Any], count: int) -> list[Any]:
    """A choice of cases, always the same: one of each operator, then a second of each, and so on.

    A case that is a function's expansion counts for the operator of its first node.
    """
    groups: dict[str, list[Any]] = {}
    for case in cases:
        operator = case.model.graph.node[0].op_type
        groups.setdefault(operator, []).append(case)
    ranked = []
    for group in groups.values():
        ranked += list(enumerate(group))
    ranked.sort(key=lambda pair: (pair[0], pair[1].name))
    return [case for _, case in ranked[:count]]


def run_case(case: Any, execute: bool, timing_cache: bool | Path = False) -> Outcome:
    """Build a case's model, and with ``execute`` run it and compare the outputs with ONNX's."""
    try:
        plan, feed = _build(case, timing_cache)
        if not execute:
            return Outcome("built")
        return _check(plan, feed, _arrays(case.model.graph.output, case.data_sets[0][1]))
    except CookbookError as error:
        kind = "unnamed"
        if names_a_part(str(error), case.model):
            kind = "refused"
        return Outcome(kind, f"{type(error).__name__}: {error}")
    except Exception as error:  # whatever it is, it should have been a CookbookError
        return Outcome("raised", f"{type(error).__name__}: {error}")


def _build(case: Any, timing_cache: bool | Path) -> tuple[Any, dict[str, np.ndarray]]:
    """The plan of a case, and its inputs by name."""
    parsed = cookbook.parse(case.model)
    feed = _arrays(case.model.graph.input, case.data_sets[0][0])
    profile = profile_for(parsed[1], feed)
    plan = cookbook.build(parsed, profiles=profile, level=LEVEL, timing_cache=timing_cache)
    return plan, feed


def _arrays(infos: Sequence[Any], values: Sequence[Any]) -> dict[str, np.ndarray]:
    """What a data set holds, as arrays by the names of inputs or outputs."""
    arrays = {}
    for info, value in zip(infos, values, strict=True):
        if isinstance(value, onnx.TensorProto):
            value = numpy_helper.to_array(value)
        arrays[info.name] = np.asarray(value)
    return arrays


def profile_for(network: Any, feed: dict[str, np.ndarray]) -> dict[str, tuple] | None:
    """A profile that allows the inputs of a data set and no others; None where none is needed."""
    ranges = {}
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        if tensor.is_shape_tensor:
            values = tuple(int(value) for value in feed[tensor.name].reshape(-1))
            ranges[tensor.name] = (values, values, values)
        elif -1 in tuple(tensor.shape):
            shape = feed[tensor.name].shape
            ranges[tensor.name] = (shape, shape, shape)
    return ranges or None


def _check(plan: Any, feed: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> Outcome:
    """Run a plan once. Raises: CookbookError where the session takes no such inputs."""
    with cookbook.Session(plan) as session:
        given = {}
        for spec in session.specs:
            if spec.is_input:
                given[spec.name] = narrowed(feed[spec.name], spec.dtype)
        got = session(given)
    wrong = []
    for name, expected in wanted.items():
        difference = difference_of(name, got[name], expected)
        if difference:
            wrong.append(difference)
    if wrong:
        return Outcome("different", "; ".join(wrong))
    return Outcome("right")


def narrowed(array: np.ndarray, dtype: str) -> np.ndarray:
    """An input in the narrower type that an engine asks for; otherwise as it is.

    Whole numbers that are too large become the largest that there is, as in TensorRT's parser.
    """
    if NARROWED.get(array.dtype.name) != dtype:
        return array
    if array.dtype.kind == "i":
        limits = np.iinfo(dtype)
        array = array.clip(limits.min, limits.max)
    return array.astype(dtype)


def difference_of(name: str, actual: np.ndarray, expected: np.ndarray) -> str:
    """How an output differs from what ONNX expects; "" where it does not."""
    found = actual.dtype.name
    if found not in (expected.dtype.name, NARROWED.get(expected.dtype.name)):
        return f"{name}: {found}, expected {expected.dtype.name}"
    relative, absolute = TOLERANCES.get(expected.dtype.name, TOLERANCE)
    if expected.dtype.kind in "iub":
        relative = absolute = 0.0
    try:
        cookbook.compare(actual, expected, relative, absolute, name)
    except ComparisonError as error:
        return str(error)
    return ""


def names_a_part(text: str, model: onnx.ModelProto) -> bool:
    """Whether a text names, in quotation marks, a node or tensor of a model."""
    return any(repr(name) in text for name in _names(model))


def _names(model: onnx.ModelProto) -> Iterator[str]:
    for body in all_bodies(model):
        yield from body.names()
        yield from body.outputs
        for node in body.nodes:
            if node.name:
                yield node.name


def save(cases: Sequence[Any], folder: Path) -> None:
    """Write cases to a folder, a file each: children need not collect them anew."""
    for case in cases:
        (folder / f"{case.name}.pickle").write_bytes(pickle.dumps(case))


def run_all(cases: Sequence[Any], what: str, workers: int, folder: Path) -> dict[str, Outcome]:
    """{name: outcome} of cases. ``what`` – build or run; ``folder`` – for files on the way."""
    save(cases, folder)
    program = ("-m", "tests.onnx_nodes.onnx_nodes", folder, what)
    names = [case.name for case in cases]
    answers = worker_pool.run_all(program, names, workers, folder)
    return {name: Outcome(**answers[name]) for name in sorted(answers)}


def write(outcomes: dict[str, Outcome], path: Path) -> None:
    """Keep outcomes as JSON, one line a case."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for name, outcome in outcomes.items():
            line = {"case": name, **dataclasses.asdict(outcome)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def gpu_is_usable() -> bool:
    """Whether CUDA still answers: after a fault in a kernel it refuses everything."""
    import torch

    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True


def main(folder: Path, what: str, report: Path) -> None:
    """Do the cases of a folder that the standard input names."""
    cache = report.with_suffix(".cache")

    def work(name: str) -> dict[str, str]:
        case = pickle.loads((folder / f"{name}.pickle").read_bytes())
        return dataclasses.asdict(run_case(case, what == "run", cache))

    if what == "build":
        worker_pool.serve(work, report, HANG_SECONDS)
    else:
        worker_pool.serve(work, report, HANG_SECONDS, gpu_is_usable)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
