"""Model → TensorRT network: parsing ONNX, and looking at what came of it."""

from pathlib import Path

import numpy as np
import onnx
import onnx.inliner

from .. import backend
from ..backend import trt
from ..errors import BuildError
from ..log import LOG, capture_log, keep_alive, log_excerpt, show_warnings
from .interrupt import HeldInterrupt
from .model_checks import check_model
from .onnx_file import is_binary, read_onnx, serialized, shown
from .refusals import check_by_onnx, refusals

MOST_LAYERS = 4  # that a summary names


def create_builder():
    """A ``trt.Builder`` with the course's logger.

    Raises: NoGpuError where TensorRT needs a GPU for one; BuildError with TensorRT's words.
    """
    if not backend.is_rtx():
        backend.require_gpu(f"a builder of {backend.product()}")
    with capture_log() as log, HeldInterrupt():
        try:
            keep_alive()
            return trt.Builder(LOG)
        except TypeError as error:  # the bindings' way to say that TensorRT returned nothing
            raise BuildError(
                f"{backend.product()} made no builder: is its installation complete, and does the "
                f"driver fit?{log_excerpt(log)}"
            ) from error


def create_network(builder):
    """An empty network with an explicit batch dimension: the only kind that every version has."""
    flags = 0
    if backend.api_version() < (10, 0):
        flags = 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)  # trt<11
    return builder.create_network(flags)


def parse(source: str | Path | onnx.ModelProto):
    """Parse an ONNX model to a TensorRT network.

    Args:
        source: a path, or an ``onnx.ModelProto``.
    Returns: (builder, network); the bindings keep the parser's weights alive with the network.
    Raises: BuildError that lists each node or input that is wrong or that the parser refuses, with
        its name, its operator and the parser's words; KeyboardInterrupt after Ctrl-C.
    Source: IParser in NVIDIA's API reference.
    """
    if isinstance(source, trt.INetworkDefinition):
        raise BuildError("a TensorRT network needs no parsing: pass it to cookbook.build")
    check_source(source)
    model = read_onnx(source, weights=False)
    name = "the ONNX model"
    if not isinstance(source, onnx.ModelProto):
        name = shown(source)
    check_model(model, name)
    if backend.api_version() < (10, 0):  # there the parser crashes where later ones refuse
        check_by_onnx(model, name)
    with capture_log() as log, HeldInterrupt():
        builder = create_builder()
        network = create_network(builder)
        parser = trt.OnnxParser(network, LOG)
        try:
            parsed = _feed(parser, source, model)
        except RuntimeError as error:  # such as a library of plugins that is not installed
            raise BuildError(f"{backend.product()} cannot parse {name}: {error}") from error
    if not parsed:
        raise BuildError(f"{backend.product()} cannot parse {name}:{refusals(parser, model, log)}")
    _restore_input_names(network, model)
    show_warnings(log)
    return builder, network


def _restore_input_names(network, model: onnx.ModelProto) -> None:
    """Give inputs their names back: where one is an output, too, 8.6's parser renames it."""
    weights = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in weights]
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        if tensor.name not in names:
            tensor.name = names[index]


def _feed(parser, source, model: onnx.ModelProto) -> bool:
    """Give the model to the parser in a form that it can read."""
    if model.functions and backend.api_version() < (10, 0):  # there the parser reads no functions
        whole = read_onnx(source)
        return parser.parse(serialized(onnx.inliner.inline_local_functions(whole)))
    if isinstance(source, onnx.ModelProto):
        return parser.parse(serialized(model))
    path = Path(source)
    if is_binary(path) and shown(path) == str(path):
        return parser.parse_from_file(str(path))  # it finds weights in other files by itself
    return parser.parse(serialized(read_onnx(path)))


def check_source(source) -> None:
    """Raise BuildError unless ``source`` is a path, an ``onnx.ModelProto`` or a network."""
    if isinstance(source, (str, Path, onnx.ModelProto, trt.INetworkDefinition)):
        return
    raise BuildError(f"cannot build from {type(source).__name__}: {_what_to_pass(source)}")


def _what_to_pass(source) -> str:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return (
            "pass onnx.load_model_from_string(data) for an ONNX model, or save the bytes to a file"
        )
    if hasattr(source, "build_seconds"):
        return "it is a plan already; give it to cookbook.Session"
    if hasattr(source, "model_proto"):
        return "pass its model_proto"
    if hasattr(source, "state_dict"):
        return "export it with torch.onnx.export(model, inputs, path), then pass the path"
    return "pass the path of an ONNX file, an onnx.ModelProto or a TensorRT network"


def network_summary(network) -> str:
    """A network in a line: its inputs with their shapes, its first layers with their types."""
    tensors = [network.get_input(index) for index in range(network.num_inputs)]
    inputs = [f"{tensor.name!r} {tuple(tensor.shape)}" for tensor in tensors]
    count = network.num_layers
    layers = [network.get_layer(index) for index in range(min(count, MOST_LAYERS))]
    words = [f"{layer.name!r} ({layer.type.name})" for layer in layers]
    if count > MOST_LAYERS:
        words.append(f"and {count - MOST_LAYERS} more")
    return f"inputs: {', '.join(inputs) or 'none'}; layers: {', '.join(words) or 'none'}"


def network_table(network):
    """A network as a pandas DataFrame, one row a layer.

    Columns: layer (its name), type, inputs, outputs with their shapes (-1: dynamic).
    """
    import pandas as pd

    rows = []
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        inputs = [layer.get_input(k) for k in range(layer.num_inputs)]
        outputs = [layer.get_output(k) for k in range(layer.num_outputs)]
        row = {
            "layer": layer.name,
            "type": layer.type.name,
            "inputs": ", ".join(tensor.name for tensor in inputs if tensor is not None),
            "outputs": ", ".join(f"{tensor.name} {tuple(tensor.shape)}" for tensor in outputs),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def weights_array(weights) -> np.ndarray:
    """Weights that TensorRT's bindings hand out, with all their values.

    The bindings of TensorRT 10 return arrays whose strides are zero where NumPy is 2 or newer, so
    that every element read is the first one. The values are there, one behind the other.

    Args: ``weights`` – what ``layer.kernel``, ``layer.bias``, ``constant.weights``,
        ``Refitter.get_weights`` or ``PluginField.data`` give: a NumPy array.
    Returns: an array of the same shape and type; not a copy, so keep the network while it is used.
    """
    array = np.asarray(weights)
    is_flat = array.size > 1 and not any(array.strides)
    if not is_flat:
        return array
    strides: list[int] = []
    step = array.itemsize
    for size in reversed(array.shape):
        strides.insert(0, step)
        step *= size
    return np.lib.stride_tricks.as_strided(array, strides=strides)
