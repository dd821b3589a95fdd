"""The short way through a session: calls just like the last one.

Most calls repeat the last one: the same shapes and types, on the GPU, on torch's default stream.
For them all that is left is to see that it is so, to tell TensorRT which addresses changed, and to
launch. Python's time for that counts, because a small engine runs for a few microseconds only;
`python -m tests.bench_session` measures it. So what is known beforehand is looked up beforehand.
"""

from collections.abc import Callable
from threading import get_ident
from typing import Any

import torch
from cuda.bindings import runtime as cudart

from .graphs import Run

FastCall = Callable[[dict], dict | None]


def no_fast_call(inputs: dict) -> None:
    """Stands where there is nothing to repeat yet: it leaves every call to the general way."""
    return None


def make_fast_call(run: Run, owner: int, reuse_outputs: bool) -> FastCall:
    """A function for calls like the one that ``run`` was prepared for.

    Args: ``owner`` – identifier of the thread that may call it; ``reuse_outputs`` – overwrite the
        outputs of ``run`` in every call, instead of returning fresh ones.
    Returns: a function from inputs by name to outputs by name. It returns None, and has changed
        nothing that matters, for a call that differs and where a launch fails: the general way then
        does it, or tells what is wrong.
    """
    fits = _make_check(run, owner)
    if run.graph is not None:
        return _make_graph_call(run, fits, reuse_outputs)
    if reuse_outputs:
        return _make_reusing_call(run, fits)
    return _make_fresh_call(run, fits)


def _make_check(run: Run, owner: int) -> Callable[[dict], bool]:
    """A function that tells whether a call is like the last one, but for addresses and devices."""
    device = torch.cuda.current_device()
    current_stream = torch._C._cuda_getCurrentRawStream
    tensor_class = torch.Tensor
    count = len(run.inputs)
    known = [(name, tensor.dtype, tensor.shape) for name, tensor in run.inputs.items()]

    def fits(inputs: dict) -> bool:
        if get_ident() != owner or len(inputs) != count:
            return False
        if current_stream(device) != 0:  # the default stream; others need events to keep the order
            return False
        for name, dtype, shape in known:
            value: Any = inputs.get(name)
            if value.__class__ is not tensor_class or value.dtype is not dtype:
                return False
            if value.shape != shape or not value.is_contiguous():
                return False
        return True

    return fits


def _make_addresser(run: Run) -> Callable[[dict], bool]:
    """A function that tells TensorRT the inputs' addresses; False for one on another device."""
    device = torch.cuda.current_device()
    set_address = run.context.set_tensor_address
    known = dict.fromkeys(run.inputs, 0)
    names = list(known)

    def address(inputs: dict) -> bool:
        for name in names:
            value = inputs[name]
            pointer = value.data_ptr()
            if known[name] != pointer:
                if value.get_device() != device:  # an address that is known was on this device
                    return False
                set_address(name, pointer)
                known[name] = pointer
        return True

    return address


def _make_reusing_call(run: Run, fits: Callable[[dict], bool]) -> FastCall:
    address = _make_addresser(run)
    execute = run.context.execute_async_v3
    stream = run.stream
    outputs = run.outputs

    def call(inputs: dict) -> dict | None:
        if fits(inputs) and address(inputs) and execute(stream):
            return outputs.copy()
        return None

    return call


def _make_fresh_call(run: Run, fits: Callable[[dict], bool]) -> FastCall:
    address = _make_addresser(run)
    set_address = run.context.set_tensor_address
    execute = run.context.execute_async_v3
    stream = run.stream
    empty_like = torch.empty_like
    # Not the outputs themselves: those belong to the caller, who may want their memory back.
    models = {name: empty_like(tensor) for name, tensor in run.outputs.items()}
    known = dict.fromkeys(models, 0)
    pairs = list(models.items())

    def call(inputs: dict) -> dict | None:
        if not fits(inputs) or not address(inputs):
            return None
        outputs = {}
        for name, model in pairs:
            output = empty_like(model)
            pointer = output.data_ptr()
            if known[name] != pointer:
                set_address(name, pointer)
                known[name] = pointer
            outputs[name] = output
        return outputs if execute(stream) else None

    return call


def _make_graph_call(run: Run, fits: Callable[[dict], bool], reuse_outputs: bool) -> FastCall:
    launch = cudart.cudaGraphLaunch
    graph = run.graph
    stream = run.stream
    device = torch.cuda.current_device()
    pairs = list(run.inputs.items())
    outputs = run.outputs

    def call(inputs: dict) -> dict | None:
        if not fits(inputs):
            return None
        for name, copy in pairs:
            value = inputs[name]
            if value.get_device() != device:
                return None
            copy.copy_(value)
        (status,) = launch(graph, stream)
        if status:
            return None
        if reuse_outputs:
            return outputs.copy()
        return {name: tensor.clone() for name, tensor in outputs.items()}

    return call
