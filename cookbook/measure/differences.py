"""Is one thing faster than another? Intervals between sessions and between builds.

Two sessions of one plan differ by more than the calls of a session do, and two builds of one model
by more again, because the builder times its candidates anew. So the unit that counts is the build,
or, where there is one build of each, the session: never the call. Each unit is reduced to one
number (its median, or another percentile), and these few numbers are compared:

- measured together, in turns (``interleave``): a t interval of the *paired* differences, because
  what disturbs a session (clocks, temperature) disturbs both things in it;
- measured apart: Welch's t interval, which does not assume that both scatter equally.

A t interval is calibrated for few units, if the units' medians scatter without heavy tails. The
hierarchical bootstrap (``bootstrap``) assumes no shape, but is too narrow for few units: it is a
check, and the t interval is what to report.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from ..errors import MeasureError
from .statistics import check_confidence, check_percentile, checked_samples, t_interval

ONE_SESSION = (
    "one session proves no difference: two sessions of one plan differ by more than the interval "
    "within either. Measure in at least two sessions, better five, and build anew where the claim "
    "is about more than one plan"
)


@dataclasses.dataclass(frozen=True, eq=False)
class Repeats:
    """One thing, measured in several sessions and perhaps in several builds.

    Args: builds – for each build, for each of its sessions, microseconds of its calls;
        name – of what was measured.
    Raises: MeasureError for no builds, a build without sessions, a session without samples.
    """

    builds: Sequence[Sequence[np.ndarray]] = dataclasses.field(repr=False)
    name: str = ""

    def __post_init__(self):
        label = self.name or "measurement"
        if not len(self.builds):
            raise MeasureError(f"{label}: no builds")
        kept = []
        for number, sessions in enumerate(self.builds):
            if not len(sessions):
                raise MeasureError(f"{label}: build {number} has no sessions")
            kept.append([checked_samples(samples, label) for samples in sessions])
        object.__setattr__(self, "builds", kept)

    @property
    def unit(self) -> str:
        """What counts as one independent measurement: ``build`` or, with one build, ``session``."""
        if len(self.builds) > 1:
            return "build"
        return "session"

    def units(self, q: float = 50) -> np.ndarray:
        """The percentile of each unit in microseconds; for a build, the mean of its sessions'."""
        check_percentile(q)
        per_build = []
        for sessions in self.builds:
            per_build.append([float(np.percentile(samples, q)) for samples in sessions])
        if self.unit == "session":
            return np.array(per_build[0])
        return np.array([np.mean(values) for values in per_build])

    def centre(self, q: float = 50) -> float:
        """The percentile in microseconds, as the mean over the units."""
        return float(self.units(q).mean())

    def interval(self, q: float = 50, confidence: float = 0.95) -> tuple[float, float]:
        """Interval of ``centre`` between the units, microseconds.

        Raises: MeasureError where there is one session only.
        """
        values = self.units(q)
        if len(values) < 2:
            raise MeasureError(f"{self.name or 'measurement'}: {ONE_SESSION}")
        _, low, high = t_interval(values, confidence)
        return low, high

    def row(self) -> dict:
        """A row for a table or for ``record``, as ``Timing.row``; the interval is between units.

        Raises: MeasureError where there is one session only.
        """
        low, high = self.interval()
        sessions = [samples for build in self.builds for samples in build]
        return {
            "name": self.name,
            "median_us": round(self.centre(), 2),
            "ci_low_us": round(low, 2),
            "ci_high_us": round(high, 2),
            "p95_us": round(self.centre(95), 2),
            "p99_us": round(self.centre(99), 2),
            "calls": sum(len(samples) for samples in sessions),
            "sessions": len(sessions),
            "builds": len(self.builds),
        }


