"""Drawings of graphs: which boxes, which arrows, where, in which colours."""

import matplotlib.pyplot as plt
import numpy as np
import onnx
import pytest
from matplotlib.colors import to_hex
from onnx import TensorProto, helper

from cookbook import CookbookError, plot
from cookbook.inspect.drawing import (
    Node,
    draw_engine,
    draw_graph,
    draw_onnx,
    outer_inputs,
    shortened,
)
from tests import onnx_samples as samples


@pytest.fixture
def ax():
    figure, made = plt.subplots()
    yield made
    plt.close(figure)


def boxes(ax):
    """{label: (colour, x, row)} of a drawing."""
    found = {}
    for text in ax.texts:
        if text.get_text():
            x, y = text.get_position()
            found[text.get_text()] = (to_hex(text.get_bbox_patch().get_facecolor()), x, -y)
    return found


def rows(ax):
    return {label: row for label, (_, _, row) in boxes(ax).items()}


def arrows(ax):
    """The pairs of labels that arrows connect."""
    at = {(x, -row): label for label, (_, x, row) in boxes(ax).items()}
    found = set()
    for text in ax.texts:
        if not text.get_text():
            found.add((at[tuple(text.xyann)], at[tuple(text.xy)]))
    return found


def layer(name, inputs, outputs, layer_type="CaskConvolution"):
    return {
        "Name": name,
        "LayerType": layer_type,
        "Inputs": [{"Name": tensor} for tensor in inputs],
        "Outputs": [{"Name": tensor} for tensor in outputs],
    }


class TestOnnx:
    def test_nodes_inputs_and_arrows(self, ax):
        draw_onnx(samples.linear(), ax, "a model")
        assert ax.get_title() == "a model"
        assert rows(ax) == {"x": 0, "MatMul": 1, "Add": 2}
        assert arrows(ax) == {("x", "MatMul"), ("MatMul", "Add")}
        colors = {label: color for label, (color, _, _) in boxes(ax).items()}
        assert colors == {"x": plot.GREY, "MatMul": plot.BLUE, "Add": plot.BLUE}

    def test_two_inputs_stand_side_by_side(self, ax):
        draw_onnx(samples.add(), ax)
        assert ax.get_title() == "ONNX graph"
        assert rows(ax) == {"a": 0, "b.1": 0, "Add": 1}
        assert boxes(ax)["a"][1] != boxes(ax)["b.1"][1]
        assert arrows(ax) == {("a", "Add"), ("b.1", "Add")}

    def test_constants_and_weights_are_left_out(self, ax):
        weight = helper.make_tensor("value", TensorProto.FLOAT, [1], [1.0])
        nodes = [
            helper.make_node("Constant", [], ["c"], value=weight),
            helper.make_node("Add", ["x", "c"], ["h"]),
            helper.make_node("Mul", ["h", "w"], ["y"]),
        ]
        value = ("x", TensorProto.FLOAT, [1])
        model = samples.model(
            nodes,
            [value, ("w", TensorProto.FLOAT, [1])],  # before IR 4 weights are inputs, too
            [("y", TensorProto.FLOAT, [1])],
            [("w", np.ones(1, np.float32))],
        )
        draw_onnx(model, ax)
        assert rows(ax) == {"x": 0, "Add": 1, "Mul": 2}

    def test_a_row_is_the_longest_way_from_an_input(self, ax):
        nodes = [
            helper.make_node("Relu", ["x"], ["a"]),
            helper.make_node("Neg", ["a"], ["b"]),
            helper.make_node("Add", ["x", "b"], ["y"]),
        ]
        ends = [("x", TensorProto.FLOAT, [1])], [("y", TensorProto.FLOAT, [1])]
        draw_onnx(samples.model(nodes, *ends), ax)
        assert rows(ax) == {"x": 0, "Relu": 1, "Neg": 2, "Add": 3}
        assert ("x", "Add") in arrows(ax)

    def test_nodes_in_any_order(self, ax):
        model = samples.linear()
        nodes = list(reversed(model.graph.node))
        del model.graph.node[:]
        model.graph.node.extend(nodes)
        assert isinstance(model, onnx.ModelProto)
        draw_onnx(model, ax)
        assert arrows(ax) == {("x", "MatMul"), ("MatMul", "Add")}


class TestEngine:
    LAYERS = [
        layer("copy", ["x"], ["x'"], "Reformat"),
        layer("conv", ["x'"], ["h"]),
        layer("add", ["h", "x'", "bias"], ["y"]),
    ]

    def test_layers_inputs_and_colours(self, ax):
        draw_engine(self.LAYERS, ax)
        assert ax.get_title() == "engine layers"
        assert rows(ax) == {"x": 0, "bias": 0, "copy": 1, "conv": 2, "add": 3}
        assert arrows(ax) == {
            ("x", "copy"),
            ("copy", "conv"),
            ("conv", "add"),
            ("copy", "add"),
            ("bias", "add"),
        }
        colors = {label: color for label, (color, _, _) in boxes(ax).items()}
        assert colors["copy"] == plot.ORANGE
        assert colors["conv"] == colors["add"] == plot.GREEN
        assert colors["x"] == colors["bias"] == plot.GREY

    def test_long_names_are_cut(self, ax):
        draw_engine([layer("n" * 44, ["x"], ["y"]), layer("m" * 45, ["y"], ["z"])], ax, "long")
        assert set(boxes(ax)) == {"x", "n" * 44, "m" * 43 + "…"}
        assert ax.get_title() == "long"

    def test_a_tensor_that_is_written_twice_comes_from_the_last_before(self, ax):
        draw_engine(
            [
                layer("first", ["x"], ["t"]),
                layer("reads the first", ["t"], ["a"]),
                layer("second", ["a"], ["t"]),
                layer("reads the second", ["t"], ["y"]),
            ],
            ax,
        )
        assert arrows(ax) == {
            ("x", "first"),
            ("first", "reads the first"),
            ("reads the first", "second"),
            ("second", "reads the second"),
        }

    def test_the_way_back_of_a_loop_is_left_out(self, ax):
        draw_engine([layer("step", ["x", "state"], ["h"]), layer("keep", ["h"], ["state"])], ax)
        assert arrows(ax) == {("x", "step"), ("step", "keep")}
        draw_engine([layer("count", ["n"], ["n"])], ax)  # reads what it writes

    def test_what_read_layers_refuses(self, ax):
        with pytest.raises(CookbookError, match="layer names only"):
            draw_engine(["a"], ax)


def test_labels_are_cut_at_their_end():
    assert shortened("abcde", 5) == "abcde"
    assert shortened("abcdef", 5) == "abcd…"


def test_outer_inputs_come_once_in_order():
    nodes = [Node("1", "red", ["b", "a", "b"], ["c"]), Node("2", "red", ["c", "d", "a"], ["e"])]
    assert outer_inputs(nodes) == ["b", "a", "d"]


def test_boxes_and_arrows_lie_inside_the_axes(ax):
    draw_graph([Node("box", "#123456", ["x"], ["y"])], ["x"], ax, "title")
    assert boxes(ax)["box"][0] == "#123456"
    low, high = ax.get_ylim()
    assert low < -1 < 0 < high
    assert ax.margins() == (0.35, 0.08)  # for the boxes, which are wider than points
    assert ax.collections[0].get_sizes().tolist() == [0]
    assert not ax.axison


def test_an_input_that_nobody_reads_is_drawn(ax):
    draw_graph([Node("box", "#123456", [], ["y"])], ["x"], ax, "title")
    assert rows(ax) == {"x": 0, "box": 0}
    assert arrows(ax) == set()
