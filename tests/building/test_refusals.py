"""What the parser refuses is named as the model names it; TensorRT's words stay readable."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

import cookbook
from cookbook import backend, trt
from cookbook.building import refusals
from tests import onnx_samples as samples
from tests.onnx_samples import FLOAT, chain, node

can_build = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)
UNKNOWN = "no operator of TensorRT and no plugin that is loaded has that name"
PLUGIN = "give TensorRT a plugin of that name"


def said_by_parse(model):
    with pytest.raises(cookbook.BuildError) as caught:
        cookbook.parse(model)
    return str(caught.value)


def culprit(source, target):
    return node("Frobnicate", [source], [target], "the_culprit")


IN_PLACE = {
    "the graph": (samples.unknown_operator(), "node 1 'the_culprit' (operator Frobnicate): "),
    "a branch": (
        samples.choice(culprit("x", "b")),
        "node 0 'the_culprit' (operator Frobnicate) in then_branch of node 0 'choose' "
        "(operator If): ",
    ),
    "a loop": (
        samples.loop(culprit("v", "next")),
        "node 1 'the_culprit' (operator Frobnicate) in body of node 0 'repeat' (operator Loop): ",
    ),
    "a function": (
        samples.with_function(culprit("a", "b")),
        "node 0 'the_culprit' (operator Frobnicate) in function 'Scale': ",
    ),
    "a node without a name": (
        chain(node("Frobnicate", ["x"], ["y"])),
        "node 0 (operator Frobnicate, output 'y'): ",
    ),
}


@can_build
@pytest.mark.parametrize(("model", "place"), IN_PLACE.values(), ids=IN_PLACE.keys())
def test_an_unknown_operator_is_named_where_it_stands(model, place):
    lines = said_by_parse(model).splitlines()
    assert lines[0] == f"{backend.product()} cannot parse the ONNX model:"
    assert lines[1] == f"  {place}{UNKNOWN}"
    (ways_out,) = lines[2:]
    assert PLUGIN in ways_out


@can_build
def test_every_unknown_operator_is_named():
    said = said_by_parse(chain(culprit("x", "h"), node("Quux", ["h"], ["y"], "other")))
    assert "'the_culprit'" in said
    assert "node 1 'other' (operator Quux)" in said


@can_build
def test_a_node_that_does_not_fit_is_no_matter_of_plugins():
    wrong = chain(
        node("Conv", ["x", "w"], ["y"], "convolve"),
        weights=[("w", np.zeros((4, 5, 3, 3), np.float32))],
        shape=(1, 3, 8, 8),
    )
    said = said_by_parse(wrong)
    place = r"\n  node 0 'convolve' \(operator Conv\): .*Kernel weight dimension"
    if backend.api_version() < (10, 0):  # asked first there, because the parser may crash
        place = r"\n  onnx.checker says: .*\(op_type:Conv, node name: convolve\)"
    assert re.search(place, said)
    assert refusals.OTHER_WAYS_OUT in said
    assert PLUGIN not in said


@can_build
def test_onnxs_checker_is_asked_where_it_knows_more():
    said = said_by_parse(chain(node("Softmax", ["x"], ["y"], "soft", axis=7)))
    assert "onnx.checker says: " in said
    assert "'axis' must be in [-2 , 1]. Its actual value is: 7" in said


@can_build
@pytest.mark.skipif(not backend.is_rtx(), reason="other versions word this in other ways")
def test_the_log_is_quoted_for_what_the_error_does_not_say():
    weights = [("w", np.zeros((5, 3), np.float32))]
    said = said_by_parse(chain(node("MatMul", ["x", "w"], ["y"], "product"), weights=weights))
    assert said.count("last dimension of input0 = 4") == 1
    assert "cudaError" not in said or backend.gpu()

    model = chain(node("Add", ["x", "w"], ["y"]), weights=[("w", np.zeros((2, 4), np.float32))])
    model.graph.initializer[0].raw_data = b"\0" * 20
    assert "\n  [E] WeightsContext.cpp" in said_by_parse(model)


@can_build
def test_refused_quantisation_says_how_to_quantise():
    weights = [("scale", np.array(-1, np.float32)), ("zero", np.array(0, np.int8))]
    quantize = node("QuantizeLinear", ["x", "scale", "zero"], ["q"], "quantize")
    back = node("DequantizeLinear", ["q", "scale", "zero"], ["y"], "back")
    said = said_by_parse(chain(quantize, back, weights=weights))
    assert "node 0 'quantize' (operator QuantizeLinear)" in said
    assert "'ActivationSymmetric': True, 'QuantizeBias': False" in said
    assert refusals.OTHER_WAYS_OUT not in said


class Error(SimpleNamespace):
    """A parser's error of TensorRT 10 and later, whose fields are methods."""

    def __init__(self, desc="false", node=0, func="parse", file="x.cpp", name="", operator=None):
        fields = {"desc": desc, "node": node, "func": func, "file": file}
        if operator is not None:
            fields |= {"node_name": name, "node_operator": operator}
            fields |= {"local_function_stack": ["call (Scale)", "then (then_branch)"]}
        for field, value in fields.items():
            setattr(self, field, lambda value=value: value)


