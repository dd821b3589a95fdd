"""Two or more things measured in turns, over several sessions and builds.

A machine drifts: clocks rise and fall, it warms up, others use it. Measured one after the other,
the drift counts for one and against the other. Measured in turns, it meets both alike.
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import MeasureError
from .bootstrap import bootstrap_difference
from .differences import ONE_SESSION, Difference, Repeats, difference
from .statistics import checked_samples
from .timing import benchmark


@dataclasses.dataclass(frozen=True)
class Candidate:
    """One of the things that ``interleave`` compares.

    Args: open – makes what is timed, anew for each session: a Session, or a function without
        arguments. It is called with what ``build`` returned, or, without ``build``, with nothing;
        feed – the session's inputs by name;
        build – makes a new plan, once for each build.
    """

    open: Callable[..., Any]
    feed: dict | None = None
    build: Callable[[], Any] | None = None


@dataclasses.dataclass(frozen=True)
class Interleaved:
    """All samples of an interleaved comparison, and what they say.

    runs – {name: Repeats}, with the samples of each build and session in order;
    orders – for each build, session and round, the names in the order of their turns;
    host_bound – names of those whose host is what was timed;
    confidence – of all pairs together.
    """

    runs: dict[str, Repeats]
    orders: list[tuple[int, int, int, tuple[str, ...]]]
    host_bound: tuple[str, ...] = ()
    confidence: float = 0.95

    def rows(self) -> list[dict]:
        """A row for each candidate: median with its interval between sessions or builds."""
        return [repeats.row() for repeats in self.runs.values()]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every pair of names."""
        return list(itertools.combinations(self.runs, 2))

    def difference(self, first: str, second: str, *, q: float = 50) -> Difference:
        """Difference and ratio of two candidates, paired by session or build.

        With several pairs, each interval is widened (Bonferroni), so that all of them hold
        together with the confidence that was asked for.

        Raises: MeasureError for an unknown name.
        """
        ours, theirs = self._repeats(first), self._repeats(second)
        return difference(ours, theirs, q=q, paired=True, confidence=self._pair_confidence())

    def differences(self, *, q: float = 50, check: bool = False) -> list[dict]:
        """A row for each pair; with check, also the hierarchical bootstrap's interval."""
        rows = []
        for first, second in self.pairs:
            row = self.difference(first, second, q=q).row()
            if check:
                low, high = bootstrap_difference(
                    self.runs[first],
                    self.runs[second],
                    q=q,
                    paired=True,
                    confidence=self._pair_confidence(),
                )
                row["bootstrap_low_us"] = round(low, 3)
                row["bootstrap_high_us"] = round(high, 3)
            rows.append(row)
        return rows

    def verdicts(self, *, q: float = 50) -> list[str]:
        """The result of each pair in words, and a warning where the host was timed."""
        lines = [self.difference(*pair, q=q).verdict for pair in self.pairs]
        if self.host_bound:
            names = ", ".join(self.host_bound)
            lines.append(f"the host is timed, not the GPU, in: {names}")
        return lines

    def samples(self) -> list[dict]:
        """Every sample as a row: candidate, build, session, call (all from 0), us."""
        rows = []
        for name, repeats in self.runs.items():
            for build, sessions in enumerate(repeats.builds):
                for session, samples in enumerate(sessions):
                    for call, us in enumerate(samples):
                        place = {"build": build, "session": session, "call": call}
                        rows.append({"candidate": name, **place, "us": float(us)})
        return rows

    def _pair_confidence(self) -> float:
        return 1 - (1 - self.confidence) / len(self.pairs)

    def _repeats(self, name: str) -> Repeats:
        if name not in self.runs:
            raise MeasureError(f"no candidate {name!r}: there are {', '.join(self.runs)}")
        return self.runs[name]


