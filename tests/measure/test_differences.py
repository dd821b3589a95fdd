"""Differences between sessions and builds: coverage on simulated data whose truth is known."""

import math

import numpy as np
import pytest

from cookbook.errors import MeasureError
from cookbook.measure import Difference, Repeats, bootstrap_difference, difference, t_interval
from tests.measure.simulated import BUILDS, SESSIONS, repeats_of, simulate


def covers(found, truth):
    return found.low_us <= truth <= found.high_us


@pytest.mark.parametrize("design", [SESSIONS, BUILDS])
@pytest.mark.parametrize("paired", [False, True])
def test_the_interval_of_a_difference_covers_as_often_as_it_says(design, paired):
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(600):
        ours, theirs = simulate(random, 100, **design), simulate(random, 90, **design)
        hits += covers(difference(ours, theirs, paired=paired), 10)
    assert 0.93 <= hits / 600 <= 0.98


def test_the_interval_of_a_ratio_covers_as_often_as_it_says():
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        ours, theirs = simulate(random, 100, **SESSIONS), simulate(random, 80, **SESSIONS)
        found = difference(ours, theirs)
        hits += found.low_ratio <= 1.25 <= found.high_ratio
    assert 0.93 <= hits / 400 <= 0.98


def test_the_interval_of_one_thing_covers_as_often_as_it_says():
    random = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        low, high = simulate(random, 100, **BUILDS).interval()
        hits += low <= 100 <= high
    assert 0.93 <= hits / 400 <= 0.98


def test_counting_calls_or_sessions_of_a_build_claims_differences_that_are_none():
    """What the module is for: with the wrong unit, most intervals miss that there is nothing."""
    random = np.random.default_rng(3)
    by_calls = by_sessions = by_builds = 0
    for _ in range(200):
        ours, theirs = simulate(random, 100, **BUILDS), simulate(random, 100, **BUILDS)
        calls = [np.concatenate(one.builds[0]) for one in (ours, theirs)]
        _, low, high = t_interval(calls[0] - calls[1])
        by_calls += low <= 0 <= high
        one_build = difference(Repeats(ours.builds[:1]), Repeats(theirs.builds[:1]))
        by_sessions += covers(one_build, 0)
        by_builds += covers(difference(ours, theirs), 0)
    assert by_calls / 200 < 0.2
    assert by_sessions / 200 < 0.75
    assert by_builds / 200 > 0.93


def test_pairing_takes_out_what_disturbs_both():
    random = np.random.default_rng(4)
    drift = 20 * random.standard_normal(5)
    ours = Repeats([[100 + d + random.standard_normal(50) for d in drift]])
    theirs = Repeats([[95 + d + random.standard_normal(50) for d in drift]])
    paired, apart = difference(ours, theirs, paired=True), difference(ours, theirs)
    assert paired.shown
    assert covers(paired, 5)
    assert not apart.shown
    assert paired.us == pytest.approx(apart.us)


def test_units_are_medians_of_sessions_or_means_of_builds():
    repeats = Repeats([[[1.0, 2.0, 9.0], [4.0]]], "a")
    assert repeats.unit == "session"
    assert repeats.units().tolist() == [2, 4]
    assert repeats.units(100 / 3 * 2).tolist() == pytest.approx([2 + 7 / 3, 4])
    builds = Repeats([[[1.0, 2.0, 9.0], [4.0]], [[7.0]]], "a")
    assert builds.unit == "build"
    assert builds.units().tolist() == [3, 7]
    assert builds.centre() == 5


def test_a_row_of_repeats():
    calls = np.arange(101.0)
    row = Repeats([[calls, calls + 2], [calls + 10]], "a").row()
    _, low, high = t_interval([51, 60])
    assert row == {
        "name": "a",
        "median_us": 55.5,
        "ci_low_us": round(low, 2),
        "ci_high_us": round(high, 2),
        "p95_us": 100.5,
        "p99_us": 104.5,
        "calls": 303,
        "sessions": 3,
        "builds": 2,
    }


def test_a_paired_difference_by_hand():
    found = difference(repeats_of(11, 12, 16), repeats_of(10, 10, 13), paired=True)
    mean, low, high = t_interval([1, 2, 3])
    assert (found.us, found.low_us, found.high_us) == pytest.approx((mean, low, high))
    logs = t_interval(np.log([1.1, 1.2, 16 / 13]))
    expected = tuple(math.exp(value) for value in logs)
    assert (found.ratio, found.low_ratio, found.high_ratio) == pytest.approx(expected)
    assert (found.unit, found.units) == ("session", (3, 3))
    assert found.method == "paired t interval between sessions"


def test_a_difference_of_things_measured_apart_by_hand():
    found = difference(repeats_of(11, 13), repeats_of(1, 4, 7, 8))
    # Welch: variances 2 / 2 and 10 / 4, freedom 3.5² / (1² / 1 + 2.5² / 3).
    freedom = 3.5**2 / (1 + 2.5**2 / 3)
    from scipy.stats import t

    reach = t.ppf(0.975, freedom) * math.sqrt(3.5)
    assert (found.us, found.low_us, found.high_us) == pytest.approx((7, 7 - reach, 7 + reach))
    assert found.units == (2, 4)
    assert found.method == "Welch's t interval between sessions"
    assert (found.first, found.second) == ("the first", "the second")


