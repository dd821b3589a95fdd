"""What is wrong with an ONNX model, said before TensorRT's parser sees it.

The parser trusts a model in many places. Some mistakes end the process with a segmentation fault (a
function that calls itself, a node without outputs, a block size of 0), others are refused in words
that name no tensor (a cycle, an input of a type that TensorRT lacks), or change the model's meaning
(an input without a shape becomes a scalar). Each check here stands for one of these.
``onnx.checker.check_model`` checks other things: it refuses the operators of plugins, for example.
"""

import graphlib
from collections.abc import Iterator

import onnx
from onnx import TensorProto

from ..errors import BuildError
from . import node_checks
from .onnx_bodies import Body, all_bodies, subgraphs

MOST_PROBLEMS = 8
MOST_DIMENSIONS = 8
LARGEST_DIMENSION = 2**31 - 1
# No version of TensorRT has these as inputs. It may lack others, and then says so itself.
MISSING_TYPES = (
    "UNDEFINED",
    "UINT16",
    "INT16",
    "UINT32",
    "UINT64",
    "STRING",
    "COMPLEX64",
    "COMPLEX128",
    "INT2",
    "UINT2",
    "UINT4",
    "FLOAT8E5M2",
    "FLOAT8E4M3FNUZ",
    "FLOAT8E5M2FNUZ",
    "FLOAT8E8M0",
)  # some of these have no name yet in older versions of onnx


def check_model(model: onnx.ModelProto, name: str) -> None:
    """Raise BuildError with the first problems of a model, each with its tensor or node.

    Args:
        name: how the error calls the model, such as its path.
    """
    found = list(problems(model))
    if not found:
        return
    lines = found[:MOST_PROBLEMS]
    if len(found) > MOST_PROBLEMS:
        lines.append(f"and {len(found) - MOST_PROBLEMS} more")
    raise BuildError(f"{name} is not a model that TensorRT can read:\n  " + "\n  ".join(lines))


def problems(model: onnx.ModelProto) -> Iterator[str]:
    """Each problem of a model as a sentence."""
    weights = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name not in weights:
            yield from _input_problems(value)
    if not model.graph.output:
        yield "the graph has no output: mark the tensors that you want with graph.output"
    yield from _recursive_functions(model)
    for body in all_bodies(model):
        yield from _written_twice(body)
        yield from _read_but_not_written(body)
        yield from _cycles(body)
        yield from node_checks.problems(body)


def _input_problems(value: onnx.ValueInfoProto) -> Iterator[str]:
    """Problems of one input of the main graph."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        words = (kind or "nothing").replace("_type", "")
        yield f"input {value.name!r} is of type {words}: TensorRT takes tensors only"
        return
    tensor = value.type.tensor_type
    type_name = TensorProto.DataType.Name(tensor.elem_type)
    if type_name in MISSING_TYPES:
        yield (
            f"input {value.name!r} is of type {type_name.lower()}, which TensorRT does not have: "
            "give it another (int32 or float32, say), and cast what you feed"
        )
    if not tensor.HasField("shape"):
        yield (
            f"input {value.name!r} has no shape, and TensorRT would take it for a scalar: give it "
            "one when you export, or with model.graph.input[…].type.CopyFrom("
            "onnx.helper.make_tensor_type_proto(type, shape)); a dimension that varies is a name, "
            "such as 'batch'"
        )
        return
    sizes = [size.dim_value for size in tensor.shape.dim]
    if len(sizes) > MOST_DIMENSIONS:
        yield (
            f"input {value.name!r} has {len(sizes)} dimensions, TensorRT takes {MOST_DIMENSIONS}: "
            "merge some of them"
        )
    for size in sizes:
        if not -1 <= size <= LARGEST_DIMENSION:
            yield (
                f"input {value.name!r} has a dimension of {size}: it must be 0 to "
                f"{LARGEST_DIMENSION}, or a name for one that varies"
            )


def _recursive_functions(model: onnx.ModelProto) -> Iterator[str]:
    """A function that calls itself, directly or not. TensorRT knows functions by name alone."""
    names = {function.name for function in model.functions}
    calls = {}
    for function in model.functions:
        called = {node.op_type for node in _nodes_within(function.node)}
        calls[function.name] = called & names
    cycle = _a_cycle(calls)
    if cycle:
        yield f"function {' → '.join(map(repr, cycle))} calls itself: inline it, without recursion"


def _nodes_within(nodes) -> Iterator[onnx.NodeProto]:
    """Nodes, and those in the bodies inside of them."""
    for node in nodes:
        yield node
        for _, graph in subgraphs(node):
            yield from _nodes_within(graph.node)


def _a_cycle(depends: dict) -> list:
    """One cycle of a graph {thing: things that it needs}, first and last being the same; or []."""
    try:
        graphlib.TopologicalSorter(depends).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def _written_twice(body: Body) -> Iterator[str]:
    """Names that more than one input, weight or node writes."""
    writer: dict[str, str] = {}
    for name in body.inputs:
        if name in writer:
            yield f"input {name!r} is there twice {body.where}".rstrip()
        writer[name] = "an input"
    seen = set()
    for tensor in body.weights:
        if tensor.name in seen:
            yield f"weight {tensor.name!r} is there twice {body.where}".rstrip()
        seen.add(tensor.name)
        writer[tensor.name] = "a weight"  # it may be an input as well: its default value
    for index, node in enumerate(body.nodes):
        for name in node.output:
            if name in writer:
                yield f"tensor {name!r} is written twice: by {writer[name]} and {body.label(index)}"
            if name:
                writer[name] = body.label(index)


def _read_but_not_written(body: Body) -> Iterator[str]:
    """Tensors that a node or an output needs and nothing writes."""
    known = body.names()
    for index, node in enumerate(body.nodes):
        for name in node.input:
            if name and name not in known:
                yield f"{body.label(index)} reads tensor {name!r}, which nothing writes"
    for name in body.outputs:
        if name not in known:
            yield f"output {name!r} {body.where}".rstrip() + " is written by no node"


def _cycles(body: Body) -> Iterator[str]:
    """Nodes that wait for each other."""
    writer = {}
    for index, node in enumerate(body.nodes):
        for name in node.output:
            writer[name] = index
    depends = {}
    for index, node in enumerate(body.nodes):
        read = [name for inner in _nodes_within([node]) for name in inner.input]
        depends[index] = {writer[name] for name in read if name in writer}
    cycle = _a_cycle(depends)
    if cycle:
        words = " → ".join(body.label(index) for index in cycle)
        yield f"nodes wait for each other, in a cycle: {words}"
