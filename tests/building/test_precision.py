"""Types by flags, types in the model, and advice that leads to a plan."""

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto

import cookbook
from cookbook import backend, trt
from cookbook.building import precision
from cookbook.building.precision import check_precision, set_flags, typed_source, types_of
from tests import onnx_samples as samples
from tests.onnx_samples import PROFILE, chain, node

can_build = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)
typed = pytest.mark.skipif(
    backend.api_version() < (11, 0), reason="only strongly typed versions look into the model"
)
weak = pytest.mark.skipif(
    backend.api_version() >= (11, 0), reason="only weakly typed versions have these flags"
)
FP16 = TensorProto.FLOAT16
HALF = chain(
    node("MatMul", ["x", "w"], ["y"]), weights=[("w", np.ones((4, 4), np.float16))], kind=FP16
)
BF16 = chain(
    node("MatMul", ["x", "w"], ["y"]),
    weights=[("w", np.ones((4, 4), ml_dtypes.bfloat16))],
    kind=TensorProto.BFLOAT16,
)


def fails(source, name):
    with pytest.raises(cookbook.BuildError) as caught:
        typed_source(source, name)
    return str(caught.value)


@pytest.mark.parametrize("name", ["fp64", None, ["fp16"], "FP16", ""])
def test_an_unknown_precision(name):
    with pytest.raises(cookbook.BuildError) as caught:
        check_precision(name)
    assert str(caught.value) == (f"precision={name!r}: must be one of fp32, tf32, fp16, bf16, int8")


@pytest.mark.parametrize("name", ["fp32", "tf32", "fp16", "bf16", "int8"])
def test_known_ones(name):
    check_precision(name)


class Config:
    def __init__(self):
        self.calls = []

    def set_flag(self, flag):
        self.calls.append(("set", flag))

    def clear_flag(self, flag):
        self.calls.append(("clear", flag))


class WeakTrt:
    """TensorRT 8.6 as far as it matters here."""

    class BuilderFlag:
        FP16 = "FP16"
        INT8 = "INT8"
        TF32 = "TF32"


@pytest.fixture
def weakly_typed(monkeypatch):
    monkeypatch.setattr(backend, "api_version", lambda: (8, 6, 1))
    monkeypatch.setattr(precision, "trt", WeakTrt)


def flags(name):
    config = Config()
    set_flags(config, name)
    return config.calls


def test_flags_where_types_are_weak(weakly_typed):
    assert flags("fp32") == [("clear", "TF32")]
    assert flags("tf32") == []
    assert flags("fp16") == [("set", "FP16")]
    assert flags("int8") == [("set", "INT8"), ("set", "FP16")]


def test_a_flag_that_the_version_lacks(weakly_typed):
    with pytest.raises(cookbook.BuildError, match="has no BF16: use fp16, or a newer TensorRT"):
        flags("bf16")


@typed
def test_flags_where_types_are_strong():
    assert flags("fp32") == [("clear", trt.BuilderFlag.TF32)]
    for name in ("tf32", "fp16", "bf16", "int8"):
        assert flags(name) == []


@pytest.mark.parametrize("name", precision.PRECISIONS)
def test_where_types_are_weak_the_source_stays(weakly_typed, name):
    assert typed_source("a path", name) == "a path"


@can_build
@weak
def test_flags_reach_the_build():
    seen = {}
    for name in ("fp32", "tf32", "fp16"):

        def look(config, name=name):
            seen[name] = (
                config.get_flag(trt.BuilderFlag.FP16),
                config.get_flag(trt.BuilderFlag.TF32),
            )  # trt<11

        cookbook.build(samples.linear(), profiles=PROFILE, precision=name, configure=look)
    assert seen == {"fp32": (False, False), "tf32": (False, True), "fp16": (True, True)}


@typed
class TestTypedModels:
    @pytest.mark.parametrize("name", ["fp32", "tf32"])
    def test_no_types_are_needed(self, name):
        assert typed_source("a path that nobody reads", name) == "a path that nobody reads"

    @pytest.mark.parametrize(
        ("model", "name"),
        [(HALF, "fp16"), (BF16, "bf16"), (samples.weight_only_int8(), "int8")],
        ids=["fp16", "bf16", "int8"],
    )
    def test_a_model_that_has_the_type_is_taken_as_it_is(self, model, name):
        assert typed_source(model, name) is model

    def test_a_path_stays_a_path(self, tmp_path):
        onnx.save(samples.weight_only_int8(), tmp_path / "int8.onnx")
        assert typed_source(tmp_path / "int8.onnx", "int8") == tmp_path / "int8.onnx"

    def test_fp16_converts_what_has_no_fp16(self):
        source = samples.linear()
        made = typed_source(source, "fp16")
        assert [tensor.data_type for tensor in made.graph.initializer] == [FP16]
        assert source == samples.linear()

    def test_fp16_converts_weights_in_another_file(self, tmp_path):
        samples.with_external_weights(tmp_path / "big.onnx")
        made = typed_source(tmp_path / "big.onnx", "fp16")
        (weight,) = made.graph.initializer
        np.testing.assert_array_equal(
            onnx.numpy_helper.to_array(weight), samples.WEIGHT.astype(np.float16)
        )

    def test_bf16_says_what_to_do(self):
        said = fails(samples.linear(), "bf16")
        assert said == (
            f"{backend.product()} has no BF16 flag, it takes types from the model, and this model "
            "has no bf16 tensor: export it from PyTorch in bfloat16, model.bfloat16(), then build "
            "that one"
        )

    def test_int8_says_what_to_do(self):
        said = fails(samples.linear(), "int8")
        assert "has no int8 tensor: quantise it with ModelOpt, or with ONNX Runtime: " in said
        for words in (
            "quantize_static(model, out, reader, ",
            "activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, ",
            "extra_options={'ActivationSymmetric': True, 'QuantizeBias': False}",
        ):
            assert words in said


