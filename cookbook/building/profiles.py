"""Optimization profiles from {input: (min, opt, max)}, checked before TensorRT sees them."""

import math
import operator
from collections.abc import Sequence

from .. import backend
from ..errors import BuildError
from ..log import capture_log, log_excerpt

LABELS = ("min", "opt", "max")
LARGEST_SIZE = 2**31 - 1
LARGEST_VALUE = 2**63 - 1
LARGEST_OLD_VALUE = 2**31 - 1  # before 10 shape tensors are INT32

Shape = tuple[int, ...]


def add_profiles(builder, network, config, profiles) -> None:
    """Add optimization profiles to a builder's config.

    Args:
        profiles: {input: (min, opt, max)} or a list of such; None where no input is dynamic. Each
            of the three is a shape, or for a shape tensor the values that it may have.
    Raises: BuildError, naming the input.
    Source: IOptimizationProfile in NVIDIA's API reference.
    """
    for ranges in _as_list(profiles):
        profile = to_profile(builder, network, ranges)
        if not ranges:
            continue
        with capture_log() as log:
            index = config.add_optimization_profile(profile)
        if index < 0:
            raise BuildError(f"TensorRT refused the profile {ranges}.{log_excerpt(log)}")


def _as_list(profiles) -> Sequence[dict]:
    """The profiles as a list of dicts; one empty dict where there are none."""
    if profiles is None or isinstance(profiles, dict):
        return [profiles or {}]
    if not isinstance(profiles, (list, tuple)):
        raise BuildError(
            f"profiles is {type(profiles).__name__}: it must be {{input: (min, opt, max)}}, or a "
            "list of such"
        )
    for ranges in profiles:
        if not isinstance(ranges, dict):
            raise BuildError(f"profile {ranges!r}: it must be {{input: (min, opt, max)}}")
    return profiles or [{}]


def to_profile(builder, network, ranges: dict):
    """An optimization profile from {input: (min, opt, max)}, checked against the network's inputs.

    Raises: BuildError, naming the input.
    """
    tensors = [network.get_input(index) for index in range(network.num_inputs)]
    inputs = {tensor.name: tensor for tensor in tensors}
    unknown = [name for name in ranges if name not in inputs]
    if unknown:
        raise BuildError(f"profile names {unknown}, but the inputs are {sorted(inputs)}")
    profile = builder.create_optimization_profile()
    for name, tensor in inputs.items():
        if name in ranges:
            low, best, high = _three(name, ranges[name])
            if tensor.is_shape_tensor:
                _check_values(tensor, low, best, high)
                profile.set_shape_input(name, low, best, high)
            else:
                _check_shapes(tensor, low, best, high)
                profile.set_shape(name, low, best, high)
        elif tensor.is_shape_tensor:
            raise BuildError(
                f"input {name!r} is a shape tensor, its values decide shapes, and has no profile: "
                f"pass profiles={{{name!r}: (min, opt, max)}} with its smallest, usual and largest "
                f"values, {_volume(tensor)} each"
            )
        elif -1 in tuple(tensor.shape):
            raise BuildError(
                f"input {name!r} has the dynamic shape {tuple(tensor.shape)} and no profile: "
                f"pass profiles={{{name!r}: (min, opt, max)}} with three shapes"
            )
    return profile


def _three(name: str, given) -> list[Shape]:
    """A range as three tuples of whole numbers."""
    wrong = BuildError(
        f"profile of {name!r} is {given!r}: it must be three shapes, (min, opt, max), of whole "
        "numbers"
    )
    try:
        parts = [_whole_numbers(part) for part in given]
    except TypeError:
        raise wrong from None
    if len(parts) != 3:
        raise wrong
    return parts


def _whole_numbers(part) -> Shape:
    """A shape as a tuple of int. Raises: TypeError for text, fractions and what has no order."""
    if isinstance(part, (str, bytes, set, dict)):
        raise TypeError
    if any(isinstance(size, bool) for size in part):
        raise TypeError
    return tuple(operator.index(size) for size in part)


def _check_shapes(tensor, low: Shape, best: Shape, high: Shape) -> None:
    """Raise BuildError unless three shapes fit an input and one another."""
    shape = tuple(tensor.shape)
    about = f"profile of {tensor.name!r}"
    for label, part in zip(LABELS, (low, best, high), strict=True):
        if not _fits(part, shape):
            raise BuildError(f"{about}: {label} {part} does not fit the input's shape {shape}")
        for size in part:
            if not 0 <= size <= LARGEST_SIZE:
                raise BuildError(f"{about}: {label} {part} has a dimension of {size}")
    _check_order(about, "dimension", low, best, high)
    for size, wanted in zip(best, shape, strict=True):
        if wanted == -1 and size == 0:
            raise BuildError(
                f"{about}: opt {best} is empty. It is what TensorRT tunes the engine for; only min "
                "may have a dimension of 0"
            )


def _check_values(tensor, low: Shape, best: Shape, high: Shape) -> None:
    """Raise BuildError unless three lists of values fit a shape tensor and one another."""
    about = f"profile of {tensor.name!r}"
    largest = LARGEST_VALUE
    if backend.api_version() < (10, 0):
        largest = LARGEST_OLD_VALUE
    count = _volume(tensor)
    for label, part in zip(LABELS, (low, best, high), strict=True):
        if len(part) != count:
            raise BuildError(f"{about}: {label} {part} must be {count} values, one an element")
        for value in part:
            if not -largest <= value <= largest:
                raise BuildError(
                    f"{about}: {label} {part} has the value {value}, which is too large"
                )
    _check_order(about, "value", low, best, high)


def _check_order(about: str, what: str, low: Shape, best: Shape, high: Shape) -> None:
    for smallest, usual, largest in zip(low, best, high, strict=True):
        if not smallest <= usual <= largest:
            raise BuildError(
                f"{about}: each {what} must have min <= opt <= max, got {low}, {best}, {high}"
            )


def _volume(tensor) -> int:
    return math.prod(tensor.shape)


def _fits(part: Shape, shape: Shape) -> bool:
    """Whether a shape of a profile agrees with the dimensions that the network fixes."""
    if len(part) != len(shape):
        return False
    return all(wanted in (-1, size) for size, wanted in zip(part, shape, strict=True))
