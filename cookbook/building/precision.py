"""The types that an engine may compute in: by builder flags, or carried by the model itself."""

from collections.abc import Iterator

import onnx
from onnx import TensorProto

from .. import backend
from ..backend import trt
from ..errors import BuildError
from . import fp16
from .onnx_bodies import all_bodies, constants
from .onnx_file import read_onnx
from .refusals import QUANTIZATION

PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "int8")
FLAGS = {"fp16": ("FP16",), "bf16": ("BF16",), "int8": ("INT8", "FP16")}
ONNX_TYPES = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16, "int8": TensorProto.INT8}
REMEDIES = {
    "bf16": "export it from PyTorch in bfloat16, model.bfloat16()",
    "int8": f"quantise it with ModelOpt, or {QUANTIZATION}",
}


def check_precision(precision: str) -> None:
    """Raise BuildError unless ``precision`` is one of ``PRECISIONS``."""
    if precision not in PRECISIONS:
        raise BuildError(f"precision={precision!r}: must be one of {', '.join(PRECISIONS)}")


def is_strongly_typed() -> bool:
    """Whether the TensorRT at hand takes types from the network alone, without builder flags."""
    return backend.api_version() >= (11, 0)


def set_flags(config, precision: str) -> None:
    """Set the builder flags that allow the types of ``precision``.

    Raises: BuildError where this TensorRT lacks the flag.
    Source: BuilderFlag in NVIDIA's API reference.
    """
    if precision == "fp32":
        config.clear_flag(trt.BuilderFlag.TF32)
    if is_strongly_typed():
        return
    for flag in FLAGS.get(precision, ()):
        if not hasattr(trt.BuilderFlag, flag):
            raise BuildError(f"{backend.product()} has no {flag}: use fp16, or a newer TensorRT")
        config.set_flag(getattr(trt.BuilderFlag, flag))


def typed_source(source, precision: str):
    """What to build from, where the precision must be in the model itself.

    Args:
        source: a network, an ONNX path or an ``onnx.ModelProto``.
    Returns: ``source`` where builder flags set the precision or where it has tensors of that type
        already; for fp16, else, a converted ``onnx.ModelProto``.
    Raises: BuildError that says how to get such a model.
    """
    if precision in ("fp32", "tf32") or not is_strongly_typed():
        return source
    if isinstance(source, trt.INetworkDefinition):
        _check_network(source, precision)
        return source
    model = read_onnx(source, weights=False)
    if ONNX_TYPES[precision] in types_of(model):
        return source
    if precision == "fp16":
        return fp16.converted(read_onnx(source))
    raise BuildError(
        f"{backend.product()} has no {precision.upper()} flag, it takes types from the model, and "
        f"this model has no {precision} tensor: {REMEDIES[precision]}, then build that one"
    )


def types_of(model: onnx.ModelProto) -> set[int]:
    """The types (TensorProto.DataType) of a model's constants and inputs, and of its Casts."""
    found = {tensor.data_type for tensor in constants(model)}
    found.update(value.type.tensor_type.elem_type for value in model.graph.input)
    for body in all_bodies(model):
        for node in body.nodes:
            if node.op_type == "Cast":
                found.update(attribute.i for attribute in node.attribute if attribute.name == "to")
    return found


def _check_network(network, precision: str) -> None:
    """Raise BuildError unless a network has a tensor of the type."""
    wanted = {"fp16": "HALF", "bf16": "BF16", "int8": "INT8"}[precision]
    if any(dtype.name == wanted for dtype in _network_types(network)):
        return
    raise BuildError(
        f"{backend.product()} has no {precision.upper()} flag, it takes types from the network, "
        f"and this network has no {precision} tensor: build it with weights of that type and "
        "add_cast, or pass an ONNX model"
    )


def _network_types(network) -> Iterator:
    for index in range(network.num_inputs):
        yield network.get_input(index).dtype
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        for k in range(layer.num_outputs):
            yield layer.get_output(k).dtype
