"""Network or ONNX file → plan.

``build`` does what notebooks 102 and 103 spell out by hand: parse, add the optimization profiles, set the precision in
the way that the TensorRT at hand has, use the timing cache, and turn what went wrong into one readable exception.
"""
import atexit
import contextlib
import dataclasses
import hashlib
import json
import re
import sys
import time
from pathlib import Path

from . import backend
from .backend import trt
from .errors import BuildError, PlanError

PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "int8")


class _Log(trt.ILogger):
    """The one logger of the process (TensorRT keeps the first that it sees): it feeds every open ``capture_log``."""
    sinks: dict[int, list] = {}

    def log(self, severity, message):
        for sink in list(self.sinks.values()):
            sink.append((severity.name[0] if severity != trt.ILogger.INTERNAL_ERROR else "F", message))


LOG = _Log()
_FIRST: list = []  # the first builder: while one lives, TensorRT's libraries stay loaded, and others start at once, not in seconds
atexit.register(_FIRST.clear)


@contextlib.contextmanager
def capture_log():
    """Collect what TensorRT logs inside a ``with`` block as a list of (level, message); level is one of F E W I V."""
    lines: list[tuple[str, str]] = []
    LOG.sinks[id(lines)] = lines
    try:
        yield lines
    finally:
        del LOG.sinks[id(lines)]


def log_excerpt(lines: list[tuple[str, str]], most: int = 6) -> str:
    """The log lines that matter: errors, or warnings where there is no error; each cut to 400 characters."""
    kept = [line for line in lines if line[0] in "FE"] or [line for line in lines if line[0] == "W"]
    return "\nTensorRT's log says:" * bool(kept) + "".join(f"\n  [{level}] {message.strip()[:400]}" for level, message in kept[-most:])


@dataclasses.dataclass(frozen=True)
class Plan:
    """A serialised engine and where it comes from. A plan is code: load only what you trust.

    bytes: the plan itself. build_seconds: wall-clock seconds of the build. origin: product and version, GPU and compute
    capability that it was built for (``any`` for TensorRT-RTX, which compiles for the GPU when it is loaded)."""
    bytes: bytes = dataclasses.field(repr=False)
    build_seconds: float
    origin: dict
    log: tuple = dataclasses.field(default=(), repr=False, compare=False)

    size = property(lambda self: len(self.bytes), doc="Size of the plan in bytes.")

    def save(self, path) -> Path:
        """Write the plan to ``path`` (as trtexec would) and its origin to ``path.json`` beside it."""
        path, digest = Path(path), hashlib.sha256(self.bytes).hexdigest()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.bytes)
        Path(f"{path}.json").write_text(json.dumps({"origin": self.origin, "build_seconds": self.build_seconds, "size": self.size, "sha256": digest}))
        return path

    @classmethod
    def load(cls, path) -> "Plan":
        """Read a plan; one without the .json beside it (from trtexec) has an unknown origin. Raises: PlanError if the file is
        missing, truncated or changed, or of another TensorRT or GPU."""
        path, about = Path(path), {}
        if not path.is_file():
            raise PlanError(f"plan {path} does not exist: build it, or check the path (working folder: {Path.cwd().name})")
        data = path.read_bytes()
        if Path(f"{path}.json").is_file():
            about = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
            if hashlib.sha256(data).hexdigest() != about["sha256"]:
                raise PlanError(f"plan {path} is damaged: {len(data):,} bytes, {about['size']:,} were saved. "
                                "Copy it again, or rebuild it from its model")
        plan = cls(data, about.get("build_seconds", float("nan")), about.get("origin", {}))
        plan.check(str(path))
        return plan

    def check(self, name: str = "this plan") -> None:
        """Raise PlanError unless the TensorRT and the GPU at hand are those of ``origin`` (unknown origins pass)."""
        made, here = self.origin, _origin()
        if made and made["tensorrt"] != here["tensorrt"]:
            raise PlanError(f"{name} was built by {made['tensorrt']}, here is {here['tensorrt']}: plans do not move between "
                            "versions or products. Rebuild it from its model")
        if made and "any" not in (made["gpu"], here["gpu"]) and made["capability"] != here["capability"]:
            raise PlanError(f"{name} was built for {made['gpu']} (compute capability {made['capability']}), here is "
                            f"{here['gpu']} ({here['capability']}): rebuild it here, or build it with hardware compatibility")


def _origin() -> dict:
    card = None if backend.is_rtx() else backend.gpu()
    return {"tensorrt": backend.product(), "gpu": card.name if card else "any", "capability": ".".join(map(str, card.capability)) if card else "any"}


def create_network(builder):
    """An empty network with an explicit batch dimension: the only kind that every version since 8 shares."""
    explicit = 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH) if backend.api_version() < (10, 0) else 0  # trt<11
    return builder.create_network(explicit)


