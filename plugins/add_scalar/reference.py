"""What AddScalar computes, in NumPy."""

import numpy as np


def add_scalar(x, scalar):
    """Add a number to every value.

    Args: ``x`` – an array of any shape and float type; ``scalar`` – the number.
    Returns: an array of the same shape and type; added in float32.
    """
    return (x.astype(np.float32) + np.float32(scalar)).astype(x.dtype)
