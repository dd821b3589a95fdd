"""``interleave`` with simulated candidates: order of turns, verdicts, how often they err."""

import numpy as np
import pytest

import cookbook
from cookbook.errors import MeasureError
from cookbook.measure import Candidate, Interleaved, Repeats, Timing, difference, interleave
from tests import onnx_samples


class Machine:
    """A machine that drifts between sessions, and notes what is done on it."""

    def __init__(self, seed=0, drift=5.0, session_sd=1.0, build_sd=0.0):
        self.random = np.random.default_rng(seed)
        self.drift = drift
        self.session_sd = session_sd
        self.build_sd = build_sd
        self.level = 0.0
        self.log = []

    def candidate(self, name, us, **options):
        return Candidate(open=lambda *plan: FakeSession(self, name, us, *plan), **options)

    def measure(self, target, feed, *, calls, warm_up):
        self.log.append(("turn", target.name, calls, warm_up, feed))
        noise = 0.1 * self.random.standard_normal(calls)
        return Timing(target.us + self.level + noise)


class FakeSession:
    """What is timed: opened anew for each session, on a machine that has drifted meanwhile."""

    def __init__(self, machine, name, us, plan=0.0):
        self.machine = machine
        self.name = name
        self.us = us + plan + machine.session_sd * machine.random.standard_normal()
        if not any(entry[0] == "open" for entry in machine.log[-1:]):
            machine.level = machine.drift * machine.random.standard_normal()
        machine.log.append(("open", name))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.machine.log.append(("close", self.name))


def run(machine, gain=4.0, **options):
    candidates = {"A": machine.candidate("A", 100), "B": machine.candidate("B", 100 + gain)}
    return interleave(candidates, measure=machine.measure, **options)


def test_a_difference_is_found_through_the_drift():
    machine = Machine(drift=20.0, session_sd=0.5)
    result = run(machine, gain=4.0)
    (verdict,) = result.verdicts()
    assert verdict.startswith("A is faster by ")
    assert verdict.endswith("of the time of B (5 sessions each, 95 % interval)")
    found = result.difference("A", "B")
    assert found.low_us <= -4 <= found.high_us
    assert found.method == "paired t interval between sessions"
    # Measured apart, the drift would have hidden it.
    assert not difference(result.runs["A"], result.runs["B"]).shown


def test_two_equal_candidates_are_rarely_called_different():
    claims = 0
    for seed in range(200):
        result = run(Machine(seed), gain=0.0, rounds=1, calls=5)
        claims += result.difference("A", "B").shown
    assert claims <= 20  # 5 % of 200, and what chance may add


def test_several_equal_candidates_are_rarely_called_different():
    claims = 0
    for seed in range(200):
        machine = Machine(seed, drift=0.0)
        candidates = {name: machine.candidate(name, 100) for name in "ABCD"}
        result = interleave(candidates, measure=machine.measure, rounds=1, calls=5)
        claims += any(row["shown"] for row in result.differences())
    assert claims <= 20  # though there are six pairs


def test_every_session_opens_and_closes_everything_and_takes_all_turns():
    machine = Machine()
    result = run(machine, sessions=3, rounds=2, calls=7, warm_up=30)
    kinds = [entry[0] for entry in machine.log]
    assert kinds == (["open"] * 2 + ["turn"] * 4 + ["close"] * 2) * 3
    turns = [entry for entry in machine.log if entry[0] == "turn"]
    assert {turn[2] for turn in turns} == {7}
    assert [turn[3] for turn in turns] == [30, 30, 3, 3] * 3
    for first, second in zip(turns[::2], turns[1::2], strict=True):
        assert {first[1], second[1]} == {"A", "B"}
    assert [order[:3] for order in result.orders] == [(0, s, r) for s in range(3) for r in range(2)]
    assert [name for order in result.orders for name in order[3]] == [turn[1] for turn in turns]
    for repeats in result.runs.values():
        assert [len(session) for session in repeats.builds[0]] == [14, 14, 14]


