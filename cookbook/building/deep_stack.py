"""Room on the stack for networks with long chains of layers.

TensorRT follows a chain of layers by recursion. On the usual stack of 8 MiB a chain of some 2,500
pointwise layers ends the process with a segmentation fault. A limit can be raised; a crash cannot
be caught.
"""

import contextlib
import resource
import threading
from collections.abc import Iterator

from ..errors import BuildError

STACK_BYTES = 100 << 20  # enough for chains of some 25,000 layers; Linux leaves 128 MiB free for it
LONGEST_CHAIN = 1500  # of layers, that the stack of another thread bears


@contextlib.contextmanager
def room_for(network) -> Iterator[None]:
    """Let the stack of the main thread grow inside of a ``with`` block.

    Other threads have stacks of a fixed size.
    Raises: BuildError there, for a network with a chain that is too long.
    """
    if threading.current_thread() is not threading.main_thread():
        _check_chain(network)
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = STACK_BYTES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        yield
        return
    resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))


def _check_chain(network) -> None:
    length = longest_chain(network)
    if length > LONGEST_CHAIN:
        raise BuildError(
            f"the network has a chain of {length:,} layers, for which this thread's stack is too "
            f"small ({LONGEST_CHAIN:,} at most): build it in the main thread"
        )


def longest_chain(network) -> int:
    """Number of layers in a network's longest chain, each reading what the one before wrote."""
    length_at: dict[str, int] = {}  # of the longest chain that ends in a tensor, by its name
    longest = 0
    for index in range(network.num_layers):
        layer = network.get_layer(index)
        before = 0
        for k in range(layer.num_inputs):
            tensor = layer.get_input(k)
            if tensor is not None:
                before = max(before, length_at.get(tensor.name, 0))
        for k in range(layer.num_outputs):
            length_at[layer.get_output(k).name] = before + 1
        longest = max(longest, before + 1)
    return longest
