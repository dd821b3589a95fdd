"""Element types: names, and arrays that become tensors and back."""

import sys

import ml_dtypes
import numpy as np
import pytest
import torch

from cookbook import SessionError, trt
from cookbook.running.dtypes import from_numpy, name_of, plain_name, to_numpy


@pytest.mark.parametrize(
    ("data_type", "name"),
    [
        ("FLOAT", "float32"),
        ("HALF", "float16"),
        ("BF16", "bfloat16"),
        ("FP8", "float8_e4m3fn"),
        ("INT8", "int8"),
        ("INT32", "int32"),
        ("INT64", "int64"),
        ("BOOL", "bool"),
        ("UINT8", "uint8"),
    ],
)
def test_types_have_the_names_of_numpy_and_torch(data_type, name):
    assert name_of(data_type, "x") == name
    assert isinstance(getattr(torch, name), torch.dtype)


@pytest.mark.skipif(not hasattr(torch, "float8_e8m0fnu"), reason="a type of torch 2.7")
def test_the_type_of_block_scales():
    assert name_of("E8M0", "scale") == "float8_e8m0fnu"


@pytest.mark.parametrize("data_type", ["INT4", "FP4", "FP2"])
def test_a_type_that_torch_lacks_is_refused_with_the_tensors_name(data_type, monkeypatch):
    monkeypatch.setattr(torch, "fp4", torch.uint8, raising=False)  # whatever torch may call so
    with pytest.raises(SessionError) as caught:
        name_of(data_type, "logits")
    assert str(caught.value) == (
        f"tensor 'logits' is {data_type}, for which torch {torch.__version__} has no type: "
        "cast it in the model, as in a Cast to FLOAT before an output"
    )


def test_all_types_of_this_tensorrt_are_known_or_refused():
    refused = []
    for data_type in trt.DataType.__members__:
        try:
            name_of(data_type, "x")
        except SessionError:
            refused.append(data_type)
    assert set(refused) <= {"INT4", "FP4", "E8M0"}


def test_plain_names():
    assert plain_name(torch.bfloat16) == "bfloat16"
    assert plain_name(np.dtype(np.int64)) == "int64"
    assert plain_name(np.dtype(ml_dtypes.float8_e4m3fn)) == "float8_e4m3fn"


NUMBERS = [[1.5, -2.0], [0.25, 64.0]]  # exact in all types here


@pytest.mark.skipif(not hasattr(torch, "float8_e8m0fnu"), reason="a type of torch 2.7")
def test_block_scales_become_tensors_and_come_back():
    array = np.array([0.5, 4.0]).astype(ml_dtypes.float8_e8m0fnu)
    tensor = from_numpy(array)
    assert tensor.dtype is torch.float8_e8m0fnu
    assert to_numpy(tensor, "y").tolist() == [0.5, 4.0]


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float16", "float32"])
def test_arrays_become_tensors_and_come_back(name):
    array = np.array(NUMBERS).astype(np.dtype(getattr(ml_dtypes, name, name)))
    tensor = from_numpy(array)
    assert tensor.dtype is getattr(torch, name)
    assert tensor.float().tolist() == NUMBERS
    back = to_numpy(tensor, "y")
    assert back.dtype == array.dtype
    assert back.astype(np.float64).tolist() == NUMBERS


@pytest.mark.parametrize("name", ["bfloat16", "float32"])
def test_a_tensor_shares_no_memory_with_its_array(name):
    array = np.ones(3).astype(np.dtype(getattr(ml_dtypes, name, name)))
    tensor = from_numpy(array)
    array[0] = 5
    assert tensor.tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", ["bfloat16", "float32"])
def test_arrays_of_any_layout_become_contiguous(name):
    array = np.array(NUMBERS).astype(np.dtype(getattr(ml_dtypes, name, name)))
    for view in (array.T, array[:, ::-1], array[1], array[1, 1]):
        tensor = from_numpy(view)
        assert tensor.is_contiguous()
        assert tensor.tolist() == view.astype(np.float64).tolist()


def test_read_only_arrays_are_taken():
    array = np.ones(3, np.float32)
    array.setflags(write=False)
    assert from_numpy(array).tolist() == [1, 1, 1]


def test_zero_dimensions_stay():
    assert from_numpy(np.array(2.0).astype(ml_dtypes.bfloat16)).shape == ()
    assert to_numpy(torch.tensor(2.0, dtype=torch.bfloat16), "y").shape == ()


def test_without_ml_dtypes_the_output_and_the_remedy_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    words = "output 'logits' is bfloat16, .*pip install ml_dtypes.*torch tensors"
    with pytest.raises(SessionError, match=words):
        to_numpy(torch.zeros(2, dtype=torch.bfloat16), "logits")
    assert to_numpy(torch.zeros(2), "y").dtype == np.float32
    assert from_numpy(np.zeros(2, np.float32)).dtype is torch.float32