def test_defaults():
    result = run(Machine())
    assert len(result.orders) == 5 * 5
    assert [len(session) for session in result.runs["A"].builds[0]] == [250] * 5


def test_the_order_is_random_but_for_its_seed():
    orders = [order[3] for order in run(Machine(), sessions=8).orders]
    assert set(orders) == {("A", "B"), ("B", "A")}
    assert orders == [order[3] for order in run(Machine(), sessions=8).orders]
    assert orders != [order[3] for order in run(Machine(), sessions=8, seed=1).orders]


def test_builds_are_made_anew_and_are_the_unit():
    machine = Machine()
    made = []

    def build():
        made.append(10.0 * len(made))
        return made[-1]

    candidates = {
        "A": machine.candidate("A", 100, build=build, feed={"x": 1}),
        "eager": machine.candidate("eager", 150),
    }
    options = {"builds": 3, "sessions": 2, "rounds": 2, "calls": 5}
    result = interleave(candidates, measure=machine.measure, **options)
    assert made == [0, 10, 20]
    assert [len(build) for build in result.runs["A"].builds] == [2, 2, 2]
    assert [len(build) for build in result.runs["eager"].builds] == [2, 2, 2]
    found = result.difference("A", "eager")
    assert (found.unit, found.units) == ("build", (3, 3))
    assert [order[:3] for order in result.orders[:5]] == [
        (0, 0, 0),
        (0, 0, 1),
        (0, 1, 0),
        (0, 1, 1),
        (1, 0, 0),
    ]
    feeds = {entry[1]: entry[4] for entry in machine.log if entry[0] == "turn"}
    assert feeds == {"A": {"x": 1}, "eager": None}
    # One build of each, each with one session, is enough: the builds are the units.
    run_once = interleave(candidates, measure=machine.measure, builds=2, sessions=1)
    assert run_once.difference("A", "eager").units == (2, 2)


def test_functions_are_timed_themselves():
    timed = []

    def first():
        raise AssertionError("only measure() may call it")

    def measure(target, feed, *, calls, warm_up):
        timed.append((target, feed))
        return [1.0 if target is first else 2.0] * calls

    def second():
        """Never called either."""

    result = interleave({"one": first, "two": second}, sessions=2, measure=measure)
    assert {target for target, _ in timed} == {first, second}
    assert {feed for _, feed in timed} == {None}
    assert result.runs["one"].centre() == 1
    assert result.runs["two"].centre() == 2


def interleaved(*medians, names="ABC", host_bound=()):
    """A result with one build, whose sessions have one sample each."""
    runs = {}
    for name, values in zip(names, medians, strict=False):
        runs[name] = Repeats([[[value] for value in values]], name)
    return Interleaved(runs, [], host_bound)


def test_rows_and_samples():
    result = interleaved([1, 2], [3, 5])
    assert result.rows() == [result.runs["A"].row(), result.runs["B"].row()]
    assert result.samples()[0] == {"candidate": "A", "build": 0, "session": 0, "call": 0, "us": 1}
    assert result.samples()[-1] == {"candidate": "B", "build": 0, "session": 1, "call": 0, "us": 5}
    assert len(result.samples()) == 4
    calls = Interleaved({"A": Repeats([[[1.0, 2.0]], [[3.0]]])}, [])
    assert [(row["build"], row["call"]) for row in calls.samples()] == [(0, 0), (0, 1), (1, 0)]


def test_pairs_share_the_risk_of_a_false_claim():
    two = interleaved([1, 2, 3], [2, 3, 5])
    three = interleaved([1, 2, 3], [2, 3, 5], [4, 5, 6])
    assert two.pairs == [("A", "B")]
    assert two.difference("A", "B").confidence == pytest.approx(0.95)
    assert three.pairs == [("A", "B"), ("A", "C"), ("B", "C")]
    assert three.difference("A", "B").confidence == pytest.approx(1 - 0.05 / 3)
    assert three.difference("B", "A").us == pytest.approx(4 / 3)
    assert len(three.verdicts()) == 3


