"""Notebook 207's hand-made engines: JSON as the engine inspector of TensorRT 8.6 writes it.

Names and wiring are those of the notebook's model. Formats, kernels and times are invented: they
let the notebook's functions be used, and tested, without a GPU.
"""

import json
from typing import Any

import numpy as np

from cookbook.inspect import Layer
from cookbook.measure import LayerTimes

CHW32 = "Row major linear FP32"
CHW16 = "Row major linear FP16 format"
HWC16 = "Channel major FP16 format where channel % 8 == 0"
WITHOUT_KERNEL = ("Reformat", "NoOp")

Shape = list[int]
End = tuple[str, Shape, str]  # name, shape and format of a tensor


def record(kind: str, name: str, nodes: list[str], inputs: list[End], outputs: list[End]) -> dict:
    """One layer, as a dict of the inspector's."""
    kernel = "" if kind in WITHOUT_KERNEL else f"handmade_{kind.lower()}"
    return {
        "Name": name,
        "LayerType": kind,
        "Inputs": [tensor(end) for end in inputs],
        "Outputs": [tensor(end) for end in outputs],
        "TacticName": kernel,
        "StreamId": 0,
        "Metadata": "\x1e".join(f"[ONNX Layer: {node}]" for node in nodes),
    }


def tensor(end: End) -> dict[str, Any]:
    """One input or output of a layer."""
    name, shape, form = end
    return {"Name": name, "Location": "Device", "Dimensions": shape, "Format/Datatype": form}


class Handmade:
    """Layers in order of execution, with a reformat wherever a layer wants another format.

    layers – their records; known – {tensor: its shape and format}.
    """

    def __init__(self, inputs: dict[str, tuple[Shape, str]]):
        self.layers: list[dict] = []
        self.known = dict(inputs)

    def add(
        self,
        kind: str,
        nodes: list[str],
        inputs: list[str],
        shape: Shape,
        form: str,
        name: str = "",
        output: str = "",
    ) -> str:
        """Add a layer that works in one format. Returns: the name of its output."""
        name = name or " + ".join(nodes)
        output = output or f"{nodes[-1]}_output_0"
        ends = []
        for number, source in enumerate(inputs):
            wanted = self.in_format(source, form, f"Input Tensor {number} to {name}")
            ends.append((wanted, *self.known[wanted]))
        self.layers.append(record(kind, name, nodes, ends, [(output, shape, form)]))
        self.known[output] = (shape, form)
        return output

    def in_format(self, source: str, form: str, place: str) -> str:
        """The tensor in this format: itself, or a copy that a reformat makes."""
        shape, old = self.known[source]
        if old == form:
            return source
        target = f"Reformatted {place}"
        self.known[target] = (shape, form)
        ends = [(source, shape, old)], [(target, shape, form)]
        self.layers.append(record("Reformat", f"Reformatting CopyNode for {place}", [], *ends))
        return target


def handmade(nodes: list[str], half: bool, blocks: int, batch: int = 32) -> str:
    """JSON text of a made-up engine of the notebook's model, with FP16 or without.

    Args: nodes – names of the ONNX nodes in order; blocks – residual blocks in each stage.
    """
    made = Handmade({"x": ([batch, 3, 32, 32], CHW32)})
    form = HWC16 if half else CHW32
    now = made.add("CaskConvolution", nodes[:2], ["x"], [batch, 64, 32, 32], form)
    for stage, shape in ((1, [batch, 64, 32, 32]), (2, [batch, 128, 16, 16])):
        for number in range(blocks):
            block = f"/s{stage}/s{stage}.{number}"
            now = add_block(made, block, now, shape, form, split=half)
    linear = CHW16 if half else CHW32
    inside = [node for node in nodes if node.startswith("/encoder") and node.count("/") == 3]
    name = "{ForeignNode[/encoder/norm1/LayerNormalization.../ReduceMean]}"
    now = made.add("Myelin", [*inside, "/ReduceMean"], [now], [batch, 128], linear, name)
    head = nodes[-1]
    made.add("CaskGemmConvolution", [head], [now], [batch, 10, 1, 1], CHW32, output="gemm")
    made.add("NoOp", [], ["gemm"], [batch, 10], CHW32, f"reshape_after_{head}", "logits")
    return json.dumps({"Layers": made.layers, "Bindings": ["x", "logits"]})


def add_block(made: Handmade, block: str, now: str, shape: Shape, form: str, split: bool) -> str:
    """A residual block; that of stage 2's beginning has a convolution in its shortcut.

    There, with ``split``, the addition is a layer of its own: an invented case, in which FP16 has
    no kernel for the whole fusion.
    """
    tail = [f"{block}/Add", f"{block}/Relu_1"]
    side = now
    if block.endswith("s2.0"):
        side = made.add("CaskConvolution", [f"{block}/skip/Conv"], [now], shape, form)
    head = [f"{block}/a/Conv", f"{block}/Relu"]
    inner = made.add("CaskConvolution", head, [now], shape, form)
    if block.endswith("s2.0") and split:
        lone = made.add("CaskConvolution", [f"{block}/b/Conv"], [inner], shape, form)
        return made.add("PointWiseV2", tail, [lone, side], shape, form)
    return made.add("CaskConvolution", [f"{block}/b/Conv", *tail], [inner, side], shape, form)


def invented(layers: list[Layer], runs: int = 100, seed: int = 0) -> LayerTimes:
    """Made-up times, in the form that ``cookbook.measure.layer_times`` returns.

    A layer takes time for the bytes that it touches and for its arithmetic, with noise.
    """
    noise = np.random.default_rng(seed)
    times = LayerTimes()
    for _ in range(runs):
        for layer in layers:
            times.report_layer_time(
                layer.name, 1e-3 * microseconds(layer) * noise.gamma(400, 1 / 400)
            )
        times.end_run()
    return times


def microseconds(layer: Layer) -> float:
    """What a layer takes in the invented world."""
    if layer.kind == "no kernel":
        return 0.0
    touched = sum(end.nbytes or 0 for end in (*layer.inputs, *layer.outputs))
    us = 2 + touched / 2e6
    if layer.kind == "convolution":
        us += 12e-7 * (layer.outputs[0].nbytes or 0)
    return us
