"""The hierarchical bootstrap: a second opinion on a difference between sessions or builds."""

import numpy as np

from .differences import Repeats, comparable_units
from .statistics import check_confidence


def bootstrap_difference(
    first: Repeats,
    second: Repeats,
    *,
    q: float = 50,
    paired: bool = False,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Interval of the difference first - second in microseconds by the hierarchical bootstrap.

    Draws builds, then sessions of each, then calls of each, with replacement. A check on
    ``difference``: too narrow where there are fewer than about ten units.

    Raises: MeasureError as ``difference`` does.
    """
    check_confidence(confidence)
    ours, theirs = comparable_units(first, second, q, paired)
    random = np.random.default_rng(seed)
    our_picks = random.integers(len(ours), size=(len(ours), replicates))
    if paired:
        their_picks = our_picks
    else:
        their_picks = random.integers(len(theirs), size=(len(theirs), replicates))
    our_means = _resampled_means(first, our_picks, q, random)
    their_means = _resampled_means(second, their_picks, q, random)
    tail = (1 - confidence) / 2
    low, high = np.quantile(our_means - their_means, [tail, 1 - tail])
    return float(low), float(high)


def _resampled_means(repeats, picks, q, random) -> np.ndarray:
    """Means over the picked units, each of them resampled inside; shape (replicates,)."""
    replicates = picks.shape[1]
    per_build = []
    for sessions in repeats.builds:
        draws = [_resampled_percentiles(samples, q, replicates, random) for samples in sessions]
        per_build.append(np.stack(draws))
    if repeats.unit == "session":
        return np.take_along_axis(per_build[0], picks, axis=0).mean(axis=0)
    means = []
    for sessions_drawn in per_build:
        inner_picks = random.integers(len(sessions_drawn), size=sessions_drawn.shape)
        means.append(np.take_along_axis(sessions_drawn, inner_picks, axis=0).mean(axis=0))
    units = np.stack(means)
    return np.take_along_axis(units, picks, axis=0).mean(axis=0)


def _resampled_percentiles(samples, q, replicates, random) -> np.ndarray:
    """The percentile of samples drawn with replacement, many times; shape (replicates,)."""
    picks = random.integers(len(samples), size=(replicates, len(samples)))
    return np.percentile(samples[picks], q, axis=1)
