"""References to check results against: how to compare, and ONNX Runtime as the other opinion."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ComparisonError, CookbookError

if TYPE_CHECKING:
    import onnx

ABSENT = "onnxruntime is not installed: run `make setup`, or `pip install onnxruntime`"


def compare(
    actual: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-6, name: str = "result"
) -> str:
    """Assert that two arrays (NumPy or torch) agree: shape, no new NaN, and every element within
    ``|actual - expected| <= atol + rtol * |expected|``.

    Integers are compared exactly where the tolerances are zero, complex numbers by their distance.

    Returns: one line with the worst element.
    Raises: ComparisonError with the same line and how many elements differ.
    """
    a = _array(actual)
    b = _array(expected)
    if a.shape != b.shape:
        raise ComparisonError(f"{name}: shape {a.shape}, expected {b.shape}")
    if a.size == 0:
        return f"{name}: both are empty"
    difference = _difference(a, b)
    excess = _excess(a, b, difference, rtol, atol)
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    place = tuple(int(index) for index in worst)
    line = (
        f"{name}: worst element {place}: {_shown(a[worst])}, expected {_shown(b[worst])}, "
        f"difference {difference[worst]:.2g}; tolerance rtol={rtol:g}, atol={atol:g}"
    )
    wrong = int((excess > 0).sum())
    if wrong:
        raise ComparisonError(f"{line}. {wrong:,} of {a.size:,} elements differ by more")
    return line


def _array(value: Any) -> np.ndarray:
    """A value as a NumPy array that keeps its precision; narrow floating types become float32."""
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu()
        if value.is_floating_point() and value.element_size() < 4:
            value = value.float()  # NumPy has no bfloat16 and no FP8
        value = value.numpy()
    array = np.asarray(value)
    if array.dtype.kind == "V":  # ml_dtypes
        array = array.astype(np.float32)
    return array


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b| in float64; whole numbers are subtracted exactly before that."""
    whole = a.dtype.kind in "iub" and b.dtype.kind in "iub"
    if whole:
        exact = a.astype(object) - b.astype(object)
        return np.abs(exact).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.abs(_wide(a) - _wide(b))


def _wide(array: np.ndarray) -> np.ndarray:
    """In double precision."""
    if array.dtype.kind == "c":
        return array.astype(np.complex128)
    return array.astype(np.float64)


def _excess(
    a: np.ndarray, b: np.ndarray, difference: np.ndarray, rtol: float, atol: float
) -> np.ndarray:
    """By how much each element is out of tolerance: positive is too much, -inf is equal."""
    with np.errstate(invalid="ignore"):
        excess = difference - (atol + rtol * np.abs(_wide(b)))
    excess = np.where(np.isnan(excess), np.inf, excess)
    equal = difference == 0
    if a.dtype.kind in "fc" and b.dtype.kind in "fc":
        both_nan = np.isnan(a) & np.isnan(b)  # a NaN that was expected
        equal = equal | (a == b) | both_nan  # a == b: infinities
    return np.where(equal, -np.inf, excess)


def _shown(value: Any) -> str:
    """An element as a reader wants it: whole numbers in full, others in seven digits."""
    if isinstance(value, (np.floating, np.complexfloating)):
        return f"{value:.7g}"
    return str(value)


def run_onnx(
    model: "str | Path | onnx.ModelProto", feed: dict[str, np.ndarray], optimize: bool = True
) -> dict[str, np.ndarray]:
    """What ONNX Runtime computes on the CPU: {output name: array}.

    Args: ``model`` – a path or ``onnx.ModelProto``; ``feed`` – arrays by input name; ``optimize`` –
        False switches its graph optimisations off, for the plainest reference.
    Raises: CookbookError with ONNX Runtime's words where it refuses model or inputs.
    """
    session = onnx_session(model, optimize)
    names = [output.name for output in session.get_outputs()]
    try:
        values = session.run(names, feed)
    except Exception as error:  # its errors have no common base
        raise CookbookError(f"ONNX Runtime could not run the model: {error}") from error
    return dict(zip(names, values, strict=True))


def onnx_session(model: "str | Path | onnx.ModelProto", optimize: bool = True) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU, for repeated calls; see ``run_onnx``."""
    try:
        import onnxruntime
    except ImportError as error:
        raise CookbookError(ABSENT) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong comes as an exception
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    source = str(model) if isinstance(model, (str, Path)) else model.SerializeToString()
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CookbookError(f"ONNX Runtime refuses the model: {error}") from error
