"""Single nodes that would end the process inside of TensorRT."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cookbook.building.model_checks import problems
from tests import onnx_samples as samples
from tests.onnx_samples import FLOAT, branch, chain, node

MAX = 2**31 - 1


def found_in(*nodes, weights=(), **options):
    return list(problems(chain(*nodes, weights=weights, **options)))


@pytest.mark.parametrize(
    ("operator", "name", "value", "shown"),
    [
        ("DepthToSpace", "blocksize", 0, 0),
        ("SpaceToDepth", "blocksize", -1, -1),
        ("DepthToSpace", "blocksize", 2**40, 2**40),
        ("Conv", "strides", [1, 0], 0),
        ("Conv", "group", 0, 0),
        ("Conv", "dilations", [0, 1], 0),
        ("MaxPool", "kernel_shape", [0, 3], 0),
        ("LSTM", "hidden_size", 0, 0),
    ],
)
def test_a_count_that_is_not_positive(operator, name, value, shown):
    culprit = node(operator, ["x"], ["y"], "culprit", **{name: value})
    assert found_in(culprit) == [
        f"node 0 'culprit' (operator {operator}): attribute {name!r} is {shown}: it must be "
        f"positive, and at most {MAX}"
    ]


@pytest.mark.parametrize("value", [1, MAX])
def test_a_count_that_is_positive(value):
    assert found_in(node("DepthToSpace", ["x"], ["y"], blocksize=value)) == []
    assert found_in(node("MaxPool", ["x"], ["y"], kernel_shape=[value, value])) == []


def test_heads_and_outputs_are_counts_too():
    def made(operator, opset, **attributes):
        nodes = [node(operator, ["x"], ["y"], "culprit", **attributes)]
        model = samples.model(nodes, [("x", FLOAT, [4])], [("y", FLOAT, [4])], opset=opset)
        return "".join(problems(model))

    assert "'num_outputs' is 0" in made("Split", 18, num_outputs=0)
    assert "'num_groups' is 0" in made("GroupNormalization", 21, num_groups=0)
    assert "'num_heads' is 0" in made("RotaryEmbedding", 23, num_heads=0)
    assert "'q_num_heads' is 0" in made("Attention", 23, q_num_heads=0)
    assert "'kv_num_heads' is 0" in made("Attention", 23, kv_num_heads=0)


def test_operators_of_others_are_not_judged():
    foreign = node("DepthToSpace", ["x"], ["y"], blocksize=0, domain="com.acme")
    model = chain(foreign)
    assert list(problems(model)) == []
    assert found_in(node("Frobnicate", ["x", "x", "x"], ["y"], blocksize=0)) == []


def test_a_model_without_opset_is_not_judged_by_one():
    model = chain(node("DepthToSpace", ["x"], ["y"], blocksize=0))
    del model.opset_import[:]
    assert list(problems(model)) == []


def test_onnx_is_a_name_of_onnxs_own_domain():
    culprit = node("DepthToSpace", ["x"], ["y"], blocksize=0, domain="ai.onnx")
    assert "'blocksize' is 0" in found_in(culprit)[0]


@pytest.mark.parametrize("operator", ["GRU", "LSTM", "RNN"])
def test_a_direction_that_does_not_exist(operator):
    culprit = node(operator, ["x", "x", "x"], ["y"], "recur", direction="sideways")
    assert found_in(culprit) == [
        f"node 0 'recur' (operator {operator}): attribute 'direction' is 'sideways': it must be "
        "one of forward, reverse, bidirectional"
    ]


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_directions_that_exist(direction):
    assert found_in(node("GRU", ["x", "x", "x"], ["y"], direction=direction)) == []


def test_a_direction_means_something_in_recurrent_operators_alone():
    assert found_in(node("BitShift", ["x", "x"], ["y"], direction="LEFT")) == []


def test_attributes_of_a_wrong_type():
    assert found_in(node("DepthToSpace", ["x"], ["y"], "culprit", blocksize="two")) == [
        "node 0 'culprit' (operator DepthToSpace): attribute 'blocksize' is STRING, its operator "
        "takes INT"
    ]


def test_attributes_that_onnx_does_not_know_or_that_have_no_type_pass():
    extra = node("Relu", ["x"], ["y"], trt_outputs_range_max=[1.0])
    assert found_in(extra) == []
    untyped = node("Flatten", ["x"], ["y"], axis=1)
    untyped.attribute[0].type = onnx.AttributeProto.UNDEFINED
    assert found_in(untyped) == []


def test_attributes_that_a_functions_caller_gives_pass():
    inner = node("DepthToSpace", ["a"], ["b"])
    inner.attribute.add(name="blocksize", ref_attr_name="size", type=onnx.AttributeProto.FLOAT)
    recur = node("GRU", ["b", "b", "b"], ["c"])
    recur.attribute.add(name="direction", ref_attr_name="way", type=onnx.AttributeProto.STRING)
    assert list(problems(samples.with_function(inner, recur))) == []
    inner.attribute[0].ref_attr_name = ""
    assert len(list(problems(samples.with_function(inner, recur)))) == 1


def test_too_many_inputs_and_outputs():
    crowded = node("Clip", ["x", "", "", "x", "x"], ["y", "z"], "crowded")
    assert found_in(crowded) == [
        "node 0 'crowded' (operator Clip): it has 5 inputs, its operator takes 3",
        "node 0 'crowded' (operator Clip): it has 2 outputs, its operator has 1",
    ]
    assert found_in(node("Clip", ["x", "", ""], ["y"])) == []


class TestDivision:
    ZERO = numpy_helper.from_array(np.array([3, 0], np.int64), "zero")

    @pytest.mark.parametrize("operator", ["Div", "Mod"])
    @pytest.mark.parametrize("kind", [np.int32, np.int64])
    def test_of_whole_numbers_by_a_weight_with_a_zero(self, operator, kind):
        culprit = node(operator, ["x", "w"], ["y"], "divide")
        assert found_in(culprit, weights=[("w", np.array([2, 0], kind))]) == [
            f"node 0 'divide' (operator {operator}) divides whole numbers by the constant 0 ('w')"
        ]

    def test_by_a_constant_with_a_zero(self):
        constant = node("Constant", [], ["c"], value=self.ZERO)
        (found,) = found_in(constant, node("Div", ["x", "c"], ["y"], "divide"))
        assert found.startswith("node 1 'divide' (operator Div) divides whole numbers")

    @pytest.mark.parametrize("divisor", [np.array([2, 1]), np.array([0.0, 1.0], np.float32)])
    def test_that_is_fine(self, divisor):
        assert found_in(node("Div", ["x", "w"], ["y"]), weights=[("w", divisor)]) == []

    def test_by_what_is_no_constant(self):
        assert found_in(node("Div", ["x", "x"], ["y"])) == []
        assert found_in(node("Relu", ["x"], ["h"]), node("Div", ["x", "h"], ["y"])) == []
        other = node("Constant", [], ["c"], value_int=0)
        assert found_in(other, node("Div", ["x", "c"], ["y"])) == []

    def test_multiplication_is_no_division(self):
        assert found_in(node("Mul", ["x", "w"], ["y"]), weights=[("w", np.array([0]))]) == []

    def test_without_a_divisor(self):
        assert found_in(node("Div", ["x"], ["y"])) == []

    def test_by_values_that_are_in_another_file(self):
        model = chain(node("Div", ["x", "w"], ["y"]), weights=[("w", np.array([0]))])
        model.graph.initializer[0].data_location = TensorProto.EXTERNAL
        assert list(problems(model)) == []


class TestBodies:
    """Bodies that take or give another number of tensors than their node."""

    LOOP = "node 0 'repeat' (operator Loop): its body has"

    def test_of_a_loop(self):
        act = node("Relu", ["v"], ["next"])
        few = samples.loop(act, outputs=("go_on",))
        assert list(problems(few)) == [f"{self.LOOP} 1 outputs, it must have 2"]
        many = samples.loop(act, outputs=("go_on", "next", "next"))
        assert list(problems(many)) == [f"{self.LOOP} 3 outputs, it must have 2"]
        more = samples.loop(act, inputs=("i", "go", "v", "w"))
        assert list(problems(more)) == [f"{self.LOOP} 4 inputs, it must have 3"]

    def test_of_a_loop_that_carries_nothing(self):
        model = samples.loop(node("Relu", ["x"], ["next"]), inputs=("i", "go"))
        repeat = model.graph.node[0]
        del repeat.input[2:]
        assert list(problems(model)) == []  # next is collected from each round
        del repeat.input[1:]
        assert list(problems(model)) == []

    def test_of_a_choice(self):
        model = samples.choice(node("Relu", ["x"], ["b"]))
        model.graph.node[0].output.append("second")
        assert list(problems(model)) == [
            "node 0 'choose' (operator If): its else_branch has 1 outputs, it must have 2",
            "node 0 'choose' (operator If): its then_branch has 1 outputs, it must have 2",
        ]

    def scan(self, scanned, opset=17):
        values = [helper.make_tensor_value_info(name, FLOAT, [4]) for name in ("s", "e", "t", "o")]
        inner = [node("Add", ["s", "e"], ["t"]), node("Relu", ["e"], ["o"])]
        body = helper.make_graph(inner, "body", values[:2], values[2:])
        scan = node("Scan", ["x", "x"], ["y", "z"], "scan", body=body, num_scan_inputs=scanned)
        if opset == 8:
            scan.input.insert(0, "")
        return samples.model([scan], [("x", FLOAT, [4])], [("y", FLOAT, [4])], opset=opset)

    def test_of_a_scan(self):
        assert list(problems(self.scan(1))) == []
        assert list(problems(self.scan(2))) == []
        for wrong in (0, 3, MAX):
            assert list(problems(self.scan(wrong))) == [
                f"node 0 'scan' (operator Scan): num_scan_inputs is {wrong}, the node has 2 inputs"
            ]
        short = self.scan(1)
        short.graph.node[0].input.pop()
        assert list(problems(short)) == [
            "node 0 'scan' (operator Scan): its body has 2 inputs, it must have 1"
        ]

    def test_of_an_old_scan_with_lengths(self):
        assert list(problems(self.scan(1, opset=8))) == []

    def test_of_other_operators_are_not_judged(self):
        body = branch(node("Relu", ["x"], ["h"]), node("Relu", ["h"], ["b"]))
        odd = node("Odd", ["x"], ["y", "z"], body=body, num_scan_inputs=7)
        assert found_in(odd) == []
