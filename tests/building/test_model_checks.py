"""Models that TensorRT's parser crashes on, misreads, or refuses without a name."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import cookbook
from cookbook.building.model_checks import check_model, problems
from tests import onnx_samples as samples
from tests.onnx_samples import FLOAT, chain, node


def relu(source, target, name):
    return node("Relu", [source], [target], name)


def with_input(kind):
    """A model whose input has this type (an ``onnx.TypeProto``)."""
    model = chain(relu("x", "y", "act"))
    model.graph.input[0].type.CopyFrom(kind)
    return model


def without_outputs():
    model = chain(relu("x", "y", "act"))
    del model.graph.output[:]
    return model


TENSOR = helper.make_tensor_type_proto(FLOAT, [2, 4])
WRONG = {
    "recursive function": (
        samples.with_function(node("Scale", ["a"], ["b"], domain="local")),
        ["function 'Scale' → 'Scale' calls itself: inline it, without recursion"],
    ),
    "functions in a circle": (
        samples.with_function(
            node("Other", ["a"], ["b"], domain="local"),
            others={"Other": [node("Scale", ["a"], ["b"], domain="local")]},
        ),
        ["function 'Scale' → 'Other' → 'Scale' calls itself: inline it, without recursion"],
    ),
    "a call of itself inside of a branch": (
        samples.with_function(
            node(
                "If",
                ["a"],
                ["b"],
                then_branch=samples.branch(node("Scale", ["a"], ["b"], domain="local")),
                else_branch=samples.branch(relu("a", "b", "")),
            )
        ),
        ["function 'Scale' → 'Scale' calls itself: inline it, without recursion"],
    ),
    "cycle": (
        chain(
            node("Add", ["x", "b"], ["a"], "first"), relu("a", "b", "second"), relu("b", "y", "")
        ),
        [
            "nodes wait for each other, in a cycle: node 0 'first' (operator Add) → "
            "node 1 'second' (operator Relu) → node 0 'first' (operator Add)"
        ],
    ),
    "cycle through a branch": (
        samples.choice(relu("y", "b", "inside")),
        [
            "nodes wait for each other, in a cycle: node 0 'choose' (operator If) → "
            "node 0 'choose' (operator If)"
        ],
    ),
    "written twice": (
        chain(relu("x", "a", "one"), node("Neg", ["x"], ["a"], "two"), relu("a", "y", "")),
        [
            "tensor 'a' is written twice: by node 0 'one' (operator Relu) and "
            "node 1 'two' (operator Neg)"
        ],
    ),
    "an input written": (
        chain(relu("x", "x", "again"), relu("x", "y", "")),
        [
            "tensor 'x' is written twice: by an input and node 0 'again' (operator Relu)",
            "nodes wait for each other, in a cycle: node 0 'again' (operator Relu) → "
            "node 0 'again' (operator Relu)",
        ],
    ),
    "a weight written": (
        chain(
            relu("x", "w", "again"), relu("w", "y", ""), weights=[("w", np.zeros(1, np.float32))]
        ),
        ["tensor 'w' is written twice: by a weight and node 0 'again' (operator Relu)"],
    ),
    "two weights of one name": (
        chain(relu("x", "y", ""), weights=[("w", np.zeros(1)), ("w", np.zeros(1))]),
        ["weight 'w' is there twice"],
    ),
    "two inputs of one name": (
        samples.model([relu("x", "y", "")], [("x", FLOAT, [1])] * 2, [("y", FLOAT, [1])]),
        ["input 'x' is there twice"],
    ),
    "two inputs of one name in a body": (
        samples.loop(relu("v", "next", ""), inputs=("i", "go", "go")),
        [
            "input 'go' is there twice in body of node 0 'repeat' (operator Loop)",
            "node 1 (operator Relu, output 'next') in body of node 0 'repeat' (operator Loop) "
            "reads tensor 'v', which nothing writes",
        ],
    ),
    "missing input": (
        chain(relu("nowhere", "y", "act")),
        ["node 0 'act' (operator Relu) reads tensor 'nowhere', which nothing writes"],
    ),
    "missing input of a branch": (
        samples.choice(relu("nowhere", "b", "act")),
        [
            "node 0 'act' (operator Relu) in then_branch of node 0 'choose' (operator If) reads "
            "tensor 'nowhere', which nothing writes"
        ],
    ),
    "missing output": (chain(relu("x", "h", "act")), ["output 'y' is written by no node"]),
    "missing output of a body": (
        samples.loop(relu("v", "other", "act")),
        ["output 'next' in body of node 0 'repeat' (operator Loop) is written by no node"],
    ),
    "no output": (
        without_outputs(),
        ["the graph has no output: mark the tensors that you want with graph.output"],
    ),
    "a node without outputs": (
        chain(node("Relu", ["x"], [], "nothing"), relu("x", "y", "")),
        ["node 0 'nothing' (operator Relu) has no output"],
    ),
    "a sequence": (
        with_input(helper.make_sequence_type_proto(TENSOR)),
        ["input 'x' is of type sequence: TensorRT takes tensors only"],
    ),
    "an optional": (
        with_input(helper.make_optional_type_proto(TENSOR)),
        ["input 'x' is of type optional: TensorRT takes tensors only"],
    ),
    "no type": (
        with_input(onnx.TypeProto()),
        ["input 'x' is of type nothing: TensorRT takes tensors only"],
    ),
    "nine dimensions": (
        chain(relu("x", "y", ""), shape=[1] * 9),
        ["input 'x' has 9 dimensions, TensorRT takes 8: merge some of them"],
    ),
}


@pytest.mark.parametrize(("model", "expected"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named(model, expected):
    assert list(problems(model)) == expected


TYPES = [
    "FLOAT8E5M2",
    "UINT4",
    "UNDEFINED",
    "UINT16",
    "INT16",
    "UINT32",
    "UINT64",
    "STRING",
    "COMPLEX64",
    "COMPLEX128",
]


@pytest.mark.parametrize("kind", TYPES)
def test_an_input_of_a_type_that_tensorrt_lacks(kind):
    model = chain(relu("x", "y", ""), kind=TensorProto.DataType.Value(kind))
    assert list(problems(model)) == [
        f"input 'x' is of type {kind.lower()}, which TensorRT does not have: give it another "
        "(int32 or float32, say), and cast what you feed"
    ]


@pytest.mark.parametrize(
    "kind", ["FLOAT", "FLOAT16", "BFLOAT16", "DOUBLE", "INT8", "INT64", "BOOL"]
)
def test_other_types_are_for_the_parser_to_judge(kind):
    assert list(problems(chain(relu("x", "y", ""), kind=TensorProto.DataType.Value(kind)))) == []


def test_an_input_without_a_shape_is_no_scalar():
    (found,) = problems(with_input(helper.make_tensor_type_proto(FLOAT, None)))
    assert found.startswith("input 'x' has no shape, and TensorRT would take it for a scalar: give")
    assert "make_tensor_type_proto(type, shape)" in found
    assert list(problems(with_input(helper.make_tensor_type_proto(FLOAT, [])))) == []


@pytest.mark.parametrize("size", [-2, 2**31, 2**40])
def test_a_dimension_out_of_range(size):
    assert list(problems(chain(relu("x", "y", ""), shape=[size, 4]))) == [
        f"input 'x' has a dimension of {size}: it must be 0 to 2147483647, or a name for one that "
        "varies"
    ]


@pytest.mark.parametrize("size", [-1, 0, 2**31 - 1, "batch"])
def test_a_dimension_in_range(size):
    assert list(problems(chain(relu("x", "y", ""), shape=[size, *[1] * 7]))) == []


GOOD = {
    "linear": samples.linear(),
    "unknown operator": samples.unknown_operator(),  # a plugin may have that name
    "branches": samples.choice(relu("x", "b", "")),
    "loop": samples.loop(relu("v", "next", "")),
    "function": samples.with_function(relu("a", "b", "")),
    "nodes out of order": chain(relu("h", "y", ""), relu("x", "h", "")),
    "an input that is an output": samples.model(
        [relu("x", "y", "")], [("x", FLOAT, [1])], [("y", FLOAT, [1]), ("x", FLOAT, [1])]
    ),
    "an optional input left out": chain(
        node("Clip", ["x", "", "top"], ["y"]), weights=[("top", np.ones(()))]
    ),
    "an optional output left out": chain(node("Dropout", ["x"], ["y", ""]), relu("x", "z", "")),
    "two outputs left out": chain(node("Odd", ["x"], ["y", "", ""])),
    "weights that are inputs, too": samples.model(
        [node("Add", ["x", "w"], ["y"])],
        [("x", FLOAT, [1]), ("w", TensorProto.STRING, [1])],
        [("y", FLOAT, [1])],
        [("w", np.ones(1, np.float32))],
    ),
}


@pytest.mark.parametrize("model", GOOD.values(), ids=GOOD.keys())
def test_a_good_model_has_no_problems(model):
    assert list(problems(model)) == []
    check_model(model, "it")


def test_the_error_names_the_model_and_its_first_eight_problems():
    nodes = [relu(f"missing{k}", f"h{k}", f"n{k}") for k in range(11)]
    model = chain(*nodes, relu("x", "y", ""))
    with pytest.raises(cookbook.BuildError) as caught:
        check_model(model, "my.onnx")
    lines = str(caught.value).splitlines()
    assert lines[0] == "my.onnx is not a model that TensorRT can read:"
    assert lines[1] == "  node 0 'n0' (operator Relu) reads tensor 'missing0', which nothing writes"
    assert lines[8].startswith("  node 7 'n7'")
    assert lines[9:] == ["  and 3 more"]


def test_exactly_eight_problems_need_no_more():
    nodes = [relu(f"missing{k}", f"h{k}", f"n{k}") for k in range(8)]
    with pytest.raises(cookbook.BuildError, match="'n7'") as caught:
        check_model(chain(*nodes, relu("x", "y", "")), "my.onnx")
    assert "more" not in str(caught.value)