def interleave(
    candidates: dict[str, Candidate | Callable[[], Any]],
    *,
    sessions: int = 5,
    rounds: int = 5,
    calls: int = 50,
    builds: int = 1,
    warm_up: int = 30,
    seed: int = 0,
    confidence: float = 0.95,
    measure: Callable[..., Any] = benchmark,
) -> Interleaved:
    """Measure candidates in turns: builds, in each several sessions, in each several rounds.

    Each build makes new plans, each session opens everything anew, and in each round every
    candidate has one turn of ``calls`` calls, in a random order.

    Args: candidates – {name: a Candidate, or a function without arguments that is timed itself};
        sessions – of each build; rounds – of each session; calls – of each turn;
        builds – of the candidates that have ``build``; the others are only measured again;
        warm_up – untimed calls before the first turn of a session (a tenth of it before the
        others, which find the caches full of another candidate's data);
        seed – of the order; confidence – share, 0 to 1;
        measure – ``measure(target, feed, calls=…, warm_up=…)`` returns a Timing, or microseconds.
    Returns: Interleaved.
    Raises: MeasureError for fewer than two candidates or, with one build, two sessions; for several
        builds where no candidate has ``build``; and what building, opening and measuring raise.
    """
    ready = _ready(candidates)
    _check_plan(ready, sessions, rounds, builds)
    turns = _Turns(ready, rounds, calls, warm_up, np.random.default_rng(seed), measure)
    runs: dict[str, list] = {name: [] for name in ready}
    for build in range(builds):
        plans = {name: _built(candidate) for name, candidate in ready.items()}
        measured = [turns.session(build, session, plans) for session in range(sessions)]
        for name in ready:
            runs[name].append([samples[name] for samples in measured])
    repeats = {name: Repeats(kept, name) for name, kept in runs.items()}
    bound = tuple(name for name in ready if name in turns.host_bound)
    return Interleaved(repeats, turns.orders, bound, confidence)


class _Turns:
    """Takes the turns, and remembers their order and whose host was timed."""

    def __init__(self, ready, rounds, calls, warm_up, random, measure):
        self.ready = ready
        self.rounds = rounds
        self.calls = calls
        self.warm_up = warm_up
        self.random = random
        self.measure = measure
        self.orders: list[tuple[int, int, int, tuple[str, ...]]] = []
        self.host_bound: set[str] = set()

    def shuffled(self) -> tuple[str, ...]:
        """The names in a random order."""
        return tuple(str(name) for name in self.random.permutation(list(self.ready)))

    def session(self, build: int, session: int, plans: dict) -> dict[str, np.ndarray]:
        """Open everything anew and measure all rounds: {name: microseconds}."""
        samples: dict[str, list] = {name: [] for name in self.ready}
        with contextlib.ExitStack() as stack:
            targets = {}
            for name in self.shuffled():
                targets[name] = _opened(self.ready[name], plans[name], stack)
            for number in range(self.rounds):
                order = self.shuffled()
                self.orders.append((build, session, number, order))
                warm_up = self.warm_up if number == 0 else self.warm_up // 10
                for name in order:
                    samples[name].append(self.turn(name, targets[name], warm_up))
        return {name: np.concatenate(parts) for name, parts in samples.items()}

    def turn(self, name: str, target, warm_up: int) -> np.ndarray:
        """One turn of one candidate, microseconds."""
        feed = self.ready[name].feed
        timing = self.measure(target, feed, calls=self.calls, warm_up=warm_up)
        if getattr(timing, "host_bound", False):
            self.host_bound.add(name)
        return checked_samples(getattr(timing, "samples", timing), name)


def _ready(candidates) -> dict[str, Candidate]:
    """Every candidate as a Candidate; a plain function is opened by returning it."""
    ready = {}
    for name, candidate in candidates.items():
        if isinstance(candidate, Candidate):
            ready[name] = candidate
        elif callable(candidate):
            ready[name] = Candidate(open=_Same(candidate))
        else:
            raise MeasureError(
                f"candidate {name!r} is a {type(candidate).__name__}: give a function to time, or "
                "Candidate(open=lambda: cookbook.Session(plan), feed=…)"
            )
    return ready


@dataclasses.dataclass(frozen=True)
class _Same:
    """Opens a plain function: there is nothing to make anew."""

    function: Callable[[], Any]

    def __call__(self) -> Callable[[], Any]:
        return self.function


def _check_plan(ready: dict[str, Candidate], sessions: int, rounds: int, builds: int) -> None:
    """Refuse a plan of measurement that could not answer."""
    for name, value in {"sessions": sessions, "rounds": rounds, "builds": builds}.items():
        if value < 1:
            raise MeasureError(f"{name}={value}: must be at least 1")
    if len(ready) < 2:
        raise MeasureError(f"{len(ready)} candidates: a comparison needs at least two")
    if builds == 1 and sessions == 1:
        raise MeasureError(f"sessions=1: {ONE_SESSION}")
    if builds > 1 and all(candidate.build is None for candidate in ready.values()):
        raise MeasureError(f"builds={builds}: no candidate has build=, so nothing is built anew")


def _built(candidate: Candidate) -> Any:
    """What the candidate's ``build`` makes, or None."""
    if candidate.build is None:
        return None
    return candidate.build()


def _opened(candidate: Candidate, plan: Any, stack: contextlib.ExitStack) -> Any:
    """What is timed in this session; the stack closes it."""
    target = candidate.open() if candidate.build is None else candidate.open(plan)
    if hasattr(target, "__exit__"):
        stack.enter_context(target)
    return target
