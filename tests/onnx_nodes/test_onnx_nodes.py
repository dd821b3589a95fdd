"""ONNX's node tests through ``cookbook.build`` and ``Session``: each comes out right, is refused by
one error that names a node or tensor, or stands in tests/known_differences.py.

What came of each case is kept in build/onnx-nodes, one line a case.
"""

import contextlib
import os
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import onnx
import pytest

import cookbook
from cookbook import backend, paths
from cookbook.building import network
from cookbook.running import session
from tests import onnx_samples as samples
from tests.onnx_nodes import onnx_nodes, onnx_verdicts
from tests.onnx_nodes.known_differences import KNOWN

LISTED = ("TensorRT 8.6", "TensorRT 10.6")  # releases that known_differences.py knows
SLOW = "TensorRT 8.6"
SLOW_SAMPLE = 300  # cases there; all would take too long
BUILT_ONLY = 200  # cases without a GPU: one of each operator
MOST_WORKERS = 8
GOOD = onnx_nodes.Outcome("right")
FLOAT = onnx.TensorProto.FLOAT


def first_operators(cases):
    return {case.model.graph.node[0].op_type for case in cases}


def check(cases, what, workers, folder):
    """Run cases in children and fail with all that is unexpected or outdated."""
    product = backend.product()
    outcomes = onnx_nodes.run_all(cases, what, workers, folder)
    name = f"{product} {what}.jsonl".replace(" ", "-")
    onnx_nodes.write(outcomes, paths.BUILD / "onnx-nodes" / name)
    assert list(outcomes) == sorted(case.name for case in cases)
    found = onnx_verdicts.unexpected(outcomes, KNOWN, product)
    if found:
        entries = onnx_verdicts.as_entries(found, product)
        pytest.fail(
            f"{len(found)} unexpected outcomes, as known_differences.py has them:\n{entries}"
        )
    assert onnx_verdicts.outdated(outcomes, KNOWN, product) == []


def test_a_case_of_each_operator_builds_or_is_refused_by_name(tmp_path):
    if backend.gpu_problem() is None:
        pytest.skip("here every case is built and run")
    everything = onnx_nodes.collect()
    cases = onnx_nodes.sample(everything, BUILT_ONLY)
    assert first_operators(cases) == first_operators(everything)
    check(cases, "build", 2, tmp_path)


@pytest.mark.gpu
def test_every_case_is_right_or_is_refused_by_name(tmp_path):
    product = backend.product()
    if not product.startswith(LISTED):
        pytest.skip(f"what {product} gets wrong was never listed: {' and '.join(LISTED)} were")
    cases = onnx_nodes.collect()
    if product.startswith(SLOW):
        cases = onnx_nodes.sample(cases, SLOW_SAMPLE)
    check(cases, "run", min(MOST_WORKERS, os.cpu_count()), tmp_path)


# -- what they are made of -------------------------------------------------------------------------


def case_of(model, inputs, outputs):
    """A case as ONNX has it; inputs and outputs in the model's order."""
    return SimpleNamespace(name="test_x", model=model, data_sets=[(inputs, outputs)])


def case_named(name, *operators):
    nodes = [onnx.helper.make_node(operator, ["x"], ["y"]) for operator in operators]
    graph = onnx.helper.make_graph(nodes, "g", [], [])
    return SimpleNamespace(name=name, model=onnx.helper.make_model(graph))


def test_a_sample_takes_operators_by_turns():
    cases = [
        case_named("a1", "Add"),
        case_named("a2", "Add"),
        case_named("m1", "Mul"),
        case_named("m2", "Mul", "Add"),
        case_named("m3", "Mul"),
    ]
    names = [case.name for case in onnx_nodes.sample(cases, 4)]
    assert names == ["a1", "m1", "a2", "m2"]
    assert len(onnx_nodes.sample(cases, 9)) == 5


def test_a_profile_allows_the_inputs_of_the_data_alone():
    feed = {"x": np.zeros(6, np.float32), "shape": np.array([2, 3])}
    _, network = cookbook.parse(samples.reshape())
    assert onnx_nodes.profile_for(network, feed) == {
        "x": ((6,), (6,), (6,)),
        "shape": ((2, 3), (2, 3), (2, 3)),
    }
    static = samples.model(
        [onnx.helper.make_node("Relu", ["x"], ["y"])], [("x", FLOAT, [4])], [("y", FLOAT, [4])]
    )
    _, network = cookbook.parse(static)
    assert onnx_nodes.profile_for(network, {"x": np.zeros(4, np.float32)}) is None


class TestNarrowed:
    def test_double_becomes_float(self):
        array = onnx_nodes.narrowed(np.array([0.1]), "float32")
        assert array.dtype == np.float32
        assert array[0] == np.float32(0.1)

    def test_whole_numbers_stay_in_range(self):
        limits = np.array([2**63 - 1, -(2**63), 5])
        array = onnx_nodes.narrowed(limits, "int32")
        assert array.dtype == np.int32
        assert array.tolist() == [2**31 - 1, -(2**31), 5]

    @pytest.mark.parametrize(("given", "asked"), [("int64", "int64"), ("float32", "float16")])
    def test_nothing_else_is_converted(self, given, asked):
        array = np.zeros(2, given)
        assert onnx_nodes.narrowed(array, asked) is array