def test_differences_are_rows_with_the_bootstrap_as_a_check():
    result = interleaved([10, 12, 13], [8, 9, 12])
    (row,) = result.differences()
    assert row == result.difference("A", "B").row()
    (checked,) = result.differences(check=True)
    assert checked.pop("bootstrap_low_us") == 1  # the smallest of the paired differences
    assert checked.pop("bootstrap_high_us") == 3
    assert checked == row


def test_other_percentiles():
    runs = {}
    for name, factor in (("A", 1.0), ("B", 2.0)):
        calls = factor * np.arange(101.0) + 1
        runs[name] = Repeats([[calls, calls + 1]], name)
    result = Interleaved(runs, [])
    assert result.difference("A", "B", q=90).us == pytest.approx(-90)
    assert result.differences(q=90, check=True)[0]["difference_us"] == pytest.approx(-90)
    assert "A is faster by 90.00 us" in result.verdicts(q=90)[0]


def test_verdicts_warn_where_the_host_is_timed():
    machine = Machine()

    def measure(target, feed, *, calls, warm_up):
        host_us = 500.0 if target.name == "B" else 1.0
        return Timing([target.us] * calls, host_us=host_us)

    candidates = {name: machine.candidate(name, 100) for name in "ABC"}
    result = interleave(candidates, sessions=2, measure=measure)
    assert result.host_bound == ("B",)
    assert result.verdicts()[-1] == "the host is timed, not the GPU, in: B"
    assert len(result.verdicts()) == 4
    both = interleaved([1, 2], [2, 3], host_bound=("A", "B"))
    assert both.verdicts()[-1] == "the host is timed, not the GPU, in: A, B"
    assert len(interleaved([1, 2], [2, 3]).verdicts()) == 1


def test_what_was_opened_is_closed_when_measuring_fails():
    machine = Machine()

    def measure(target, feed, *, calls, warm_up):
        raise RuntimeError("lost")

    candidates = {name: machine.candidate(name, 100) for name in "AB"}
    with pytest.raises(RuntimeError, match="lost"):
        interleave(candidates, measure=measure)
    assert [entry[0] for entry in machine.log] == ["open", "open", "close", "close"]


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        ("A", {}, "1 candidates: a comparison needs at least two"),
        ("AB", {"sessions": 1}, "sessions=1: one session proves no difference"),
        ("AB", {"sessions": 0}, "sessions=0: must be at least 1"),
        ("AB", {"rounds": 0}, "rounds=0: must be at least 1"),
        ("AB", {"builds": 0}, "builds=0: must be at least 1"),
        ("AB", {"builds": 2}, "builds=2: no candidate has build="),
    ],
)
def test_a_plan_that_cannot_answer_is_refused(names, options, words):
    machine = Machine()
    candidates = {name: machine.candidate(name, 100) for name in names}
    with pytest.raises(MeasureError, match=words):
        interleave(candidates, measure=machine.measure, **options)
    assert machine.log == []


def test_a_candidate_that_is_none_is_refused():
    with pytest.raises(MeasureError, match="candidate 'B' is a str: give a function to time, or"):
        interleave({"A": print, "B": "plan"})


def test_an_unknown_name_is_refused():
    result = interleaved([1, 2], [2, 3])
    with pytest.raises(MeasureError, match="no candidate 'C': there are A, B"):
        result.difference("A", "C")


@pytest.mark.gpu
def test_sessions_of_two_engines_are_compared():
    def build():
        return cookbook.build(onnx_samples.linear(), profiles={"x": ((1, 4), (4, 4), (8, 4))})

    plan = build()
    feed = {"x": np.ones((2, 4), np.float32)}
    candidates = {
        "graph": Candidate(lambda: cookbook.Session(plan, cuda_graph=True), feed),
        "built": Candidate(cookbook.Session, feed, build=build),
    }
    result = interleave(candidates, sessions=2, rounds=2, calls=20, builds=2)
    assert result.difference("graph", "built").units == (2, 2)
    assert all(row["median_us"] > 0 for row in result.rows())
