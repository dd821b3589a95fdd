"""Notebook 104's trial, in a process of its own: a wrong library may crash or hang it.

    python 104_trial.py MODEL PROVIDERS

MODEL is an ONNX file with an input x and an output y, PROVIDERS a JSON list of [name, options].
It ends with exit code 0 if ONNX Runtime got all of these providers and ran the model with them.
"""

import json
import os
import sys

import numpy as np
import onnxruntime
import torch  # noqa: F401 (brings CUDA's libraries along, as in the notebook)

from cookbook import log


def run(session: onnxruntime.InferenceSession) -> None:
    """Run the model with its input in host memory, and then in the GPU's."""
    x = np.ones(session.get_inputs()[0].shape, np.float32)
    session.run(None, {"x": x})
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(x, "cuda", 0))
    binding.bind_output("y", "cuda")
    session.run_with_iobinding(binding)


def main() -> None:
    """Try the providers, and end at once: taking down a wrong library may crash, too."""
    model, providers = sys.argv[1:]
    wanted = [(name, options) for name, options in json.loads(providers)]
    log.keep_alive()  # as in the notebook: TensorRT's own module comes first
    session = onnxruntime.InferenceSession(model, providers=wanted)
    run(session)
    got = session.get_providers()
    print("providers:", ", ".join(got), flush=True)
    os._exit(0 if got == [name for name, _ in wanted] else 1)


if __name__ == "__main__":
    main()
