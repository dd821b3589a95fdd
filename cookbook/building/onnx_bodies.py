"""Walking through an ONNX model: its graph, the bodies inside of nodes, its local functions."""

import dataclasses
from collections.abc import Iterator, Sequence

import onnx


@dataclasses.dataclass(frozen=True)
class Body:
    """Nodes that share one set of names: the main graph, a branch, a loop's body, a function.

    Attributes:
        where: "" for the main graph, else words such as ``in then_branch of node 0 'choose'``.
        nodes, inputs, outputs: as they stand in the model; inputs and outputs by name.
        weights: the initializers.
        outer: names that the body sees from around it.
        opset: version of ONNX's own operators.
    """

    where: str
    nodes: Sequence[onnx.NodeProto]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[onnx.TensorProto, ...]
    outer: frozenset[str]
    opset: int

    def names(self) -> frozenset[str]:
        """Every tensor that a node of this body can read."""
        stored = [tensor.name for tensor in self.weights]
        written = [name for node in self.nodes for name in node.output]
        return self.outer.union(self.inputs, stored, written)

    def label(self, index: int) -> str:
        """Words for one node: its number, name, operator, and the body it is in."""
        return node_label(index, self.nodes[index], self.where)


def node_label(index: int, node: onnx.NodeProto, where: str = "") -> str:
    """``node 2 'add' (operator Add)``; a node without a name is told by what it writes."""
    written = [name for name in node.output if name]
    words = f"node {index} {node.name!r} (operator {node.op_type})"
    if not node.name and written:
        words = f"node {index} (operator {node.op_type}, output {written[0]!r})"
    if where:
        words += f" {where}"
    return words


def all_bodies(model: onnx.ModelProto) -> Iterator[Body]:
    """The main graph first, then every body inside of it, then the functions and theirs."""
    opset = opset_of(model.opset_import)
    yield from _graph_bodies(model.graph, "", frozenset(), opset)
    for function in model.functions:
        own_opset = opset_of(function.opset_import) or opset
        body = Body(
            where=f"in function {function.name!r}",
            nodes=function.node,
            inputs=tuple(function.input),
            outputs=tuple(function.output),
            weights=(),
            outer=frozenset(),
            opset=own_opset,
        )
        yield body
        yield from _inner_bodies(body)


def _graph_bodies(
    graph: onnx.GraphProto, where: str, outer: frozenset[str], opset: int
) -> Iterator[Body]:
    sparse = [tensor.values for tensor in graph.sparse_initializer]
    body = Body(
        where=where,
        nodes=graph.node,
        inputs=tuple(value.name for value in graph.input),
        outputs=tuple(value.name for value in graph.output),
        weights=(*graph.initializer, *sparse),
        outer=outer,
        opset=opset,
    )
    yield body
    yield from _inner_bodies(body)


def _inner_bodies(body: Body) -> Iterator[Body]:
    """The bodies inside of a body's nodes, at any depth."""
    names: frozenset[str] | None = None
    for index, node in enumerate(body.nodes):
        for attribute, graph in subgraphs(node):
            if names is None:
                names = body.names()
            where = f"in {attribute} of {body.label(index)}"
            yield from _graph_bodies(graph, where, names, body.opset)


def subgraphs(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    """The graphs that a node holds, such as the branches of an If, with their attributes' names."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.name, attribute.g
        for graph in attribute.graphs:
            yield attribute.name, graph


def opset_of(imports) -> int:
    """Version of ONNX's own operators in an ``opset_import``; 0 where it names none."""
    for entry in imports:
        if entry.domain in ("", "ai.onnx"):
            return entry.version
    return 0


def constants(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor with values in a model: initializers and constants, in all bodies."""
    yield from _graph_constants(model.graph)
    for function in model.functions:
        for node in function.node:
            yield from _node_constants(node)


def _graph_constants(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        yield from _node_constants(node)


def _node_constants(node: onnx.NodeProto) -> Iterator[onnx.TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
    for _, graph in subgraphs(node):
        yield from _graph_constants(graph)
