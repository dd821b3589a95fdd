"""FP16 conversion: valid models stay valid and compute the same; what is clipped is said."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

import cookbook
from cookbook import backend
from cookbook.building import fp16, profiles
from tests import onnx_samples as samples
from tests.onnx_samples import FLOAT, chain, node

can_build = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)
X = np.random.default_rng(2).standard_normal((2, 4)).astype(np.float32)


def run(model, **inputs):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)


def types(model):
    return {tensor.name: tensor.data_type for tensor in model.graph.initializer}


def constant(value, name):
    tensor = numpy_helper.from_array(np.array(value, np.float32))
    return node("Constant", [], [name], name=f"make_{name}", value=tensor)


def lengths_lstm(name=""):
    """An LSTM with an input of sequence lengths (1,); x (1, 1, 4)."""
    random = np.random.default_rng(3)
    weights = [
        ("w", random.standard_normal((1, 8, 4)).astype(np.float32)),
        ("r", random.standard_normal((1, 8, 2)).astype(np.float32)),
    ]
    lstm = node("LSTM", ["x", "w", "r", "", "lengths"], ["h"], name, hidden_size=2)
    last = node("Identity", ["h"], ["y"])
    inputs = [("x", FLOAT, [1, 1, 4]), ("lengths", TensorProto.INT32, [1])]
    return samples.model([lstm, last], inputs, [("y", FLOAT, [1, 1, 1, 2])], weights)


def passed_on():
    """An input that is the first and the last output, with another between them."""
    outputs = [(name, FLOAT, [2, 4]) for name in ("x", "y", "x")]
    return samples.model([node("Relu", ["x"], ["y"], "relu")], [("x", FLOAT, [2, 4])], outputs[:2])


VALID = {
    "linear": samples.linear(),
    "function with a constant": samples.with_function(
        constant(2, "two"), node("Mul", ["a", "two"], ["b"])
    ),
    "input that is an output": passed_on(),
    "branch": samples.choice(constant(2, "two"), node("Mul", ["x", "two"], ["b"])),
    "Celu": chain(node("Celu", ["x"], ["y"], alpha=2.0)),
    "MeanVarianceNormalization": chain(
        node("MeanVarianceNormalization", ["x"], ["y"], axes=[1]), shape=(2, 4)
    ),
    "LSTM with lengths": lengths_lstm(),
}


@can_build
@pytest.mark.skipif(backend.api_version() < (11, 0), reason="only these convert models")
@pytest.mark.parametrize("model", VALID.values(), ids=VALID.keys())
def test_a_valid_model_is_built(model):
    builder, network = cookbook.parse(fp16.converted(model))
    config = builder.create_builder_config()
    profiles.add_profiles(
        builder, network, config, samples.PROFILE if network.get_input(0).shape[0] == -1 else None
    )
    assert builder.build_serialized_network(network, config) is not None


@pytest.mark.parametrize("name", ["linear", "function with a constant", "input that is an output"])
def test_it_computes_the_same(name):
    model = VALID[name]
    for expected, found in zip(run(model, x=X), run(fp16.converted(model), x=X), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=2e-2, atol=2e-2)


def test_weights_become_fp16_and_inputs_and_outputs_stay():
    made = fp16.converted(samples.linear())
    assert types(made) == {"w": TensorProto.FLOAT16}
    values = [*made.graph.input, *made.graph.output]
    assert [value.name for value in values] == ["x", "y", "twice"]
    assert {value.type.tensor_type.elem_type for value in values} == {FLOAT}


def test_the_callers_model_is_not_touched():
    for model in (samples.linear(), passed_on(), lengths_lstm()):
        before = model.SerializeToString()
        fp16.converted(model)
        assert model.SerializeToString() == before


def test_outputs_keep_their_order():
    assert [value.name for value in fp16.converted(passed_on()).graph.output] == ["x", "y"]


def test_recurrent_nodes_with_lengths_stay_in_fp32():
    assert types(fp16.converted(lengths_lstm("named")))["w"] == FLOAT
    assert types(fp16.converted(lengths_lstm()))["w"] == FLOAT
    without = lengths_lstm()
    without.graph.node[0].input[4] = ""
    assert types(fp16.converted(without))["w"] == TensorProto.FLOAT16


class TestClipping:
    def add(self, *values, name="mask"):
        weight = np.resize(np.array(values, np.float32), (2, 4))
        return chain(node("Add", ["x", name], ["y"], "add"), weights=[(name, weight)])

    def test_a_constant_that_is_too_large_is_named(self, capsys):
        made = fp16.converted(self.add(3, -1e12, 7e4))
        values = numpy_helper.to_array(made.graph.initializer[0])
        assert values.min() == -65504
        assert values.max() == 65504
        assert capsys.readouterr() == (
            "precision='fp16' clips constants to ±65504: 'mask' with -1e+12\n",
            "",
        )

    @pytest.mark.parametrize("value", [65504, -65504, np.inf, -np.inf, np.nan, 1e-30, 0])
    def test_what_fp16_can_hold_is_not_mentioned(self, capsys, value):
        fp16.converted(self.add(value))
        assert capsys.readouterr() == ("", "")

    def test_the_limit(self, capsys):
        fp16.converted(self.add(65505))
        assert "'mask' with 65505" in capsys.readouterr().out

    def test_constants_of_nodes_and_bodies(self, capsys):
        model = samples.choice(constant(-1e9, "deep"), node("Add", ["x", "deep"], ["b"]))
        fp16.converted(model)
        assert "'deep' with -1e+09" in capsys.readouterr().out

    def test_three_names_at_most(self, capsys):
        names = [f"w{k}" for k in range(5)]
        chained = ["x", *[f"h{k}" for k in range(4)], "y"]
        nodes = [node("Add", [chained[k], names[k]], [chained[k + 1]]) for k in range(5)]
        fp16.converted(chain(*nodes, weights=[(name, np.float32(1e6)) for name in names]))
        said = capsys.readouterr().out
        assert said.endswith(": 'w0' with 1e+06, 'w1' with 1e+06, 'w2' with 1e+06 and 2 more\n")
        fp16.converted(chain(*nodes[:3], weights=[(name, np.float32(1e6)) for name in names[:3]]))
        assert "more" not in capsys.readouterr().out

    def test_constants_that_stay_in_fp32_are_not_clipped(self, capsys):
        model = lengths_lstm()
        large = numpy_helper.from_array(np.full((1, 8, 4), 1e6, np.float32), "w")
        model.graph.initializer[0].CopyFrom(large)
        fp16.converted(model)
        assert capsys.readouterr().out == ""

    def test_empty_and_whole_number_constants(self, capsys):
        model = self.add(1)
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(0, np.float32), "none"))
        model.graph.initializer.append(numpy_helper.from_array(np.array([10**9]), "many"))
        fp16.converted(model)
        assert capsys.readouterr().out == ""


def test_a_converter_that_fails_is_no_raw_error(monkeypatch):
    from onnxruntime.transformers import float16

    def fail(*_, **__):
        raise RuntimeError("too odd")

    monkeypatch.setattr(float16, "convert_float_to_float16", fail)
    with pytest.raises(cookbook.BuildError) as caught:
        fp16.converted(samples.linear())
    assert str(caught.value) == (
        "ONNX Runtime cannot convert the model to FP16 (too odd): export it from PyTorch in half "
        "precision, model.half(), and build that one"
    )


def test_the_converters_warnings_are_not_shown(recwarn, capfd):
    fp16.converted(TestClipping().add(-1e12))
    assert not [warning for warning in recwarn if "float16" in str(warning.message)]
    assert capfd.readouterr().err == ""
