"""Plan → session: memory, a stream, ``execute_async_v3``, CUDA graphs; NumPy and torch in and out.

Notebook 105 does by hand what ``Session`` does: allocate, copy, set shapes and addresses, execute, synchronise.
"""
import collections
import contextlib
import dataclasses
import math
import weakref
from functools import partial
from threading import get_ident

import numpy as np
import torch
from cuda.bindings import runtime as cudart

from . import backend
from .backend import cuda_check, trt
from .builder import LOG, Plan, capture_log, log_excerpt
from .errors import DeviceMemoryError, PlanError, SessionError

MAX_GRAPHS = 8  # CUDA graphs that a session keeps: one a set of input shapes, each with its own context and buffers
_DTYPE = {"FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16", "FP8": "float8_e4m3fn"}  # the others are lower case


def deserialize(plan: Plan | bytes):
    """Plan → ``ICudaEngine``. Raises: NoGpuError; PlanError, with the log lines that matter, if the plan is refused."""
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


def allocate(shape, dtype: torch.dtype, purpose: str, device: str = "cuda") -> torch.Tensor:
    """An empty tensor; on the GPU it comes from torch's allocator. Raises: DeviceMemoryError, naming the purpose."""
    try:
        return torch.empty(shape, dtype=dtype, device=device)
    except torch.cuda.OutOfMemoryError as error:
        wanted = math.prod(shape) * dtype.itemsize / 2**20
        raise DeviceMemoryError(f"no {wanted:,.0f} MiB on the GPU for {purpose}: {_free_memory()}") from error


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """An input or output: name, dtype (NumPy's name), shape (-1: dynamic), smallest and largest shape of the profile;
    ``on_host`` for shape tensors, whose values TensorRT reads and writes in host memory."""
    name: str
    is_input: bool
    dtype: str
    shape: tuple[int, ...]
    low: tuple[int, ...] = ()
    high: tuple[int, ...] = ()
    on_host: bool = False

    def empty(self, shape) -> torch.Tensor:
        """A new tensor of this type, where TensorRT wants it."""
        return allocate(shape, getattr(torch, self.dtype), f"{self.name!r} {tuple(shape)}", "cpu" if self.on_host else "cuda")

    def tensor(self, value) -> torch.Tensor:
        """The value (array or tensor, any device and layout) as a contiguous tensor where TensorRT wants it."""
        value = value.detach() if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value, order="C"))
        return value.to("cpu" if self.on_host else "cuda").contiguous()

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
    if len(set(kinds.values())) > 1 or not set(kinds.values()) <= {"numpy", "torch"}:
        raise SessionError(f"inputs must all be NumPy arrays or all torch tensors, got {kinds}")
    for name, spec in wanted.items():
        spec.check(inputs[name])
    return next(iter(kinds.values()), "numpy")


