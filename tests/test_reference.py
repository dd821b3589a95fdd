"""``compare`` tells what agrees from what does not; ONNX Runtime as a reference."""

import ml_dtypes
import numpy as np
import onnx
import pytest
import torch

import cookbook
from cookbook import reference
from tests import onnx_samples as samples

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([], []),
        ([NAN, INF, -INF], [NAN, INF, -INF]),
        (3, 3),
        ([1.0 + 1e-7], [1.0]),
        (torch.tensor([1.0]), np.array([1.0])),
        (torch.tensor([1.0], dtype=torch.bfloat16), [1.0]),
        (torch.tensor([1.0], requires_grad=True), [1.0]),
        ([True], [1]),
        ([1 + 1j], [1 + 1j]),
        (np.float16([1.5]), np.float32([1.5])),
        (np.array([1.5], ml_dtypes.bfloat16), [1.5]),
        ([3], [3.0]),
        ([1e9 + 1000j], [1e9 + 0j]),  # the tolerance follows the distance from zero
        ([complex(NAN, 0), complex(INF, 0)], [complex(NAN, 0), complex(INF, 0)]),
    ],
)
def test_compare_accepts(actual, expected):
    assert cookbook.compare(actual, expected, name="thing").startswith("thing: ")


@pytest.mark.parametrize(
    ("actual", "expected", "words"),
    [
        (
            [1.0, 2.0, 3.1],
            [1.0, 2.0, 3.0],
            r"\(2,\): 3.1, expected 3, difference 0.1;.*1 of 3 elem",
        ),
        ([[5.0, 2.0], [3.0, 9.0]], [[5.0, 3.0], [3.0, 4.0]], r"\(1, 1\): 9, expected 4.*2 of 4"),
        ([1.0, NAN], [1.0, 2.0], r"\(1,\): nan, expected 2"),
        ([1.0, 2.0], [1.0, NAN], r"\(1,\): 2, expected nan"),
        ([INF], [-INF], "inf, expected -inf"),
        ([INF], [1.0], "inf, expected 1"),
        ([1.0], [INF], "1, expected inf"),
        ([1.0, 2.0], [1.0], r"shape \(2,\), expected \(1,\)"),
        ([[1.0]], [1.0], r"shape \(1, 1\), expected \(1,\)"),
        (torch.tensor([1.5]), np.array([1.0]), "1.5, expected 1"),
        ([True], [False], "True, expected False, difference 1"),
        ([1 + 1j], [1 + 2j], r"1\+1j, expected 1\+2j, difference 1"),
        ([3], [5], "3, expected 5, difference 2"),
        ([3], [3.5], "3, expected 3.5, difference 0.5"),
        ([0.0 + 1j], [0.0], "difference 1;"),
        (torch.tensor([1 + 2**-40], dtype=torch.float64), [2.0], "expected 2, difference 1"),
    ],
)
def test_compare_refuses_and_shows_the_worst(actual, expected, words):
    with pytest.raises(cookbook.ComparisonError, match=words) as error:
        cookbook.compare(actual, expected)
    assert isinstance(error.value, AssertionError)
    assert isinstance(error.value, cookbook.CookbookError)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (torch.tensor([2**24 + 1]), torch.tensor([2**24])),
        (np.array([2**53 + 1]), np.array([2**53])),
        (np.array([2**64 - 1], np.uint64), np.array([-1], np.int64)),
        (np.array([2**63], np.uint64), np.array([2**63 - 1], np.int64)),
    ],
)
def test_whole_numbers_are_compared_exactly(actual, expected):
    with pytest.raises(cookbook.ComparisonError):
        cookbook.compare(actual, expected, rtol=0, atol=0)
    assert cookbook.compare(actual, actual, rtol=0, atol=0)


def test_double_precision_is_kept():
    one = torch.tensor([1.0], dtype=torch.float64)
    with pytest.raises(cookbook.ComparisonError):
        cookbook.compare(one + 1e-9, one, rtol=1e-12, atol=0)
    cookbook.compare(one + 1e-9, one, rtol=1e-8, atol=0)


def test_both_tolerances_count():
    cookbook.compare([100.9, 0.09], [100.0, 0.0], rtol=0.01, atol=0.1)
    with pytest.raises(cookbook.ComparisonError, match="tolerance rtol=0, atol=0.1"):
        cookbook.compare([100.9, 0.09], [100.0, 0.0], rtol=0, atol=0.1)
    with pytest.raises(cookbook.ComparisonError):
        cookbook.compare([100.9, 0.09], [100.0, 0.0], rtol=0.01, atol=0)


def test_the_tolerance_itself_is_still_within():
    cookbook.compare([1.5], [1.0], rtol=0, atol=0.5)
    with pytest.raises(cookbook.ComparisonError):
        cookbook.compare([1.5000001], [1.0], rtol=0, atol=0.5)


def test_defaults_are_tight():
    with pytest.raises(cookbook.ComparisonError):
        cookbook.compare([1.0 + 2e-5], [1.0])
    with pytest.raises(cookbook.ComparisonError):
        cookbook.compare([2e-6], [0.0])


def test_the_line_names_worst_element_and_tolerance():
    line = cookbook.compare([1.0, 2.0], [1.0, 2.0000001], name="y")
    assert line.startswith(
        "y: worst element (1,): 2, expected 2, difference 1e-07; tolerance rtol=1e-05"
    )


def test_onnx_runtime_computes_outputs_by_name(tmp_path):
    model = samples.linear()
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    outputs = reference.run_onnx(model, {"x": x})
    assert set(outputs) == {output.name for output in model.graph.output}
    onnx.save(model, tmp_path / "linear.onnx")
    again = reference.run_onnx(tmp_path / "linear.onnx", {"x": x}, optimize=False)
    for name, value in outputs.items():
        cookbook.compare(again[name], value)


def test_onnx_runtimes_refusal_is_one_error(tmp_path):
    with pytest.raises(cookbook.CookbookError, match="ONNX Runtime refuses the model.*Frobnicate"):
        reference.run_onnx(samples.unknown_operator(), {})
    with pytest.raises(cookbook.CookbookError, match="could not run the model: .*x"):
        reference.run_onnx(samples.linear(), {})


def test_optimisations_can_be_switched_off(monkeypatch):
    import onnxruntime

    levels = []

    class Session:
        def __init__(self, source, options, providers):
            levels.append((options.graph_optimization_level, options.log_severity_level, providers))

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    reference.onnx_session(samples.linear())
    reference.onnx_session(samples.linear(), optimize=False)
    level = onnxruntime.GraphOptimizationLevel
    assert levels == [
        (level.ORT_ENABLE_ALL, 4, ["CPUExecutionProvider"]),
        (level.ORT_DISABLE_ALL, 4, ["CPUExecutionProvider"]),
    ]


def test_without_onnx_runtime_the_remedy_is_said(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(cookbook.CookbookError, match="pip install onnxruntime"):
        reference.run_onnx(samples.linear(), {})
