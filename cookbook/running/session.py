"""Plan → session: an engine with a context, a stream and memory; NumPy and torch in and out.

Notebook 105 does by hand what ``Session`` does: allocate, copy, set shapes and addresses, execute,
synchronise.
"""

import contextlib
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from threading import get_ident
from typing import Any

import torch
from cuda.bindings import runtime as cudart

from .. import backend
from ..backend import cuda_check
from ..building.plan import Plan, deserialize
from ..errors import SessionError
from . import tensors
from .contexts import check_profile, new_context
from .dtypes import to_numpy
from .fast_call import FastCall, make_fast_call, no_fast_call
from .graphs import GraphCache, Run
from .tensors import OutputAllocator, check_inputs, read_specs

_sessions: weakref.WeakSet["Session"] = weakref.WeakSet()  # those that live hold their profiles
_claiming = threading.Lock()  # profiles, and the session of a thread


class Session(contextlib.AbstractContextManager):
    """An engine with an execution context, a stream and the memory for it.

    ``session(x=x)["y"]``, or ``session({"x": x})["y"]`` for names that Python does not allow.

    NumPy in gives NumPy out, after the work is done; types that NumPy lacks are those of ml_dtypes.
    torch in gives torch out on the input's device: as with torch's own operators, the call returns
    at once and the result is in order on torch's current stream. Outputs are fresh.

    A session belongs to the thread that first calls it: for several threads, make one each from the
    same engine.

    Args:
        plan: a Plan, its bytes, the path of one, or an ``ICudaEngine``, which sessions may share.
        profile: index of the optimization profile.
        cuda_graph: replay a captured graph, one a set of input shapes. It excludes outputs whose
            shape depends on data, and inputs that decide shapes.
        reuse_outputs: the next call of the same shapes overwrites torch outputs, as in a bare loop:
            this saves their allocation.
    Raises: PlanError, NoGpuError, SessionError, DeviceMemoryError.
    Source: ICudaEngine and IExecutionContext in NVIDIA's API reference.
    """

    def __init__(
        self, plan: Any, *, profile: int = 0, cuda_graph: bool = False, reuse_outputs: bool = False
    ):
        self._closed = True  # until there is something to close
        self._fast: FastCall = no_fast_call
        self._reuse = reuse_outputs
        self._owner: int | None = None  # the thread, once it called
        self._allocators: dict[str, OutputAllocator] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}  # what the context was told
        self._bound: Run | None = None
        self.engine = _engine_of(plan)
        self.profile = check_profile(self.engine, profile)
        # A blocking stream: what torch puts on its default stream before and after a call stays in
        # order by itself.
        self.stream = int(cuda_check(cudart.cudaStreamCreate()))
        self._closed = False
        self.graphs: GraphCache | None = None
        self.context: Any = self._new_context()
        with _claiming:
            _sessions.add(self)
        self.specs = read_specs(self.engine, self.context, self.profile)
        self._inputs = [spec for spec in self.specs if spec.is_input]
        self._outputs = [spec for spec in self.specs if not spec.is_input]
        self._any_on_host = any(spec.on_host for spec in self.specs)
        self._output_on_host = any(spec.on_host for spec in self._outputs)
        if cuda_graph:
            self.graphs = GraphCache(self.stream, self.specs)

    def __call__(self, feed: dict[str, Any] | None = None, /, **inputs: Any) -> dict[str, Any]:
        """Run once.

        Args: the inputs by name, as NumPy arrays or torch tensors; one that decides shapes may be a
            list of whole numbers.
        Returns: {output name: array or tensor}.
        Raises: SessionError, DeviceMemoryError.
        """
        if feed is None:
            outputs = self._fast(inputs)
            if outputs is not None:
                return outputs
        return self._call({**(feed or {}), **inputs})

    def bind(self, feed: dict[str, Any] | None = None, /, **inputs: Any) -> Callable[[], Any]:
        """Copy inputs to the GPU once, for a benchmark. Arguments and errors are those of a call.

        Returns: a function without arguments that only enqueues the engine on ``stream``. It stays
            valid until the next call of the session.
        """
        inputs = {**(feed or {}), **inputs}
        self._enter(inputs)
        self._bound = self._prepare(inputs)  # the memory that TensorRT was given must stay
        torch.cuda.synchronize()
        launch = self._bound.bare_launch()
        launch.session = self  # type: ignore[attr-defined]  # must outlive the function
        return launch

    def close(self) -> None:
        """Wait for the work under way and free everything (again is harmless)."""
        if self._closed:
            return
        self._closed = True
        self._fast = no_fast_call
        cuda_check(cudart.cudaStreamSynchronize(self.stream))
        if self.graphs is not None:
            self.graphs.close()
        # Contexts and memory go with the last reference.
        self.graphs = None
        self.context = None
        self._bound = None
        self._allocators = {}
        cuda_check(cudart.cudaStreamDestroy(self.stream))

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # at the interpreter's exit CUDA may be gone
            self.close()

    def _call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The general way: any input that the engine takes."""
        kind = self._enter(inputs)
        theirs = torch.cuda.current_stream()
        ours = torch.cuda.ExternalStream(self.stream)
        run = self._prepare(inputs)
        ours.wait_stream(theirs)
        run.launch()
        theirs.wait_stream(ours)
        outputs = self._results(run)
        if kind == "numpy":
            return {name: to_numpy(value, name) for name, value in outputs.items()}
        # An input that decides shapes has no say.
        first = next(spec.name for spec in self._inputs if not spec.on_host)
        device = inputs[first].device
        if device.type == tensors.DEVICE and not self._allocators and not self._any_on_host:
            self._fast = make_fast_call(run, get_ident(), self._reuse)
        return {name: value.to(device) for name, value in outputs.items()}

    def _enter(self, inputs: dict[str, Any]) -> str:
        """Refuse a closed session, a wrong thread and wrong inputs. Returns: the inputs' kind."""
        if self._closed:
            raise SessionError("this session is closed: make a new one from the plan")
        with _claiming:
            if self._owner is None:
                self._owner = get_ident()
        if self._owner != get_ident():
            raise SessionError(
                "this session belongs to another thread, because an execution context serves one "
                "call at a time. Make one session a thread: Session(session.engine) shares the "
                "weights"
            )
        return check_inputs(self.specs, inputs)

    def _prepare(self, inputs: dict[str, Any]) -> Run:
        """Set shapes and addresses. Returns: what to launch."""
        self._fast = no_fast_call
        # The last call may have been on another stream of torch; its graph may still be reading.
        torch.cuda.current_stream().wait_stream(torch.cuda.ExternalStream(self.stream))
        held = {spec.name: spec.tensor(inputs[spec.name]) for spec in self._inputs}
        if self._allocators and backend.api_version() < (10, 0):
            # TensorRT 8.6.1 asks a used context's allocator for the last call's size.
            self.context = None  # it gives its profile back
            self.context = self._new_context()
            self._shapes = {}
        for spec in self._inputs:
            self._set_shape(spec, held[spec.name])
        shapes = {}
        for spec in self._outputs:
            shapes[spec.name] = tuple(self.context.get_tensor_shape(spec.name))
        unknown = [spec for spec in self._outputs if -1 in shapes[spec.name]]
        if self.graphs is None:
            return self._run_of_context(held, shapes, unknown)
        if unknown or self._any_on_host:
            raise SessionError(
                "a CUDA graph has fixed shapes: it excludes data-dependent outputs and shape-tensor"
                " inputs. Use cuda_graph=False"
            )
        run = self.graphs.run_for({**self._shapes, **shapes}, self._new_context)
        for name, tensor in held.items():
            run.inputs[name].copy_(tensor)
        return run

    def _run_of_context(
        self,
        held: dict[str, torch.Tensor],
        shapes: dict[str, tuple[int, ...]],
        unknown: list[tensors.TensorSpec],
    ) -> Run:
        """The session's own context with fresh memory for its outputs."""
        self._allocators = {spec.name: OutputAllocator(spec) for spec in unknown}
        outputs = {}
        for spec in self._outputs:
            if spec not in unknown:
                outputs[spec.name] = spec.empty(shapes[spec.name])
        for name, tensor in {**held, **outputs}.items():
            self.context.set_tensor_address(name, tensors.address(tensor))
        for name, allocator in self._allocators.items():
            self.context.set_output_allocator(name, allocator)
        return Run(self.context, self.stream, held, outputs)

    def _set_shape(self, spec: tensors.TensorSpec, tensor: torch.Tensor) -> None:
        """Tell the context the shape of an input, and where the values are that decide shapes."""
        shape = tuple(tensor.shape)
        if spec.on_host:
            self.context.set_tensor_address(spec.name, tensors.address(tensor))
        elif self._shapes.get(spec.name) == shape:
            return
        accepted = self.context.set_input_shape(spec.name, shape)
        if not accepted and tuple(self.context.get_tensor_shape(spec.name)) != shape:
            # (TensorRT 8.6 knows a fixed shape, and refuses to be told.)
            raise SessionError(f"TensorRT refused shape {shape} for input {spec.name!r}")
        self._shapes[spec.name] = shape

    def _results(self, run: Run) -> dict[str, torch.Tensor]:
        """The outputs of a run, in the engine's order, as tensors that the caller may keep."""
        if self._allocators or self._output_on_host:
            # Only now the shapes are known, and values in host memory are there.
            cuda_check(cudart.cudaStreamSynchronize(self.stream))
        outputs = {}
        for spec in self._outputs:
            if spec.name in self._allocators:
                outputs[spec.name] = self._allocators[spec.name].output()
            elif run.graph is not None and not self._reuse:
                outputs[spec.name] = run.outputs[spec.name].clone()
            else:
                outputs[spec.name] = run.outputs[spec.name]
        return outputs

    def _new_context(self) -> Any:
        return new_context(self.engine, self.profile, self.stream, self._profile_is_taken)

    def _profile_is_taken(self) -> bool:
        """Whether a session that lives, this one included, has a context with this profile."""
        with _claiming:
            sessions = list(_sessions)
        same = [
            one for one in sessions if one.engine is self.engine and one.profile == self.profile
        ]
        return any(one.context is not None for one in same)


def _engine_of(plan: Any) -> Any:
    """The ``ICudaEngine`` of whatever stands for a plan. Raises: PlanError, NoGpuError."""
    if isinstance(plan, (str, Path)):
        plan = Plan.load(plan)
    if hasattr(plan, "create_execution_context"):
        return plan
    return deserialize(plan)
