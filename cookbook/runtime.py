"""Plan → session: device buffers, a stream, ``execute_async_v3``, CUDA graphs; NumPy and torch in and out.

Notebook 105 does by hand what ``Session`` does: allocate, copy, set shapes and addresses, execute, synchronise.
"""
from __future__ import annotations

import collections
import dataclasses
import math
import threading

import ml_dtypes  # noqa: F401 – teaches NumPy the names bfloat16 and float8_e4m3fn
import numpy as np
from cuda.bindings import runtime as cudart

from . import backend
from .backend import cuda_check, trt
from .builder import LOG, Plan, capture_log, log_excerpt
from .errors import DeviceMemoryError, PlanError, SessionError

MAX_GRAPHS = 8  # CUDA graphs that a session keeps: one a set of input shapes, each with its own context and buffers
_DTYPE = {"FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16", "INT8": "int8", "INT32": "int32", "INT64": "int64",
          "BOOL": "bool", "UINT8": "uint8", "FP8": "float8_e4m3fn"}


def deserialize(plan: Plan | bytes):
    """Plan → ``ICudaEngine``.

    Raises: NoGpuError without a GPU; PlanError, with the lines of TensorRT's log that matter, if the plan is refused.
    """
    backend.require_gpu("loading a plan")
    if isinstance(plan, Plan):
        plan.check()
    data = plan.bytes if isinstance(plan, Plan) else plan
    with capture_log() as log:
        engine = trt.Runtime(LOG).deserialize_cuda_engine(data)
    if engine is None:
        raise PlanError(f"{backend.product()} refused the plan ({len(data):,} bytes): it is damaged, or of another version, "
                        f"product or GPU. Rebuild it from its model.{log_excerpt(log)}")
    return engine


def _free_memory() -> str:
    free, total = cuda_check(cudart.cudaMemGetInfo())
    return f"{free / 2**20:,.0f} of {total / 2**20:,.0f} MiB are free. Close other sessions and programs, or use smaller batches"


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """An input or output of an engine: name, dtype (NumPy's name), shape (-1: dynamic), smallest and largest shape of
    the profile; ``on_host`` for shape tensors, whose values TensorRT reads from host memory."""
    name: str
    is_input: bool
    dtype: str
    shape: tuple[int, ...]
    low: tuple[int, ...] = ()
    high: tuple[int, ...] = ()
    on_host: bool = False

    def nbytes(self, shape) -> int:
        """Bytes of a tensor of this type and the given shape."""
        return math.prod(shape) * np.dtype(self.dtype).itemsize

    def empty(self, shape, kind: str):
        """A new array ("numpy") or tensor on the GPU ("torch") of this type."""
        if kind == "numpy" or self.on_host:
            return np.empty(shape, self.dtype)
        import torch
        return torch.empty(shape, dtype=getattr(torch, self.dtype), device="cuda")

    def check(self, value) -> None:
        """Raise SessionError unless ``value`` (anything with dtype and shape) fits this input."""
        dtype, shape, name = str(value.dtype).replace("torch.", ""), tuple(value.shape), f"input {self.name!r}"
        wanted = self.shape if self.low == self.high else f"{self.low} to {self.high}"
        if dtype != self.dtype:
            raise SessionError(f"{name} is {dtype}, the engine takes {self.dtype}: convert it, as in x.astype('{self.dtype}')")
        if len(shape) != len(self.shape):
            raise SessionError(f"{name} has {len(shape)} dimensions {shape}, the engine takes {len(self.shape)}: {wanted}")
        if 0 in shape and 0 not in self.low:
            raise SessionError(f"{name} is empty, {shape}; the engine takes {wanted}: skip the call for an empty batch")
        for k, (d, a, b) in enumerate(zip(shape, self.low, self.high)):
            if not a <= d <= b:
                raise SessionError(f"{name} is {shape}: dimension {k} is {d}, the profile allows {a} to {b}. "
                                   "Change the input, choose another profile, or rebuild with a wider one")


