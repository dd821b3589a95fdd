"""A large engine on one page: its layers as lines of text that wrap into columns.

A layer stands one line below the lowest of those that it reads from, so time flows downwards, and
boxes side by side do not depend on each other. Colours tell the types of the numbers, frames the
kinds of layers, colours of wires how tensors lie in memory, and bars where the time goes.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch, Rectangle
from matplotlib.path import Path as Curve

from .. import plot
from .engine import read_layers
from .layer import LayerTensor

TYPE_COLORS = {"FP32": plot.BLUE, "FP16": plot.GREEN, "BF16": "#2aa198", "INT8": plot.ORANGE}
FORMAT_COLORS = {"linear": "#555555", "NHWC": "#8e44ad", "NC/": plot.RED}
NOT_SAID = "#bbbbbb"
FRAMES: dict[str, dict[str, Any]] = {
    "reformat": {"ec": plot.ORANGE, "lw": 1.6, "ls": (0, (3, 1))},
    "Myelin": {"ec": "black", "lw": 2.2},
}
PLAIN_FRAME = {"ec": "#b0b0b0", "lw": 0.7}
FONT_SIZE = 6.6
LETTERS_PER_INCH = 16.3  # at this size
COLUMN = 0.84  # of a column's width is for boxes; long wires run in the rest
LINE_INCHES = 0.335
HALF = 0.3  # of a line: half the height of a box


@dataclasses.dataclass
class Box:
    """A layer, or an input or output of the network (kind ``end``), and where it stands.

    x and width count columns, y counts lines downwards.
    """

    label: str
    kind: str
    inputs: tuple[LayerTensor, ...]
    outputs: tuple[LayerTensor, ...]
    microseconds: float = 0.0
    line: int = 0
    x: float = 0.0
    y: int = 0
    width: float = COLUMN

    @property
    def datatype(self) -> str:
        """Type of its first input, or output where it has none."""
        ends = self.inputs or self.outputs
        return ends[0].datatype if ends else ""


@dataclasses.dataclass(frozen=True)
class Wire:
    """A tensor on its way: numbers of the boxes that it joins, and how it lies in memory."""

    start: int
    end: int
    format: str


def draw_engine_map(
    source: Any,
    title: str = "engine layers",
    times: Mapping[str, float] | None = None,
    columns: int = 3,
    width: float = 9,
) -> Any:
    """Draw all layers of an engine in a figure of its own.

    Args:
        source: an engine, its layers, or whatever else ``cookbook.inspect.read_layers`` takes.
        title: of the figure.
        times: {layer's name: microseconds}, drawn as bars and written into the boxes.
        columns: into which the lines are cut.
        width: of the figure, in inches.
    Returns: the matplotlib figure.
    Raises: CookbookError, as ``read_layers`` does.
    """
    boxes = boxes_of(read_layers(source), times or {})
    wires = wires_of(boxes)
    set_lines(boxes, wires)
    lines = set_places(boxes, wires, columns)
    figure, ax = plot.figure(width, 0.9 + LINE_INCHES * lines, title=title)
    longest = max((box.microseconds for box in boxes), default=0)
    for wire in wires:
        _draw_wire(ax, boxes[wire.start], boxes[wire.end], wire.format)
    for box in boxes:
        _draw_box(ax, box)
        if box.microseconds:
            _draw_bar(ax, box, longest)
        _write(ax, box, width / columns)
    ax.set(xlim=(-0.01, columns), ylim=(lines - 0.4, -0.6))
    ax.set_axis_off()
    _draw_legend(figure, boxes, wires)
    return figure


def boxes_of(layers: list, times: Mapping[str, float]) -> list[Box]:
    """A box for each input of the network, then for each layer, then for each output.

    A layer's time goes to the first box of that name, as the profiler adds up what has one name.
    """
    left = dict(times)
    boxes = []
    for layer in layers:
        microseconds = left.pop(layer.name, 0.0)
        boxes.append(Box(layer.label, layer.kind, layer.inputs, layer.outputs, microseconds))
    made = {tensor.name for box in boxes for tensor in box.outputs}
    used = {tensor.name for box in boxes for tensor in box.inputs}
    first: dict[str, Box] = {}
    last: dict[str, Box] = {}
    for box in boxes:
        for tensor in box.inputs:
            if tensor.name not in made:
                first[tensor.name] = Box(tensor.name, "end", (), (tensor,))
        for tensor in box.outputs:
            if tensor.name not in used:
                last[tensor.name] = Box(tensor.name, "end", (tensor,), ())
    return [*first.values(), *boxes, *last.values()]


def wires_of(boxes: list[Box]) -> list[Wire]:
    """Who feeds whom. Boxes come in order of execution, so a tensor comes from the last before."""
    maker: dict[str, int] = {}
    wires: dict[tuple[int, int], Wire] = {}
    for number, box in enumerate(boxes):
        for tensor in box.inputs:
            if tensor.name in maker:
                start = maker[tensor.name]
                wires[start, number] = Wire(start, number, tensor.format)
        for tensor in box.outputs:
            maker[tensor.name] = number
    return list(wires.values())


def set_lines(boxes: list[Box], wires: list[Wire]) -> None:
    """Give each box its line: one below the lowest that feeds it."""
    for number, box in enumerate(boxes):
        above = [boxes[wire.start].line for wire in wires if wire.end == number]
        box.line = 1 + max(above, default=-1)
    fed = {wire.end for wire in wires}
    for number in reversed(range(len(boxes))):
        below = [boxes[wire.end].line for wire in wires if wire.start == number]
        if below and number not in fed:  # such as a constant: it stands where it is needed
            boxes[number].line = min(below) - 1


def set_places(boxes: list[Box], wires: list[Wire], columns: int) -> int:
    """Give each box its place: lines are cut into columns, boxes of one line share its width.

    Returns: the lines of a column.
    """
    count = max((box.line for box in boxes), default=0) + 1
    tall = -(-count // columns)
    reach = dict.fromkeys(range(len(boxes)), 0)
    for wire in wires:
        reach[wire.start] = max(reach[wire.start], boxes[wire.end].line)
    for line in range(count):
        members = [number for number, box in enumerate(boxes) if box.line == line]
        members.sort(key=lambda number: reach[number])  # the longest wire leaves on the right
        for lane, number in enumerate(members):
            share = COLUMN / len(members)
            boxes[number].x = line // tall + lane * share
            boxes[number].y = line % tall
            boxes[number].width = share - 0.02
    return tall


def color_of(word: str, colors: Mapping[str, str], part: float = 1.0) -> list[float]:
    """The colour of a type or format, mixed with white: ``part`` of it is the colour."""
    color = plot.GREY if word else NOT_SAID
    for start, known in colors.items():
        if word.startswith(start):
            color = known
    return [1 - part * (1 - value) for value in to_rgb(color)]


def dashes(form: str) -> str:
    """Dotted for channels last that are padded to anything but eight, else solid."""
    if form.startswith("NHWC") and form != "NHWC8":
        return ":"
    return "-"


def curve(start: Box, end: Box) -> list[tuple[float, float]]:
    """Four control points of a wire: straight to the next line, in an arc through the gutter to a
    later one, or across to another column."""
    column = int(end.x)
    right = (start.x + start.width, start.y)
    if int(start.x) != column:
        return [right, (column - 0.02, start.y), (column - 0.14, end.y), (end.x, end.y)]
    if end.y == start.y + 1:
        top = (start.x + start.width / 2, start.y + HALF)
        bottom = (end.x + end.width / 2, end.y - HALF)
        return [top, top, bottom, bottom]
    gutter = column + 0.87 + min(0.012 * (end.y - start.y), 0.06)
    return [right, (gutter, start.y), (gutter, end.y), (end.x + end.width, end.y)]


def _draw_wire(ax: Any, start: Box, end: Box, form: str) -> None:
    path = Curve(curve(start, end), [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])
    arrow = FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=6, lw=1.2, zorder=1)
    arrow.set_linestyle(dashes(form))
    arrow.set_color(color_of(form, FORMAT_COLORS))
    ax.add_patch(arrow)


def _draw_box(ax: Any, box: Box) -> None:
    ground: Any = "white"
    if box.kind not in ("no kernel", "end"):
        ground = color_of(box.datatype, TYPE_COLORS, 0.18)
    patch = FancyBboxPatch(
        (box.x, box.y - HALF),
        box.width,
        2 * HALF,
        boxstyle="round,pad=0,rounding_size=0.02",
        mutation_aspect=8,
        fc=ground,
        zorder=2,
        **FRAMES.get(box.kind, PLAIN_FRAME),
    )
    ax.add_patch(patch)


def _draw_bar(ax: Any, box: Box, longest: float) -> None:
    """How long a layer takes, beside the slowest one."""
    length = box.width * box.microseconds / longest
    color = color_of(box.datatype, TYPE_COLORS, 0.65)
    ax.add_patch(Rectangle((box.x, box.y - 0.27), length, 0.54, fc=color, zorder=3))


def _write(ax: Any, box: Box, column_inches: float) -> None:
    """The label, cut to what fits into the box, and the microseconds."""
    room = int(box.width * column_inches * LETTERS_PER_INCH)
    if box.microseconds:
        room -= 6
        number = f"{box.microseconds:.1f}"
        right = box.x + box.width - 0.012
        ax.text(right, box.y, number, fontsize=FONT_SIZE, va="center", ha="right", zorder=5)
    label = box.label
    if len(label) > room:
        label = label[: max(room - 1, 1)] + "…"
    weight = "bold" if box.kind == "end" else "normal"
    ax.text(box.x + 0.012, box.y, label, fontsize=FONT_SIZE, va="center", weight=weight, zorder=5)


def _draw_legend(figure: Any, boxes: list[Box], wires: list[Wire]) -> None:
    """What the colours and frames mean, as far as they occur."""
    handles: list[Any] = []
    for datatype in dict.fromkeys(box.datatype for box in boxes):
        color = color_of(datatype, TYPE_COLORS, 0.65)
        handles.append(Patch(fc=color, label=datatype or "type not said"))
    kinds = {box.kind for box in boxes}
    for kind in ("reformat", "Myelin", "no kernel"):
        if kind in kinds:
            handles.append(Patch(fc="white", label=kind, **FRAMES.get(kind, PLAIN_FRAME)))
    for form in dict.fromkeys(wire.format for wire in wires):
        color = color_of(form, FORMAT_COLORS)
        label = f"in {form}" if form else "order not said"
        handles.append(plot.plt.Line2D([], [], color=color, ls=dashes(form), label=label))
    figure.legend(handles=handles, loc="outside lower left", ncols=8, fontsize=7, frameon=False)
