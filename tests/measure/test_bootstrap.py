"""The hierarchical bootstrap, beside the t interval. (What it refuses: test_differences.)"""

import numpy as np
import pytest

from cookbook.measure import Repeats, bootstrap_difference, difference
from tests.measure.simulated import SESSIONS, simulate


def test_the_bootstrap_agrees_where_there_are_many_units_and_is_narrower_where_there_are_few():
    random = np.random.default_rng(5)
    many = {"sessions": 40, "session_sd": 3.0, "calls": 20}
    ours, theirs = simulate(random, 100, **many), simulate(random, 90, **many)
    for paired in (False, True):
        found = difference(ours, theirs, paired=paired)
        low, high = bootstrap_difference(ours, theirs, paired=paired)
        assert (high - low) / (found.high_us - found.low_us) == pytest.approx(1, abs=0.12)
        assert (high + low) / 2 == pytest.approx(found.us, abs=0.3)
    few = {"sessions": 3, "session_sd": 3.0, "calls": 20}
    ours, theirs = simulate(random, 100, **few), simulate(random, 90, **few)
    low, high = bootstrap_difference(ours, theirs)
    found = difference(ours, theirs)
    assert high - low < found.high_us - found.low_us


def test_the_bootstrap_draws_builds_and_the_calls_inside():
    random = np.random.default_rng(6)
    design = {"builds": 30, "sessions": 2, "build_sd": 5.0, "session_sd": 2.0, "calls": 10}
    ours, theirs = simulate(random, 100, **design), simulate(random, 100, **design)
    found = difference(ours, theirs)
    low, high = bootstrap_difference(ours, theirs)
    # Drawing again inside a build adds what is inside already: a little wider.
    assert 0.95 < (high - low) / (found.high_us - found.low_us) < 1.35
    narrow = bootstrap_difference(ours, theirs, confidence=0.5)
    assert narrow[1] - narrow[0] < 0.5 * (high - low)


def test_the_bootstrap_draws_calls_even_where_all_sessions_agree():
    calls = np.arange(1.0, 11.0)
    same = Repeats([[calls, calls, calls]])
    low, high = bootstrap_difference(same, same)
    assert low < -0.5
    assert high > 0.5
    paired = bootstrap_difference(Repeats([[calls[:1]] * 3]), Repeats([[calls[:1]] * 3]))
    assert paired == (0, 0)


def test_the_bootstrap_is_the_same_for_the_same_seed():
    random = np.random.default_rng(7)
    ours, theirs = simulate(random, 100, **SESSIONS), simulate(random, 90, **SESSIONS)
    first = bootstrap_difference(ours, theirs, replicates=100)
    assert first == bootstrap_difference(ours, theirs, replicates=100)
    assert first != bootstrap_difference(ours, theirs, replicates=100, seed=1)


def test_a_paired_bootstrap_draws_the_same_units_of_both():
    ours = Repeats([[[10.0], [20.0], [30.0]]])
    theirs = Repeats([[[11.0], [21.0], [31.0]]])
    assert bootstrap_difference(ours, theirs, paired=True) == (-1, -1)
