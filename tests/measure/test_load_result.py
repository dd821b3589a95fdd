"""The books of a load, and the figures that are made from them."""

import pytest

from cookbook.errors import MeasureError
from cookbook.measure import LoadResult, Request


def answered(number, scheduled, sent, finished):
    return Request(number, scheduled, sent, finished, "answered")


MIXED = [
    answered(0, 0.0, 0.0, 1.0),
    answered(1, 1.0, 2.0, 4.0),
    Request(2, 2.0, 2.0, 2.0, "refused"),
    Request(3, 3.0, 3.0, 3.5, "failed", depth=(3.25, 7)),
    Request(4, 4.0, None, None, "unfinished"),
]


def test_figures_by_hand():
    result = LoadResult(MIXED, 5.0, "mixed")
    assert result.counts == {"answered": 2, "refused": 1, "failed": 1, "unfinished": 1}
    assert result.latency.samples.tolist() == [1e6, 3e6]
    assert result.from_send.samples.tolist() == [1e6, 2e6]
    assert result.lag.samples.tolist() == [0, 1e6]
    assert result.latency.name == "mixed"
    assert result.throughput == 0.5  # two answers in four seconds
    assert result.offered == 1.0
    assert result.depths() == [(3.25, 7)]


def test_what_was_not_answered_was_not_within_the_limit():
    result = LoadResult(MIXED, 5.0)
    assert result.within(0.9e6) == 0
    assert result.within(1e6) == 0.2
    assert result.within(3e6) == 0.4
    assert result.within(1e12) == 0.4


def test_requests_in_the_system():
    steps = LoadResult(MIXED, 5.0).in_system()
    # Who arrives at a moment is counted before who leaves at it.
    assert steps == [
        (0.0, 1),
        (1.0, 2),
        (1.0, 1),
        (2.0, 2),
        (2.0, 1),
        (3.0, 2),
        (3.5, 1),
        (4.0, 2),
        (4.0, 1),
    ]


def test_a_row():
    result = LoadResult(MIXED, 5.0, "mixed")
    assert result.row() == {
        "name": "mixed",
        "requests": 5,
        "answered": 2,
        "refused": 1,
        "failed": 1,
        "unfinished": 1,
        "offered_per_s": 1.0,
        "throughput_per_s": 0.5,
        "median_us": 2e6,
        "median_low_us": None,
        "median_high_us": None,
        "p95_us": 2.9e6,
        "p95_low_us": None,
        "p95_high_us": None,
        "p99_us": 2.98e6,
        "p99_low_us": None,
        "p99_high_us": None,
        "p99_from_send_us": 1.99e6,
    }


def test_a_row_with_intervals():
    many = [answered(k, float(k), float(k), k + 1.0 + (k * 7 % 100) / 100) for k in range(1000)]
    result = LoadResult(many, 1000.0)
    row = result.row()
    low, high = result.percentile_interval(95)
    assert (row["p95_low_us"], row["p95_high_us"]) == (round(low, 2), round(high, 2))
    assert low < row["p95_us"] < high
    assert row["median_low_us"] < row["median_us"] < row["median_high_us"]
    wider = result.percentile_interval(95, batches=3)
    assert wider != (low, high)


def test_nothing_answered():
    result = LoadResult([Request(0, 0.0, None, None, "unfinished")], 1.0, "silent")
    assert result.throughput == 0
    assert result.within(1e9) == 0
    row = result.row()
    assert row["median_us"] is row["p99_us"] is row["p99_from_send_us"] is None
    with pytest.raises(MeasureError, match="silent: no request was answered: .*'unfinished': 1"):
        _ = result.latency


def test_an_answer_without_its_times_is_refused():
    result = LoadResult([Request(0, 0.0, None, 1.0, "answered")], 1.0)
    with pytest.raises(
        MeasureError, match="^a request was answered, but not sent or not finished$"
    ):
        _ = result.from_send
    result = LoadResult([Request(0, 0.0, 0.5, None, "answered")], 1.0)
    with pytest.raises(
        MeasureError, match="^a request was answered, but not sent or not finished$"
    ):
        _ = result.throughput


@pytest.mark.parametrize(
    ("requests", "words"),
    [
        ([answered(0, 0, 0, 1), answered(2, 0, 0, 1)], "load: requests are missing"),
        ([answered(0, 0, 0, 1), answered(0, 0, 0, 1)], "load: requests are missing, twice"),
        ([answered(1, 0, 0, 1), answered(0, 0, 0, 1)], "out of order"),
        ([answered(0, 0, 0, 1), Request(1, 0.0)], r"load: requests without outcome: \[1\]"),
        ([Request(0, 0.0, outcome="lost")], r"requests without outcome: \[0\]"),
    ],
)
def test_books_that_do_not_add_up_are_refused(requests, words):
    with pytest.raises(MeasureError, match=words):
        LoadResult(requests, 1.0)
