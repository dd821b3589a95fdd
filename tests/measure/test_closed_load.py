"""A closed load in virtual time: clients that wait for their answers, and think."""

from concurrent.futures import Future

import pytest

from cookbook.errors import MeasureError
from cookbook.measure import Refused, VirtualClock, closed_loop
from tests.measure.simulated import Server


def test_a_closed_load_is_as_fast_as_its_server():
    clock = VirtualClock()
    server = Server(clock, lambda: 1.0)
    result = closed_loop(server, clients=4, requests=100, asynchronous=True, clock=clock)
    assert len(result.answered) == 100
    assert result.throughput == pytest.approx(1.0)
    # The first four wait for those before them; then each of the four waits for the other three.
    assert result.latency.samples[:5].tolist() == [1e6, 2e6, 3e6, 4e6, 4e6]
    assert result.latency.samples[4:].tolist() == [4e6] * 96
    assert result.lag.samples.max() == 0


def test_clients_that_think():
    clock = VirtualClock()
    server = Server(clock, lambda: 1.0)
    result = closed_loop(server, clients=2, seconds=20.0, think=9.0, asynchronous=True, clock=clock)
    # Both begin at 0, so the second waits a second; after 9 seconds of thought they meet no more.
    assert [one.scheduled for one in result.requests] == [0, 0, 10, 11]
    assert result.latency.samples.tolist() == [1e6, 2e6, 1e6, 1e6]
    assert result.seconds == 20


def test_thinking_may_last_longer_than_the_time_limit():
    clock = VirtualClock()
    server = Server(clock, lambda: 1.0)
    options = {"asynchronous": True, "clock": clock, "time_limit": 2.0}
    result = closed_loop(server, clients=1, requests=3, think=50.0, **options)
    assert [one.scheduled for one in result.requests] == [0, 51, 102]


def test_a_closed_load_ends_at_its_time():
    clock = VirtualClock()
    server = Server(clock, lambda: 1.0)
    result = closed_loop(server, clients=3, seconds=10.0, asynchronous=True, clock=clock)
    assert max(one.scheduled for one in result.requests) < 10
    assert len(result.requests) == 12  # three at once, then one with every answer up to 9 s
    assert len(result.answered) == 12
    assert result.offered == pytest.approx(1.2)


def test_a_refused_client_comes_back_a_little_later():
    clock = VirtualClock()
    server = Server(clock, lambda: 1.0, room=1)
    result = closed_loop(server, clients=2, requests=5, asynchronous=True, clock=clock)
    assert [one.outcome for one in result.requests] == ["answered"] + ["refused"] * 4
    moments = [one.scheduled for one in result.requests]
    assert moments == pytest.approx([0, 0, 0.001, 0.002, 0.003])


def test_a_closed_load_whose_service_never_answers_ends():
    clock = VirtualClock()
    result = closed_loop(
        lambda number: Future(),
        clients=3,
        requests=100,
        asynchronous=True,
        time_limit=7.0,
        clock=clock,
    )
    assert result.counts == {"answered": 0, "refused": 0, "failed": 0, "unfinished": 3}
    assert clock.now() == 14  # for the next client, and for the answers under way


def test_a_short_think_overtakes_a_long_pause():
    """A client that is free earlier is served first, though another was waited for."""
    clock = VirtualClock()

    def service(number):
        future = Future()
        if number == 0:
            clock.call_at(clock.now() + 0.5, lambda: future.set_exception(Refused("no")))
        elif number == 1:
            future.set_result(None)
        else:
            future.set_result(None)
        return future

    result = closed_loop(service, clients=2, requests=4, think=10.0, asynchronous=True, clock=clock)
    assert [one.scheduled for one in result.requests] == pytest.approx([0, 0, 10, 10.5])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"clients": 0, "requests": 1}, "clients=0: must be at least 1"),
        ({"clients": 1, "requests": 1, "think": -1}, "think=-1: must be 0 seconds or more"),
        ({"clients": 1}, "give either requests or seconds"),
        ({"clients": 1, "requests": 1, "clock": VirtualClock()}, "VirtualClock needs"),
    ],
)
def test_a_closed_load_refuses_wrong_arguments(options, words):
    with pytest.raises(MeasureError, match=words):
        closed_loop(lambda number: None, **options)
