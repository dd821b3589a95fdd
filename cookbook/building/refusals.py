"""What TensorRT's ONNX parser refuses, told by the model's own names."""

import re
from collections.abc import Iterator

import onnx

from ..backend import trt
from ..errors import BuildError
from ..log import Line, log_excerpt, shortened, without_noise
from .onnx_bodies import Body, all_bodies, node_label

UNKNOWN = "no operator of TensorRT and no plugin that is loaded has that name"
UNSUPPORTED = "TensorRT's parser knows this operator and does not support it"
SILENT = "the parser calls it invalid and says no more"
MOST_NAMED = 3  # nodes that one line of an error names
WAYS_OUT = (
    "Ways out: write the operator with others in PyTorch, replace the node with graph surgery, or "
    "give TensorRT a plugin of that name."
)
OTHER_WAYS_OUT = (
    "Ways out: change what is named in PyTorch or with graph surgery, or try a newer TensorRT."
)
QUANTIZATION = (
    "with ONNX Runtime: onnxruntime.quantization.quantize_static(model, out, reader, "
    "activation_type=QuantType.QInt8, weight_type=QuantType.QInt8, "
    "extra_options={'ActivationSymmetric': True, 'QuantizeBias': False})"
)
QUANTIZED = ("QuantizeLinear", "DequantizeLinear")
# What onnx.checker says of models that TensorRT takes all the same.
HARMLESS = (
    "No Op registered for",
    "No opset import for domain",
    "Field 'shape' of 'type'",
    "topologically sorted",
    "should be stored in",  # weights in another file, which are read later
    "ir_version",  # newer than this onnx
    "(op_type:Constant)",  # in its own expansion of a function
)


def refusals(parser, model: onnx.ModelProto, log: list[Line]) -> str:
    """What a parser that has refused a model says, one line for each node or input, and ways out.

    Args:
        parser: a ``trt.OnnxParser`` whose ``parse`` returned False.
        log: what it logged.
    """
    bodies = list(all_bodies(model))
    unknown = list(_unknown_operators(parser, model, bodies))
    lines = [f"{label}: {UNKNOWN}" for label in unknown]
    lines += _other_errors(parser, bodies, unknown)
    if unknown:
        return _indented(lines) + f"\n{WAYS_OUT}"
    lines += _checker_says(model)
    told = _indented(lines)
    ways_out = OTHER_WAYS_OUT
    if any(f"(operator {name}" in told for name in QUANTIZED):
        ways_out = f"Way out: quantise symmetrically and leave biases alone, {QUANTIZATION}."
    return f"{told}{log_excerpt(_more(log, told))}\n{ways_out}"


def _indented(lines: list[str]) -> str:
    return "".join(f"\n  {line}" for line in lines)


def _more(log: list[Line], told: str) -> list[Line]:
    """The lines of a log that ``told`` does not hold already."""
    kept = []
    for level, message in log:
        repeats_errors = "ModelImporter.cpp" in message
        if not repeats_errors and without_noise(message) not in told:
            kept.append((level, message))
    return kept


def loaded_plugins() -> set[str]:
    """Names of the plugins in TensorRT's registry."""
    registry = trt.get_plugin_registry()
    if hasattr(registry, "all_creators"):
        creators = registry.all_creators
    else:
        creators = registry.plugin_creator_list  # trt<11
    return {creator.name for creator in creators}


def _unknown_operators(parser, model: onnx.ModelProto, bodies: list[Body]) -> Iterator[str]:
    """Labels of the nodes, in all bodies, for which nobody is responsible."""
    known = loaded_plugins() | {function.name for function in model.functions}
    for body in bodies:
        for index, node in enumerate(body.nodes):
            if node.op_type not in known and not parser.supports_operator(node.op_type):
                yield body.label(index)


def _other_errors(parser, bodies: list[Body], unknown: list[str]) -> Iterator[str]:
    """The parser's errors except those that ``unknown`` tells better."""
    seen = set()
    for index in range(parser.num_errors):
        error = parser.get_error(index)
        if unknown and "Plugin not found" in error.desc():
            continue
        line = f"{_place(error, bodies)}: {_reason(error)}"
        if line not in seen:
            yield line
        seen.add(line)


def _place(error, bodies: list[Body]) -> str:
    """Words for what a parser's error is about."""
    if error.func() == "importInput":
        return f"input {error.file()!r}"  # there the parser puts the input's name
    main = bodies[0]
    if not hasattr(error, "node_operator"):  # before 10 there is a number alone
        if 0 <= error.node() < len(main.nodes):
            return main.label(error.node())
        return "the graph"
    return _by_name(error, bodies) or _by_function(error, bodies) or "the graph"


def _by_name(error, bodies: list[Body]) -> str:
    """The node of a parser's error, where the error names it."""
    name = error.node_name()  # trt>=10
    operator = error.node_operator()  # trt>=10
    main = bodies[0]
    if 0 <= error.node() < len(main.nodes):
        node = main.nodes[error.node()]
        if (node.name, node.op_type) == (name, operator):
            return main.label(error.node())
    found = []
    for body in bodies:
        for index, node in enumerate(body.nodes):
            if (node.name, node.op_type) == (name, operator):
                found.append(body.label(index))
    if len(found) == 1:
        return found[0]
    if not operator:
        return ""
    where = " > ".join(error.local_function_stack())  # trt>=10
    if found and not where:
        return " or ".join(found[:MOST_NAMED])
    unnamed = onnx.NodeProto(name=name, op_type=operator)
    return node_label(error.node(), unnamed, f"in {where}" if where else "")


def _by_function(error, bodies: list[Body]) -> str:
    """The nodes that a parser's error can be about, by its function, such as importScatterND."""
    function = re.sub("^(import|check)", "", error.func())
    found = []
    for body in bodies:
        for index, node in enumerate(body.nodes):
            helps = function.startswith(f"{node.op_type.lower()}Multi")  # convMultiInput: a Conv
            if node.op_type == function or helps:
                found.append(body.label(index))
    return " or ".join(found[:MOST_NAMED])


def _reason(error) -> str:
    """The parser's words without the C++ around them."""
    words = without_noise(error.desc())
    if words in ("", "false"):
        return UNSUPPORTED
    quoted = re.search(r'&& "(.+)"\s*$', words, re.DOTALL)
    if quoted:
        words = quoted[1]
    first, _, rest = words.partition("\n")
    if first.startswith("Invalid Node - "):
        words = rest or SILENT
    return shortened(words)


def check_by_onnx(model: onnx.ModelProto, name: str) -> None:
    """Raise BuildError with what ONNX's own checker says against a model, if anything."""
    lines = _checker_says(
        model, (onnx.checker.ValidationError, onnx.shape_inference.InferenceError)
    )
    if lines:
        raise BuildError(
            f"{name} is not a model that TensorRT can read:{_indented(lines)}\n{OTHER_WAYS_OUT}"
        )


def _checker_says(
    model: onnx.ModelProto, kinds: tuple[type[Exception], ...] = (Exception,)
) -> list[str]:
    """The first complaint of ONNX's own checker, if it has one of these kinds that matters here."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # of several kinds, such as a ValueError for too large a model
        words = " ".join(str(error).split())
        if isinstance(error, kinds) and not any(harmless in words for harmless in HARMLESS):
            return [f"onnx.checker says: {shortened(words)}"]
    return []