def read_onnx(source):
    """An ``onnx.ModelProto``: as it is, or from a path. Raises: BuildError for a missing file, a part of one, or missing weights."""
    import onnx
    from google.protobuf.message import DecodeError
    if isinstance(source, onnx.ModelProto):
        return source
    if not (path := Path(source)).is_file():
        raise BuildError(f"ONNX file {path} does not exist: export it first, or check the path (working folder: {Path.cwd().name})")
    try:
        model = onnx.load(path)
        if not model.graph.node and not model.graph.output:
            raise DecodeError("no graph in it")
    except DecodeError as error:
        raise BuildError(f"{path} ({path.stat().st_size:,} bytes) is not an ONNX model, or only a part of one ({error}): "
                         "export it again, or copy it whole") from error
    except (onnx.checker.ValidationError, OSError) as error:
        raise BuildError(f"{path} keeps weights in another file, which is not beside it; move both together: {error}") from error
    return model


def parse(source):
    """Parse an ONNX path or ``onnx.ModelProto`` to (builder, network); the bindings keep the parser's weights alive with it.

    Raises: BuildError that lists each node the parser refuses, with its operator and the parser's own words."""
    model, on_disk = read_onnx(source), isinstance(source, (str, Path))
    builder = trt.Builder(LOG)
    _FIRST[:] = _FIRST or [builder]
    network = create_network(builder)
    parser = trt.OnnxParser(network, LOG)
    with capture_log() as log:  # from a path, the parser finds external weights itself; a model in memory has them inside
        if parser.parse_from_file(str(source)) if on_disk else parser.parse(model.SerializeToString()):
            return builder, network
    nodes = model.graph.node
    said = {error.node(): error.desc().strip() for error in map(parser.get_error, range(parser.num_errors))}
    for k, node in enumerate(nodes):  # the parser stops at its first error: name the other operators that it does not know, too
        if not parser.supports_operator(node.op_type):
            said.setdefault(k, "the parser's supports_operator says no to it")
    lines = [f"  node {k} {nodes[k].name!r} (operator {nodes[k].op_type}): {text}" if 0 <= k < len(nodes) else f"  the graph: {text}"
             for k, text in said.items()]
    raise BuildError(f"{backend.product()} cannot parse {source if on_disk else 'the ONNX model'}:\n" + "\n".join(lines)
                     + "\nWays out: write the operator with others in PyTorch, replace the node with graph surgery, or give "
                     "TensorRT a plugin of that name." + ("" if lines else log_excerpt(log)))


def _to_profile(builder, network, ranges: dict):
    """An optimization profile from {input: (min, opt, max)}, checked against the network's inputs."""
    inputs = {tensor.name: tensor for tensor in map(network.get_input, range(network.num_inputs))}
    if unknown := set(ranges) - set(inputs):
        raise BuildError(f"profile names {sorted(unknown)}, but the inputs are {sorted(inputs)}")
    profile = builder.create_optimization_profile()
    for name, tensor in inputs.items():
        shape = tuple(tensor.shape)
        if name not in ranges and not (-1 in shape or tensor.is_shape_tensor):
            continue
        if name not in ranges:
            raise BuildError(f"input {name!r} has the dynamic shape {shape} and no profile: "
                             f"pass profiles={{{name!r}: (min, opt, max)}} with three shapes")
        try:
            low, best, high = parts = [tuple(int(d) for d in part) for part in ranges[name]]
        except (TypeError, ValueError):
            raise BuildError(f"profile of {name!r} is {ranges[name]!r}: it must be three shapes, (min, opt, max)") from None
        if tensor.is_shape_tensor:
            profile.set_shape_input(name, low, best, high)
            continue
        for label, part in zip(("min", "opt", "max"), parts):
            if len(part) != len(shape) or any(d != s for d, s in zip(part, shape) if s != -1):
                raise BuildError(f"profile of {name!r}: {label} {part} does not fit the input's shape {shape}")
        if not all(a <= b <= c for a, b, c in zip(low, best, high)):
            raise BuildError(f"profile of {name!r}: each dimension must have min <= opt <= max, got {low}, {best}, {high}")
        profile.set_shape(name, low, best, high)
    return profile


def _typed_model(source, precision: str):
    """For strongly typed versions, where the model itself must carry the precision: convert it, or say what to do."""
    remedy = f"build the network with {precision} tensors (add_cast, weights of that type), then call build with precision='fp32'"
    if not isinstance(source, trt.INetworkDefinition):
        model, remedy = read_onnx(source), "export it from PyTorch in bfloat16 (model.bfloat16()), then call build with precision='fp32'"
        if precision == "fp16":
            from onnxruntime.transformers.float16 import convert_float_to_float16
            return convert_float_to_float16(model, keep_io_types=True)
        if precision == "int8" and any(node.op_type == "QuantizeLinear" for node in model.graph.node):
            return source
        if precision == "int8":
            remedy = "add QuantizeLinear/DequantizeLinear nodes with ModelOpt or ONNX Runtime's quantize_static"
    raise BuildError(f"{backend.product()} has no {precision.upper()} flag, it takes types from the model itself: {remedy}")