class Parser:
    """A parser that has refused with these errors and knows ONNX's operators."""

    def __init__(self, *errors):
        self.errors = errors
        self.num_errors = len(errors)

    def get_error(self, index):
        return self.errors[index]

    def supports_operator(self, name):
        return name != "Frobnicate"


def told(model, *errors, log=()):
    return refusals.refusals(Parser(*errors), model, list(log)).splitlines()


GOOD = chain(node("Relu", ["x"], ["h"], "first"), node("Relu", ["h"], ["y"], "second"))


class TestPlaces:
    """Where an error belongs, by what the versions of TensorRT say about it."""

    def test_before_10_by_number(self):
        assert told(GOOD, Error(node=1))[1].startswith("  node 1 'second' (operator Relu): ")

    @pytest.mark.parametrize("number", [-1, 2])
    def test_before_10_without_a_number(self, number):
        assert told(GOOD, Error(node=number))[1].startswith("  the graph: ")

    def test_by_number_and_name(self):
        error = Error(node=1, name="second", operator="Relu")
        assert told(GOOD, error)[1].startswith("  node 1 'second' (operator Relu): ")

    def test_by_name_where_the_number_is_that_of_another_graph(self):
        error = Error(node=0, name="second", operator="Relu")
        assert told(GOOD, error)[1].startswith("  node 1 'second' (operator Relu): ")

    def test_by_name_inside_of_a_branch(self):
        model = samples.choice(node("Relu", ["x"], ["b"], "deep"))
        error = Error(node=0, name="deep", operator="Relu")
        assert (
            "node 0 'deep' (operator Relu) in then_branch of node 0 'choose'"
            in told(model, error)[1]
        )

    def test_by_the_calls_where_several_have_the_name(self):
        model = chain(node("Relu", ["x"], ["h"]), node("Relu", ["h"], ["y"]))
        error = Error(node=5, operator="Relu")
        place = "  node 5 '' (operator Relu) in call (Scale) > then (then_branch): "
        assert told(model, error)[1].startswith(place)

    def test_all_of_the_name_where_nothing_tells_them_apart(self):
        model = chain(node("Relu", ["x"], ["h"]), node("Relu", ["h"], ["y"]))
        error = Error(node=5, operator="Relu")
        error.local_function_stack = lambda: []
        place = "  node 0 (operator Relu, output 'h') or node 1 (operator Relu, output 'y'): "
        assert told(model, error)[1].startswith(place)

    def test_without_calls(self):
        error = Error(node=5, name="lost", operator="Relu")
        error.local_function_stack = lambda: []
        assert told(GOOD, error)[1].startswith("  node 5 'lost' (operator Relu): ")

    def test_an_input(self):
        error = Error(func="importInput", file="x", node=-1)
        assert told(GOOD, error)[1].startswith("  input 'x': ")

    @pytest.mark.parametrize("function", ["importRelu", "checkRelu"])
    def test_by_the_parsers_function(self, function):
        error = Error(node=-1, func=function, operator="")
        place = "  node 0 'first' (operator Relu) or node 1 'second' (operator Relu): "
        assert told(GOOD, error)[1].startswith(place)

    def test_by_a_helper_of_the_parsers_function(self):
        model = chain(node("Relu", ["x"], ["h"]), node("Conv", ["h", "w"], ["y"], "second"))
        error = Error(node=-1, func="convMultiInput", operator="")
        assert told(model, error)[1].startswith("  node 1 'second' (operator Conv): ")

    def test_by_the_parsers_function_three_at_most(self):
        model = chain(*[node("Relu", ["x"], [f"y{k}"], f"r{k}") for k in range(4)])
        line = told(model, Error(node=-1, func="importRelu", operator=""))[1]
        assert "'r2'" in line
        assert "'r3'" not in line

    def test_nowhere(self):
        error = Error(node=-1, func="parse", operator="")
        assert told(GOOD, error)[1].startswith("  the graph: ")


