"""What an engine reads and writes: its description, checks of inputs, and memory."""

import ml_dtypes
import numpy as np
import pytest
import torch

import cookbook
from cookbook import SessionError
from cookbook.running import tensors
from cookbook.running.tensors import OutputAllocator, TensorSpec, allocate, check_inputs, read_specs
from tests.running.fake_cuda import fake_gpu
from tests.running.fake_tensorrt import FakeEngine, FakeTensor

X = np.ones((5, 4), np.float32)
N = np.zeros(2, np.int32)
SPECS = [
    TensorSpec("x", True, "float32", (-1, 4), (1, 4), (8, 4)),
    TensorSpec("n", True, "int32", (2,), (2,), (2,)),
    TensorSpec("y", False, "float32", (-1, 3)),
]
SHAPE = TensorSpec("shape", True, "int32", (2,), on_host=True)


@pytest.fixture
def cuda(monkeypatch):
    with fake_gpu(monkeypatch) as fake:
        yield fake


def refusal(inputs, specs=SPECS):
    with pytest.raises(SessionError) as caught:
        check_inputs(specs, inputs)
    return str(caught.value)


class TestCheckInputs:
    def test_right_inputs_pass_and_tell_their_kind(self):
        assert check_inputs(SPECS, {"x": X, "n": N}) == "numpy"
        assert check_inputs(SPECS, {"x": torch.tensor(X), "n": torch.tensor(N)}) == "torch"

    def test_the_order_of_inputs_does_not_count(self):
        assert check_inputs(SPECS, {"n": N, "x": X}) == "numpy"

    def test_subclasses_and_scalars_count_as_what_they_are(self):
        spec = TensorSpec("x", True, "float32", (), (), ())
        assert check_inputs([spec], {"x": np.float32(2)}) == "numpy"
        assert check_inputs([spec], {"x": torch.nn.Parameter(torch.tensor(1.0))}) == "torch"

    def test_missing(self):
        assert refusal({"x": X}) == "input ['n'] missing: the engine takes ['n', 'x']"

    def test_unknown(self):
        words = "the engine has no input ['z']: its inputs are ['n', 'x']"
        assert refusal({"x": X, "n": N, "z": X}) == words

    def test_an_output_is_no_input(self):
        assert "no input ['y']" in refusal({"x": X, "n": N, "y": X})

    def test_kinds_must_not_mix(self):
        words = "all be NumPy arrays or all torch tensors, got {'x': 'numpy', 'n': 'torch'}"
        assert words in refusal({"x": X, "n": torch.tensor(N)})

    def test_a_list_is_told_how_to_become_an_array(self):
        found = refusal({"x": [[1.0] * 4], "n": N})
        assert "input 'x' is a list" in found
        assert "np.asarray(x, 'float32')" in found

    def test_an_engine_without_such_inputs_gives_numpy(self):
        assert check_inputs([SHAPE], {"shape": torch.tensor([1, 2], dtype=torch.int32)}) == "numpy"


class TestTypes:
    def test_the_hint_for_numpy(self):
        found = refusal({"x": X.astype(np.float64), "n": N})
        assert found == (
            "input 'x' is float64, the engine takes float32: convert it, as in x.astype('float32')"
        )

    def test_the_hint_for_torch(self):
        found = refusal({"x": torch.tensor(X).half(), "n": torch.tensor(N)})
        assert found == (
            "input 'x' is float16, the engine takes float32: convert it, as in x.to(torch.float32)"
        )

    def test_the_hint_for_a_type_of_ml_dtypes(self):
        spec = TensorSpec("x", True, "bfloat16", (2,), (2,), (2,))
        found = refusal({"x": np.zeros(2, np.float32)}, [spec])
        assert "x.astype(ml_dtypes.bfloat16)" in found
        assert check_inputs([spec], {"x": np.zeros(2, ml_dtypes.bfloat16)}) == "numpy"

    def test_foreign_byte_order_is_another_type(self):
        assert "is >f4, the engine takes float32" in refusal({"x": X.astype(">f4"), "n": N})


