"""Optimization profiles: what is accepted, and that every mistake names the input."""

import re

import numpy as np
import pytest
import torch

import cookbook
from cookbook import backend
from cookbook.building import profiles
from cookbook.building.profiles import add_profiles, to_profile
from tests import onnx_samples as samples

pytestmark = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)
LARGEST = 2**31 - 1


def said_about(given, model=None):
    """What the error says that these profiles raise."""
    builder, network = cookbook.parse(model or samples.linear())
    with pytest.raises(cookbook.BuildError) as caught:
        add_profiles(builder, network, builder.create_builder_config(), given)
    return str(caught.value)


def ranges_of(given, model=None, name="x"):
    """The shapes (min, opt, max) of an input in the profile made from this."""
    builder, network = cookbook.parse(model or samples.linear())
    profile = to_profile(builder, network, given)
    return [tuple(shape) for shape in profile.get_shape(name)]


@pytest.mark.parametrize(
    "given",
    [
        ((1, 4), (4, 4), (8, 4)),
        [[1, 4], [4, 4], [8, 4]],
        np.array([[1, 4], [4, 4], [8, 4]]),
        (torch.Size([1, 4]), torch.Size([4, 4]), torch.Size([8, 4])),
    ],
    ids=["tuples", "lists", "array", "torch"],
)
def test_shapes_are_set(given):
    assert ranges_of({"x": given}) == [(1, 4), (4, 4), (8, 4)]


def test_the_limits_of_a_dimension():
    assert ranges_of({"x": ((0, 4), (1, 4), (LARGEST, 4))}) == [(0, 4), (1, 4), (LARGEST, 4)]


def test_one_shape_three_times():
    assert ranges_of({"x": ((2, 4),) * 3}) == [(2, 4)] * 3


@pytest.mark.parametrize("given", [None, {}, []])
def test_a_model_without_dynamic_inputs_needs_none(given):
    builder, network = cookbook.parse(samples.convolution())
    config = builder.create_builder_config()
    add_profiles(builder, network, config, given)
    assert config.num_optimization_profiles == 0


def test_several_profiles():
    builder, network = cookbook.parse(samples.linear())
    config = builder.create_builder_config()
    add_profiles(builder, network, config, [samples.PROFILE, {"x": ((1, 4),) * 3}])
    assert config.num_optimization_profiles == 2
    config = builder.create_builder_config()
    add_profiles(builder, network, config, samples.PROFILE)
    assert config.num_optimization_profiles == 1


@pytest.mark.parametrize("given", [None, {}, [], ()])
def test_a_dynamic_input_without_a_profile(given):
    assert said_about(given) == (
        "input 'x' has the dynamic shape (-1, 4) and no profile: "
        "pass profiles={'x': (min, opt, max)} with three shapes"
    )


def test_an_input_that_does_not_exist():
    assert said_about({"z": ((1, 4),) * 3, 7: None}) == (
        "profile names ['z', 7], but the inputs are ['x']"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("x", "profiles is str: it must be {input: (min, opt, max)}, or a list of such"),
        (3, "profiles is int: it must be {input: (min, opt, max)}, or a list of such"),
        ([((1, 4),) * 3], "profile ((1, 4), (1, 4), (1, 4)): it must be {input: (min, opt, max)}"),
    ],
)
def test_something_else(given, words):
    assert said_about(given) == words


@pytest.mark.parametrize(
    "given",
    [
        7,
        None,
        (1, 4),
        ((1, 4), (4, 4)),
        ((1, 4), (4, 4), (8, 4), (9, 4)),
        ("14", "44", "84"),
        (b"14", b"44", b"84"),
        ((1, 4), (4.7, 4), (8, 4)),
        ((1, 4), (4, 4), (float("inf"), 4)),
        ((1, 4), (4, 4), (True, 4)),
        ((1, 4), (4, 4), ("8", 4)),
        ((1, 4), (4, 4), {8, 4}),
        ((1, 4), (4, 4), {8: 4}),
    ],
)
def test_what_are_no_three_shapes(given):
    assert said_about({"x": given}) == (
        f"profile of 'x' is {given!r}: it must be three shapes, (min, opt, max), of whole numbers"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            ((4, 4), (2, 4), (8, 4)),
            "each dimension must have min <= opt <= max, got (4, 4), (2, 4)",
        ),
        (
            ((1, 4), (8, 4), (4, 4)),
            "each dimension must have min <= opt <= max, got (1, 4), (8, 4)",
        ),
        (((1, 5), (8, 4), (8, 4)), "min (1, 5) does not fit the input's shape (-1, 4)"),
        (((1, 4), (8, 3), (8, 4)), "opt (8, 3) does not fit the input's shape (-1, 4)"),
        (((1, 4), (8, 4), (8, 5)), "max (8, 5) does not fit the input's shape (-1, 4)"),
        (((1,), (8,), (8,)), "min (1,) does not fit the input's shape (-1, 4)"),
        (((1, 4, 1), (8, 4, 1), (8, 4, 1)), "min (1, 4, 1) does not fit"),
        (((-1, 4), (8, 4), (8, 4)), "min (-1, 4) has a dimension of -1"),
        (((1, 4), (8, 4), (2**31, 4)), "max (2147483648, 4) has a dimension of 2147483648"),
        (((0, 4), (0, 4), (0, 4)), "opt (0, 4) is empty. It is what TensorRT tunes the engine for"),
        (((0, 4), (0, 4), (8, 4)), "opt (0, 4) is empty. It is what TensorRT tunes the engine for"),
    ],
)
def test_shapes_that_do_not_fit(given, words):
    assert said_about({"x": given}).startswith(f"profile of 'x': {words}")


