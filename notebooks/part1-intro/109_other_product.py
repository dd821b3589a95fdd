"""TensorRT-RTX in a process of its own: it builds a plan, and is asked about a plan of TensorRT.

    COOKBOOK_TENSORRT=tensorrt_rtx python 109_other_product.py MODEL.onnx OURS.plan THEIRS.plan

The model's input is called ``x`` and has rows of 64 values. The answer is the last line, as JSON.
"""

import json
import sys
from pathlib import Path

import cookbook
from cookbook import LOG, trt


def build(model):
    """Their plan of the model."""
    return cookbook.build(model, profiles={"x": ((1, 64), (8, 64), (64, 64))}).bytes


def opinion(plan):
    """What the runtime thinks of a plan, from its first bytes, and what it logs."""
    runtime = trt.Runtime(LOG)
    with cookbook.capture_log() as log:
        validity, _ = runtime.get_engine_validity(plan[: runtime.engine_header_size])  # rtx
    return {"validity": validity.name, "said": [text for _, text in log]}


def main():
    model, ours, theirs = sys.argv[1:]
    Path(theirs).write_bytes(build(model))
    print(json.dumps(opinion(Path(ours).read_bytes())))


if __name__ == "__main__":
    main()
