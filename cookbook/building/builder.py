"""Network or ONNX file → plan.

``build`` does what notebooks 102 and 103 spell out by hand: parse, add the optimization profiles,
set the precision in the way that the TensorRT at hand has, use the timing cache, and turn what went
wrong into one readable exception.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from .. import backend
from ..backend import trt
from ..errors import BuildError
from ..log import capture_log, log_excerpt, show_warnings
from .deep_stack import room_for
from .interrupt import HeldInterrupt
from .network import check_source, network_summary, parse
from .plan import Plan, origin
from .precision import check_precision, set_flags, typed_source
from .profiles import add_profiles
from .progress import build_monitor
from .timing_cache import TimingCache, choose_cache

HIGHEST_LEVEL = 5
CANNOT_STOP = "TensorRT before 10 cannot stop a build: KeyboardInterrupt comes when it has ended."


def build(
    source,
    *,
    profiles: dict | list[dict] | None = None,
    precision: str = "fp32",
    level: int = 2,
    workspace: int | None = None,
    timing_cache: bool | str | Path = True,
    progress: bool | None = None,
    configure: Callable | None = None,
) -> Plan:
    """Build a plan from an ONNX path, an ``onnx.ModelProto``, a network, or what ``parse`` gave.

    Args:
        profiles: {input: (min, opt, max)} or a list of such, for dynamic inputs.
        precision: fp32 (strict), tf32, fp16, bf16 or int8. Before 11 it sets builder flags, which
            *allow* the type; in strongly typed versions an ONNX model is converted (fp16) or must
            carry the types already.
        level: builder optimization level, 0 (quick build) to 5 (long search).
        workspace: limit of scratch memory in bytes; default: the whole GPU.
        timing_cache: use the shared one (True), none (False), or the file of that path.
        progress: bars while building (10 and later); default: in a terminal.
        configure: function of the IBuilderConfig, called last, for all other options.
    Raises: BuildError, naming the file, node, tensor or option; NoGpuError where this TensorRT
        needs a GPU; KeyboardInterrupt after Ctrl-C, which cancels the build (before 10: when it
        has ended).
    Source: IBuilder, IBuilderConfig and IOptimizationProfile in NVIDIA's API reference.
    """
    check_precision(precision)
    _check_options(level, workspace, progress, configure)
    cache = choose_cache(timing_cache)
    builder, network = _network_of(source, precision)
    interrupt = _held_interrupt()
    # Whatever calls TensorRT is in here: it may log, and an interrupt in a callback would be lost.
    with capture_log() as log, room_for(network), interrupt:
        config = builder.create_builder_config()
        add_profiles(builder, network, config, profiles)
        _set_options(config, precision, level, workspace)
        _attach_monitor(config, interrupt, progress)
        if cache:
            cache.attach(config)
        if configure:
            configure(config)
        data, seconds = _serialized(builder, network, config, cache, interrupt)
    return _plan_of(data, seconds, log, network)


def _check_options(level, workspace, progress, configure) -> None:
    """Raise BuildError for an option of a wrong type, or out of its range."""
    if not _is_whole(level) or not 0 <= level <= HIGHEST_LEVEL:
        raise BuildError(
            f"level={level!r}: must be a whole number from 0 (quick build) to {HIGHEST_LEVEL}"
        )
    if workspace is not None and (not _is_whole(workspace) or workspace < 1):
        raise BuildError(f"workspace={workspace!r}: must be a number of bytes, or None")
    if progress not in (None, True, False):
        raise BuildError(f"progress={progress!r}: must be True, False or None")
    if configure is not None and not callable(configure):
        raise BuildError(
            f"configure={configure!r}: must be a function that takes the IBuilderConfig"
        )


def _is_whole(value) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _wants_bars(progress: bool | None) -> bool:
    if progress is None:
        return sys.stderr.isatty()
    return progress


def _network_of(source, precision: str):
    """(builder, network) for whatever ``build`` was given. Raises: BuildError, NoGpuError."""
    if isinstance(source, tuple) and len(source) == 2:
        source = source[1]  # what parse returned
    check_source(source)
    if not backend.is_rtx():
        backend.require_gpu(f"building with {backend.product()}")
    source = typed_source(source, precision)
    if isinstance(source, trt.INetworkDefinition):
        return source.builder, source
    return parse(source)


def _set_options(config, precision: str, level: int, workspace: int | None) -> None:
    set_flags(config, precision)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    config.builder_optimization_level = level
    if backend.api_version() < (10, 0):  # later versions always let contexts share a profile
        config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, True)  # trt<11
    if workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, workspace)


def _serialized(builder, network, config, cache: TimingCache | None, interrupt: HeldInterrupt):
    """(what TensorRT makes of the network, seconds); None for nothing. Its timings are cached."""
    if interrupt.requested:
        return None, 0.0
    start = time.perf_counter()
    data = builder.build_serialized_network(network, config)
    seconds = time.perf_counter() - start
    if cache and (data is not None or interrupt.requested):
        cache.save(config)
    return data, seconds


def _held_interrupt() -> HeldInterrupt:
    if backend.api_version() < (10, 0):
        return HeldInterrupt(CANNOT_STOP)
    return HeldInterrupt("")


def _attach_monitor(config, interrupt: HeldInterrupt, progress: bool | None) -> None:
    """Let a monitor watch the build, where TensorRT has such; the config keeps it alive."""
    monitor = build_monitor(interrupt, _wants_bars(progress))
    if monitor is not None:
        config.progress_monitor = monitor  # trt>=10


def _plan_of(data, seconds: float, log: list, network) -> Plan:
    """The plan, after showing what the build warned of. Raises: BuildError if nothing was built."""
    if data is None:
        raise BuildError(
            f"{backend.product()} built nothing from the network ({network_summary(network)})."
            f"{log_excerpt(log)}"
        )
    show_warnings(log)
    return Plan(bytes(data), seconds, origin(), tuple(log))