def test_a_dimension_that_the_model_fixes_may_be_zero():
    model = samples.chain(samples.node("Relu", ["x"], ["y"]), shape=("n", 0))
    assert ranges_of({"x": ((1, 0), (2, 0), (3, 0))}, model) == [(1, 0), (2, 0), (3, 0)]


class TestShapeTensors:
    """Inputs whose values decide shapes."""

    OTHER = {"x": ((4,), (8,), (12,))}

    def said(self, given):
        return said_about({**self.OTHER, "shape": given}, samples.reshape())

    def test_values_are_set(self):
        builder, network = cookbook.parse(samples.reshape())
        ranges = {**self.OTHER, "shape": ((-1, 1), (2, 4), (3, 4))}
        profile = to_profile(builder, network, ranges)
        assert [list(values) for values in profile.get_shape_input("shape")] == [
            [-1, 1],
            [2, 4],
            [3, 4],
        ]
        assert [tuple(shape) for shape in profile.get_shape("x")] == [(4,), (8,), (12,)]

    def test_without_a_profile(self):
        assert said_about(self.OTHER, samples.reshape()) == (
            "input 'shape' is a shape tensor, its values decide shapes, and has no profile: "
            "pass profiles={'shape': (min, opt, max)} with its smallest, usual and largest "
            "values, 2 each"
        )

    @pytest.mark.parametrize(
        ("given", "label"),
        [(((1,), (1, 1), (1, 1)), "min (1,)"), (((1, 1), (1, 1), (1, 1, 1)), "max (1, 1, 1)")],
    )
    def test_a_wrong_number_of_values(self, given, label):
        assert self.said(given) == f"profile of 'shape': {label} must be 2 values, one an element"

    @pytest.mark.parametrize("given", [((1, 1), (2, 2), (1, 4)), ((3, 1), (2, 2), (4, 4))])
    def test_values_out_of_order(self, given):
        assert self.said(given).startswith(
            "profile of 'shape': each value must have min <= opt <= max, got "
        )

    def test_values_that_are_too_large(self):
        largest = 2**63 - 1 if backend.api_version() >= (10, 0) else LARGEST
        assert self.said(((1, 1), (2, 2), (4, largest + 1))) == (
            f"profile of 'shape': max (4, {largest + 1}) has the value {largest + 1}, which is too "
            "large"
        )
        assert "min (1, -" in self.said(((1, -largest - 1), (2, 2), (4, 4)))

    def test_before_10_values_are_int32(self, monkeypatch):
        builder, network = cookbook.parse(samples.reshape())
        ranges = {**self.OTHER, "shape": ((1, 1), (2, 2), (4, 2**31))}
        monkeypatch.setattr(profiles.backend, "api_version", lambda: (8, 6, 1))
        with pytest.raises(cookbook.BuildError, match="the value 2147483648, which is too large"):
            to_profile(builder, network, ranges)


def test_what_tensorrt_itself_refuses_comes_with_its_words():
    class Config:
        def add_optimization_profile(self, profile):
            cookbook.LOG.log(cookbook.trt.ILogger.ERROR, "because of the weather")
            return -1

    builder, network = cookbook.parse(samples.linear())
    with pytest.raises(cookbook.BuildError) as caught:
        add_profiles(builder, network, Config(), samples.PROFILE)
    assert re.fullmatch(
        r"TensorRT refused the profile \{'x': .*\}\.\nTensorRT's log says:\n  \[E\] because of the "
        "weather",
        str(caught.value),
    )


def test_the_first_index_is_no_refusal():
    class Config:
        def add_optimization_profile(self, profile):
            return 0

    builder, network = cookbook.parse(samples.linear())
    add_profiles(builder, network, Config(), samples.PROFILE)
