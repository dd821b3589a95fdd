"""Inputs and outputs of an engine: what they are, what a caller may feed, and their memory."""

import dataclasses
import math
from typing import Any

import numpy as np
import torch
from cuda.bindings import runtime as cudart

from ..backend import cuda_check, trt
from ..errors import DeviceMemoryError, SessionError
from .dtypes import FROM_ML_DTYPES, from_numpy, name_of, plain_name

DEVICE = "cuda"  # where TensorRT wants tensors that are not shape tensors
ALIGNMENT = 512  # bytes; memory for an output of unknown size grows in such steps


def free_memory() -> str:
    """A sentence that says how much memory the GPU has left, and what to do about it."""
    free, total = cuda_check(cudart.cudaMemGetInfo())
    return (
        f"{free / 2**20:,.0f} of {total / 2**20:,.0f} MiB are free. "
        "Close other sessions and programs, or use smaller batches"
    )


def allocate(
    shape: tuple[int, ...], dtype: torch.dtype, purpose: str, device: str | None = None
) -> torch.Tensor:
    """An empty tensor; on the GPU, which is the default, it comes from torch's allocator.

    Args: ``purpose`` – what it is for, as in ``output 'y'``: the error names it.
    Raises: DeviceMemoryError, with the MiB that are wanted and that are free.
    """
    try:
        return torch.empty(shape, dtype=dtype, device=device or DEVICE)
    except torch.cuda.OutOfMemoryError as error:
        wanted = math.prod(shape) * dtype.itemsize / 2**20
        raise DeviceMemoryError(
            f"no {wanted:,.0f} MiB on the GPU for {purpose}: {free_memory()}"
        ) from error


_nowhere: dict[str, torch.Tensor] = {}


def address(tensor: torch.Tensor) -> int:
    """Where a tensor begins in memory; a real place for an empty one, too.

    torch gives an empty tensor the address 0, which TensorRT refuses.
    """
    if tensor.numel():
        return tensor.data_ptr()
    device = str(tensor.device)
    if device not in _nowhere:
        _nowhere[device] = allocate((ALIGNMENT,), torch.uint8, "empty tensors", device)
    return _nowhere[device].data_ptr()


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """An input or output of an engine.

    Attributes:
        name: its name in the network.
        is_input: whether it is an input.
        dtype: its type by NumPy's name, as in ``float32``.
        shape: its shape; -1 stands for a dimension that may vary.
        low: the smallest shape that the optimization profile allows (inputs only).
        high: the largest.
        on_host: True for shape tensors, whose values TensorRT reads and writes in host memory.
    """

    name: str
    is_input: bool
    dtype: str
    shape: tuple[int, ...]
    low: tuple[int, ...] = ()
    high: tuple[int, ...] = ()
    on_host: bool = False

    def empty(self, shape: tuple[int, ...]) -> torch.Tensor:
        """A new tensor of this type, where TensorRT wants it. Raises: DeviceMemoryError."""
        side = "input" if self.is_input else "output"
        purpose = f"{side} {self.name!r} {tuple(shape)}"
        device = "cpu" if self.on_host else DEVICE
        return allocate(shape, getattr(torch, self.dtype), purpose, device)

    def tensor(self, value: Any) -> torch.Tensor:
        """A value as a contiguous tensor where TensorRT wants it.

        Args: ``value`` – a NumPy array, or a torch tensor on any device and in any layout, that has
            passed ``check``; for a shape input also a list of whole numbers.
        """
        if isinstance(value, torch.Tensor):
            tensor = value.detach()
        elif self.on_host:
            tensor = from_numpy(self._numbers(value))
        else:
            tensor = from_numpy(value)
        return tensor.to("cpu" if self.on_host else DEVICE).contiguous()

    def check(self, value: Any) -> None:
        """Raise SessionError, which says what to do, unless the value fits this input.

        Args: ``value`` – as for ``tensor``.
        """
        if self.on_host:
            value = self._numbers(value)
        self._check_dtype(value)
        shape = tuple(value.shape)
        least = self.low or self.shape  # an input that decides shapes has no range of shapes
        wanted = str(self.shape)
        if self.low != self.high:
            wanted = f"{self.low} to {self.high}"
        if len(shape) != len(self.shape):
            raise SessionError(
                f"input {self.name!r} has {len(shape)} dimensions {shape}, "
                f"the engine takes {len(self.shape)}: {wanted}"
            )
        if 0 in shape and 0 not in least:
            raise SessionError(
                f"input {self.name!r} is empty, {shape}; the engine takes {wanted}: "
                "skip the call for an empty batch"
            )
        self._check_dimensions(shape)

    def _check_dtype(self, value: Any) -> None:
        found = plain_name(value.dtype)
        if found == self.dtype:
            return
        if isinstance(value, torch.Tensor):
            remedy = f"x.to(torch.{self.dtype})"
        elif self.dtype in FROM_ML_DTYPES:
            remedy = f"x.astype(ml_dtypes.{self.dtype})"
        else:
            remedy = f"x.astype('{self.dtype}')"
        raise SessionError(
            f"input {self.name!r} is {found}, the engine takes {self.dtype}: "
            f"convert it, as in {remedy}"
        )

    def _check_dimensions(self, shape: tuple[int, ...]) -> None:
        low = self.low or self.shape
        high = self.high or self.shape
        for k, (size, least, most) in enumerate(zip(shape, low, high, strict=True)):
            if least <= size <= most:
                continue
            if least == most:
                raise SessionError(
                    f"input {self.name!r} is {shape}: dimension {k} is {size}, the engine takes "
                    f"only {most}. Change the input, or rebuild the engine for this shape"
                )
            raise SessionError(
                f"input {self.name!r} is {shape}: dimension {k} is {size}, the profile allows "
                f"{least} to {most}. Change the input, choose another profile, or rebuild with a "
                "wider one"
            )

    def _numbers(self, value: Any) -> Any:
        """The values of a shape input: what has a type as it is, lists and numbers as an array."""
        if hasattr(value, "dtype"):
            return value
        try:
            numbers = np.asarray(value)
        except ValueError:  # rows of different lengths
            numbers = np.asarray(value, dtype=object)
        if numbers.size and numbers.dtype.kind not in "iu":
            raise SessionError(
                f"input {self.name!r} decides shapes and takes whole numbers, as in [2, 3]; "
                f"it is {value!r}"
            )
        limits = np.iinfo(self.dtype)
        if numbers.size and not limits.min <= numbers.min() <= numbers.max() <= limits.max:
            raise SessionError(
                f"input {self.name!r} is {value!r}, too large for {self.dtype}, which the engine "
                "takes"
            )
        return numbers.astype(self.dtype)


