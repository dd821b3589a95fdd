"""One layer of an engine, made from the engine inspector's record of any TensorRT version.

Up to 10.x a tensor has one English phrase for its type and its order in memory, under
``Format/Datatype``; from 11 on there are ``Format`` and ``Datatype``. What Myelin, the compiler
inside TensorRT, makes is one layer in 8.6; later each of its kernels is one.
Source: IEngineInspector in NVIDIA's API reference.
"""

import dataclasses
import math
import os
import re
from typing import Any

DATATYPE = re.compile(r"BFloat16|BF16|FP\d+|E8M0|U?Int\d+|Bool|Float|Half|Double", re.IGNORECASE)
SAME_TYPE = {"FLOAT": "FP32", "HALF": "FP16", "BFLOAT16": "BF16", "DOUBLE": "FP64"}
BITS = {"BOOL": 8, "E8M0": 8}  # of the types whose number, if any, says something else
WIDTHS = {"Two": 2, "Four": 4, "Eight": 8, "Sixteen": 16, "Thirty-two": 32}
# Names that TensorRT makes up for layers of its own.
UNNAMED = re.compile(r"\w*\(Unnamed Layer\* \d+\) \[\w+\](_output)?")
ADDED = re.compile(r"(copied_)?(un)?squeeze_(node_)?(before|after)_|reshape_(before|after)_")
# What LayerType contains, in the order in which it is looked for: CaskGemmConvolution is a product.
KINDS = {
    "no kernel": r"^(NoOp|Constant|signal|wait)$",
    "matrix product": r"gemm|matrix|matmul|fully",
    "convolution": r"conv",
    "pointwise": r"pointwise|elementwise",
    "reduction": r"pool|reduce",
}
# What names of kernels contain, by the type of the numbers that they multiply.
PRECISIONS = {
    "FP8": r"e4m3|e5m2|fp8",
    "INT8": r"i8i8|int8|imma",
    "TF32": r"tf32",
    "BF16": r"bf16",
    "FP16": r"f16f16|fp16|hmma|h884|h1688|h16816",
    "FP32": r"f32f32|fp32|sgemm|scudnn",
}


