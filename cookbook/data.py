"""Data of the course: scikit-learn's handwritten digits, which ship with the package. Nothing is downloaded."""
import functools

import numpy as np


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """1,797 grey images of digits, split once and for all.

    Returns: train images (1347, 1, 8, 8) and labels, test images (450, 1, 8, 8) and labels; images float32 in [0, 1], labels
        int64; read-only, since every caller gets the same ones. Source: sklearn.datasets.load_digits (UCI)."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    parts = train_test_split(images, labels.astype(np.int64), test_size=450, random_state=0, stratify=labels)
    train_x, test_x, train_y, test_y = (np.ascontiguousarray(part) for part in parts)
    for part in (train_x, test_x, train_y, test_y):
        part.setflags(write=False)
    return train_x, train_y, test_x, test_y
