"""Mistakes in single ONNX nodes that crash TensorRT's parser or builder, instead of a refusal."""

import functools
from collections.abc import Iterator

import onnx
from onnx import AttributeProto, TensorProto, numpy_helper

from .onnx_bodies import Body

LARGEST = 2**31 - 1
# Attributes of ONNX's own operators that count or divide something.
POSITIVE = (
    "blocksize",
    "dilations",
    "group",
    "hidden_size",
    "kernel_shape",
    "kv_num_heads",
    "num_groups",
    "num_heads",
    "num_outputs",
    "q_num_heads",
    "strides",
)
OLD_SCAN = 8  # the opset of the first Scan, which was another operator
RECURRENT = ("GRU", "LSTM", "RNN")
DIRECTIONS = (b"forward", b"reverse", b"bidirectional")


def problems(body: Body) -> Iterator[str]:
    """Each problem of a body's nodes as a sentence."""
    for index, node in enumerate(body.nodes):
        label = body.label(index)
        if not node.output:
            yield f"{label} has no output"
        for problem in _body_sizes(node, body.opset):
            yield f"{label}: {problem}"
        if _divides_by_zero(node, body):
            yield f"{label} divides whole numbers by the constant 0 ({node.input[1]!r})"
        schema = _schema(node.op_type, body.opset, node.domain)
        if schema is None:
            continue
        for problem in _against_schema(node, schema):
            yield f"{label}: {problem}"
        for attribute in node.attribute:
            for problem in _value_problems(node, attribute):
                yield f"{label}: attribute {attribute.name!r} {problem}"


@functools.cache
def _schema(operator: str, opset: int, domain: str):
    """ONNX's definition of an operator; None for those of plugins, functions and other domains."""
    if domain not in ("", "ai.onnx") or not opset:
        return None
    try:
        return onnx.defs.get_schema(operator, opset, "")
    except onnx.defs.SchemaError:
        return None


def _against_schema(node: onnx.NodeProto, schema) -> Iterator[str]:
    """Too many inputs or outputs, and attributes of a wrong type."""
    if len(node.input) > schema.max_input:
        yield f"it has {len(node.input)} inputs, its operator takes {schema.max_input}"
    if len(node.output) > schema.max_output:
        yield f"it has {len(node.output)} outputs, its operator has {schema.max_output}"
    for attribute in node.attribute:
        known = schema.attributes.get(attribute.name)
        untyped = attribute.type == AttributeProto.UNDEFINED or attribute.ref_attr_name
        if known is None or untyped or attribute.type == known.type.value:
            continue
        given = AttributeProto.AttributeType.Name(attribute.type)
        yield f"attribute {attribute.name!r} is {given}, its operator takes {known.type.name}"


def _value_problems(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> Iterator[str]:
    """An attribute's value that TensorRT would divide by, or look up in vain."""
    if attribute.ref_attr_name:  # the value comes from the call of a function
        return
    if attribute.name in POSITIVE:
        numbers = list(attribute.ints)
        if attribute.type == AttributeProto.INT:
            numbers = [attribute.i]
        for number in numbers:
            if not 1 <= number <= LARGEST:
                yield f"is {number}: it must be positive, and at most {LARGEST}"
                return
    chooses = node.op_type in RECURRENT and attribute.name == "direction"
    if chooses and attribute.s not in DIRECTIONS:
        words = ", ".join(word.decode() for word in DIRECTIONS)
        yield f"is {attribute.s.decode(errors='replace')!r}: it must be one of {words}"


def _body_sizes(node: onnx.NodeProto, opset: int) -> Iterator[str]:
    """Bodies of If, Loop and Scan that take or give another number of tensors than their node."""
    if node.op_type not in ("If", "Loop", "Scan"):
        return
    takes = None
    gives = len(node.output)
    if node.op_type == "Loop":
        takes = max(2, len(node.input))
        gives += 1  # whether to go on
    elif node.op_type == "Scan":
        takes = len(node.input)
        if opset == OLD_SCAN:  # its first input is the sequences' lengths
            takes -= 1
    for attribute in node.attribute:
        if attribute.name == "num_scan_inputs" and not 0 < attribute.i <= len(node.input):
            yield f"num_scan_inputs is {attribute.i}, the node has {len(node.input)} inputs"
        if not attribute.HasField("g"):
            continue
        body = attribute.g
        if takes is not None and len(body.input) != takes:
            yield f"its {attribute.name} has {len(body.input)} inputs, it must have {takes}"
        if len(body.output) != gives:
            yield f"its {attribute.name} has {len(body.output)} outputs, it must have {gives}"


def _divides_by_zero(node: onnx.NodeProto, body: Body) -> bool:
    """Whether a node divides whole numbers by a constant with a 0 in it."""
    if node.op_type not in ("Div", "Mod") or len(node.input) < 2:
        return False
    divisor = _constant(node.input[1], body)
    if divisor is None or divisor.data_location == TensorProto.EXTERNAL:
        return False
    if divisor.data_type not in (TensorProto.INT32, TensorProto.INT64):
        return False
    return bool((numpy_helper.to_array(divisor) == 0).any())


def _constant(name: str, body: Body) -> TensorProto | None:
    """The weight or the constant of that name, if the body has one."""
    for tensor in body.weights:
        if tensor.name == name:
            return tensor
    for node in body.nodes:
        if node.op_type == "Constant" and name in node.output:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    return attribute.t
    return None
