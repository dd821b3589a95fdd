"""Data of the course: scikit-learn's handwritten digits, which ship with the package."""

import functools
from typing import NamedTuple

import numpy as np


class Digits(NamedTuple):
    """Images (n, 1, 8, 8) float32 in [0, 1] and labels (n,) int64, in two parts."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


@functools.cache
def digits() -> Digits:
    """1,797 grey images of digits, split once and for all: 1,347 to train with, 450 to test with.

    Returns: Digits; read-only, since every caller gets the same arrays.
    Source: sklearn.datasets.load_digits (UCI).
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    parts = train_test_split(
        images, labels.astype(np.int64), test_size=450, random_state=0, stratify=labels
    )
    train_x, test_x, train_y, test_y = (np.ascontiguousarray(part) for part in parts)
    split = Digits(train_x, train_y, test_x, test_y)
    for part in split:
        part.setflags(write=False)
    return split