def _progress_monitor():
    from tqdm.auto import tqdm
    class Bars(trt.IProgressMonitor):  # trt>=10
        bars: dict = {}

        def phase_start(self, phase_name, parent_phase, num_steps):
            self.bars[phase_name] = tqdm(total=num_steps, desc=phase_name, leave=False)

        def step_complete(self, phase_name, step):
            return self.bars[phase_name].update() is not False  # go on

        def phase_finish(self, phase_name):
            self.bars.pop(phase_name).close()

    return Bars()


def build(source, *, profiles=None, precision: str = "fp32", level: int = 2, workspace: int | None = None,
          timing_cache: bool | str | Path = True, progress: bool | None = None, configure=None) -> Plan:
    """Build a plan from ``source``: an ONNX path, an ``onnx.ModelProto``, or a TensorRT network.

    Args:
        profiles: {input: (min, opt, max)} or a list of such, each entry three shapes; needed for dynamic inputs.
        precision: fp32 (strict), tf32, fp16, bf16 or int8. Before 11 it sets builder flags, which *allow* the type; in
            strongly typed versions an ONNX model is converted (fp16) or must carry the types already.
        level: builder optimization level, 0 (quick build) to 5 (long search).
        workspace: limit of scratch memory in bytes; default: the whole GPU.
        timing_cache: use the shared one (True), none (False), or the file of that path.
        progress: bars while building, where TensorRT has a progress monitor (10 and later); default: in a terminal.
        configure: function of the IBuilderConfig, called last: for every option that has no argument here.
    Raises: BuildError, naming the file, node, tensor or option; NoGpuError where this TensorRT needs a GPU to build.
    Source: IBuilder, IBuilderConfig and IOptimizationProfile in NVIDIA's API reference."""
    if precision not in PRECISIONS:
        raise BuildError(f"precision {precision!r}: must be one of {', '.join(PRECISIONS)}")
    if not backend.is_rtx():
        backend.require_gpu(f"building with {backend.product()}")
    name = source if isinstance(source, (str, Path)) else "the network"
    if timing_cache is True:  # the shared one of this TensorRT and this GPU
        words = f"{backend.product()} {getattr(backend.gpu(), 'name', 'none')}"
        timing_cache = backend.BUILD / "timing" / (re.sub(r"[^\w.]+", "-", words).lower() + ".cache")
    if backend.api_version() >= (11, 0) and precision not in ("fp32", "tf32"):
        source = _typed_model(source, precision)
    builder, network = (source.builder, source) if isinstance(source, trt.INetworkDefinition) else parse(source)
    config = builder.create_builder_config()
    for ranges in [profiles or {}] if isinstance(profiles or {}, dict) else profiles:
        profile = _to_profile(builder, network, ranges)
        if ranges and config.add_optimization_profile(profile) < 0:
            raise BuildError(f"TensorRT refused the profile {ranges}")
    if precision == "fp32":
        config.clear_flag(trt.BuilderFlag.TF32)
    flags = {"fp16": ["FP16"], "bf16": ["BF16"], "int8": ["INT8", "FP16"]}.get(precision, []) if backend.api_version() < (11, 0) else []
    for flag in flags:
        if not hasattr(trt.BuilderFlag, flag):
            raise BuildError(f"{backend.product()} has no {flag}: use fp16, or a newer TensorRT")
        config.set_flag(getattr(trt.BuilderFlag, flag))
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    config.builder_optimization_level = level
    if backend.api_version() < (10, 0):  # later versions always let contexts share a profile
        config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, True)  # trt<11
    elif progress or (progress is None and sys.stderr.isatty()):
        config.progress_monitor = _progress_monitor()  # trt>=10
    if workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)
    # TensorRT-RTX times nothing while it builds, and asking it for a cache would need a GPU.
    cache = None if backend.is_rtx() or not timing_cache else Path(timing_cache)
    if cache:
        config.set_timing_cache(config.create_timing_cache(cache.read_bytes() if cache.is_file() else b""), False)
    if configure:
        configure(config)
    with capture_log() as log:
        start = time.perf_counter()
        data = builder.build_serialized_network(network, config)
        seconds = time.perf_counter() - start
    if data is None:
        raise BuildError(f"{backend.product()} built nothing from {name}.{log_excerpt(log)}")
    if cache:
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_bytes(bytes(config.get_timing_cache().serialize()))
    return Plan(bytes(data), seconds, _origin(), tuple(log))
