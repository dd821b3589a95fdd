"""Small ONNX models made by hand, each for one thing that the tests need."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHT = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


def model(nodes, inputs, outputs, weights=(), opset=17):
    """An ``onnx.ModelProto``; inputs and outputs are (name, onnx type, shape)."""
    graph = helper.make_graph(nodes, "sample", [helper.make_tensor_value_info(*i) for i in inputs],
                              [helper.make_tensor_value_info(*o) for o in outputs],
                              [numpy_helper.from_array(value, name) for name, value in weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    made.ir_version = 8
    return made


def linear(dtype=TensorProto.FLOAT):
    """y = x @ WEIGHT, x (n, 4), and twice = y + y."""
    return model([helper.make_node("MatMul", ["x", "w"], ["y"], "multiply"), helper.make_node("Add", ["y", "y"], ["twice"], "double")],
                 [("x", dtype, ["n", 4])], [("y", dtype, ["n", 3]), ("twice", dtype, ["n", 3])], [("w", WEIGHT)])


def relu():
    """y = max(x, 0), both (n, 4): the least that an engine can do."""
    return model([helper.make_node("Relu", ["x"], ["y"], "relu")], [("x", TensorProto.FLOAT, ["n", 4])], [("y", TensorProto.FLOAT, ["n", 4])])


def add():
    """z = a + b of one shape (n, m); and an input whose name is no Python name."""
    return model([helper.make_node("Add", ["a", "b.1"], ["z"], "add")],
                 [("a", TensorProto.FLOAT, ["n", "m"]), ("b.1", TensorProto.FLOAT, ["n", "m"])], [("z", TensorProto.FLOAT, ["n", "m"])])


def where_positive(n="n"):
    """The indices of the positive elements of x (n,): an output whose shape depends on the data, (1, count)."""
    zero = np.zeros((), np.float32)
    return model([helper.make_node("Greater", ["x", "zero"], ["mask"]), helper.make_node("NonZero", ["mask"], ["index"])],
                 [("x", TensorProto.FLOAT, [n])], [("index", TensorProto.INT64, [1, "k"])], [("zero", zero)])


def reshape():
    """y = x reshaped to the two numbers in ``shape``: an input whose values decide shapes."""
    return model([helper.make_node("Reshape", ["x", "shape"], ["h"], "reshape"), helper.make_node("Relu", ["h"], ["r"], "relu"),
                  helper.make_node("Neg", ["h"], ["n"]), helper.make_node("Relu", ["n"], ["m"]), helper.make_node("Sub", ["r", "m"], ["y"])],
                 [("x", TensorProto.FLOAT, ["n"]), ("shape", TensorProto.INT64, [2])], [("y", TensorProto.FLOAT, ["a", "b"])])


def unknown_operator():
    """A model with an operator that nobody knows, in a node called ``the_culprit``."""
    return model([helper.make_node("Relu", ["x"], ["h"], "fine"), helper.make_node("Frobnicate", ["h"], ["y"], "the_culprit")],
                 [("x", TensorProto.FLOAT, ["n", 4])], [("y", TensorProto.FLOAT, ["n", 4])])


def with_external_weights(path):
    """Save ``linear`` with its weights in a file beside it."""
    onnx.save_model(linear(), str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
