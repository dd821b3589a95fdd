"""The digits: what they hold, split the same way for everyone, and nobody can change them."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from cookbook.data import digits


def test_shapes_and_types():
    data = digits()
    assert (data.train_x.shape, data.test_x.shape) == ((1347, 1, 8, 8), (450, 1, 8, 8))
    assert (data.train_y.shape, data.test_y.shape) == ((1347,), (450,))
    assert {data.train_x.dtype, data.test_x.dtype} == {np.dtype(np.float32)}
    assert {data.train_y.dtype, data.test_y.dtype} == {np.dtype(np.int64)}
    assert all(part.flags.c_contiguous for part in data)


def test_they_are_sklearns_pictures_from_0_to_1():
    data = digits()
    pixels, labels = load_digits(return_X_y=True)
    known = {}
    for row, label in zip(pixels.astype(np.float32), labels, strict=True):
        known[row.tobytes()] = label
    images = np.concatenate([data.train_x, data.test_x])
    found = np.concatenate([data.train_y, data.test_y])
    for image, label in zip(images, found, strict=True):
        assert known[(image.reshape(64) * 16).tobytes()] == label
    assert len({image.tobytes() for image in images}) == len(known)
    assert (images.min(), images.max()) == (0, 1)


def test_each_digit_has_its_share_in_both_parts():
    data = digits()
    train = np.bincount(data.train_y) / len(data.train_y)
    test = np.bincount(data.test_y) / len(data.test_y)
    assert train == pytest.approx(test, abs=0.002)


def test_the_split_is_always_the_same():
    digits.cache_clear()
    first = digits()
    assert digits() is first
    digits.cache_clear()
    for one, other in zip(first, digits(), strict=True):
        assert (one == other).all()
    assert first.test_y[:8].tolist() == [2, 0, 4, 9, 4, 1, 2, 4]


def test_they_are_read_only():
    for part in digits():
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 0
