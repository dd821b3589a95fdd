"""Reading ONNX files: formats, parts of files, and weights that are kept in files of their own."""

import os
from pathlib import Path

import onnx
from google.protobuf.json_format import ParseError as JsonError
from google.protobuf.message import DecodeError, EncodeError
from google.protobuf.text_format import ParseError as TextError
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from ..errors import BuildError
from .onnx_bodies import constants

LARGEST_PROTO = 2**31 - 1  # bytes: a limit of protobuf
NOT_ONNX = (DecodeError, JsonError, TextError, onnx.parser.ParseError, ValueError, TypeError)
KINDS_OF_FILES = {b"PK\x03\x04": "a PyTorch or zip file", b"ftrt": "a plan", b"vtrt": "a plan"}


def shown(path: str | Path) -> str:
    """A path for a message; bytes that are no UTF-8, which cannot be printed, are written out."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def read_onnx(source, weights: bool = True) -> onnx.ModelProto:
    """An ``onnx.ModelProto``: as it is, or read from a file (.onnx, or ONNX as text or JSON).

    Args:
        source: the model, or a path.
        weights: whether to read weights that the model keeps in other files; without, they are only
            looked for.
    Raises: BuildError for a file that is missing, unreadable, cut short or no ONNX, and for missing
        weights, naming file and tensor.
    """
    if isinstance(source, onnx.ModelProto):
        for tensor in constants(source):
            if uses_external_data(tensor):
                raise BuildError(
                    f"weight {tensor.name!r} is in the file {ExternalDataInfo(tensor).location!r}, "
                    "which was not loaded with the model: pass the model's path, or call "
                    "onnx.load_external_data_for_model(model, folder) first"
                )
        return source
    path = Path(source)
    model = _load(path)
    for tensor in constants(model):
        if uses_external_data(tensor):
            file = _find_weights(tensor, path)
            if weights:
                _load_weights(tensor, file)
    return model


def is_binary(path: Path) -> bool:
    """Whether a file's name is that of a binary ONNX model, not one of ONNX as text or JSON."""
    known = onnx.serialization.registry.get_format_from_file_extension(path.suffix)
    return known in (None, "protobuf")


def serialized(model: onnx.ModelProto) -> bytes:
    """The model as bytes. Raises: BuildError where protobuf cannot hold it."""
    too_large = BuildError(
        "the ONNX model is larger than 2 GiB, which protobuf cannot write in one piece: save it "
        "with onnx.save_model(model, path, save_as_external_data=True), then pass the path"
    )
    try:
        data = model.SerializeToString()
    except (EncodeError, ValueError) as error:
        raise too_large from error
    if len(data) > LARGEST_PROTO:
        raise too_large
    return data


def _load(path: Path) -> onnx.ModelProto:
    """Read the model itself, without external weights."""
    if path.is_dir():
        raise BuildError(f"{shown(path)} is a folder: pass the path of the ONNX file in it")
    if not path.exists():
        raise BuildError(
            f"ONNX file {shown(path)} does not exist: export it first, or check the path "
            f"(working folder: {Path.cwd().name})"
        )
    try:
        size = path.stat().st_size
        if size > LARGEST_PROTO:
            raise BuildError(
                f"{shown(path)} has {size:,} bytes, protobuf reads 2 GiB at most: save the model "
                "again with onnx.save_model(model, path, save_as_external_data=True)"
            )
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise BuildError(f"ONNX file {shown(path)} cannot be read: {error.strerror}") from error
    except NOT_ONNX as error:
        raise _not_onnx(path, str(error).splitlines()[0]) from error
    if not model.graph.node and not model.graph.output:
        raise _not_onnx(path, "no graph in it")
    return model


def _not_onnx(path: Path, reason: str) -> BuildError:
    with open(path, "rb") as file:
        start = file.read(4)
    kind = KINDS_OF_FILES.get(start)
    if kind:
        reason = f"it is {kind}"
    return BuildError(
        f"{shown(path)} ({path.stat().st_size:,} bytes) is not an ONNX model, or only a part of "
        f"one ({reason}): export it again, or copy it whole"
    )


def _find_weights(tensor: onnx.TensorProto, path: Path) -> Path:
    """The file that holds a tensor's values. Raises: BuildError, naming tensor and file."""
    info = ExternalDataInfo(tensor)
    file = path.parent / info.location
    about = f"weight {tensor.name!r} of {shown(path)} is in {info.location!r}"
    if os.path.isabs(info.location) or ".." in Path(info.location).parts:
        raise BuildError(f"{about}, which is not in the model's folder: save the model again")
    if not file.is_file():
        raise BuildError(f"{about}, which is not beside the model: move both together")
    size = file.stat().st_size
    end = (info.offset or 0) + (info.length or 0)
    if end > size:
        raise BuildError(
            f"{about}, which is cut short: it has {size:,} bytes, the weight ends at {end:,}. "
            "Copy it whole, or save the model again"
        )
    return file


def _load_weights(tensor: onnx.TensorProto, file: Path) -> None:
    """Put a tensor's values into it. Symbolic links are followed: model caches have them."""
    info = ExternalDataInfo(tensor)
    try:
        with open(file, "rb") as opened:
            opened.seek(info.offset or 0)
            tensor.raw_data = opened.read(info.length or -1)
    except OSError as error:
        raise BuildError(
            f"weight {tensor.name!r} cannot be read from {shown(file)}: {error.strerror}"
        ) from error
    tensor.ClearField("data_location")
    del tensor.external_data[:]
