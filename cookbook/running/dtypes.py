"""Element types: what TensorRT, NumPy and torch call them, and arrays that become tensors and back.

NumPy has no bfloat16 and no 8-bit floating-point types of its own; the package ml_dtypes adds them.
"""

from typing import Any

import numpy as np
import torch

from ..errors import SessionError

# Where NumPy's and torch's name of a type is not TensorRT's in lower case.
NAMES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "BF16": "bfloat16",
    "FP8": "float8_e4m3fn",
    "E8M0": "float8_e8m0fnu",
}
PACKED = ("INT4", "FP4")  # two numbers a byte: neither NumPy nor torch has types of that kind
FROM_ML_DTYPES = ("bfloat16", "float8_e4m3fn", "float8_e8m0fnu")


def name_of(data_type: str, tensor: str) -> str:
    """NumPy's and torch's name of a type.

    Args: ``data_type`` – TensorRT's name, as in ``HALF``; ``tensor`` – whose type it is.
    Raises: SessionError for a type that torch cannot hold.
    """
    name = NAMES.get(data_type, data_type.lower())
    if data_type in PACKED or not isinstance(getattr(torch, name, None), torch.dtype):
        raise SessionError(
            f"tensor {tensor!r} is {data_type}, for which torch {torch.__version__} has no type: "
            "cast it in the model, as in a Cast to FLOAT before an output"
        )
    return name


def plain_name(dtype: Any) -> str:
    """The name of a NumPy or torch dtype: ``float32``, not ``torch.float32``."""
    return str(dtype).removeprefix("torch.")


def from_numpy(array: Any) -> torch.Tensor:
    """A NumPy array as a contiguous tensor on the CPU that shares no memory with it."""
    copy = np.array(array, order="C")
    name = copy.dtype.name
    if name not in FROM_ML_DTYPES:
        return torch.from_numpy(copy)
    bits = torch.from_numpy(copy.view(f"int{8 * copy.itemsize}"))
    return bits.view(getattr(torch, name))


def to_numpy(tensor: torch.Tensor, name: str) -> np.ndarray:
    """A tensor as a NumPy array, once the work on it is done.

    Args: ``name`` – of the output, for the error.
    Raises: SessionError for a type that NumPy lacks, where ml_dtypes is not installed.
    """
    tensor = tensor.cpu()
    dtype = plain_name(tensor.dtype)
    if dtype not in FROM_ML_DTYPES:
        return tensor.numpy()
    try:
        import ml_dtypes
    except ImportError as error:
        raise SessionError(
            f"output {name!r} is {dtype}, which NumPy does not have: `pip install ml_dtypes`, or "
            "give torch tensors to the session, which then returns torch tensors"
        ) from error
    bits = torch.int16 if tensor.element_size() == 2 else torch.int8
    return tensor.view(bits).numpy().view(getattr(ml_dtypes, dtype))
