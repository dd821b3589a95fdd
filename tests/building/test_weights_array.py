"""Weights as TensorRT 10's bindings hand them out under NumPy 2: with strides of zero."""

import numpy as np
import pytest

import cookbook
from cookbook import backend, trt
from cookbook.building.network import weights_array

VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def without_strides(array):
    return np.lib.stride_tricks.as_strided(array, strides=(0,) * array.ndim)


@pytest.mark.parametrize("shape", [(24,), (4, 6), (2, 3, 4), (1, 24), (24, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.int64])
def test_all_values_are_read(shape, dtype):
    array = VALUES.astype(dtype).reshape(shape)
    broken = without_strides(array)
    assert len(np.unique(broken)) == 1
    mended = weights_array(broken)
    assert mended.dtype == dtype
    assert mended.shape == shape
    assert (mended == array).all()


@pytest.mark.parametrize("array", [VALUES, VALUES[:, ::2], VALUES.T, np.float32(3), np.zeros(0)])
def test_other_arrays_are_left_alone(array):
    assert weights_array(array).tobytes() == np.asarray(array).tobytes()
    assert weights_array(array).strides == np.asarray(array).strides


def test_one_value_needs_nothing():
    assert weights_array(without_strides(np.ones((1, 1)))).tolist() == [[1]]


@pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)
def test_the_weights_of_a_real_layer():
    builder = trt.Builder(cookbook.LOG)
    network = cookbook.create_network(builder)
    constant = network.add_constant(VALUES.shape, trt.Weights(VALUES))
    assert weights_array(constant.weights).reshape(VALUES.shape).tolist() == VALUES.tolist()
