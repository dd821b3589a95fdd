"""The map of an engine: which boxes, on which lines, joined by which wires."""

import pytest
from matplotlib.colors import to_rgb

from cookbook import plot
from cookbook.inspect.engine import read_layers
from cookbook.inspect.engine_map import (
    Box,
    boxes_of,
    color_of,
    dashes,
    set_lines,
    set_places,
    wires_of,
)

HWC8 = "Channel major FP16 format where channel % 8 == 0"
CHW32 = "Row major linear FP32"


def layer(name, inputs, outputs, kind="CaskConvolution", phrase=HWC8):
    sides = []
    for names in (inputs, outputs):
        sides.append([{"Name": tensor, "Format/Datatype": phrase} for tensor in names])
    return {"Name": name, "LayerType": kind, "Inputs": sides[0], "Outputs": sides[1]}


# x → copy → a → b → sum → y, with copy → sum as a shortcut, and a constant for the sum.
LAYERS = [
    layer("constant", [], ["k"], "Constant"),
    layer("copy", ["x"], ["x'"], "Reformat", CHW32),
    layer("a", ["x'"], ["t"]),
    layer("b", ["t"], ["u"]),
    layer("sum", ["u", "x'", "k"], ["y"], "{ForeignNode[sum]}"),
]
LAYERS[1]["Outputs"][0]["Format/Datatype"] = HWC8
LAYERS[4]["LayerType"] = "Myelin"


def placed(layers=LAYERS, columns=1, times=None):
    boxes = boxes_of(read_layers(layers), times or {})
    wires = wires_of(boxes)
    set_lines(boxes, wires)
    lines = set_places(boxes, wires, columns)
    return boxes, wires, lines


def label(boxes, number):
    return boxes[number].label


class TestStructure:
    def test_inputs_come_first_and_outputs_last(self):
        boxes, _, _ = placed()
        labels = [box.label for box in boxes]
        assert labels == ["x", "constant", "linear FP32 → NHWC8 FP16", "a", "b", "sum", "y"]
        assert [box.kind for box in boxes] == [
            "end",
            "no kernel",
            "reformat",
            "convolution",
            "convolution",
            "Myelin",
            "end",
        ]

    def test_wires_and_their_formats(self):
        boxes, wires, _ = placed()
        found = {(label(boxes, w.start), label(boxes, w.end)): w.format for w in wires}
        copy = "linear FP32 → NHWC8 FP16"
        assert found == {
            ("x", copy): "linear",
            (copy, "a"): "NHWC8",
            (copy, "sum"): "NHWC8",
            ("a", "b"): "NHWC8",
            ("b", "sum"): "NHWC8",
            ("constant", "sum"): "NHWC8",
            ("sum", "y"): "NHWC8",
        }

    def test_a_line_is_one_below_the_lowest_that_feeds_it(self):
        boxes, _, lines = placed()
        found = {box.label: box.line for box in boxes}
        assert found == {
            "x": 0,
            "linear FP32 → NHWC8 FP16": 1,
            "a": 2,
            "b": 3,
            "constant": 3,
            "sum": 4,
            "y": 5,
        }
        assert lines == 6

    def test_a_tensor_written_twice_comes_from_the_last_before(self):
        boxes, wires, _ = placed(
            [layer("1", ["x"], ["t"]), layer("2", ["t"], ["t"]), layer("3", ["t"], ["y"])]
        )
        found = {(label(boxes, wire.start), label(boxes, wire.end)) for wire in wires}
        assert found == {("x", "1"), ("1", "2"), ("2", "3"), ("3", "y")}

    def test_times_go_to_the_first_layer_of_a_name(self):
        layers = read_layers([layer("a", ["x"], ["t"]), layer("a", ["t"], ["y"])])
        boxes = boxes_of(layers, {"a": 3.5, "gone": 1.0})
        assert [box.microseconds for box in boxes] == [0.0, 3.5, 0.0, 0.0]

    def test_no_layers(self):
        assert placed([]) == ([], [], 1)


class TestPlaces:
    def chain(self, count):
        return [layer(f"layer {k}", [f"t{k}"], [f"t{k + 1}"]) for k in range(count)]

    def test_lines_wrap_into_columns(self):
        boxes, _, lines = placed(self.chain(5), columns=3)  # seven lines with both ends
        assert lines == 3
        assert [(int(box.x), box.y) for box in boxes] == [
            (0, 0),
            (0, 1),
            (0, 2),
            (1, 0),
            (1, 1),
            (1, 2),
            (2, 0),
        ]
        assert {round(box.width, 6) for box in boxes} == {0.82}

    def test_boxes_of_a_line_share_its_width(self):
        boxes, _, _ = placed()
        by_label = {box.label: box for box in boxes}
        left, right = by_label["b"], by_label["constant"]
        assert {left.x, right.x} == {0, 0.42}
        assert left.width == right.width == pytest.approx(0.4)

    def test_the_longest_wire_leaves_on_the_right(self):
        layers = [
            layer("long", ["x"], ["l"]),
            layer("short", ["x"], ["s"]),
            layer("next", ["s"], ["n"]),
            layer("end", ["n", "l"], ["y"]),
        ]
        boxes, _, _ = placed(layers)
        by_label = {box.label: box.x for box in boxes}
        assert by_label["short"] == 0
        assert by_label["long"] == pytest.approx(0.42)


class TestLook:
    def test_colours_of_types_and_formats(self):
        assert color_of("FP16", {"FP16": plot.GREEN}) == pytest.approx(to_rgb(plot.GREEN))
        assert color_of("NHWC8", {"NHWC": plot.RED}) == pytest.approx(to_rgb(plot.RED))
        assert color_of("INT64", {"FP16": plot.GREEN}) == pytest.approx(to_rgb(plot.GREY))
        assert color_of("", {"FP16": plot.GREEN}) == pytest.approx(to_rgb("#bbbbbb"))

    def test_colours_mixed_with_white(self):
        assert color_of("a", {"a": "#000000"}, 0.25) == pytest.approx([0.75] * 3)

    def test_dots_are_for_odd_paddings_of_channels(self):
        assert [dashes(form) for form in ("NHWC4", "NHWC", "NHWC8", "linear", "")] == [
            ":",
            ":",
            "-",
            "-",
            "-",
        ]

    def test_type_of_a_box(self):
        boxes, _, _ = placed()
        assert [box.datatype for box in boxes] == ["FP32", "FP16", "FP32"] + ["FP16"] * 4
        assert Box("empty", "other", (), ()).datatype == ""
