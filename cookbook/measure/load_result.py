"""What became of the requests of a load, and the figures that do not hide any of them."""

import dataclasses
from collections import Counter
from typing import Any

import numpy as np

from ..errors import MeasureError
from .statistics import Timing, batched_interval, finite_or_none

OUTCOMES = ("answered", "refused", "failed", "unfinished")


@dataclasses.dataclass
class Request:
    """One request and its fate. Times in seconds of the load's clock, None for what never was.

    scheduled – when it arrived, whether or not it could be sent then; sent – when the service was
    called; finished – when the answer, the refusal or the failure came; outcome – one of OUTCOMES;
    error – in words; answer – if answers are kept; depth – (second, length of the service's queue)
    when it was handed over.
    """

    number: int
    scheduled: float
    sent: float | None = None
    finished: float | None = None
    outcome: str = ""
    error: str = ""
    answer: Any = dataclasses.field(default=None, repr=False)
    depth: tuple[float, int] | None = None


@dataclasses.dataclass(frozen=True)
class LoadResult:
    """Every request of a load, each with its outcome: what was scheduled is all accounted for.

    Latencies run from the scheduled arrival, so that a request which had to wait until it could be
    sent counts with its wait. From the moment of sending, as many tools measure, a service that
    stalls looks fast, because those that it made wait are counted as if they had come later
    (coordinated omission); ``from_send`` has these figures for comparison.

    Raises: MeasureError where a request is missing, twice there, or without outcome.
    """

    requests: list[Request] = dataclasses.field(repr=False)
    seconds: float
    name: str = ""

    def __post_init__(self):
        numbers = [one.number for one in self.requests]
        if numbers != list(range(len(self.requests))):
            raise MeasureError(f"{self._label}: requests are missing, twice there or out of order")
        unknown = [one.number for one in self.requests if one.outcome not in OUTCOMES]
        if unknown:
            raise MeasureError(f"{self._label}: requests without outcome: {unknown[:10]}")
        if sum(self.counts.values()) != len(self.requests):
            raise MeasureError(f"{self._label}: {self.counts} do not add up")

    @property
    def _label(self) -> str:
        return self.name or "load"

    @property
    def counts(self) -> dict[str, int]:
        """{outcome: number of requests}; they add up to the number of requests."""
        found = Counter(one.outcome for one in self.requests)
        return {outcome: found[outcome] for outcome in OUTCOMES}

    @property
    def answered(self) -> list[Request]:
        """The requests that were answered."""
        return [one for one in self.requests if one.outcome == "answered"]

    @property
    def latency(self) -> Timing:
        """Microseconds from the scheduled arrival to the answer, in order of arrival."""
        return self._timing([_seconds(one.scheduled, one.finished) for one in self.answered])

    @property
    def from_send(self) -> Timing:
        """Microseconds from the sending to the answer: without the wait before it."""
        return self._timing([_seconds(one.sent, one.finished) for one in self.answered])

    @property
    def lag(self) -> Timing:
        """Microseconds from the scheduled arrival to the sending."""
        return self._timing([_seconds(one.scheduled, one.sent) for one in self.answered])

    def _timing(self, seconds: list[float]) -> Timing:
        if not seconds:
            raise MeasureError(f"{self._label}: no request was answered: {self.counts}")
        return Timing(1e6 * np.array(seconds), self.name)

    def percentile_interval(self, q: float, *, batches: int = 20) -> tuple[float, float]:
        """95 % interval of a percentile of ``latency`` in microseconds, see ``batched_interval``.

        Waits follow each other, so the interval for independent samples would be too narrow.
        """
        return batched_interval(self.latency.samples, q, batches=batches)

    @property
    def throughput(self) -> float:
        """Answers a second, from the beginning to the last answer."""
        if not self.answered:
            return 0.0
        last = max(_seconds(0.0, one.finished) for one in self.answered)
        return len(self.answered) / last

    @property
    def offered(self) -> float:
        """Requests a second that were scheduled while requests were scheduled."""
        return len(self.requests) / self.seconds

    def within(self, limit_us: float) -> float:
        """Share of all requests that were answered within the limit, microseconds.

        What was refused, failed or not finished counts as not within: no outcome flatters.
        """
        if not self.answered:
            return 0.0
        met = int(np.count_nonzero(self.latency.samples <= limit_us))
        return met / len(self.requests)

    def in_system(self) -> list[tuple[float, int]]:
        """(second, number of requests that have arrived and are not finished), at each change.

        A request that never finished stays to the end.
        """
        changes = []
        for one in self.requests:
            changes.append((one.scheduled, 1))
            if one.finished is not None:
                changes.append((one.finished, -1))
        steps = []
        present = 0
        for moment, change in sorted(changes, key=lambda step: (step[0], -step[1])):
            present += change
            steps.append((moment, present))
        return steps

    def depths(self) -> list[tuple[float, int]]:
        """(second, length of the service's queue) at each request, if the load was told it."""
        return [one.depth for one in self.requests if one.depth is not None]

    def row(self) -> dict:
        """A row for a table or for ``record``: counts, rates, latencies in microseconds.

        The intervals are None for too few answers, the latencies for none.
        """
        row: dict[str, Any] = {
            "name": self.name,
            "requests": len(self.requests),
            **self.counts,
            "offered_per_s": round(self.offered, 3),
            "throughput_per_s": round(self.throughput, 3),
        }
        for q in (50, 95, 99):
            column = "median" if q == 50 else f"p{q}"
            low, high = self._known_interval(q)
            row[f"{column}_us"] = self._known(self.latency, q) if self.answered else None
            row[f"{column}_low_us"] = low
            row[f"{column}_high_us"] = high
        row["p99_from_send_us"] = self._known(self.from_send, 99) if self.answered else None
        return row

    @staticmethod
    def _known(timing: Timing, q: float) -> float:
        return round(timing.percentile(q), 2)

    def _known_interval(self, q: float) -> tuple[float | None, float | None]:
        """The interval of a percentile for a table; None where there are too few answers."""
        try:
            low, high = self.percentile_interval(q)
        except MeasureError:
            return None, None
        return finite_or_none(low), finite_or_none(high)


def _seconds(begin: float | None, end: float | None) -> float:
    """Seconds between two moments of a request that has both."""
    if begin is None or end is None:
        raise MeasureError("a request was answered, but not sent or not finished")
    return end - begin