class TestShapes:
    def test_number_of_dimensions(self):
        assert refusal({"x": X[0], "n": N}) == (
            "input 'x' has 1 dimensions (4,), the engine takes 2: (1, 4) to (8, 4)"
        )

    def test_of_a_fixed_input(self):
        assert refusal({"x": X, "n": N[None]}) == (
            "input 'n' has 2 dimensions (1, 2), the engine takes 1: (2,)"
        )

    @pytest.mark.parametrize("rows", [1, 8])
    def test_both_ends_of_the_profile_are_allowed(self, rows):
        assert check_inputs(SPECS, {"x": np.ones((rows, 4), np.float32), "n": N}) == "numpy"

    def test_outside_of_the_profile(self):
        found = refusal({"x": np.zeros((9, 4), np.float32), "n": N})
        assert found.startswith("input 'x' is (9, 4): dimension 0 is 9, the profile allows 1 to 8.")

    def test_a_dimension_that_the_model_fixes(self):
        found = refusal({"x": np.zeros((2, 5), np.float32), "n": N})
        assert found.startswith(
            "input 'x' is (2, 5): dimension 1 is 5, the engine takes only 4. Change the input"
        )

    def test_an_empty_batch(self):
        assert refusal({"x": np.zeros((0, 4), np.float32), "n": N}) == (
            "input 'x' is empty, (0, 4); the engine takes (1, 4) to (8, 4): "
            "skip the call for an empty batch"
        )

    def test_an_engine_for_empty_batches(self):
        spec = TensorSpec("x", True, "float32", (-1, 4), (0, 4), (8, 4))
        assert check_inputs([spec], {"x": np.zeros((0, 4), np.float32)}) == "numpy"


class TestShapeInputs:
    @pytest.mark.parametrize("value", [[3, 4], (3, 4), np.array([3, 4], np.int32)])
    def test_lists_and_arrays_are_taken(self, value):
        SHAPE.check(value)
        tensor = SHAPE.tensor(value)
        assert tensor.dtype is torch.int32
        assert tensor.device.type == "cpu"
        assert tensor.tolist() == [3, 4]

    def test_a_torch_tensor_is_taken(self):
        value = torch.tensor([3, 4], dtype=torch.int32)
        SHAPE.check(value)
        assert SHAPE.tensor(value).tolist() == [3, 4]

    def test_a_number_is_taken_where_a_scalar_is_wanted(self):
        scalar = TensorSpec("count", True, "int64", (), on_host=True)
        scalar.check(7)
        assert scalar.tensor(7).item() == 7

    def test_an_empty_list_is_taken_where_nothing_is_wanted(self):
        none = TensorSpec("shape", True, "int64", (0,), on_host=True)
        none.check([])
        assert none.tensor([]).tolist() == []
        with pytest.raises(SessionError, match="'shape' is empty"):
            SHAPE.check([])

    @pytest.mark.parametrize(
        "value", [[3.0, 4.0], [3, 4.7], ["3", "4"], [True, False], [[3], [4, 5]]]
    )
    def test_what_are_not_whole_numbers(self, value):
        with pytest.raises(SessionError) as caught:
            SHAPE.check(value)
        words = "input 'shape' decides shapes and takes whole numbers, as in [2, 3]; it is "
        assert str(caught.value) == words + repr(value)

    @pytest.mark.parametrize("value", [[1, 2**31], [-(2**31) - 1, 1]])
    def test_numbers_beyond_the_type(self, value):
        with pytest.raises(SessionError) as caught:
            SHAPE.check(value)
        assert str(caught.value) == (
            f"input 'shape' is {value}, too large for int32, which the engine takes"
        )

    def test_the_ends_of_the_type(self):
        ends = [2**31 - 1, -(2**31)]
        assert SHAPE.tensor(ends).tolist() == ends

    def test_an_array_must_have_the_type(self):
        with pytest.raises(SessionError, match=r"'shape' is int64, .*x\.astype\('int32'\)"):
            SHAPE.check(np.array([3, 4]))

    def test_how_many_numbers(self):
        with pytest.raises(SessionError, match=r"'shape' is \(3,\): dimension 0 is 3, .*only 2"):
            SHAPE.check([1, 2, 3])

    def test_they_may_accompany_either_kind(self):
        specs = [SPECS[0], SHAPE]
        assert check_inputs(specs, {"x": torch.tensor(X), "shape": [1, 2]}) == "torch"
        assert check_inputs(specs, {"x": X, "shape": torch.tensor([1, 2]).int()}) == "numpy"


