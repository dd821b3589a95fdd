"""Execution contexts that use a given optimization profile."""

import operator
from collections.abc import Callable
from typing import Any

from ..errors import DeviceMemoryError, SessionError
from ..log import capture_log, log_excerpt
from .tensors import free_memory


def check_profile(engine: Any, profile: Any) -> int:
    """The index of a profile that the engine has.

    A wrong one must not reach TensorRT: the Python binding of 8.6 crashes with it, and later ones
    raise a RuntimeError without a reason.
    Raises: SessionError.
    """
    count = engine.num_optimization_profiles
    try:
        index = operator.index(profile)
    except TypeError:
        index = -1
    if not 0 <= index < count:
        raise SessionError(f"profile {profile!r}: the engine has {count}, counted from 0")
    return index


def new_context(engine: Any, profile: int, stream: int, is_taken: Callable[[], bool]) -> Any:
    """An ``IExecutionContext`` that uses a profile.

    Args: ``profile`` – its index, which must exist; ``stream`` – handle of the CUDA stream on which
        TensorRT may copy what belongs to the profile; ``is_taken`` – tells whether another context
        of this engine uses the profile.
    Raises: DeviceMemoryError; SessionError if the profile cannot be had.
    Source: ICudaEngine::createExecutionContext, IExecutionContext::setOptimizationProfileAsync.
    """
    with capture_log() as log:
        context = engine.create_execution_context()
    if context is None:
        raise DeviceMemoryError(f"no execution context: {free_memory()}.{log_excerpt(log)}")
    active = context.active_optimization_profile
    if active == profile:
        return context
    if active < 0 and is_taken():
        # In TensorRT 8.6 only an engine's first context has a profile from the start, and contexts
        # share one only if the plan was built so. Asking for one that is taken ends the process.
        raise SessionError(
            f"profile {profile} is taken, and this plan does not let contexts share one. "
            "Add a profile for each session, or build with the preview feature "
            "PROFILE_SHARING_0806, as cookbook.build does (CUDA graphs need it, too)"
        )
    _set_profile(context, profile, stream)
    return context


def _set_profile(context: Any, profile: int, stream: int) -> None:
    with capture_log() as log:
        try:
            accepted = context.set_optimization_profile_async(profile, stream)
        except RuntimeError:  # how TensorRT's Python binding says no
            accepted = False
    if not accepted:
        raise SessionError(
            f"TensorRT refused profile {profile} for this context.{log_excerpt(log)}"
        )
