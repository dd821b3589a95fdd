"""Percentiles, their intervals, and ``Timing``."""

import json
import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from cookbook.errors import MeasureError
from cookbook.measure import Timing, batched_interval, percentile_interval, t_interval
from cookbook.measure.statistics import bound_text, finite_or_none


def share_covered(intervals, truth):
    """The share of intervals that contain the truth."""
    return np.mean([low <= truth <= high for low, high in intervals])


@pytest.mark.parametrize(
    ("q", "truth"), [(50, math.log(2)), (90, math.log(10)), (99, math.log(100))]
)
def test_a_percentile_interval_covers_as_often_as_it_says(q, truth):
    random = np.random.default_rng(0)
    intervals = [percentile_interval(random.exponential(size=400), q) for _ in range(1000)]
    assert 0.94 <= share_covered(intervals, truth) <= 0.985


def test_a_percentile_interval_is_made_of_two_of_the_samples():
    # Of 100 samples 40 to 60 lie below the median, but for 3.5 %: the 40th and the 61st enclose it.
    assert percentile_interval(range(1, 101), 50) == (40, 61)
    assert percentile_interval(np.arange(100, 0, -1), 50) == (40, 61)
    assert percentile_interval(range(1, 101), 50, confidence=0.5) == (47, 54)
    assert percentile_interval(range(1, 101), 90) == (84, 96)


@pytest.mark.parametrize(
    ("count", "q", "low_known", "high_known"),
    [
        (5, 50, False, False),
        (6, 50, True, True),
        (367, 99, True, False),
        (368, 99, True, True),
        (367, 1, False, True),
        (368, 1, True, True),
    ],
)
def test_too_few_samples_leave_a_bound_unknown(count, q, low_known, high_known):
    low, high = percentile_interval(range(count), q)
    assert (low == -math.inf) is not low_known
    assert (high == math.inf) is not high_known


@pytest.mark.parametrize("q", [0, 100, -1, 101])
def test_percentiles_lie_between_0_and_100(q):
    with pytest.raises(MeasureError, match=f"percentile {q}: must lie between 0 and 100"):
        percentile_interval([1, 2, 3], q)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_share(confidence):
    with pytest.raises(MeasureError, match=f"confidence {confidence}: must lie between 0 and 1"):
        percentile_interval([1, 2, 3], 50, confidence)
    with pytest.raises(MeasureError, match="confidence"):
        t_interval([1, 2, 3], confidence)


def autoregressive(random, count, memory):
    """Samples that each keep a share of the one before."""
    noise = random.standard_normal(count + 300)
    return lfilter([1], [1, -memory], noise)[300:]


@pytest.mark.parametrize("q", [50, 95])
def test_a_batched_interval_covers_where_samples_depend_on_each_other(q):
    random = np.random.default_rng(0)
    truth = norm.ppf(q / 100) / math.sqrt(1 - 0.9**2)
    runs = [autoregressive(random, 4000, 0.9) for _ in range(300)]
    batched = share_covered([batched_interval(run, q) for run in runs], truth)
    naive = share_covered([percentile_interval(run, q) for run in runs], truth)
    assert 0.91 <= batched <= 0.98
    assert naive < 0.7


def test_a_batched_interval_of_independent_samples_covers_too():
    random = np.random.default_rng(1)
    intervals = [batched_interval(random.exponential(size=1000), 90) for _ in range(300)]
    assert 0.92 <= share_covered(intervals, math.log(10)) <= 0.98


def test_a_batched_interval_is_a_t_interval_of_shares():
    # Two batches, in which 60 % and 40 % lie at or below the median: 50 % +- 12.7062 * 10 %.
    values = np.array([1] * 6 + [3] * 4 + [1] * 4 + [3] * 6, dtype=float)
    assert batched_interval(values, 50, batches=2) == (-math.inf, math.inf)
    # At 50 % confidence the factor is 1: from the 40 % to the 60 % quantile of 0 … 19.
    values = np.array([*range(0, 6), *range(10, 14), *range(6, 10), *range(14, 20)], dtype=float)
    low, high = batched_interval(values, 50, confidence=0.5, batches=2)
    assert low == pytest.approx(19 * 0.4)
    assert high == pytest.approx(19 * 0.6)


