"""What a session launches: a context as it is, or a CUDA graph captured from it.

A CUDA graph replays kernels with the addresses and shapes that it saw. So each set of input shapes
has a graph of its own, with its own context and tensors; a few of them are kept.
"""

import collections
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from cuda.bindings import runtime as cudart

from ..backend import cuda_check
from ..errors import CookbookError, SessionError
from ..log import capture_log, log_excerpt
from .tensors import TensorSpec, address

MAX_GRAPHS = 8

Shapes = dict[str, tuple[int, ...]]


@dataclasses.dataclass
class Run:
    """One thing to launch: a context, or a captured graph of it.

    Attributes:
        context: the ``IExecutionContext``; shapes and addresses are set.
        stream: handle of the CUDA stream.
        inputs: the tensors that it reads.
        outputs: the tensors that it writes.
        graph: handle of the captured graph, or None.
    """

    context: Any
    stream: int
    inputs: dict[str, torch.Tensor]
    outputs: dict[str, torch.Tensor]
    graph: Any = None

    def launch(self) -> None:
        """Enqueue it. Raises: SessionError with TensorRT's log; CudaError from a graph."""
        if self.graph is not None:
            cuda_check(cudart.cudaGraphLaunch(self.graph, self.stream))
            return
        with capture_log() as log:
            if not self.context.execute_async_v3(self.stream):
                raise SessionError(f"TensorRT could not run the engine.{log_excerpt(log)}")

    def bare_launch(self) -> partial:
        """A function without arguments that only enqueues it and checks nothing, for measuring."""
        if self.graph is not None:
            return partial(cudart.cudaGraphLaunch, self.graph, self.stream)
        return partial(self.context.execute_async_v3, self.stream)


class GraphCache:
    """The captured graphs of a session, the latest used last.

    Args: ``stream`` – handle of the session's CUDA stream; ``specs`` – of the engine's tensors;
        ``most`` – how many graphs are kept.
    """

    def __init__(self, stream: int, specs: list[TensorSpec], most: int = MAX_GRAPHS):
        self.stream = stream
        self.specs = specs
        self.most = most
        self._runs: collections.OrderedDict[tuple, Run] = collections.OrderedDict()

    def __len__(self) -> int:
        return len(self._runs)

    def run_for(self, shapes: Shapes, new_context: Callable[[], Any]) -> Run:
        """The graph for these shapes of all tensors, captured at their first use.

        Args: ``new_context`` – a function that returns a fresh execution context.
        Raises: SessionError if the engine cannot be captured; DeviceMemoryError.
        """
        key = tuple(sorted(shapes.items()))
        if key not in self._runs:
            self._runs[key] = self._capture(shapes, new_context())
            self._drop_oldest()
        self._runs.move_to_end(key)
        return self._runs[key]

    def close(self) -> None:
        """Free all graphs; nothing of them may be running."""
        while self._runs:
            _, run = self._runs.popitem()
            cuda_check(cudart.cudaGraphExecDestroy(run.graph))

    def _drop_oldest(self) -> None:
        if len(self._runs) <= self.most:
            return
        cuda_check(cudart.cudaStreamSynchronize(self.stream))  # it may be running
        _, oldest = self._runs.popitem(last=False)
        cuda_check(cudart.cudaGraphExecDestroy(oldest.graph))

    def _capture(self, shapes: Shapes, context: Any) -> Run:
        run = self._prepare(shapes, context)
        run.launch()  # what TensorRT does only in a first run must not be captured
        cuda_check(cudart.cudaStreamSynchronize(self.stream))
        mode = cudart.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        cuda_check(cudart.cudaStreamBeginCapture(self.stream, mode))
        try:
            run.launch()
            graph = cuda_check(cudart.cudaStreamEndCapture(self.stream))
        except CookbookError as error:
            cudart.cudaStreamEndCapture(self.stream)  # whatever it says: the capture has failed
            raise SessionError(
                "this engine cannot be captured as a CUDA graph (a loop, for example, asks the CPU "
                f"in between): use cuda_graph=False. {error}"
            ) from error
        run.graph = cuda_check(cudart.cudaGraphInstantiate(graph, 0))
        cuda_check(cudart.cudaGraphDestroy(graph))
        return run

    def _prepare(self, shapes: Shapes, context: Any) -> Run:
        """A context and tensors that belong to one graph alone."""
        run = Run(context, self.stream, inputs={}, outputs={})
        for spec in self.specs:
            tensor = spec.empty(shapes[spec.name])
            if spec.is_input:
                tensor.zero_()  # the first run reads it: an index, for one, must be valid
                context.set_input_shape(spec.name, shapes[spec.name])
                run.inputs[spec.name] = tensor
            else:
                run.outputs[spec.name] = tensor
            context.set_tensor_address(spec.name, address(tensor))
        torch.cuda.synchronize()  # the zeros are written on another stream
        return run