def check_inputs(specs: list[TensorSpec], inputs: dict) -> str:
    """Check all inputs of a call against the specs. Returns "numpy" or "torch". Raises: SessionError."""
    wanted = {spec.name: spec for spec in specs if spec.is_input}
    if missing := [name for name in wanted if name not in inputs]:
        raise SessionError(f"input {missing} missing: the engine takes {sorted(wanted)}")
    if unknown := [name for name in inputs if name not in wanted]:
        raise SessionError(f"the engine has no input {unknown}: its inputs are {sorted(wanted)}")
    kinds = {name: "torch" if type(value).__module__.startswith("torch") else type(value).__module__
             for name, value in inputs.items() if not wanted[name].on_host}
    if len(set(kinds.values())) > 1 or not set(kinds.values()) <= {"numpy", "torch", "torch.nn.parameter"}:
        raise SessionError(f"inputs must all be NumPy arrays or all torch tensors, got {kinds}")
    for name, spec in wanted.items():
        spec.check(inputs[name])
    return next(iter(kinds.values()), "numpy")


class DeviceBuffer:
    """Bytes on the GPU, freed with the object. ``purpose`` is what an error message calls it."""

    def __init__(self, nbytes: int = 0, purpose: str = "a buffer"):
        self.pointer, self.nbytes, self.purpose = 0, 0, purpose
        self.grow(nbytes)

    def grow(self, nbytes: int) -> int:
        """Make room for ``nbytes``; where it is too small, the contents are lost. Returns the device pointer."""
        if nbytes > self.nbytes:
            self.free()
            try:
                self.pointer, self.nbytes = cuda_check(cudart.cudaMalloc(nbytes)), nbytes
            except DeviceMemoryError as error:
                raise DeviceMemoryError(f"no {nbytes / 2**20:,.0f} MiB on the GPU for {self.purpose}: {_free_memory()}") from error
        return self.pointer

    def free(self) -> None:
        """Give the memory back (again is harmless)."""
        pointer, self.pointer, self.nbytes = self.pointer, 0, 0
        if pointer:
            cuda_check(cudart.cudaFree(pointer))

    def __del__(self):
        try:
            self.free()
        except Exception:  # at the interpreter's exit CUDA may be gone
            pass


class _OutputAllocator(trt.IOutputAllocator):
    """TensorRT asks it for memory once it knows how large a data-dependent output is."""

    def __init__(self, name: str):
        trt.IOutputAllocator.__init__(self)
        self.buffer, self.shape = DeviceBuffer(0, f"output {name!r}"), None

    def reallocate_output(self, tensor_name, memory, size, alignment):
        try:
            return self.buffer.grow(max(size, 1))
        except DeviceMemoryError:
            return 0

    def notify_shape(self, tensor_name, shape):
        self.shape = tuple(shape)


@dataclasses.dataclass
class _Binding:
    """A context and its buffers; with a captured graph, both are fixed for one set of input shapes."""
    context: object
    buffers: dict[str, DeviceBuffer]
    graph: object = None


