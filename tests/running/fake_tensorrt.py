"""Stand-ins for an engine and its contexts: what surrounds them is tested without a GPU.

The fake engine computes: what its context is told as addresses are addresses of CPU memory, and
``execute_async_v3`` reads the inputs and writes the outputs there. So a stale address shows as a
wrong result.
"""

import ctypes
import dataclasses
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from cookbook import trt
from tests.running.fake_cuda import FakeCuda

NUMPY = {"FLOAT": np.float32, "INT32": np.int32, "INT64": np.int64, "BF16": np.uint16}


@dataclasses.dataclass
class FakeTensor:
    """One input or output of a fake engine; ``ranges`` holds (min, opt, max) of each profile."""

    shape: tuple[int, ...]
    is_input: bool = False
    dtype: str = "FLOAT"
    on_host: bool = False
    ranges: list[tuple] = dataclasses.field(default_factory=list)


class FakeEngine:
    """Tensors by name; ``compute`` maps arrays by name to arrays by name.

    ``shapes_of`` maps the inputs' shapes, and a function that reads their values, to the outputs'
    shapes; without it each output has the shape of the first input. ``sharing`` is False for an
    engine of 8.6 whose contexts exclude each other from a profile.
    """

    def __init__(
        self,
        tensors: dict[str, FakeTensor],
        compute: Callable[[dict], dict],
        shapes_of: Callable | None = None,
        profiles: int = 1,
        sharing: bool = True,
    ):
        self.tensors = tensors
        self.compute = compute
        self.shapes_of = shapes_of
        self.num_optimization_profiles = profiles
        self.num_io_tensors = len(tensors)
        self.sharing = sharing
        self.out_of_memory = False
        self.contexts: list[FakeContext] = []

    def get_tensor_name(self, index):
        return list(self.tensors)[index]

    def get_tensor_dtype(self, name):
        kind = self.tensors[name].dtype
        return getattr(trt.DataType, kind, SimpleNamespace(name=kind))  # 8.6 has fewer types

    def get_tensor_shape(self, name):
        return self.tensors[name].shape

    def get_tensor_location(self, name):
        host = self.tensors[name].on_host
        return trt.TensorLocation.HOST if host else trt.TensorLocation.DEVICE

    def get_tensor_mode(self, name):
        is_input = self.tensors[name].is_input
        return trt.TensorIOMode.INPUT if is_input else trt.TensorIOMode.OUTPUT

    def get_tensor_profile_shape(self, name, profile):
        return self.tensors[name].ranges[profile]

    def create_execution_context(self):
        if self.out_of_memory:
            return None
        context = FakeContext(self)
        self.contexts.append(context)
        return context


class FakeContext:
    """Remembers shapes and addresses, and computes with what is in memory."""

    def __init__(self, engine: FakeEngine):
        self.engine = engine
        first = not engine.contexts
        self.active_optimization_profile = 0 if first or engine.sharing else -1
        self.shapes: dict[str, tuple] = {}
        self.addresses: dict[str, int] = {}
        self.allocators: dict[str, object] = {}
        self.calls: list[tuple] = []  # (what, name or stream)
        self.works = True
        self.knows_fixed_shapes = False  # as 8.6 does: set_input_shape then says False

    def set_optimization_profile_async(self, index, stream):
        self.calls.append(("profile", index, stream))
        if not self.works:
            raise RuntimeError("Error in set optimization profile async.")
        self.active_optimization_profile = index
        return True

    def set_input_shape(self, name, shape):
        self.calls.append(("shape", name))
        if self.knows_fixed_shapes and -1 not in self.engine.tensors[name].shape:
            return False
        if not self.works:
            return False
        self.shapes[name] = tuple(shape)
        return True

    def get_tensor_shape(self, name):
        tensor = self.engine.tensors[name]
        if tensor.is_input:
            return self.shapes.get(name, tensor.shape)
        if self.engine.shapes_of is None:
            first = next(key for key, value in self.engine.tensors.items() if value.is_input)
            return self.get_tensor_shape(first)
        return self.engine.shapes_of(self.shapes, self.read)[name]

    def set_tensor_address(self, name, address):
        self.calls.append(("address", name))
        self.addresses[name] = address
        return True

    def set_output_allocator(self, name, allocator):
        self.allocators[name] = allocator
        return True

    def read(self, name):
        """The values of an input, wherever they are."""
        return view(self.addresses[name], self.get_tensor_shape(name), self.dtype(name)).copy()

    def dtype(self, name):
        return NUMPY[self.engine.tensors[name].dtype]

    def execute_async_v3(self, stream):
        self.calls.append(("execute", stream))
        if not self.works:
            return False
        if FakeCuda.captured is not None:
            FakeCuda.captured.append((self, dict(self.addresses), dict(self.shapes)))
            return True
        self.run()
        return True

    def run(self):
        inputs = {}
        for name, tensor in self.engine.tensors.items():
            if tensor.is_input:
                inputs[name] = self.read(name)
        for name, value in self.engine.compute(inputs).items():
            value = np.ascontiguousarray(value, self.dtype(name))
            address = self.addresses.get(name, 0)
            if name in self.allocators:
                allocator = self.allocators[name]
                address = allocator.reallocate_output(name, 0, value.nbytes, 256)
                allocator.notify_shape(name, value.shape)
            view(address, value.shape, value.dtype)[...] = value


def view(address, shape, dtype):
    """Memory at an address as an array."""
    count = int(np.prod(shape, dtype=int))
    if count == 0:
        return np.empty(shape, dtype)
    size = count * np.dtype(dtype).itemsize
    raw = (ctypes.c_char * size).from_address(address)
    return np.frombuffer(raw, dtype).reshape(shape)


RANGES = [((1, 4), (4, 4), (64, 4)), ((8, 4), (8, 4), (9, 4))]


def doubling(**options):
    """y = 2 x and z = x - 1."""
    described = {
        "x": FakeTensor((-1, 4), True, ranges=RANGES),
        "y": FakeTensor((-1, 4)),
        "z": FakeTensor((-1, 4)),
    }

    def compute(inputs):
        return {"y": 2 * inputs["x"], "z": inputs["x"] - 1}

    return FakeEngine(described, compute, **options)


def positive_indices():
    """The indices of positive numbers: an output whose shape depends on data."""
    described = {
        "x": FakeTensor((-1,), True, ranges=[((1,), (4,), (9,))]),
        "index": FakeTensor((-1,), dtype="INT64"),
        "y": FakeTensor((-1,)),
    }

    def compute(inputs):
        return {"index": np.flatnonzero(inputs["x"] > 0), "y": -inputs["x"]}

    def shapes_of(shapes, read):
        return {"index": (-1,), "y": shapes["x"]}

    return FakeEngine(described, compute, shapes_of)


def reshaping(dtype="INT64"):
    """y = x in a shape that another input holds; ``size`` is that shape, on the host."""
    described = {
        "shape": FakeTensor((2,), True, dtype, on_host=True),
        "x": FakeTensor((-1,), True, ranges=[((1,), (12,), (64,))]),
        "y": FakeTensor((-1, -1)),
        "size": FakeTensor((2,), dtype=dtype, on_host=True),
    }

    def compute(inputs):
        return {"y": inputs["x"].reshape(inputs["shape"]), "size": inputs["shape"]}

    def shapes_of(shapes, read):
        return {"y": tuple(int(n) for n in read("shape")), "size": (2,)}

    return FakeEngine(described, compute, shapes_of)