class TestDifference:
    def difference(self, actual, expected):
        return onnx_nodes.difference_of("y", actual, expected)

    @pytest.mark.parametrize(
        ("dtype", "near", "far"),
        [
            (np.float32, 1.0009, 1.0011),
            (np.float64, 1.0009, 1.0011),
            (np.float16, 1.0098, 1.0117),
            (ml_dtypes.bfloat16, 1.046875, 1.0546875),
        ],
    )
    def test_tolerance_by_type(self, dtype, near, far):
        one = np.ones(1, dtype)
        assert self.difference(np.array([near], dtype), one) == ""
        assert "y: worst element" in self.difference(np.array([far], dtype), one)

    def test_whole_numbers_must_be_equal(self):
        thousand = np.array([10000], np.int32)
        assert self.difference(thousand, thousand) == ""
        assert "1 of 1 elements" in self.difference(thousand + 1, thousand)

    def test_types_must_be_equal_or_narrowed(self):
        assert self.difference(np.ones(1, np.float32), np.ones(1)) == ""
        assert self.difference(np.ones(1, np.int32), np.ones(1, np.int64)) == ""
        words = self.difference(np.ones(1), np.ones(1, np.float32))
        assert words == "y: float64, expected float32"

    def test_shapes_must_be_equal(self):
        words = self.difference(np.ones(2, np.float32), np.ones(1, np.float32))
        assert words == "y: shape (2,), expected (1,)"


@pytest.mark.parametrize("name", ["x", "h", "y", "the_culprit"])
def test_a_text_names_a_part_in_quotation_marks(name):
    model = samples.unknown_operator()
    assert onnx_nodes.names_a_part(f"node 0: {name!r} is wrong", model)
    assert not onnx_nodes.names_a_part(f"node 0: {name} is wrong", model)
    assert not onnx_nodes.names_a_part(f"node 0: '{name}2' is wrong", model)


class FakeSession(contextlib.AbstractContextManager):
    """In the place of a session of ``samples.relu``."""

    def __init__(self, plan):
        assert plan.size > 0
        self.specs = [
            SimpleNamespace(name="x", is_input=True, dtype="float32"),
            SimpleNamespace(name="y", is_input=False, dtype="float32"),
        ]

    def __call__(self, feed):
        assert feed["x"].dtype == np.float32
        return {"y": np.maximum(feed["x"], 0)}

    def __exit__(self, *_):
        return None


@pytest.mark.parametrize("fault", [None, RuntimeError("CUDA error: an illegal memory access")])
def test_a_gpu_is_usable_until_a_kernel_fails(monkeypatch, fault):
    def synchronize():
        if fault:
            raise fault

    monkeypatch.setattr("torch.cuda.synchronize", synchronize)
    assert onnx_nodes.gpu_is_usable() is (fault is None)


def test_outcomes_are_kept_a_line_a_case(tmp_path):
    path = tmp_path / "a" / "b.jsonl"
    onnx_nodes.write({"test_x": onnx_nodes.Outcome("hung", "é"), "test_y": GOOD}, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines == [
        '{"case": "test_x", "kind": "hung", "detail": "é"}',
        '{"case": "test_y", "kind": "right", "detail": ""}',
    ]


class TestRunCase:
    X = np.array([[1.0, -1.0, 2.0, 0.0]], np.float32)

    def test_built(self):
        case = case_of(samples.relu(), [self.X], [])
        assert onnx_nodes.run_case(case, execute=False) == onnx_nodes.Outcome("built")

    def test_data_may_be_of_onnx(self):
        case = case_of(samples.relu(), [onnx.numpy_helper.from_array(self.X)], [])
        assert onnx_nodes.run_case(case, execute=False).kind == "built"

    def test_refused_by_name(self):
        case = case_of(samples.unknown_operator(), [self.X], [])
        outcome = onnx_nodes.run_case(case, execute=False)
        assert outcome.kind == "refused"
        assert outcome.detail.startswith("BuildError: ")
        assert "'the_culprit'" in outcome.detail

    def test_refused_without_a_name(self, monkeypatch):
        def refuse(source):
            raise cookbook.BuildError("no")

        monkeypatch.setattr(network, "parse", refuse)
        outcome = onnx_nodes.run_case(case_of(samples.relu(), [self.X], []), execute=False)
        assert outcome == onnx_nodes.Outcome("unnamed", "BuildError: no")

    def test_another_exception(self):
        case = case_of(samples.relu(), [self.X, self.X], [])
        outcome = onnx_nodes.run_case(case, execute=False)
        assert outcome.kind == "raised"
        assert outcome.detail.startswith("ValueError: zip()")

    def test_the_result_decides_where_it_is_run(self, monkeypatch):
        monkeypatch.setattr(session, "Session", FakeSession)
        right = np.array([[1, 0, 2, 0]], np.float32)
        wide = self.X.astype(np.float64)
        case = case_of(samples.relu(), [wide], [right])
        assert onnx_nodes.run_case(case, execute=True) == GOOD
        case = case_of(samples.relu(), [wide], [right + 1])
        outcome = onnx_nodes.run_case(case, execute=True)
        assert outcome.kind == "different"
        assert outcome.detail.startswith("y: worst element (0, 1): 0, expected 1, difference 1")

    @pytest.mark.gpu
    def test_right_and_different(self):
        right = np.maximum(self.X, 0)
        good = case_of(samples.relu(), [self.X], [right])
        assert onnx_nodes.run_case(good, execute=True) == GOOD
        bad = onnx_nodes.run_case(case_of(samples.relu(), [self.X], [right + 1]), execute=True)
        assert bad.kind == "different"
        assert bad.detail.startswith("y: worst element")
