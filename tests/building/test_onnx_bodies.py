"""Walking through ONNX models: every body is found, every node has a name for people."""

import numpy as np
import onnx
from onnx import numpy_helper

from cookbook.building.onnx_bodies import all_bodies, constants, node_label, opset_of, subgraphs
from tests import onnx_samples as samples
from tests.onnx_samples import node


def test_bodies_are_the_graph_its_branches_and_the_functions():
    model = samples.choice(node("Relu", ["x"], ["b"], "inside"))
    model.functions.append(samples.with_function(node("Relu", ["a"], ["b"])).functions[0])
    found = [(body.where, [made.op_type for made in body.nodes]) for body in all_bodies(model)]
    place = "of node 0 'choose' (operator If)"
    assert found == [
        ("", ["If"]),
        (f"in else_branch {place}", ["Relu"]),
        (f"in then_branch {place}", ["Relu"]),
        ("in function 'Scale'", ["Relu"]),
    ]


def test_a_body_sees_the_names_around_it_and_its_own():
    model = samples.loop(node("Relu", ["v"], ["next"]))
    main, body = all_bodies(model)
    assert main.names() == {"x", "rounds", "start", "y"}
    assert body.outer == main.names()
    assert body.names() == main.names() | {"i", "go", "v", "go_on", "next"}
    assert (body.inputs, body.outputs) == (("i", "go", "v"), ("go_on", "next"))


def test_a_function_sees_its_own_names_alone():
    function = list(all_bodies(samples.with_function(node("Relu", ["a"], ["b"]))))[1]
    assert function.names() == {"a", "b"}
    assert function.weights == ()


def test_a_body_inside_of_a_function_is_found():
    inner = samples.choice(node("Relu", ["x"], ["b"])).graph.node[0]
    found = [body.where for body in all_bodies(samples.with_function(inner))]
    assert found[2] == "in else_branch of node 0 'choose' (operator If) in function 'Scale'"


def test_sparse_weights_are_weights():
    model = samples.chain(node("Add", ["x", "s"], ["y"]))
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "places")
    model.graph.sparse_initializer.add(values=values, indices=indices, dims=[2, 4])
    body = next(all_bodies(model))
    assert "s" in body.names()
    assert [tensor.name for tensor in constants(model)] == ["s", "places"]


def test_labels():
    add = node("Add", ["x", "x"], ["", "y"], "sum")
    assert node_label(2, add) == "node 2 'sum' (operator Add)"
    assert node_label(2, add, "in body") == "node 2 'sum' (operator Add) in body"
    add.name = ""
    assert node_label(0, add) == "node 0 (operator Add, output 'y')"
    assert node_label(1, onnx.NodeProto(op_type="Add")) == "node 1 '' (operator Add)"


def test_constants_are_found_at_any_depth():
    def constant(name):
        value = numpy_helper.from_array(np.zeros(1, np.float32), name)
        return node("Constant", [], [name], value=value)

    model = samples.choice(constant("deep"), node("Add", ["x", "deep"], ["b"]))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1), "stored"))
    model.graph.node.insert(0, constant("near"))
    function = samples.with_function(constant("inside"), node("Add", ["a", "inside"], ["b"]))
    model.functions.append(function.functions[0])
    assert [tensor.name for tensor in constants(model)] == ["stored", "near", "deep", "inside"]


def test_constants_in_lists_are_found():
    holder = node("Odd", [], ["y"])
    values = [numpy_helper.from_array(np.zeros(1), name) for name in ("one", "two")]
    holder.attribute.append(onnx.helper.make_attribute("many", values))
    assert [tensor.name for tensor in constants(samples.chain(holder))] == ["one", "two"]


def test_subgraphs_in_lists_are_found():
    holder = node("Odd", [], ["y"])
    graphs = [samples.branch(), samples.branch()]
    holder.attribute.append(onnx.helper.make_attribute("many", graphs))
    assert [name for name, _ in subgraphs(holder)] == ["many", "many"]


def test_opset_is_that_of_onnxs_own_operators():
    ids = onnx.helper.make_opsetid
    assert opset_of([ids("local", 3), ids("", 17)]) == 17
    assert opset_of([ids("ai.onnx", 16)]) == 16
    assert opset_of([ids("local", 3)]) == 0


def test_a_function_without_an_opset_has_that_of_the_model():
    model = samples.with_function(node("Relu", ["a"], ["b"]))
    assert [body.opset for body in all_bodies(model)] == [17, 17]
    model.functions[0].opset_import[0].version = 13
    assert [body.opset for body in all_bodies(model)] == [17, 13]
    del model.functions[0].opset_import[:]
    assert [body.opset for body in all_bodies(model)] == [17, 17]
