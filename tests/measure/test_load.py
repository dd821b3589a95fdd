"""An open load against theory, in virtual time; its arrivals."""

from concurrent.futures import Future

import numpy as np
import pytest

from cookbook.errors import MeasureError
from cookbook.measure import Refused, VirtualClock, arrival_times, closed_loop, open_loop
from tests.measure.simulated import Server

FOREVER = 1e6


def serve(draw, rate, requests=20_000, room=None, **options):
    clock = VirtualClock()
    server = Server(clock, draw, room)
    options = {"asynchronous": True, "time_limit": FOREVER, "clock": clock, **options}
    return open_loop(server, rate=rate, requests=requests, **options)


def test_exponential_service_is_as_the_theory_of_m_m_1_says():
    random = np.random.default_rng(1)
    result = serve(lambda: random.exponential(1.0), rate=0.7)
    mean = 1 / (1 - 0.7)  # seconds in the system, exponentially distributed
    assert result.latency.samples.mean() / 1e6 == pytest.approx(mean, rel=0.08)
    assert result.latency.percentile(99) / 1e6 == pytest.approx(mean * np.log(100), rel=0.12)
    assert result.throughput == pytest.approx(0.7, rel=0.02)
    present = [count for _, count in result.in_system()]
    assert present[-1] == 0
    # Arrivals find as many as there are on average (PASTA), and themselves: 0.7 / 0.3 + 1.
    steps = np.array(present)
    found = steps[1:][np.diff(steps) > 0]
    assert found.mean() == pytest.approx(0.7 / 0.3 + 1, rel=0.08)


def test_steady_service_waits_half_as_long_as_m_d_1_says():
    result = serve(lambda: 1.0, rate=0.7)
    expected = 1 + 0.7 / (2 * (1 - 0.7))
    assert result.latency.samples.mean() / 1e6 == pytest.approx(expected, rel=0.05)
    assert result.latency.samples.min() == pytest.approx(1e6)
    assert result.offered == pytest.approx(0.7)


def test_the_interval_of_a_percentile_covers_in_a_queue():
    truth = np.log(20) / (1 - 0.5)
    hits = 0
    for seed in range(60):
        random = np.random.default_rng(1000 + seed)
        result = serve(lambda r=random: r.exponential(1.0), rate=0.5, requests=2000, seed=seed)
        low, high = result.percentile_interval(95)
        hits += low / 1e6 <= truth <= high / 1e6
    assert hits >= 53  # 57 of 60 are expected


def test_a_full_queue_refuses_and_everything_is_accounted_for():
    result = serve(lambda: 1.0, rate=2.0, requests=4000, room=3)
    counts = result.counts
    assert counts["answered"] + counts["refused"] == 4000
    assert counts["failed"] == counts["unfinished"] == 0
    assert result.throughput == pytest.approx(1.0, rel=0.03)  # the server is always busy
    assert result.latency.samples.max() <= 3e6 + 1
    refused = [one for one in result.requests if one.outcome == "refused"]
    assert {one.error for one in refused} == {"Refused: the queue is full"}
    assert all(one.finished == one.sent == one.scheduled for one in refused)


def test_an_overload_grows_until_the_time_is_over():
    result = serve(lambda: 1.0, rate=2.0, requests=1000, arrivals="steady", time_limit=100.5)
    # The last arrives at 499.5 s; until 600 s as many requests are served.
    assert result.counts == {"answered": 600, "refused": 0, "failed": 0, "unfinished": 400}
    assert result.requests[599].outcome == "answered"
    assert result.requests[600].outcome == "unfinished"
    assert result.requests[600].finished is None
    assert result.requests[600].sent == result.requests[600].scheduled == 300
    assert result.in_system()[-1] == (600, 400)


def test_answers_after_the_end_do_not_change_the_books():
    clock = VirtualClock()
    server = Server(clock, lambda: 5.0)
    result = open_loop(
        server, rate=1, requests=2, arrivals="steady", asynchronous=True, time_limit=5, clock=clock
    )
    assert [one.outcome for one in result.requests] == ["answered", "unfinished"]
    clock.sleep_until(100.0)
    assert [one.outcome for one in result.requests] == ["answered", "unfinished"]
    assert result.requests[1].finished is None


def test_latency_runs_from_the_scheduled_arrival():
    """A generator that is held up: its requests are late, and their wait is not forgotten."""
    clock = VirtualClock()

    def service(number):
        if number == 0:
            clock.sleep_until(clock.now() + 2.0)  # the service blocks the one who sends
        future = Future()
        future.set_result(None)
        return future

    result = open_loop(
        service, rate=2, requests=6, arrivals="steady", asynchronous=True, clock=clock
    )
    assert [one.scheduled for one in result.requests] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert [one.sent for one in result.requests] == [0, 2, 2, 2, 2, 2.5]
    assert result.latency.samples.tolist() == [2e6, 1.5e6, 1e6, 0.5e6, 0, 0]
    assert result.from_send.samples.tolist() == [2e6, 0, 0, 0, 0, 0]
    assert result.lag.samples.tolist() == [0, 1.5e6, 1e6, 0.5e6, 0, 0]