class _OutputAllocator(trt.IOutputAllocator):
    """TensorRT asks it for memory once it knows how large a data-dependent output is."""
    def __init__(self, spec: TensorSpec):
        trt.IOutputAllocator.__init__(self)
        self.spec, self.shape, self.memory = spec, None, allocate((0,), torch.uint8, spec.name)

    def reallocate_output(self, tensor_name, memory, size, alignment):
        if size > self.memory.numel() or not size:
            try:
                self.memory = allocate((max(512, -(-size // 512) * 512),), torch.uint8, f"output {tensor_name!r}")
            except DeviceMemoryError:
                return 0  # TensorRT then reports the failure itself
        return self.memory.data_ptr()

    def notify_shape(self, tensor_name, shape):
        self.shape = tuple(shape)

    def output(self) -> torch.Tensor:
        """A fresh tensor with what TensorRT wrote; only after the stream was synchronised."""
        return self.memory.view(getattr(torch, self.spec.dtype))[:math.prod(self.shape)].reshape(self.shape).clone()


# What is launched: a context, or, with its tensors, a captured graph for one set of input shapes.
_Run = collections.namedtuple("_Run", "context graph tensors")
_SESSIONS = weakref.WeakSet()  # those that live, and with them the profiles of an engine that are taken


class Session(contextlib.AbstractContextManager):
    """An engine with an execution context, a stream and the memory for it: ``session(x=x)["y"]``, or ``session({"x": x})``.

    NumPy in gives NumPy out, after the work is done. torch in gives torch out on the input's device: as with torch's own
    operators, the call returns at once and the result is in order on torch's current stream. Outputs are fresh.
    A session belongs to the thread that first calls it: for several threads, make one each from the same engine.

    Args: ``plan`` – a Plan, the path of one, or an ``ICudaEngine`` that other sessions may share; ``profile`` – index of the
        optimization profile; ``cuda_graph`` – replay a captured graph, one a set of input shapes (no data-dependent outputs);
        ``reuse_outputs`` – torch outputs are overwritten by the next call of the same shapes, as in a bare loop: saves their allocation.
    Raises: PlanError, NoGpuError, SessionError, DeviceMemoryError.
    Source: ICudaEngine and IExecutionContext in NVIDIA's API reference."""

    def __init__(self, plan, *, profile: int = 0, cuda_graph: bool = False, reuse_outputs: bool = False):
        self._closed, self._fast, self._reuse = True, None, reuse_outputs
        self.engine = plan if isinstance(plan, trt.ICudaEngine) else deserialize(plan if isinstance(plan, Plan) else Plan.load(plan))
        if not 0 <= profile < self.engine.num_optimization_profiles:
            raise SessionError(f"profile {profile}: the engine has {self.engine.num_optimization_profiles}, counted from 0")
        # A blocking stream: what torch puts on its default stream before and after a call stays in order by itself.
        self.profile, self.stream, self._closed = profile, int(cuda_check(cudart.cudaStreamCreate())), False
        self._graphs: collections.OrderedDict | None = collections.OrderedDict() if cuda_graph else None
        self._allocators, self._shapes, self._held = {}, {}, None
        self.context = self._new_context()
        _SESSIONS.add(self)
        self.specs = [self._spec(self.engine.get_tensor_name(i)) for i in range(self.engine.num_io_tensors)]
        self._inputs, self._outputs = ([s for s in self.specs if s.is_input == wanted] for wanted in (True, False))

    def _new_context(self):
        with capture_log() as log:
            context = self.engine.create_execution_context()
        if context is None:
            raise DeviceMemoryError(f"no execution context: {_free_memory()}.{log_excerpt(log)}")
        # In 8.6 only an engine's first context has a profile, and others share it only if the plan was built so; asking for a taken one crashes.
        if context.active_optimization_profile < 0 and any(
                one.engine is self.engine and one.profile == self.profile and not one._closed for one in _SESSIONS):
            raise SessionError(f"profile {self.profile} is taken, and this plan does not let contexts share one. Add a profile for each session, "
                               "or build with the preview feature PROFILE_SHARING_0806, as cookbook.build does (CUDA graphs need it, too)")
        with capture_log() as log:
            if context.active_optimization_profile != self.profile and not context.set_optimization_profile_async(self.profile, self.stream):
                raise SessionError(f"TensorRT refused profile {self.profile} for this context.{log_excerpt(log)}")
        return context

    def _spec(self, name: str) -> TensorSpec:
        engine, low, high, dtype = self.engine, (), (), self.engine.get_tensor_dtype(name).name
        is_input = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT  # (8.6's engine loses their shapes if outputs depend on data)
        shape = tuple((self.context if is_input else engine).get_tensor_shape(name))
        on_host = engine.get_tensor_location(name) == trt.TensorLocation.HOST
        if is_input and not on_host:
            low, _, high = (tuple(s) for s in engine.get_tensor_profile_shape(name, self.profile)) if -1 in shape else (shape,) * 3
        return TensorSpec(name, is_input, _DTYPE.get(dtype, dtype.lower()), shape, low, high, on_host)

    def __call__(self, feed: dict | None = None, /, **inputs) -> dict:
        """Run once. Inputs by name; returns {output name: array or tensor}. Raises: SessionError, DeviceMemoryError."""
        if self._fast is not None and feed is None and (outputs := self._fast(inputs)) is not None:
            return outputs
        inputs = {**(feed or {}), **inputs}
        kind = self._enter(inputs)
        theirs, ours = torch.cuda.current_stream(), torch.cuda.ExternalStream(self.stream)
        run, held, outputs = self._prepare(inputs)
        ours.wait_stream(theirs)
        self._launch(run)
        theirs.wait_stream(ours)
        if self._allocators:
            cuda_check(cudart.cudaStreamSynchronize(self.stream))  # only now the shapes are known
        outputs = {s.name: self._allocators[s.name].output() if s.name in self._allocators else
                   outputs[s.name].clone() if run.graph and not self._reuse else outputs[s.name] for s in self._outputs}
        if kind == "numpy":
            return {name: value.cpu().numpy() for name, value in outputs.items()}
        device = inputs[self._inputs[0].name].device
        if device.type == "cuda" and not self._allocators and not any(spec.on_host for spec in self.specs):
            self._fast = self._fast_path(run, held, outputs)
        return {name: value.to(device) for name, value in outputs.items()}

    def bind(self, feed: dict | None = None, /, **inputs):
        """Copy inputs to the GPU once. Returns a function without arguments that only enqueues the engine on ``stream``:
        what a benchmark times. It stays valid until the next call of the session."""
        inputs = {**(feed or {}), **inputs}
        self._enter(inputs)
        run, *self._held = self._prepare(inputs)  # the memory that TensorRT was given must stay
        torch.cuda.synchronize()
        launch = partial(cudart.cudaGraphLaunch, run.graph, self.stream) if run.graph else partial(run.context.execute_async_v3, self.stream)
        launch.session = self  # its stream and memory must outlive the function
        return launch

    def _enter(self, inputs: dict) -> str:
        """Refuse a wrong thread, a closed session and wrong inputs. Returns the kind of the inputs."""
        if self._closed:
            raise SessionError("this session is closed: make a new one from the plan")
        if self.__dict__.setdefault("_owner", get_ident()) != get_ident():
            raise SessionError("this session belongs to another thread, because an execution context serves one call at a "
                               "time. Make one session a thread: Session(session.engine) shares the weights")
        return check_inputs(self.specs, inputs)

    def _prepare(self, inputs: dict) -> tuple[_Run, dict, dict]:
        """Set shapes and addresses. Returns what to launch, and the tensors that it reads and writes."""
        self._fast, held = None, {spec.name: spec.tensor(inputs[spec.name]) for spec in self._inputs}
        if self._allocators and backend.api_version() < (10, 0):  # 8.6.1 asks a used context's allocator for the last call's size
            self.context, self._shapes = self._new_context(), {}
        for spec in self._inputs:
            name, shape = spec.name, tuple(held[spec.name].shape)
            if spec.on_host:  # TensorRT reads its values when it infers shapes
                self.context.set_tensor_address(name, held[name].data_ptr())
            accepted = (self._shapes.get(name) == shape and not spec.on_host) or self.context.set_input_shape(name, shape)
            if not accepted and tuple(self.context.get_tensor_shape(name)) != shape:  # (8.6 again: it knows a fixed shape and refuses it)
                raise SessionError(f"TensorRT refused shape {shape} for input {name!r}")
            self._shapes[name] = shape
        shapes = {s.name: tuple(self.context.get_tensor_shape(s.name)) for s in self._outputs}
        unknown = [spec for spec in self._outputs if min(shapes[spec.name], default=0) < 0]
        if self._graphs is not None and (unknown or any(spec.on_host for spec in self.specs)):
            raise SessionError("a CUDA graph has fixed shapes: it excludes data-dependent outputs and shape-tensor inputs. Use cuda_graph=False")
        if self._graphs is not None:
            run = self._captured({**self._shapes, **shapes})
            for name, value in held.items():
                run.tensors[name].copy_(value)
            return run, held, run.tensors
        outputs = {spec.name: spec.empty(shapes[spec.name]) for spec in self._outputs if spec not in unknown}
        for name, value in {**held, **outputs}.items():
            self.context.set_tensor_address(name, value.data_ptr())
        self._allocators = {spec.name: _OutputAllocator(spec) for spec in unknown}
        for name, allocator in self._allocators.items():
            self.context.set_output_allocator(name, allocator)
        return _Run(self.context, None, None), held, outputs

    def _captured(self, shapes: dict) -> _Run:
        """The CUDA graph for these shapes of all tensors, captured at their first use."""
        key = tuple(shapes.items())
        if key not in self._graphs:
            # A graph replays the addresses it saw, so each has its own context and tensors.
            context, tensors = self._new_context(), {spec.name: spec.empty(shapes[spec.name]) for spec in self.specs}
            for spec in self._inputs:
                context.set_input_shape(spec.name, shapes[spec.name])
            for name, value in tensors.items():
                context.set_tensor_address(name, value.data_ptr())
            self._launch(_Run(context, None, None))  # the lazy work of a first run must not be captured
            cuda_check(cudart.cudaStreamSynchronize(self.stream))
            cuda_check(cudart.cudaStreamBeginCapture(self.stream, cudart.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal))
            try:
                self._launch(_Run(context, None, None))
            finally:
                graph = cuda_check(cudart.cudaStreamEndCapture(self.stream))
            self._graphs[key] = _Run(context, cuda_check(cudart.cudaGraphInstantiate(graph, 0)), tensors)
            cuda_check(cudart.cudaGraphDestroy(graph))
            if len(self._graphs) > MAX_GRAPHS:
                cuda_check(cudart.cudaStreamSynchronize(self.stream))
                cuda_check(cudart.cudaGraphExecDestroy(self._graphs.popitem(last=False)[1].graph))
        self._graphs.move_to_end(key)
        return self._graphs[key]

    def _launch(self, run: _Run) -> None:
        if run.graph:
            return cuda_check(cudart.cudaGraphLaunch(run.graph, self.stream))
        with capture_log() as log:
            if not run.context.execute_async_v3(self.stream):
                raise SessionError(f"TensorRT could not run the engine.{log_excerpt(log)}")

    def _fast_path(self, run: _Run, inputs: dict, outputs: dict):
        """A function for calls just like the last one (same shapes, on the GPU, torch's default stream). It returns None for
        any other call and where something fails; the general path then tells why. Written out tensor by tensor, as source
        text, because loops would cost more than all the checks: tests/bench_session.py measures it."""
        known = {"launch": cudart.cudaGraphLaunch, "Tensor": torch.Tensor, "like": torch.empty_like, "graph": run.graph, "stream": self.stream,
                 "set_address": run.context.set_tensor_address, "execute": run.context.execute_async_v3, "owner": self._owner,
                 "get_ident": get_ident, "current_stream": torch._C._cuda_getCurrentRawStream}
        index, before, results = torch.cuda.current_device(), [], []
        for k, (name, value) in enumerate(inputs.items()):
            known.update({f"dtype{k}": value.dtype, f"shape{k}": value.shape, f"in{k}": run.graph and run.tensors[name]})
            elsewhere = f"if v.get_device() != {index}: return"
            before += [f"v = inputs.get({name!r})", f"if v.__class__ is not Tensor or v.dtype is not dtype{k} or v.shape != shape{k}"
                       " or not v.is_contiguous(): return", f"{elsewhere}\n in{k}.copy_(v)" if run.graph else  # an address has one device
                       f"p = v.data_ptr()\n if in{k} != p:\n  {elsewhere}\n  in{k} = p; set_address({name!r}, p)"]
        for k, (name, value) in enumerate(outputs.items()):
            known[f"own{k}"], known[f"at{k}"] = value if self._reuse else run.tensors[name] if run.graph else torch.empty_like(value), 0
            before += [] if run.graph or self._reuse else [f"out{k} = like(own{k}); p = out{k}.data_ptr()",
                                                           f"if at{k} != p: at{k} = p; set_address({name!r}, p)"]
            results.append(f"{name!r}: " + (f"own{k}" if self._reuse else f"own{k}.clone()" if run.graph else f"out{k}"))
        lines = ["def fast(inputs):", f"global {', '.join(name for name in known if name.rstrip('0123456789') in ('in', 'at'))}",
                 f"if get_ident() != owner or len(inputs) != {len(inputs)} or current_stream({index}): return", *before,
                 "if launch(graph, stream)[0]: return" if run.graph else "if not execute(stream): return", f"return {{{', '.join(results)}}}"]
        exec("\n ".join(lines), known)
        return known["fast"]

    def close(self) -> None:
        """Wait for the work under way and free everything (again is harmless)."""
        if self._closed:
            return
        self._closed, self._fast = True, None
        cuda_check(cudart.cudaStreamSynchronize(self.stream))
        for run in (self._graphs or {}).values():
            cuda_check(cudart.cudaGraphExecDestroy(run.graph))
        self._graphs, self.context, self._held, self._allocators = None, None, None, {}  # memory and contexts go with them
        cuda_check(cudart.cudaStreamDestroy(self.stream))

    def __exit__(self, *_) -> None:
        self.close()

    def __del__(self):
        with contextlib.suppress(Exception):  # at the interpreter's exit CUDA may be gone
            self.close()