@dataclasses.dataclass(frozen=True)
class Difference:
    """The difference first - second in microseconds and the ratio first / second, with intervals.

    unit is what was counted, units how many of each; method says how the interval was made.
    """

    first: str
    second: str
    us: float
    low_us: float
    high_us: float
    ratio: float
    low_ratio: float
    high_ratio: float
    unit: str
    units: tuple[int, int]
    confidence: float
    method: str

    @property
    def shown(self) -> bool:
        """Whether the interval of the difference excludes zero."""
        return self.low_us > 0 or self.high_us < 0

    @property
    def basis(self) -> str:
        """What the interval rests on, in words."""
        ours, theirs = self.units
        counted = f"{ours} and {theirs} {self.unit}s"
        if ours == theirs:
            counted = f"{ours} {self.unit}s each"
        return f"{counted}, {100 * self.confidence:.3g} % interval"

    @property
    def verdict(self) -> str:
        """The result in words."""
        if not self.shown:
            return (
                f"no difference shown between {self.first} and {self.second}: "
                f"{self.us:+.2f} us [{self.low_us:+.2f}, {self.high_us:+.2f}] ({self.basis})"
            )
        if self.high_us < 0:
            faster, slower = self.first, self.second
            gain, low, high = -self.us, -self.high_us, -self.low_us
            share, low_share, high_share = self.ratio, self.low_ratio, self.high_ratio
        else:
            faster, slower = self.second, self.first
            gain, low, high = self.us, self.low_us, self.high_us
            share, low_share, high_share = 1 / self.ratio, 1 / self.high_ratio, 1 / self.low_ratio
        return (
            f"{faster} is faster by {gain:.2f} us [{low:.2f}, {high:.2f}]: it takes {share:.3f} "
            f"[{low_share:.3f}, {high_share:.3f}] of the time of {slower} ({self.basis})"
        )

    def row(self) -> dict:
        """A row for a table or for ``record``."""
        return {
            "first": self.first,
            "second": self.second,
            "difference_us": round(self.us, 3),
            "low_us": round(self.low_us, 3),
            "high_us": round(self.high_us, 3),
            "ratio": round(self.ratio, 4),
            "low_ratio": round(self.low_ratio, 4),
            "high_ratio": round(self.high_ratio, 4),
            "confidence": round(self.confidence, 4),
            "shown": self.shown,
            "verdict": self.verdict,
        }


def difference(
    first: Repeats,
    second: Repeats,
    *,
    q: float = 50,
    paired: bool = False,
    confidence: float = 0.95,
) -> Difference:
    """Difference and ratio of two things that were measured in several sessions or builds.

    Args: q – percentile that is compared, 50 is the median; paired – the k-th units of both were
        measured together, in turns; confidence – share, 0 to 1.
    Raises: MeasureError for one session only, for units that cannot be compared (one build of the
        first, several of the second), and for a percentile of 0 us, which has no ratio.
    """
    check_confidence(confidence)
    ours, theirs = comparable_units(first, second, q, paired)
    logs = np.log(ours), np.log(theirs)
    if paired:
        method = f"paired t interval between {first.unit}s"
        us, low, high = t_interval(ours - theirs, confidence)
        log_ratio, log_low, log_high = t_interval(logs[0] - logs[1], confidence)
    else:
        method = f"Welch's t interval between {first.unit}s"
        us, low, high = _welch(ours, theirs, confidence)
        log_ratio, log_low, log_high = _welch(*logs, confidence)
    return Difference(
        first=first.name or "the first",
        second=second.name or "the second",
        us=us,
        low_us=low,
        high_us=high,
        ratio=math.exp(log_ratio),
        low_ratio=math.exp(log_low),
        high_ratio=math.exp(log_high),
        unit=first.unit,
        units=(len(ours), len(theirs)),
        confidence=confidence,
        method=method,
    )


def comparable_units(
    first: Repeats, second: Repeats, q: float, paired: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The units of both, after all that makes them incomparable was refused.

    Raises: MeasureError as ``difference`` does.
    """
    names = f"{first.name or 'the first'} and {second.name or 'the second'}"
    ours, theirs = first.units(q), second.units(q)
    if first.unit != second.unit:
        raise MeasureError(
            f"{names}: {len(first.builds)} and {len(second.builds)} builds. Builds scatter more "
            "than sessions do: build both several times, or compare one build of each"
        )
    if min(len(ours), len(theirs)) < 2:
        raise MeasureError(f"{names}: {ONE_SESSION}")
    if paired and len(ours) != len(theirs):
        raise MeasureError(
            f"{names}: {len(ours)} and {len(theirs)} {first.unit}s cannot be paired. Use "
            "paired=False, or measure them in turns"
        )
    if min(ours.min(), theirs.min()) <= 0:
        raise MeasureError(f"{names}: a percentile of 0 us or less has no ratio: use a finer clock")
    return ours, theirs


def _welch(ours, theirs, confidence) -> tuple[float, float, float]:
    """Difference of two means and its interval, by Welch's approximation of the freedom."""
    from scipy.stats import t

    our_square = float(ours.var(ddof=1)) / len(ours)
    their_square = float(theirs.var(ddof=1)) / len(theirs)
    mean = float(ours.mean() - theirs.mean())
    square = our_square + their_square
    if square == 0:
        return mean, mean, mean
    our_part = our_square**2 / (len(ours) - 1)
    their_part = their_square**2 / (len(theirs) - 1)
    freedom = square**2 / (our_part + their_part)
    reach = float(t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(square)
    return mean, mean - reach, mean + reach