def test_the_load_begins_when_it_begins():
    clock = VirtualClock()
    clock.sleep_until(100.0)
    server = Server(clock, lambda: 1.0)
    options = {"asynchronous": True, "clock": clock}
    first = open_loop(server, rate=0.5, requests=3, arrivals="steady", **options)
    assert [one.scheduled for one in first.requests] == [0, 2, 4]
    assert first.latency.samples.tolist() == pytest.approx([1e6] * 3)
    assert first.throughput == pytest.approx(3 / 5)
    second = closed_loop(server, clients=1, requests=4, **options)
    assert [one.scheduled for one in second.requests] == pytest.approx([0, 1, 2, 3])


def test_failures_and_refusals_of_every_kind():
    clock = VirtualClock()

    def service(number):
        if number == 0:
            raise Refused("busy")
        if number == 1:
            raise ValueError("bad input")
        future = Future()
        if number == 2:
            future.set_exception(Refused("later refused"))
        if number == 3:
            future.set_exception(RuntimeError("later failed"))
        if number == 4:
            future.cancel()
        if number == 5:
            future.set_result("answer")
        return future  # that of number 6 never ends

    result = open_loop(
        service, rate=1, requests=7, arrivals="steady", asynchronous=True, clock=clock
    )
    assert [(one.outcome, one.error) for one in result.requests] == [
        ("refused", "Refused: busy"),
        ("failed", "ValueError: bad input"),
        ("refused", "Refused: later refused"),
        ("failed", "RuntimeError: later failed"),
        ("failed", "CookbookError: cancelled"),
        ("answered", ""),
        ("unfinished", ""),
    ]
    assert clock.now() == 6 + 10  # the default time limit
    assert all(one.answer is None for one in result.requests)


def test_answers_and_depths_are_kept_on_demand():
    clock = VirtualClock()
    server = Server(clock, lambda: 1.5)
    options = {"asynchronous": True, "clock": clock, "arrivals": "steady"}
    kept = open_loop(
        server, rate=1, requests=4, keep_answers=True, depth=lambda: server.present, **options
    )
    assert [one.answer for one in kept.requests] == [0, 1, 2, 3]
    assert kept.depths() == [(0, 0), (1, 1), (2, 1), (3, 1)]
    assert kept.name == ""
    bare = open_loop(server, rate=1, requests=2, name="bare", **options)
    assert bare.depths() == []
    timed = open_loop(server, rate=2, seconds=1.5, **options)
    assert (timed.offered, len(timed.requests)) == (2, 3)
    assert bare.name == "bare"


def test_poisson_arrivals():
    times = arrival_times(5.0, requests=20_000)
    gaps = np.diff(times)
    assert times[0] > 0
    assert gaps.mean() == pytest.approx(0.2, rel=0.03)
    assert gaps.std() == pytest.approx(0.2, rel=0.03)  # as for an exponential distribution
    assert (arrival_times(5.0, requests=9) == times[:9]).all()
    assert (arrival_times(5.0, requests=9, seed=1) != times[:9]).all()
    timed = arrival_times(5.0, seconds=100.0)
    assert timed.max() < 100
    assert len(timed) == np.count_nonzero(times < 100)


def test_few_poisson_arrivals_are_not_cut_short():
    counts = [len(arrival_times(0.5, seconds=40.0, seed=seed)) for seed in range(300)]
    assert np.mean(counts) == pytest.approx(20, abs=0.8)
    assert np.std(counts) == pytest.approx(np.sqrt(20), abs=0.6)  # as for a Poisson distribution


def test_steady_arrivals():
    assert arrival_times(4.0, requests=3, arrivals="steady").tolist() == [0, 0.25, 0.5]
    assert arrival_times(4.0, seconds=1.0, arrivals="steady").tolist() == [0, 0.25, 0.5, 0.75]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 0, "requests": 1}, "rate=0: must be a positive number"),
        ({"rate": 1}, "give either requests or seconds"),
        ({"rate": 1, "requests": 1, "seconds": 1}, "give either requests or seconds"),
        ({"rate": 1, "requests": 0}, "requests=0: must be more than 0"),
        ({"rate": 1, "seconds": 0.0}, "seconds=0.0: must be more than 0"),
        ({"rate": 1, "requests": 1, "arrivals": "bursty"}, "arrivals='bursty': must be poisson"),
        ({"rate": 0.001, "seconds": 0.001}, "nothing arrives in 0.001 seconds at 0.001 requests"),
        ({"rate": 1, "requests": 1, "workers": 0}, "workers=0: must be at least 1"),
        ({"rate": 1, "requests": 1, "clock": VirtualClock()}, "VirtualClock needs asynchronous"),
    ],
)
def test_an_open_load_refuses_wrong_arguments(options, words):
    with pytest.raises(MeasureError, match=words):
        open_loop(lambda number: None, **options)


def test_a_service_that_is_not_asynchronous_is_found_out():
    with pytest.raises(MeasureError, match="the service returned a int, not a Future: leave out"):
        open_loop(lambda number: number, rate=1000, requests=1, asynchronous=True)