class TestMemory:
    def test_a_tensor_where_tensorrt_wants_it(self, cuda):
        made = SPECS[0].empty((3, 4))
        assert (made.dtype, made.shape, made.device.type) == (torch.float32, (3, 4), "cpu")
        assert SHAPE.empty((2,)).dtype is torch.int32

    def test_only_shape_tensors_are_in_host_memory(self, monkeypatch):
        monkeypatch.setattr(tensors, "DEVICE", "meta")  # a device that every machine has
        assert SPECS[0].empty((3, 4)).device.type == "meta"
        assert SPECS[0].tensor(X).device.type == "meta"
        assert SHAPE.empty((2,)).device.type == "cpu"
        assert SHAPE.tensor([1, 2]).device.type == "cpu"

    def test_values_become_contiguous_tensors(self, cuda):
        for value in (X[:4].T, torch.tensor(X[:4]).T, torch.nn.Parameter(torch.tensor(X[:4]))):
            tensor = SPECS[0].tensor(value)
            assert tensor.is_contiguous()
            assert not tensor.requires_grad
            assert tensor.shape == tuple(value.shape)

    def test_out_of_memory_says_what_for_and_how_much_is_free(self, cuda, monkeypatch):
        def refuse(*args, **options):
            raise torch.cuda.OutOfMemoryError("no")

        monkeypatch.setattr(torch, "empty", refuse)
        with pytest.raises(cookbook.DeviceMemoryError) as caught:
            SPECS[2].empty((2**20, 3))
        assert str(caught.value).startswith(
            "no 12 MiB on the GPU for output 'y' (1048576, 3): 3 of 2,000 MiB are free. Close"
        )
        with pytest.raises(cookbook.DeviceMemoryError, match=r"for input 'x' \(1, 4\)"):
            SPECS[0].empty((1, 4))

    def test_the_device_may_be_chosen(self):
        assert allocate((2,), torch.int8, "a test", "cpu").device.type == "cpu"

    def test_an_empty_tensor_has_an_address_too(self, cuda):
        full = SPECS[0].empty((3, 4))
        assert tensors.address(full) == full.data_ptr()
        empty = SPECS[0].empty((0, 4))
        assert empty.data_ptr() == 0
        assert tensors.address(empty) != 0
        assert tensors.address(empty) == tensors.address(SPECS[0].empty((0, 9)))

    @pytest.mark.gpu
    def test_out_of_device_memory_on_a_gpu(self):
        words = "(?s)no 1,073,741,824 MiB on the GPU for output 'y'.*are free"
        with pytest.raises(cookbook.DeviceMemoryError, match=words):
            allocate((1 << 50,), torch.uint8, "output 'y'")
        made = allocate((1 << 20,), torch.uint8, "a buffer")  # the GPU is usable afterwards
        assert made.numel() == 1 << 20
        assert made.device.type == "cuda"


class TestReadSpecs:
    def engine(self):
        described = {
            "x": FakeTensor(
                (-1, 4), True, ranges=[((1, 4), (2, 4), (8, 4)), ((2, 4), (3, 4), (16, 4))]
            ),
            "fixed": FakeTensor((3,), True, "INT64"),
            "shape": FakeTensor((2,), True, "INT32", on_host=True),
            "y": FakeTensor((-1, 3), dtype="HALF"),
            "size": FakeTensor((2,), dtype="INT64", on_host=True),
        }
        return FakeEngine(described, compute=lambda inputs: {})

    @pytest.mark.parametrize(
        ("profile", "low", "high"), [(0, (1, 4), (8, 4)), (1, (2, 4), (16, 4))]
    )
    def test_all_kinds_of_tensors(self, profile, low, high):
        engine = self.engine()
        assert read_specs(engine, engine.create_execution_context(), profile) == [
            TensorSpec("x", True, "float32", (-1, 4), low, high),
            TensorSpec("fixed", True, "int64", (3,), (3,), (3,)),
            TensorSpec("shape", True, "int32", (2,), on_host=True),
            TensorSpec("y", False, "float16", (-1, 3)),
            TensorSpec("size", False, "int64", (2,), on_host=True),
        ]

    def test_an_inputs_shape_is_the_contexts(self):
        engine = self.engine()
        context = engine.create_execution_context()
        context.shapes["fixed"] = (3,)
        engine.tensors["fixed"].shape = (-1,)  # what 8.6's engine may say
        assert read_specs(engine, context, 0)[1].shape == (3,)


class TestOutputAllocator:
    @pytest.fixture
    def allocator(self, cuda):
        return OutputAllocator(TensorSpec("index", False, "int64", (1, -1)))

    def test_room_is_made_and_kept(self, allocator):
        first = allocator.reallocate_output("index", 0, 100, 256)
        assert first == allocator.memory.data_ptr()
        assert allocator.memory.numel() == 512
        assert allocator.reallocate_output("index", first, 512, 256) == first
        allocator.reallocate_output("index", first, 513, 256)
        assert allocator.memory.numel() == 1024

    def test_an_empty_output_has_an_address_too(self, allocator):
        assert allocator.reallocate_output("index", 0, 0, 256) != 0
        allocator.notify_shape("index", (1, 0))
        assert allocator.output().shape == (1, 0)

    def test_what_was_written_comes_out_in_its_shape_and_fresh(self, allocator):
        allocator.reallocate_output("index", 0, 24, 256)
        allocator.notify_shape("index", (1, 3))
        allocator.memory.view(torch.int64)[:3] = torch.tensor([7, 8, 9])
        output = allocator.output()
        assert output.tolist() == [[7, 8, 9]]
        allocator.memory.zero_()
        assert output.tolist() == [[7, 8, 9]]

    def test_no_memory_is_reported_to_tensorrt_as_zero(self, allocator, monkeypatch):
        def refuse(*args):
            raise cookbook.DeviceMemoryError("none left")

        monkeypatch.setattr(tensors, "allocate", refuse)
        assert allocator.reallocate_output("index", 0, 100, 256) == 0
