"""Distributions of a latency, and intervals that hold whatever the distribution looks like.

What one session shows is the spread between its calls. It says nothing about the spread between
sessions or builds: for the comparison of two things see ``differences``.
"""

import dataclasses
import math

import numpy as np

from ..errors import MeasureError

# From this share of the device's time on, enqueueing a call is what limits it.
HOST_SHARE = 0.8


def checked_samples(samples, name: str = "") -> np.ndarray:
    """The samples as a flat array of float64.

    Raises: MeasureError, naming the measurement, for no samples, and for infinite ones or NaN.
    """
    values = np.asarray(samples, dtype=np.float64).ravel()
    label = name or "measurement"
    if values.size == 0:
        raise MeasureError(f"{label}: no samples. Measure at least one call")
    broken = int(np.count_nonzero(~np.isfinite(values)))
    if broken:
        raise MeasureError(f"{label}: {broken} of {values.size} samples are not finite numbers")
    return values


def check_percentile(q: float) -> None:
    """Raise MeasureError unless q is a percentile between 0 and 100, both excluded."""
    if not 0 < q < 100:
        raise MeasureError(f"percentile {q}: must lie between 0 and 100, as in 50 or 99.9")


def check_confidence(confidence: float) -> None:
    """Raise MeasureError unless confidence is a share between 0 and 1, both excluded."""
    if not 0 < confidence < 1:
        raise MeasureError(f"confidence {confidence}: must lie between 0 and 1, as in 0.95")


def percentile_interval(samples, q: float, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a percentile of independent samples, from order statistics.

    How many of n samples lie below the true percentile is binomial, whatever the distribution is.
    So two of the ordered samples enclose it with the wanted confidence. Where there are too few
    samples to enclose it, that bound is infinite: the 99th percentile needs 368 for its upper one.

    Args: samples – any unit, shape (n,); q – percentile, 0 to 100; confidence – share, 0 to 1.
    Returns: (low, high) in the unit of the samples.
    Raises: MeasureError for no samples, or a percentile or confidence out of range.
    """
    from scipy.stats import binom  # takes a second to import

    check_percentile(q)
    check_confidence(confidence)
    ordered = np.sort(checked_samples(samples))
    count = len(ordered)
    tail = (1 - confidence) / 2
    low_rank = int(binom.ppf(tail, count, q / 100))
    high_rank = int(binom.ppf(1 - tail, count, q / 100)) + 1
    low, high = -math.inf, math.inf
    if low_rank >= 1:
        low = float(ordered[low_rank - 1])
    if high_rank <= count:
        high = float(ordered[high_rank - 1])
    return low, high


def batched_interval(
    samples, q: float, confidence: float = 0.95, batches: int = 20
) -> tuple[float, float]:
    """Interval of a percentile of samples that depend on their neighbours, as latencies in a queue.

    A slow request makes the next one wait, so that n requests say less than n independent samples.
    The samples are cut into batches of consecutive ones; how much the share below the percentile
    differs between the batches (a t interval) says how far the percentile may be off. A batch must
    be longer than a typical backlog, so make runs long rather than batches many.

    Args: samples – in order of arrival, any unit, shape (n,); q – percentile, 0 to 100.
    Returns: (low, high) in the unit of the samples; infinite where the samples do not reach so far.
    Raises: MeasureError for fewer than ten samples a batch.
    """
    check_percentile(q)
    values = checked_samples(samples)
    if batches < 2 or len(values) < 10 * batches:
        raise MeasureError(
            f"{len(values)} samples in {batches} batches: an interval needs two batches or more, "
            "of ten samples or more. Measure longer"
        )
    below = values <= np.percentile(values, q)
    shares = np.array([part.mean() for part in np.array_split(below, batches)])
    _, low_share, high_share = t_interval(shares, confidence)
    margin = (high_share - low_share) / 2
    low, high = -math.inf, math.inf
    if q / 100 - margin > 0:
        low = float(np.quantile(values, q / 100 - margin))
    if q / 100 + margin < 1:
        high = float(np.quantile(values, q / 100 + margin))
    return low, high


def t_interval(values, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent values and its interval by Student's t.

    Returns: (mean, low, high). Raises: MeasureError for fewer than two values.
    """
    from scipy.stats import t

    check_confidence(confidence)
    values = checked_samples(values)
    if len(values) < 2:
        raise MeasureError("one value has no interval: measure at least two")
    mean = float(values.mean())
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    reach = float(t.ppf((1 + confidence) / 2, len(values) - 1)) * error
    return mean, mean - reach, mean + reach


def finite_or_none(value: float, digits: int = 2) -> float | None:
    """The value, rounded, for a table or JSON; None for an infinite one or NaN."""
    if not math.isfinite(value):
        return None
    return round(value, digits)


def bound_text(value: float, digits: int = 1) -> str:
    """A bound of an interval as text, ``?`` where it is unknown (infinite)."""
    if not math.isfinite(value):
        return "?"
    return f"{value:.{digits}f}"


@dataclasses.dataclass(frozen=True, eq=False)
class Timing:
    """Distribution of a latency.

    Args: samples – microseconds, in order of the calls, shape (n,); name – of what was measured;
        host_us – host time to enqueue one call, None if it was not measured; inner – calls whose
        mean a sample is; head_start_us – work before each call that gives the host time to enqueue.
    Raises: MeasureError for no samples, and for infinite ones or NaN.
    """

    samples: np.ndarray = dataclasses.field(repr=False)
    name: str = ""
    host_us: float | None = None
    inner: int = 1
    head_start_us: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "samples", checked_samples(self.samples, self.name))

    def percentile(self, q: float) -> float:
        """Latency in microseconds that q percent of the calls stay below."""
        return float(np.percentile(self.samples, q))

    @property
    def median(self) -> float:
        """Median latency in microseconds."""
        return self.percentile(50)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the median in microseconds, see ``percentile_interval``.

        It holds for this session only. With fewer than six calls its bounds are infinite.
        """
        return percentile_interval(self.samples, 50)

    @property
    def host_bound(self) -> bool:
        """Whether the host is what is timed: enqueueing takes (nearly) as long as the call itself.

        The GPU then waits for work, and a faster kernel would not show. Use a CUDA graph or larger
        inputs, or say that the host is timed. False where the host's time was not measured.
        """
        if self.host_us is None:
            return False
        return self.host_us >= HOST_SHARE * (self.median + self.head_start_us)

    def row(self) -> dict:
        """This timing as a row for a table or for ``record``; all in microseconds.

        A bound of the interval is None where there are too few calls for it.
        """
        low, high = self.interval
        return {
            "name": self.name,
            "median_us": round(self.median, 2),
            "ci_low_us": finite_or_none(low),
            "ci_high_us": finite_or_none(high),
            "p95_us": round(self.percentile(95), 2),
            "p99_us": round(self.percentile(99), 2),
            "calls": len(self.samples),
        }

    def __str__(self) -> str:
        low, high = self.interval
        text = (
            f"{self.name or 'latency'}: median {self.median:.1f} us "
            f"[{bound_text(low)}, {bound_text(high)}], "
            f"p99 {self.percentile(99):.1f} us, {len(self.samples)} calls"
        )
        if self.inner > 1:
            text += f" (each the mean of {self.inner} launches)"
        if self.host_bound:
            text += f"; the host is timed, not the GPU: it needs {self.host_us:.1f} us to enqueue"
        return text