class Session:
    """An engine with an execution context, a stream and the buffers for it.

    >>> with Session(plan) as session:
    ...     y = session(x=x)["y"]                       # or session({"x": x}) for names that are no Python names

    NumPy in gives NumPy out, after the work is done. torch in gives torch out on the input's device: as with torch's own
    operators, the call returns at once and the result is in order on torch's current stream. Outputs are always fresh.
    A session serves one call at a time: for several threads, make one session a thread from the same engine.

    Args:
        plan: a Plan, the path of one, or an ``ICudaEngine`` that other sessions may share.
        profile: index of the optimization profile.
        cuda_graph: replay a captured graph, one a set of input shapes; excludes data-dependent outputs.
    Raises: PlanError, NoGpuError, SessionError, DeviceMemoryError.
    Source: ICudaEngine and IExecutionContext in NVIDIA's API reference.
    """

    def __init__(self, plan, *, profile: int = 0, cuda_graph: bool = False):
        self._closed, self._lock = True, threading.Lock()
        plan = plan if isinstance(plan, (Plan, trt.ICudaEngine)) else Plan.load(plan)
        self.engine = deserialize(plan) if isinstance(plan, Plan) else plan
        if not 0 <= profile < self.engine.num_optimization_profiles:
            raise SessionError(f"profile {profile}: the engine has {self.engine.num_optimization_profiles}, counted from 0")
        self.profile = profile
        # A blocking stream: what torch puts on its default stream before and after a call stays in order by itself.
        self.stream = int(cuda_check(cudart.cudaStreamCreate()))
        self._events = [cuda_check(cudart.cudaEventCreateWithFlags(cudart.cudaEventDisableTiming)) for _ in range(2)]
        self._closed = False
        self.context = self._new_context()
        self.specs = [self._spec(self.engine.get_tensor_name(i)) for i in range(self.engine.num_io_tensors)]
        self._inputs, self._outputs = ([s for s in self.specs if s.is_input == wanted] for wanted in (True, False))
        self._plain = _Binding(self.context, {s.name: DeviceBuffer(0, f"{s.name!r} {s.shape}") for s in self.specs})
        self._graphs: collections.OrderedDict | None = collections.OrderedDict() if cuda_graph else None
        self._allocators, self._shapes, self._host, self._fast = {}, {}, {}, None

    def _new_context(self):
        with capture_log() as log:
            context = self.engine.create_execution_context()
        if context is None:
            raise DeviceMemoryError(f"no execution context: {_free_memory()}.{log_excerpt(log)}")
        # In 8.6 only an engine's first context has a profile, and others share it only if the plan was built so (``build`` does).
        with capture_log() as log:
            if context.active_optimization_profile != self.profile and not context.set_optimization_profile_async(self.profile, self.stream):
                raise SessionError(f"TensorRT refused profile {self.profile} for this context.{log_excerpt(log)}")
        return context

    def _spec(self, name: str) -> TensorSpec:
        engine, low, high = self.engine, (), ()
        dtype, shape = engine.get_tensor_dtype(name).name, tuple(engine.get_tensor_shape(name))
        is_input = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
        on_host = engine.get_tensor_location(name) == trt.TensorLocation.HOST
        if is_input and not on_host:
            low, _, high = (tuple(s) for s in engine.get_tensor_profile_shape(name, self.profile)) if -1 in shape else (shape,) * 3
        return TensorSpec(name, is_input, _DTYPE.get(dtype, dtype.lower()), shape, low, high, on_host)

    # -- calling ---------------------------------------------------------------------------------------------------

    def __call__(self, feed: dict | None = None, /, **inputs) -> dict:
        """Run once. Inputs by name; returns {output name: array or tensor}. Raises: SessionError, DeviceMemoryError."""
        if feed:
            inputs = {**feed, **inputs}
        self._enter()
        try:
            if self._fast is not None and (outputs := self._fast(inputs)) is not None:
                return outputs
            return self._run(inputs, check_inputs(self.specs, inputs))
        finally:
            self._lock.release()

    def bind(self, feed: dict | None = None, /, **inputs):
        """Copy inputs to the GPU once. Returns a function without arguments that only enqueues the engine on ``stream``:
        what a benchmark times. It stays valid until the next call of the session."""
        inputs = {**(feed or {}), **inputs}
        self._enter()
        try:
            kind = check_inputs(self.specs, inputs)
            if kind == "torch":
                inputs = {name: value.detach().cpu().numpy() for name, value in inputs.items()}
            run, _, _ = self._prepare(inputs, "numpy", direct=False)
            cuda_check(cudart.cudaStreamSynchronize(self.stream))
        finally:
            self._lock.release()
        graph, stream, launch, execute = run.graph, self.stream, cudart.cudaGraphLaunch, run.context.execute_async_v3
        return (lambda: launch(graph, stream)) if graph else (lambda: execute(stream))

    def _enter(self) -> None:
        if self._closed:
            raise SessionError("this session is closed: make a new one from the plan")
        if not self._lock.acquire(False):
            raise SessionError("another thread is inside this session: an execution context serves one call at a time. Make "
                               "one session a thread: Session(session.engine) shares the weights")

    def _run(self, inputs: dict, kind: str) -> dict:
        """The general path: any device, any layout, graphs, data-dependent outputs. ``_fast_path`` repeats its plain case."""
        current = 0
        if kind == "torch":
            import torch
            current, device = torch.cuda.current_stream().cuda_stream, inputs[self._inputs[0].name].device
            inputs = {name: value.detach().to("cuda").contiguous() for name, value in inputs.items()}
            self._order(self._events[0], current, self.stream)
        direct = kind == "torch" and self._graphs is None  # TensorRT reads and writes torch's own memory
        run, shapes, outputs = self._prepare(inputs, kind, direct)
        self._launch(run)
        if None in shapes.values():
            cuda_check(cudart.cudaStreamSynchronize(self.stream))  # only now the shapes are known
        for spec in self._outputs:
            allocator = self._allocators.get(spec.name)
            if allocator:
                outputs[spec.name] = spec.empty(allocator.shape, kind)
            if allocator or not (direct or spec.on_host):
                self._copy(_pointer(outputs[spec.name]), (allocator.buffer if allocator else run.buffers[spec.name]).pointer, outputs[spec.name].nbytes)
        if kind == "numpy":
            cuda_check(cudart.cudaStreamSynchronize(self.stream))
            return outputs
        self._order(self._events[1], self.stream, current)
        if not (self._allocators or self._host) and device.type == "cuda":
            self._fast = self._fast_path(run, inputs, outputs)
        return outputs if device.type == "cuda" else {name: value.to(device) for name, value in outputs.items()}

    def _prepare(self, inputs: dict, kind: str, direct: bool) -> tuple[_Binding, dict, dict]:
        """Set shapes and addresses, and copy inputs to buffers unless ``direct``.

        Returns: the binding to launch, {output: shape, or None where it depends on the data}, {output: empty array}.
        """
        self._fast = None
        for spec in self._inputs:
            value, shape = inputs[spec.name], tuple(inputs[spec.name].shape)
            if spec.on_host:  # TensorRT reads its values when it infers shapes
                self._host[spec.name] = np.ascontiguousarray(value.cpu() if kind == "torch" else value)
                self.context.set_tensor_address(spec.name, self._host[spec.name].ctypes.data)
            if (self._shapes.get(spec.name) != shape or spec.on_host) and not self.context.set_input_shape(spec.name, shape):
                raise SessionError(f"TensorRT refused shape {shape} for input {spec.name!r}")
            self._shapes[spec.name] = shape
        shapes = {s.name: tuple(self.context.get_tensor_shape(s.name)) for s in self._outputs}
        shapes = {name: None if min(shape, default=0) < 0 else shape for name, shape in shapes.items()}
        run = self._plain if self._graphs is None else self._captured(shapes)
        outputs = {s.name: s.empty(shapes[s.name], kind) for s in self._outputs if shapes[s.name] is not None}
        for spec in self._inputs:
            if not spec.on_host:
                value = inputs[spec.name] if kind == "torch" else np.ascontiguousarray(inputs[spec.name])
                pointer = _pointer(value)
                if not direct:
                    pointer, source = run.buffers[spec.name].grow(max(1, value.nbytes)), pointer
                    self._copy(pointer, source, value.nbytes)
                run.context.set_tensor_address(spec.name, pointer)
        for spec in self._outputs:
            if shapes[spec.name] is None:
                if spec.name not in self._allocators:
                    self._allocators[spec.name] = _OutputAllocator(spec.name)
                    self.context.set_output_allocator(spec.name, self._allocators[spec.name])
                if backend.api_version() < (10, 0):  # 8.6 was seen to ask for the size of the previous call's output
                    self._allocators[spec.name].buffer.grow(self.context.get_max_output_size(spec.name))
            else:
                run.context.set_tensor_address(spec.name, _pointer(outputs[spec.name]) if direct or spec.on_host else
                                               run.buffers[spec.name].grow(max(1, spec.nbytes(shapes[spec.name]))))
        return run, shapes, outputs

    def _captured(self, shapes: dict) -> _Binding:
        """The binding with a CUDA graph for the shapes that are set, captured at their first use."""
        key = tuple(self._shapes.items())
        if key in self._graphs:
            self._graphs.move_to_end(key)
            return self._graphs[key]
        if self._host or None in shapes.values():
            raise SessionError("a CUDA graph has fixed shapes: it excludes data-dependent outputs and shape-tensor inputs. Use cuda_graph=False")
        # A graph replays the addresses it saw, so each has its own context and buffers.
        sizes = {s.name: s.nbytes({**self._shapes, **shapes}[s.name]) for s in self.specs}
        run = _Binding(self._new_context(), {name: DeviceBuffer(max(1, size), f"{name!r} of a CUDA graph") for name, size in sizes.items()})
        for name, shape in self._shapes.items():
            run.context.set_input_shape(name, shape)
        for name, buffer in run.buffers.items():
            run.context.set_tensor_address(name, buffer.pointer)
        self._launch(run)  # the lazy work of a first run must not be captured
        cuda_check(cudart.cudaStreamSynchronize(self.stream))
        cuda_check(cudart.cudaStreamBeginCapture(self.stream, cudart.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal))
        try:
            self._launch(run)
        finally:
            graph = cuda_check(cudart.cudaStreamEndCapture(self.stream))
        run.graph = cuda_check(cudart.cudaGraphInstantiate(graph, 0))
        cuda_check(cudart.cudaGraphDestroy(graph))
        if len(self._graphs) == MAX_GRAPHS:
            cuda_check(cudart.cudaGraphExecDestroy(self._graphs.popitem(last=False)[1].graph))
        self._graphs[key] = run
        return run

    def _launch(self, run: _Binding) -> None:
        if run.graph:
            cuda_check(cudart.cudaGraphLaunch(run.graph, self.stream))
            return
        with capture_log() as log:
            if not run.context.execute_async_v3(self.stream):
                raise SessionError(f"TensorRT could not run the engine.{log_excerpt(log)}")

    def _copy(self, target: int, source: int, nbytes: int) -> None:
        cuda_check(cudart.cudaMemcpyAsync(target, source, nbytes, cudart.cudaMemcpyKind.cudaMemcpyDefault, self.stream))

    def _order(self, event, first: int, then: int) -> None:
        """Let stream ``then`` wait for ``first``; not needed with torch's default stream, 0 (see ``__init__``)."""
        if first and then:
            cuda_check(cudart.cudaEventRecord(event, first))
            cuda_check(cudart.cudaStreamWaitEvent(then, event, 0))

    def _fast_path(self, run: _Binding, inputs: dict, outputs: dict):
        """A function for calls just like the last one (same shapes, on the GPU, torch's default stream), which returns None
        for any other or if something fails; the general path then tells why. tests/bench_session.py measures what it saves."""
        import torch
        tensor, empty_like, current_stream, index = torch.Tensor, torch.empty_like, torch._C._cuda_getCurrentRawStream, torch.cuda.current_device()
        set_address, execute, stream, graph = run.context.set_tensor_address, run.context.execute_async_v3, self.stream, run.graph
        launch, copy, kind = cudart.cudaGraphLaunch, cudart.cudaMemcpyAsync, cudart.cudaMemcpyKind.cudaMemcpyDeviceToDevice
        expected = [(name, value.dtype, value.shape, value.nbytes) for name, value in inputs.items()]
        templates = [(name, empty_like(value), value.nbytes) for name, value in outputs.items()]
        address = {name: buffer.pointer if graph else 0 for name, buffer in run.buffers.items()}

        def fast(inputs: dict):
            if len(inputs) != len(expected) or current_stream(index):
                return None
            for name, dtype, shape, size in expected:
                value = inputs.get(name)
                if (value.__class__ is not tensor or value.dtype is not dtype or value.shape != shape
                        or value.get_device() != index or not value.is_contiguous()):
                    return None
                pointer = value.data_ptr()
                if graph:
                    if copy(address[name], pointer, size, kind, stream)[0]:
                        return None
                elif address[name] != pointer:
                    address[name] = pointer
                    set_address(name, pointer)
            if graph and launch(graph, stream)[0]:
                return None
            results = {}
            for name, template, size in templates:
                results[name] = value = empty_like(template)
                pointer = value.data_ptr()
                if graph:
                    if copy(pointer, address[name], size, kind, stream)[0]:
                        return None
                elif address[name] != pointer:
                    address[name] = pointer
                    set_address(name, pointer)
            return results if graph or execute(stream) else None
        return fast

    # -- closing ---------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Wait for the work under way and free everything (again is harmless)."""
        if self._closed:
            return
        self._closed, self._fast = True, None
        cuda_check(cudart.cudaStreamSynchronize(self.stream))
        for run in (self._graphs or {}).values():
            cuda_check(cudart.cudaGraphExecDestroy(run.graph))
        self._graphs = self._plain = self.context = None  # buffers and contexts go with them
        self._allocators = {}
        for event in self._events:
            cuda_check(cudart.cudaEventDestroy(event))
        cuda_check(cudart.cudaStreamDestroy(self.stream))

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __del__(self):
        try:
            self.close()
        except Exception:  # at the interpreter's exit CUDA may be gone
            pass


def _pointer(value) -> int:
    return value.ctypes.data if isinstance(value, np.ndarray) else value.data_ptr()