def test_units_without_any_scatter():
    found = difference(repeats_of(12, 12), repeats_of(10, 10))
    assert (found.us, found.low_us, found.high_us) == (2, 2, 2)
    assert found.ratio == pytest.approx(1.2)
    assert not difference(repeats_of(12, 12), repeats_of(12, 12)).shown


def test_builds_are_the_unit_where_there_are_several():
    ours = Repeats([[[10.0], [12.0]], [[20.0]]], "ours")
    theirs = Repeats([[[1.0]], [[2.0]]], "theirs")
    found = difference(ours, theirs, paired=True)
    assert (found.unit, found.units, found.us) == ("build", (2, 2), 14)
    assert found.method == "paired t interval between builds"


def test_other_percentiles_can_be_compared():
    calls = np.arange(101.0) + 1
    ours, theirs = Repeats([[calls, calls]]), Repeats([[2 * calls, 2 * calls]])
    assert difference(ours, theirs, q=99).us == pytest.approx(-100)
    assert bootstrap_difference(ours, theirs, q=99)[0] < -90


def test_wider_with_more_confidence():
    ours, theirs = repeats_of(10, 11, 12), repeats_of(8, 9, 9.5)
    narrow, wide = difference(ours, theirs, confidence=0.5), difference(ours, theirs)
    assert narrow.low_us > wide.low_us
    assert narrow.high_us < wide.high_us
    assert (narrow.confidence, wide.confidence) == (0.5, 0.95)


@pytest.mark.parametrize("compare", [difference, bootstrap_difference])
@pytest.mark.parametrize(
    ("ours", "theirs", "options", "words"),
    [
        (repeats_of(1, name="A"), repeats_of(2, 3, name="B"), {}, "A and B: one session proves no"),
        (repeats_of(1, 2), repeats_of(2), {}, "the first and the second: one session proves no"),
        (
            Repeats([[[1.0]], [[2.0]]], "A"),
            repeats_of(1, 2, name="B"),
            {},
            "A and B: 2 and 1 builds. Builds scatter",
        ),
        (repeats_of(1, 2), repeats_of(1, 2, 3), {"paired": True}, "2 and 3 sessions cannot be"),
        (repeats_of(0, 2), repeats_of(1, 2), {}, "0 us or less has no ratio"),
        (repeats_of(1, 2), repeats_of(1, 0), {}, "0 us or less has no ratio"),
        (repeats_of(1, 2), repeats_of(1, 2), {"q": 0}, "percentile 0"),
        (repeats_of(1, 2), repeats_of(1, 2), {"confidence": 95}, "confidence 95"),
    ],
)
def test_what_cannot_be_compared_is_refused(compare, ours, theirs, options, words):
    with pytest.raises(MeasureError, match=words):
        compare(ours, theirs, **options)


def test_one_session_has_no_interval():
    with pytest.raises(MeasureError, match="A: one session proves no difference: .* better five"):
        repeats_of(1, name="A").interval()
    with pytest.raises(MeasureError, match="measurement: one session"):
        repeats_of(1).row()


@pytest.mark.parametrize(
    ("builds", "words"),
    [
        ([], "A: no builds"),
        ([[[1.0]], []], "A: build 1 has no sessions"),
        ([[[1.0], []]], "A: no samples"),
    ],
)
def test_repeats_without_samples_are_refused(builds, words):
    with pytest.raises(MeasureError, match=words):
        Repeats(builds, "A")


def made(low, us, high, **changes):
    fields = {
        "first": "A",
        "second": "B",
        "us": us,
        "low_us": low,
        "high_us": high,
        "ratio": 0.8,
        "low_ratio": 0.75,
        "high_ratio": 0.9,
        "unit": "session",
        "units": (5, 5),
        "confidence": 0.95,
        "method": "",
    }
    return Difference(**{**fields, **changes})


def test_verdicts():
    faster = made(-3, -2, -1)
    assert faster.shown
    assert faster.verdict == (
        "A is faster by 2.00 us [1.00, 3.00]: it takes 0.800 [0.750, 0.900] of the time of B "
        "(5 sessions each, 95 % interval)"
    )
    slower = made(1, 2, 3, ratio=1.25, low_ratio=1 / 0.9, high_ratio=1 / 0.75, unit="build")
    assert slower.shown
    assert slower.verdict == (
        "B is faster by 2.00 us [1.00, 3.00]: it takes 0.800 [0.750, 0.900] of the time of A "
        "(5 builds each, 95 % interval)"
    )
    unknown = made(-1, 0.5, 3, units=(5, 4), confidence=1 - 0.05 / 3)
    assert not unknown.shown
    assert unknown.verdict == (
        "no difference shown between A and B: +0.50 us [-1.00, +3.00] "
        "(5 and 4 sessions, 98.3 % interval)"
    )
    assert not made(0, 1, 2).shown
    assert not made(-2, -1, 0).shown


def test_a_row_of_a_difference():
    found = made(-3.00049, -2.00049, -1.00049, ratio=0.80004, confidence=1 - 0.05 / 3)
    assert found.row() == {
        "first": "A",
        "second": "B",
        "difference_us": -2,
        "low_us": -3,
        "high_us": -1,
        "ratio": 0.8,
        "low_ratio": 0.75,
        "high_ratio": 0.9,
        "confidence": 0.9833,
        "shown": True,
        "verdict": found.verdict,
    }