@pytest.mark.parametrize(("count", "batches"), [(199, 20), (100, 1), (19, 2)])
def test_a_batched_interval_refuses_small_batches(count, batches):
    with pytest.raises(MeasureError, match=rf"{count} samples in {batches} batches: .*longer"):
        batched_interval(range(count), 50, batches=batches)


def test_a_batched_interval_accepts_ten_samples_a_batch():
    _, low_share, high_share = t_interval([1] * 10 + [0] * 10)
    bounds = batched_interval(range(200), 50)
    assert bounds == pytest.approx((199 * low_share, 199 * high_share))


def test_t_interval():
    mean, low, high = t_interval([1.0, 2.0, 3.0])
    assert mean == 2
    reach = 4.302652729911275 / math.sqrt(3)  # Student's t, two degrees of freedom, 97.5 %
    assert (low, high) == pytest.approx((2 - reach, 2 + reach))
    with pytest.raises(MeasureError, match="at least two"):
        t_interval([1.0])


def test_t_interval_covers():
    random = np.random.default_rng(0)
    intervals = [t_interval(random.normal(5, 2, size=4))[1:] for _ in range(1000)]
    assert 0.93 <= share_covered(intervals, 5) <= 0.97


def test_timing_row():
    row = Timing(np.arange(1.0, 102.0), "a").row()
    assert row == {
        "name": "a",
        "median_us": 51,
        "ci_low_us": 41,
        "ci_high_us": 61,
        "p95_us": 96,
        "p99_us": 100,
        "calls": 101,
    }
    assert json.dumps(row)


def test_timing_rounds_to_hundredths():
    row = Timing(np.full(10, 1.23456)).row()
    assert row["median_us"] == row["ci_low_us"] == row["ci_high_us"] == 1.23
    assert row["p95_us"] == row["p99_us"] == 1.23


def test_timing_with_too_few_calls_has_no_interval():
    timing = Timing([3.0, 1.0, 2.0], "few")
    assert timing.median == 2
    assert timing.interval == (-math.inf, math.inf)
    assert timing.row()["ci_low_us"] is None
    assert timing.row()["ci_high_us"] is None
    assert str(timing) == "few: median 2.0 us [?, ?], p99 3.0 us, 3 calls"


def test_timing_percentiles():
    timing = Timing(np.arange(101.0))
    assert timing.percentile(25) == 25
    assert timing.percentile(99.5) == 99.5
    assert timing.interval == percentile_interval(timing.samples, 50)


def test_timing_text():
    timing = Timing(np.arange(1.0, 102.0), "a")
    assert str(timing) == "a: median 51.0 us [41.0, 61.0], p99 100.0 us, 101 calls"
    assert str(Timing(np.arange(1.0, 102.0))).startswith("latency: median 51.0 us")
    batches = Timing(np.arange(1.0, 102.0), inner=10)
    assert str(batches).endswith("101 calls (each the mean of 10 launches)")


@pytest.mark.parametrize(
    ("host_us", "head_start_us", "bound"),
    [
        (None, 0, False),
        (79, 0, False),
        (80, 0, True),
        (120, 0, True),
        (120, 100, False),
        (160, 100, True),
    ],
)
def test_timing_knows_when_the_host_is_timed(host_us, head_start_us, bound):
    timing = Timing(np.full(10, 100.0), host_us=host_us, head_start_us=head_start_us)
    assert timing.host_bound is bound
    warning = f"; the host is timed, not the GPU: it needs {host_us}.0 us to enqueue"
    assert str(timing).endswith(warning if bound else "10 calls")


@pytest.mark.parametrize(
    ("samples", "words"),
    [([], "no samples"), ([1, math.nan, math.inf], "2 of 3 samples are not finite")],
)
def test_timing_refuses_what_is_no_measurement(samples, words):
    with pytest.raises(MeasureError, match=f"thing: {words}"):
        Timing(samples, "thing")
    with pytest.raises(MeasureError, match=f"measurement: {words}"):
        Timing(samples)


def test_unknown_bounds_in_tables_and_texts():
    assert finite_or_none(1.239) == 1.24
    assert finite_or_none(1.239, 1) == 1.2
    assert finite_or_none(math.inf) is None
    assert finite_or_none(math.nan) is None
    assert bound_text(1.26) == "1.3"
    assert bound_text(1.26, 2) == "1.26"
    assert bound_text(-math.inf) == "?"
