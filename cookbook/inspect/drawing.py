"""Graphs as drawings: the nodes of an ONNX model, the layers of an engine, from top to bottom."""

import dataclasses
from typing import TYPE_CHECKING, Any

from .. import plot
from .engine import read_layers

if TYPE_CHECKING:
    import onnx

LONGEST_LABEL = 44  # letters


@dataclasses.dataclass
class Node:
    """A box in a drawing, and the names of the tensors that it reads and makes."""

    label: str
    color: str
    inputs: list[str]
    outputs: list[str]


def draw_onnx(model: "onnx.ModelProto", ax: Any, title: str = "ONNX graph") -> None:
    """Draw the nodes of a model on matplotlib axes; constants and weights are left out.

    Args: ``model`` – an ``onnx.ModelProto``; ``ax`` – the axes; ``title`` – above them.
    """
    weights = {weight.name for weight in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type != "Constant":
            nodes.append(Node(node.op_type, plot.BLUE, list(node.input), list(node.output)))
    inputs = [value.name for value in model.graph.input if value.name not in weights]
    draw_graph(nodes, inputs, ax, title)


def draw_engine(source: Any, ax: Any, title: str = "engine layers") -> None:
    """Draw the layers of an engine on matplotlib axes: reformats orange, all others green.

    Args: ``source`` – an engine, or what ``cookbook.inspect.layers`` returned for it, or whatever
        else ``read_layers`` takes; ``ax`` – the axes; ``title`` – above them.
    Raises: CookbookError, as ``read_layers`` does.
    """
    nodes = []
    for layer in read_layers(source):
        color = plot.GREEN
        if layer.kind == "reformat":
            color = plot.ORANGE
        inputs = [tensor.name for tensor in layer.inputs]
        outputs = [tensor.name for tensor in layer.outputs]
        nodes.append(Node(shortened(layer.name), color, inputs, outputs))
    draw_graph(nodes, outer_inputs(nodes), ax, title)


def shortened(text: str, most: int = LONGEST_LABEL) -> str:
    """A text of at most so many letters; one that is cut ends in …"""
    if len(text) <= most:
        return text
    return text[: most - 1] + "…"


def outer_inputs(nodes: list[Node]) -> list[str]:
    """Names that some node reads and none makes, in the order of their first use."""
    made = set()
    for node in nodes:
        made.update(node.outputs)
    outer: dict[str, None] = {}
    for node in nodes:
        for name in node.inputs:
            if name not in made:
                outer[name] = None
    return list(outer)


def draw_graph(nodes: list[Node], inputs: list[str], ax: Any, title: str) -> None:
    """Draw boxes and arrows, one row a step from the inputs.

    Args: ``nodes`` – the boxes; ``inputs`` – names of tensors that come from outside, drawn grey.
    """
    graph = _connected(nodes, inputs)
    places = _places(graph)
    # Texts and arrows do not set the limits of the axes; points do, even of size 0.
    ax.scatter([x for x, _ in places.values()], [y for _, y in places.values()], s=0)
    for start, end in graph.edges:
        style = {"arrowstyle": "->", "color": plot.GREY, "shrinkA": 8, "shrinkB": 8}
        ax.annotate("", places[end], places[start], arrowprops=style)
    for key, (x, y) in places.items():
        box = {"boxstyle": "round,pad=0.35", "fc": graph.nodes[key]["color"], "ec": "none"}
        label = graph.nodes[key]["label"]
        ax.text(x, y, label, ha="center", va="center", fontsize=7.5, color="white", bbox=box)
    ax.set_title(title, fontsize=9)
    ax.margins(x=0.35, y=0.08)
    ax.set_axis_off()


def _connected(nodes: list[Node], inputs: list[str]) -> Any:
    """The boxes as a directed graph; inputs have their names as keys, nodes their numbers."""
    import networkx as nx

    graph = nx.DiGraph()
    for name in inputs:
        graph.add_node(name, label=name, color=plot.GREY)
    makers: dict[str, list[int]] = {}
    for number, node in enumerate(nodes):
        graph.add_node(number, label=node.label, color=node.color)
        for name in node.outputs:
            makers.setdefault(name, []).append(number)
    back = []
    for number, node in enumerate(nodes):
        for name in node.inputs:
            start = _maker(name, number, makers, inputs)
            if isinstance(start, int) and start >= number:
                back.append((start, number))
            elif start is not None:
                graph.add_edge(start, number)
    for start, number in back:
        # Nodes may be out of order; but the way back of a loop is left out.
        if not nx.has_path(graph, number, start):
            graph.add_edge(start, number)
    return graph


def _maker(name: str, reader: int, makers: dict[str, list[int]], inputs: list[str]) -> Any:
    """Key of the box that a tensor comes from: of several the last before the reader."""
    numbers = makers.get(name, [])
    before = [number for number in numbers if number < reader]
    if before:
        return before[-1]
    if name in inputs:
        return name
    return numbers[0] if numbers else None


def _places(graph: Any) -> dict[Any, tuple[float, int]]:
    """Where each box stands: rows downwards by the longest way from an input."""
    import networkx as nx

    rows = {}
    for row, members in enumerate(nx.topological_generations(graph)):
        for key in members:
            rows[key] = row
            graph.nodes[key]["row"] = row
    spread = nx.multipartite_layout(graph, subset_key="row", align="horizontal")
    return {key: (float(spread[key][0]), -row) for key, row in rows.items()}
