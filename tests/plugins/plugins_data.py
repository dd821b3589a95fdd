"""The cases of every plugin, from plugins/*/cases.py, and inputs for them."""

from typing import Any

import numpy as np
import pytest

import cookbook
from cookbook import plugins

NAMES = plugins.names()
CASES = [(name, k) for name in NAMES for k in range(len(plugins.cases(name)["CASES"]))]
TRT_NAMES = {"float32": "FLOAT", "float16": "HALF", "int32": "INT32", "int8": "INT8"}

each_plugin = pytest.mark.parametrize("name", NAMES)
each_case = pytest.mark.parametrize(("name", "number"), CASES)


def shapes_of(case: dict[str, Any], which: int) -> dict[str, tuple[int, ...]]:
    """{input: shape}. which: 0 the smallest, 1 the usual, 2 the largest."""
    return {name: shapes[which] for name, shapes in case["inputs"].items()}


def draw(shapes: dict[str, tuple[int, ...]], types: dict[str, str]) -> dict[str, np.ndarray]:
    """Seeded inputs: normal numbers, or small whole ones where the type is an integer."""
    random = np.random.default_rng(0)
    inputs = {}
    for name, shape in shapes.items():
        dtype = np.dtype(types[name])
        if dtype.kind == "f":
            values = random.standard_normal(shape)
        else:
            values = random.integers(0, 8, shape)
        inputs[name] = values.astype(dtype)
    return inputs


def open_shape(small: tuple[int, ...], large: tuple[int, ...]) -> list[int]:
    """A shape with -1 where the sizes differ."""
    sizes = []
    for a, b in zip(small, large, strict=True):
        is_fixed = a == b
        sizes.append(a if is_fixed else -1)
    return sizes


def expected(
    name: str, inputs: dict[str, np.ndarray], case: dict[str, Any]
) -> dict[str, np.ndarray]:
    """{output: array} by the plugin's reference."""
    results = plugins.reference(name)(*inputs.values(), **case["attributes"])
    if not isinstance(results, tuple):
        results = (results,)
    return dict(zip(plugins.cases(name)["OUTPUTS"], results, strict=True))


def compare(name: str, made: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> None:
    """Compare outputs with the reference's, as closely as the plugin's cases.py asks for."""
    assert set(made) == set(right)
    tolerances = plugins.cases(name)["TOLERANCE"]
    for key, array in right.items():
        assert made[key].dtype == array.dtype
        cookbook.compare(made[key], array, **tolerances[array.dtype.name], name=key)