@dataclasses.dataclass(frozen=True)
class LayerTensor:
    """An input or output of a layer.

    Attributes:
        name: the tensor's name in the engine.
        shape: its dimensions; -1 is one that varies.
        datatype: type of the stored numbers, as in ``FP16``; "" where the inspector does not say.
        format: order in memory, as in ``linear`` (NumPy's), ``NHWC8`` (channels last, padded to a
            multiple of 8), ``NC/32HW`` (32 channels side by side); "" where it does not say.
        phrase: the inspector's own words for both.
    """

    name: str
    shape: tuple[int, ...]
    datatype: str
    format: str
    phrase: str

    def __str__(self) -> str:
        """Format and type, as in ``NHWC8 FP16``."""
        return f"{self.format} {self.datatype}".strip()

    @property
    def nbytes(self) -> int | None:
        """Bytes of its elements, without padding; None where shape or type is not known."""
        if not self.datatype or -1 in self.shape:
            return None
        bits = BITS.get(self.datatype) or int(re.sub(r"\D", "", self.datatype))
        return math.prod(self.shape) * bits // 8


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer of an engine.

    Attributes:
        name: its name, in which fused layers are joined by ``+`` (not in Myelin's).
        type: TensorRT's ``LayerType``; "" where the engine holds names only.
        kind: ``reformat``, ``Myelin``, one of ``KINDS``, or ``other``.
        kernel: TensorRT's ``TacticName``; "" where it has none.
        tactic: ``TacticValue``, a number in hexadecimal; "" where it has none.
        inputs: what it reads.
        outputs: what it writes.
        onnx_nodes: names of the ONNX nodes in it: from ``Metadata``, else from its name.
        stream: the auxiliary stream that it runs on (``StreamId``); None where that is not said.
        raw: the record as the inspector gave it.
    """

    name: str
    type: str
    kind: str
    kernel: str
    tactic: str
    inputs: tuple[LayerTensor, ...]
    outputs: tuple[LayerTensor, ...]
    onnx_nodes: tuple[str, ...]
    stream: int | None
    raw: dict[str, Any] = dataclasses.field(repr=False, compare=False)

    @property
    def precision(self) -> str:
        """Type of the numbers that the kernel multiplies, as its name tells; "" if it does not."""
        for precision, words in PRECISIONS.items():
            if re.search(words, self.kernel, re.IGNORECASE):
                return precision
        return ""

    @property
    def profile(self) -> int:
        """The optimization profile that it belongs to: names tell it from the second on."""
        found = re.search(r"\[profile +(\d+)\]", self.name)
        return int(found[1]) if found else 0

    @property
    def label(self) -> str:
        """A few words: the module and the operators in it, or what a reformat changes."""
        if self.kind == "reformat" and self.inputs and self.outputs:
            return f"{self.inputs[0]} → {self.outputs[0]}"
        if not self.onnx_nodes:
            return self.name
        parts = [node.strip("/").split("/") for node in self.onnx_nodes]
        if len(parts) > 3:
            operators = f"{len(parts)} nodes"
        else:
            operators = "+".join(re.sub(r"_\d+$", "", part[-1]) for part in parts)
        return f"{self._module(parts)} {operators}".strip()

    def _module(self, parts: list[list[str]]) -> str:
        """The module that the nodes share; of a single node the two innermost ones."""
        if self.kind == "Myelin" and len(parts) > 3:
            return "Myelin:"
        modules = [part[:-1] for part in parts]
        if len(modules) == 1:
            return " ".join(modules[0][-2:])
        shared = os.path.commonprefix(modules) or modules[0]
        return shared[-1] if shared else ""


def layer_of(record: dict[str, Any] | str | Layer) -> Layer:
    """The layer that a record of the inspector describes; a string is a name alone."""
    if isinstance(record, Layer):
        return record
    if isinstance(record, str):
        return Layer(record, "", "other", "", "", (), (), (), None, {})
    return Layer(
        name=record["Name"],
        type=record.get("LayerType", ""),
        kind=_kind(record),
        kernel=record.get("TacticName", ""),
        tactic=record.get("TacticValue", ""),
        inputs=tuple(_tensor(entry) for entry in record.get("Inputs", [])),
        outputs=tuple(_tensor(entry) for entry in record.get("Outputs", [])),
        onnx_nodes=_onnx_nodes(record),
        stream=record.get("StreamId"),
        raw=record,
    )


def _tensor(entry: dict[str, Any]) -> LayerTensor:
    shape = tuple(entry.get("Dimensions", ()))
    phrase = entry.get("Format/Datatype", entry.get("Format", ""))
    datatype = entry.get("Datatype", entry.get("DataType", ""))
    return LayerTensor(
        name=entry["Name"],
        shape=shape,
        datatype=_datatype(datatype or phrase),
        format=_format(phrase),
        phrase=f"{phrase} {datatype}".strip(),
    )


def _datatype(phrase: str) -> str:
    found = DATATYPE.search(phrase)
    if found is None:
        return ""
    name = found[0].upper()
    return SAME_TYPE.get(name, name)


def _format(phrase: str) -> str:
    spatial = "DHW" if "3 spatial dimensions" in phrase else "HW"
    if "hannel major" in phrase:
        padded = re.search(r"channel (?:%|==) (\d+)", phrase)
        return f"N{spatial}C" + (padded[1] if padded else "")
    wide = re.search(r"([\w-]+) wide channel", phrase)
    if wide:
        return f"NC/{WIDTHS.get(wide[1], wide[1])}{spatial}"
    if "ow major" in phrase:
        return "linear"
    return ""


def _kind(record: dict[str, Any]) -> str:
    layer_type = record.get("LayerType", "")
    name = record["Name"]
    if layer_type == "Reformat":
        return "reformat"
    if re.match(KINDS["no kernel"], layer_type):
        return "no kernel"
    if layer_type in ("Myelin", "kgen") or "ForeignNode" in name or "_myl" in name:
        return "Myelin"
    for kind, words in KINDS.items():
        if re.search(words, layer_type, re.IGNORECASE):
            return kind
    return "other"


def _onnx_nodes(record: dict[str, Any]) -> tuple[str, ...]:
    name = record["Name"]
    if "Reformatting" in name:
        return ()  # its name says whose input or output it converts
    if record.get("LayerType") == "Reformat" and record.get("Origin", "REFORMAT") == "REFORMAT":
        return ()
    found = re.findall(r"\[ONNX Layer: ([^\]]+)\]", record.get("Metadata", ""))
    if not found:
        pieces = re.split(
            r" \+ |PWN\(|ForeignNode\[|\.\.\.|[(){},\]\x1e\x1f]", UNNAMED.sub("", name)
        )
        found = [piece.strip() for piece in pieces]
    return tuple(dict.fromkeys(node for node in found if node and not ADDED.match(node)))
