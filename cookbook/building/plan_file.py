"""What is in a file that should be a plan: told by its first bytes, before TensorRT refuses it.

TensorRT's own refusal of a file that is no plan speaks of versions or of a magic tag. The tags are
not documented; trtexec reads them, too. They explain a failure and are no promise.
"""

import json

import onnx
from google.protobuf.message import DecodeError

from ..errors import PlanError

TAGS = {b"ftrt": "TensorRT", b"vtrt": "TensorRT-RTX"}
VERSION = slice(24, 28)  # of the library that built the plan, a byte a number
ZIP = b"PK\x03\x04"
LENGTH_BYTES = 4  # before a header of JSON, little-endian
START = 256  # bytes that tell a text


def plan_bytes(data: bytes, name: str) -> bytes:
    """The plan in a file's bytes, without the header of JSON that some exporters put before it.

    Args:
        name: how the error calls the file.
    Raises: PlanError for an empty file, a text, an ONNX model, a zip file. Other bytes without a
        known tag pass: TensorRT decides about them.
    """
    if bytes(data[:4]) in TAGS:
        return data
    header = _json_header(data)
    if header:
        return data[header:]
    kind = _kind(data)
    if kind:
        raise PlanError(f"{name} is not a plan: {kind}")
    return data


def product_of(data: bytes) -> str:
    """``TensorRT`` or ``TensorRT-RTX``, by a plan's tag; "" for bytes without one."""
    return TAGS.get(bytes(data[:4]), "")


def version_of(data: bytes) -> str:
    """``8.6.1.6``: the version that a plan's header names; "" for bytes without a tag."""
    if not product_of(data) or len(data) < VERSION.stop:
        return ""
    return ".".join(str(number) for number in data[VERSION])


def _json_header(data: bytes) -> int:
    """Number of bytes before a plan that follows a length and JSON; 0 if there is no header."""
    end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    if bytes(data[end : end + 4]) not in TAGS:
        return 0
    try:
        json.loads(bytes(data[LENGTH_BYTES:end]))
    except ValueError:
        return 0
    return end


def _kind(data: bytes) -> str:
    """What bytes are that are no plan, with what to do; "" where that is unknown."""
    if not len(data):
        return "it is empty (0 bytes). Copy it again, or rebuild it from its model"
    if bytes(data[:4]) == ZIP:
        return "it is a PyTorch or zip file. Export the model to ONNX, then use cookbook.build"
    if _is_onnx(data):
        return "it is an ONNX model. Pass it to cookbook.build, which makes a plan from it"
    if _is_text(data):
        start = bytes(data[:30]).decode(errors="ignore")
        return f"it is a text that begins with {start!r}. Check the path, or rebuild the plan"
    return ""


def _is_onnx(data: bytes) -> bool:
    if data[0] != 0x08:  # the key of ir_version, which exporters write first
        return False
    try:
        model = onnx.load_model_from_string(bytes(data))
    except DecodeError:
        return False
    return len(model.graph.node) > 0


def _is_text(data: bytes) -> bool:
    start = bytes(data[:START])
    try:
        words = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # not just a letter that is cut in two
            return False
        words = start[: error.start].decode()
    return all(letter.isprintable() or letter.isspace() for letter in words)