class TestReasons:
    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            ("false", refusals.UNSUPPORTED),
            ("", refusals.UNSUPPORTED),
            ('creator && "Not found, is it?"', "Not found, is it?"),
            ('Assertion failed: (a == b) && "They differ."', "They differ."),
            (
                "Assertion failed: (a == b): They differ.",
                "Assertion failed: (a == b): They differ.",
            ),
            ("Invalid Node - first\nITensor: wrong", "ITensor: wrong"),
            ("Invalid Node - first", refusals.SILENT),
        ],
    )
    def test_words(self, words, reason):
        assert told(GOOD, Error(words))[1] == f"  node 0 'first' (operator Relu): {reason}"

    def test_long_words_are_shortened(self):
        line = told(GOOD, Error("x" * 9000))[1]
        assert "[…]" in line
        assert len(line) < 2100

    def test_the_same_twice_is_said_once(self):
        assert len(told(GOOD, Error("once"), Error("once"), Error("twice"))) == 4

    def test_a_missing_plugin_is_told_by_the_unknown_operator(self):
        error = Error('creator && "Plugin not found, are the name and version correct?"')
        lines = told(samples.unknown_operator(), error, Error("something else", node=0))
        assert lines[1:3] == [
            f"  node 1 'the_culprit' (operator Frobnicate): {UNKNOWN}",
            "  node 0 'fine' (operator Relu): something else",
        ]
        assert "Plugin not found" not in "".join(lines)

    def test_a_plugin_of_a_wrong_version_is_left_to_the_parser(self):
        assert "Plugin not found, is" in told(GOOD, Error('c && "Plugin not found, is it?"'))[1]


def test_loaded_plugins_are_known_operators(monkeypatch):
    monkeypatch.setattr(refusals, "loaded_plugins", lambda: {"Frobnicate"})
    lines = told(samples.unknown_operator(), Error("Plugin not found", node=1))
    assert lines[1] == "  node 1 'the_culprit' (operator Frobnicate): Plugin not found"
    assert PLUGIN not in lines[-1]


def test_functions_are_known_operators():
    model = samples.with_function(node("Relu", ["a"], ["b"]))
    model.functions[0].name = "Frobnicate"
    model.graph.node[0].op_type = "Frobnicate"
    assert UNKNOWN not in "".join(told(model, Error("odd")))


@pytest.mark.parametrize(
    "model",
    [
        samples.unknown_operator(),
        chain(node("Odd", ["x"], ["y"], domain="com.acme")),
        chain(node("Relu", ["h"], ["y"]), node("Relu", ["x"], ["h"])),
        samples.model([node("Relu", ["x"], ["y"])], [("x", FLOAT, None)], [("y", FLOAT, None)]),
    ],
    ids=["operator", "domain", "order", "shape"],
)
def test_what_tensorrt_takes_is_no_complaint_of_the_checker(monkeypatch, model):
    monkeypatch.setattr(refusals, "loaded_plugins", lambda: {"Frobnicate"})
    assert "checker" not in "".join(told(model, Error("odd")))


def test_log_lines_that_repeat_errors_are_left_out():
    log = [("E", "ModelImporter.cpp:1: again"), ("E", "odd"), ("E", "news")]
    assert told(GOOD, Error("odd"), log=log) == [
        "",
        "  node 0 'first' (operator Relu): odd",
        "TensorRT's log says:",
        "  [E] news",
        refusals.OTHER_WAYS_OUT,
    ]


@can_build
def test_real_errors_have_the_methods_that_are_asked_for():
    """The fakes above have what the bindings have."""
    builder = trt.Builder(cookbook.LOG)
    network = cookbook.create_network(builder)  # the parser does not keep it alive
    parser = trt.OnnxParser(network, cookbook.LOG)
    with cookbook.capture_log():
        assert not parser.parse(samples.unknown_operator().SerializeToString())
    error = parser.get_error(0)
    assert error.node() in (0, 1)
    assert isinstance(error.desc() + error.func() + error.file(), str)
    if backend.api_version() >= (10, 0):
        assert error.node_name() == "the_culprit"  # trt>=10
        assert error.node_operator() == "Frobnicate"  # trt>=10
        assert list(error.local_function_stack()) == []  # trt>=10
