"""An ONNX model in FP16, for a TensorRT that takes types from the model."""

import warnings
from collections.abc import Iterator

import numpy as np
import onnx
import onnx.inliner
from onnx import TensorProto, numpy_helper

from ..errors import BuildError
from .onnx_bodies import all_bodies

LARGEST = float(np.finfo(np.float16).max)
MOST_NAMES = 3  # of clipped constants, in the printed line
# Operators that TensorRT computes from constants of its own in FP32, and takes in FP32 only.
FP32_OPERATORS = ["Celu", "MeanVarianceNormalization"]
RECURRENT = ("GRU", "LSTM", "RNN")
LENGTHS = 4  # the recurrent operators' input of sequence lengths, with which they are the same
REMEDY = "export it from PyTorch in half precision, model.half(), and build that one"


def converted(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a model that computes in FP16; its inputs and outputs keep their types.

    Constants beyond FP16's range, ±65504, are clipped, and a printed line says which.

    Raises: BuildError where ONNX Runtime, which converts, cannot.
    """
    from onnxruntime.transformers import float16

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if copy.functions:  # the converter changes what surrounds a function, not what is in it
        copy = onnx.inliner.inline_local_functions(copy)
    too_large = dict(_beyond_range(copy))
    outputs = _take_out_passed_inputs(copy)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the printed line says it better
            copy = float16.convert_float_to_float16(
                copy,
                keep_io_types=True,
                op_block_list=[*float16.DEFAULT_OP_BLOCK_LIST, *FP32_OPERATORS],
                node_block_list=_named_fp32_nodes(copy),
            )
    except Exception as error:  # another project's code: any kind
        raise BuildError(
            f"ONNX Runtime cannot convert the model to FP16 ({error}): {REMEDY}"
        ) from error
    _put_back(copy, outputs)
    _say_what_was_clipped(copy, too_large)
    return copy


def _named_fp32_nodes(model: onnx.ModelProto) -> list[str]:
    """Names of the recurrent nodes that must stay in FP32; those without a name get one."""
    names: list[str] = []
    for body in all_bodies(model):
        for node in body.nodes:
            has_lengths = len(node.input) > LENGTHS and node.input[LENGTHS]
            if node.op_type in RECURRENT and has_lengths:
                node.name = node.name or f"{node.op_type} of {node.input[0]}, {len(names)}"
                names.append(node.name)
    return names


def _named_constants(model: onnx.ModelProto) -> Iterator[tuple[str, TensorProto]]:
    """(name, tensor) of the initializers and Constant nodes, in all bodies."""
    for body in all_bodies(model):
        for tensor in body.weights:
            yield tensor.name, tensor
        for node in body.nodes:
            for attribute in node.attribute:
                if node.op_type == "Constant" and attribute.HasField("t"):
                    yield node.output[0], attribute.t


def _beyond_range(model: onnx.ModelProto) -> Iterator[tuple[str, float]]:
    """(name, value furthest from 0) of the float32 constants that FP16 cannot hold."""
    for name, tensor in _named_constants(model):
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        finite = values[np.isfinite(values)]
        if finite.size and np.abs(finite).max() > LARGEST:
            yield name, float(finite[np.abs(finite).argmax()])


def _say_what_was_clipped(model: onnx.ModelProto, too_large: dict[str, float]) -> None:
    clipped = []
    for name, tensor in _named_constants(model):
        if name in too_large and tensor.data_type == TensorProto.FLOAT16:
            clipped.append(f"{name!r} with {too_large[name]:g}")
    if not clipped:
        return
    words = ", ".join(clipped[:MOST_NAMES])
    if len(clipped) > MOST_NAMES:
        words += f" and {len(clipped) - MOST_NAMES} more"
    print(f"precision='fp16' clips constants to ±{LARGEST:.0f}: {words}")


def _take_out_passed_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Remove the outputs that are inputs as they came: the converter would write them twice.

    Returns: all outputs, as they were.
    """
    outputs = list(model.graph.output)
    inputs = {value.name for value in model.graph.input}
    kept = [value for value in outputs if value.name not in inputs]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    return outputs


def _put_back(model: onnx.ModelProto, outputs: list[onnx.ValueInfoProto]) -> None:
    """Give a converted model its outputs again, in their order."""
    del model.graph.output[:]
    model.graph.output.extend(outputs)
