"""Small ONNX models made by hand, each for one thing that the tests need."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
WEIGHT = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
PROFILE = {"x": ((1, 4), (4, 4), (8, 4))}  # for the models whose input is x (n, 4)

node = helper.make_node


def model(nodes, inputs, outputs, weights=(), opset=17):
    """An ``onnx.ModelProto``; inputs and outputs are (name, onnx type, shape)."""
    graph = helper.make_graph(
        nodes,
        "sample",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    return made


def chain(*nodes, weights=(), shape=(2, 4), kind=FLOAT):
    """A model from x to y, both of that shape and type, with these nodes between them."""
    shape = list(shape)
    return model(list(nodes), [("x", kind, shape)], [("y", kind, shape)], weights)


def linear(dtype=FLOAT):
    """y = x @ WEIGHT, x (n, 4), and twice = y + y."""
    nodes = [
        node("MatMul", ["x", "w"], ["y"], "multiply"),
        node("Add", ["y", "y"], ["twice"], "double"),
    ]
    outputs = [("y", dtype, ["n", 3]), ("twice", dtype, ["n", 3])]
    return model(nodes, [("x", dtype, ["n", 4])], outputs, [("w", WEIGHT)])


def relu():
    """y = max(x, 0), both (n, 4): the least that an engine can do."""
    return chain(node("Relu", ["x"], ["y"], "relu"), shape=("n", 4))


def add():
    """z = a + b of one shape (n, m); and an input whose name is no Python name."""
    inputs = [("a", FLOAT, ["n", "m"]), ("b.1", FLOAT, ["n", "m"])]
    nodes = [node("Add", ["a", "b.1"], ["z"], "add")]
    return model(nodes, inputs, [("z", FLOAT, ["n", "m"])])


def where_positive(n="n"):
    """The indices of the positive elements of x (n,): an output whose shape depends on the data."""
    nodes = [
        node("Greater", ["x", "zero"], ["mask"]),
        node("NonZero", ["mask"], ["index"]),
    ]
    outputs = [("index", TensorProto.INT64, [1, "k"])]
    return model(nodes, [("x", FLOAT, [n])], outputs, [("zero", np.zeros((), np.float32))])


def reshape():
    """y = x reshaped to the two numbers in ``shape``: an input whose values decide shapes."""
    nodes = [
        node("Reshape", ["x", "shape"], ["h"], "reshape"),
        node("Relu", ["h"], ["r"], "relu"),
        node("Neg", ["h"], ["n"]),
        node("Relu", ["n"], ["m"]),
        node("Sub", ["r", "m"], ["y"]),
    ]
    inputs = [("x", FLOAT, ["n"]), ("shape", TensorProto.INT64, [2])]
    return model(nodes, inputs, [("y", FLOAT, ["a", "b"])])


def unknown_operator():
    """A model with an operator that nobody knows, in a node called ``the_culprit``."""
    nodes = [
        node("Relu", ["x"], ["h"], "fine"),
        node("Frobnicate", ["h"], ["y"], "the_culprit"),
    ]
    return chain(*nodes, shape=("n", 4))


def branch(*nodes, output="b"):
    """A graph without inputs, for a branch of If."""
    return helper.make_graph(
        list(nodes), "branch", [], [helper.make_tensor_value_info(output, FLOAT, None)]
    )


def choice(*then_nodes):
    """y = what the nodes make of x, as ``b``, if ``c``, else max(x, 0): an If called ``choose``."""
    other = branch(node("Relu", ["x"], ["b"], "otherwise"))
    choose = node("If", ["c"], ["y"], "choose", then_branch=branch(*then_nodes), else_branch=other)
    inputs = [("x", FLOAT, [2, 4]), ("c", TensorProto.BOOL, [])]
    return model([choose], inputs, [("y", FLOAT, [2, 4])])


def loop(*nodes, inputs=("i", "go", "v"), outputs=("go_on", "next")):
    """A Loop of three rounds called ``repeat``, whose body has these nodes, inputs and outputs."""
    kinds = {"i": TensorProto.INT64, "go": TensorProto.BOOL, "go_on": TensorProto.BOOL}

    def values(names):
        shapes = {"v": [2, 4], "next": [2, 4]}
        return [
            helper.make_tensor_value_info(name, kinds.get(name, FLOAT), shapes.get(name, []))
            for name in names
        ]

    goes_on = node("Identity", ["go"], ["go_on"], "goes_on")
    body = helper.make_graph([goes_on, *nodes], "body", values(inputs), values(outputs))
    repeat = node("Loop", ["rounds", "start", "x"], ["y"], "repeat", body=body)
    return chain(repeat, weights=[("rounds", np.array(3)), ("start", np.array(True))])


def with_function(*nodes, others=()):
    """A model that calls the function ``Scale``, from a to b, whose body has these nodes.

    others: {name: nodes} of more functions.
    """
    made = chain(node("Scale", ["x"], ["y"], "call", domain="local"))
    made.opset_import.append(helper.make_opsetid("local", 1))
    imports = list(made.opset_import)
    for name, body in {"Scale": nodes, **dict(others)}.items():
        made.functions.append(helper.make_function("local", name, ["a"], ["b"], body, imports))
    return made


def convolution():
    """Conv, Relu and Gemm with biases: what people quantise. x (1, 3, 8, 8), y (1, 5)."""
    random = np.random.default_rng(1)
    weights = [
        ("w", random.standard_normal((4, 3, 3, 3)).astype(np.float32)),
        ("b", random.standard_normal(4).astype(np.float32)),
        ("w2", random.standard_normal((144, 5)).astype(np.float32)),
        ("b2", random.standard_normal(5).astype(np.float32)),
    ]
    nodes = [
        node("Conv", ["x", "w", "b"], ["h"], "convolve"),
        node("Relu", ["h"], ["r"], "relu"),
        node("Flatten", ["r"], ["f"], "flatten"),
        node("Gemm", ["f", "w2", "b2"], ["y"], "multiply"),
    ]
    return model(nodes, [("x", FLOAT, [1, 3, 8, 8])], [("y", FLOAT, [1, 5])], weights)


def weight_only_int8():
    """y = x @ w with w stored as INT8 and a DequantizeLinear; x (2, 4)."""
    nodes = [
        node("DequantizeLinear", ["stored", "scale"], ["w"], "dequantize"),
        node("MatMul", ["x", "w"], ["y"], "multiply"),
    ]
    weights = [("stored", np.ones((4, 4), np.int8)), ("scale", np.array(0.1, np.float32))]
    return chain(*nodes, weights=weights)


def with_external_weights(path):
    """Save ``linear`` with its weights in a file beside it, ``weights.bin``."""
    onnx.save_model(
        linear(), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0
    )