def check_inputs(specs: list[TensorSpec], inputs: dict[str, Any]) -> str:
    """Check all inputs of a call.

    Args: ``specs`` – of the engine's tensors; ``inputs`` – the values by name.
    Returns: ``numpy`` or ``torch``, the kind of the inputs and so of the outputs. Inputs that
        decide shapes may be of either kind, and do not count.
    Raises: SessionError that names the input and says what to do.
    """
    wanted = {spec.name: spec for spec in specs if spec.is_input}
    missing = [name for name in wanted if name not in inputs]
    if missing:
        raise SessionError(f"input {missing} missing: the engine takes {sorted(wanted)}")
    unknown = [name for name in inputs if name not in wanted]
    if unknown:
        raise SessionError(f"the engine has no input {unknown}: its inputs are {sorted(wanted)}")
    kinds = {}
    for name, spec in wanted.items():
        if not spec.on_host:
            kinds[name] = _kind(inputs[name])
    for name, kind in kinds.items():
        if kind not in ("numpy", "torch"):
            raise SessionError(
                f"input {name!r} is a {kind}: inputs must all be NumPy arrays or all torch "
                f"tensors. Convert it, as in np.asarray(x, '{wanted[name].dtype}')"
            )
    if len(set(kinds.values())) > 1:
        raise SessionError(f"inputs must all be NumPy arrays or all torch tensors, got {kinds}")
    for name, spec in wanted.items():
        spec.check(inputs[name])
    return next(iter(kinds.values()), "numpy")


def _kind(value: Any) -> str:
    """``numpy``, ``torch``, or the name of the value's type."""
    if isinstance(value, torch.Tensor):
        return "torch"
    if isinstance(value, (np.ndarray, np.generic)):
        return "numpy"
    return type(value).__name__


def read_specs(engine: Any, context: Any, profile: int) -> list[TensorSpec]:
    """What an engine reads and writes, in its order.

    Args: ``engine`` – an ``ICudaEngine``; ``context`` – an ``IExecutionContext`` of it;
        ``profile`` – index of the optimization profile that the context uses.
    Raises: SessionError for a type that torch cannot hold.
    Source: ICudaEngine in NVIDIA's API reference.
    """
    names = [engine.get_tensor_name(k) for k in range(engine.num_io_tensors)]
    return [_read_spec(engine, context, profile, name) for name in names]


def _read_spec(engine: Any, context: Any, profile: int, name: str) -> TensorSpec:
    dtype = name_of(engine.get_tensor_dtype(name).name, name)
    on_host = engine.get_tensor_location(name) == trt.TensorLocation.HOST
    if engine.get_tensor_mode(name) != trt.TensorIOMode.INPUT:
        return TensorSpec(name, False, dtype, tuple(engine.get_tensor_shape(name)), on_host=on_host)
    # Where outputs depend on data, TensorRT 8.6's engine forgets the inputs' shapes.
    shape = tuple(context.get_tensor_shape(name))
    if on_host:
        return TensorSpec(name, True, dtype, shape, on_host=True)
    low = high = shape
    if -1 in shape:
        least, _, most = engine.get_tensor_profile_shape(name, profile)
        low = tuple(least)
        high = tuple(most)
    return TensorSpec(name, True, dtype, shape, low, high)


class OutputAllocator(trt.IOutputAllocator):
    """Memory for an output whose size depends on data: TensorRT asks for it once it knows.

    Args: ``spec`` – of the output.
    Source: IOutputAllocator in NVIDIA's API reference.
    """

    def __init__(self, spec: TensorSpec):
        trt.IOutputAllocator.__init__(self)
        self.spec = spec
        self.shape: tuple[int, ...] = ()
        self.memory = allocate((0,), torch.uint8, f"output {spec.name!r}")

    def reallocate_output(self, tensor_name, memory, size, alignment):
        """Called by TensorRT. Returns: an address with room for ``size`` bytes, or 0."""
        if size > self.memory.numel() or size == 0:
            # An address is wanted for an empty output, too.
            steps = max(1, math.ceil(size / ALIGNMENT))
            try:
                self.memory = allocate((steps * ALIGNMENT,), torch.uint8, f"output {tensor_name!r}")
            except DeviceMemoryError:
                return 0  # TensorRT reports the failure itself
        return self.memory.data_ptr()

    def notify_shape(self, tensor_name, shape):
        """Called by TensorRT when the shape of the output is known."""
        self.shape = tuple(shape)

    def output(self) -> torch.Tensor:
        """A fresh tensor with what TensorRT wrote; only after the stream was synchronised."""
        count = math.prod(self.shape)
        numbers = self.memory.view(getattr(torch, self.spec.dtype))[:count]
        return numbers.reshape(self.shape).clone()