@can_build
@typed
class TestTypedPlans:
    def test_fp16_gives_another_plan(self):
        single = cookbook.build(samples.linear(), profiles=PROFILE)
        half = cookbook.build(samples.linear(), profiles=PROFILE, precision="fp16")
        assert half.bytes != single.bytes

    @pytest.mark.parametrize(
        ("model", "name"),
        [(HALF, "fp16"), (BF16, "bf16"), (samples.weight_only_int8(), "int8")],
        ids=["fp16", "bf16", "int8"],
    )
    def test_models_that_have_the_type(self, model, name):
        assert cookbook.build(model, precision=name).size > 1000

    def test_the_advice_for_int8_leads_to_a_plan(self, tmp_path):
        from onnxruntime.quantization import QuantType, quantize_static

        random = np.random.default_rng(4)

        class Reader:
            def __init__(self):
                images = [random.standard_normal((1, 3, 8, 8)).astype(np.float32) for _ in "ab"]
                self.left = [{"x": image} for image in images]

            def get_next(self):
                return self.left.pop() if self.left else None

        model, out, reader = samples.convolution(), tmp_path / "int8.onnx", Reader()
        advice = fails(model, "int8")
        call = advice[advice.index("quantize_static(") : advice.index(", then build")]
        onnx.save(model, tmp_path / "model.onnx")
        names = {"quantize_static": quantize_static, "QuantType": QuantType, "out": out}
        eval(call, names, {"model": tmp_path / "model.onnx", "reader": reader})
        assert TensorProto.INT8 in types_of(onnx.load(out))
        assert cookbook.build(out, precision="int8").size > 1000

    @pytest.mark.parametrize(("name", "shown"), [("fp16", "FP16"), ("bf16", "BF16")])
    def test_a_network_without_the_type(self, name, shown):
        _, network = cookbook.parse(samples.linear())
        assert fails(network, name) == (
            f"{backend.product()} has no {shown} flag, it takes types from the network, and this "
            f"network has no {name} tensor: build it with weights of that type and add_cast, or "
            "pass an ONNX model"
        )

    @pytest.mark.parametrize(
        ("model", "name"),
        [(HALF, "fp16"), (BF16, "bf16"), (samples.weight_only_int8(), "int8")],
        ids=["fp16", "bf16", "int8"],
    )
    def test_a_network_with_the_type(self, model, name):
        _, network = cookbook.parse(model)
        assert typed_source(network, name) is network

    def test_a_network_with_the_type_in_an_input_alone(self):
        model = chain(node("Cast", ["x"], ["y"], to=TensorProto.FLOAT), kind=FP16)
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
        _, network = cookbook.parse(model)
        assert typed_source(network, "fp16") is network


class TestTypesOf:
    def test_inputs_constants_and_casts(self):
        tensor = onnx.numpy_helper.from_array(np.zeros(1, np.int8))
        nodes = [
            node("Constant", [], ["c"], value=tensor),
            node("Cast", ["x"], ["y"], to=TensorProto.BFLOAT16),
        ]
        model = chain(*nodes, weights=[("w", np.zeros(1, np.int64))], kind=FP16)
        kinds = {TensorProto.INT8, TensorProto.BFLOAT16, TensorProto.INT64, FP16}
        assert types_of(model) == kinds

    def test_casts_inside_of_bodies(self):
        cast = node("Cast", ["x"], ["h"], to=TensorProto.BFLOAT16)
        model = samples.choice(cast, node("Cast", ["h"], ["b"], to=TensorProto.FLOAT))
        assert types_of(model) == {TensorProto.FLOAT, TensorProto.BOOL, TensorProto.BFLOAT16}

    def test_other_attributes_are_no_types(self):
        assert types_of(chain(node("Odd", ["x"], ["y"], to=3))) == {TensorProto.FLOAT}
        cast = node("Cast", ["x"], ["y"], to=TensorProto.FLOAT, saturate=3)
        assert types_of(chain(cast)) == {TensorProto.FLOAT}
