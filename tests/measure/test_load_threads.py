"""The load generator with real threads: nothing is lost, and all of them end."""

import threading
import time

import pytest

from cookbook.measure import Refused, closed_loop, open_loop


def wait_for_the_end_of(threads):
    """Wait until these threads have ended; fails where they do not."""
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_threads_answer_and_nothing_is_lost():
    seen = []
    lock = threading.Lock()

    def service(number):
        with lock:
            seen.append((number, threading.current_thread()))
        if number % 10 == 3:
            raise Refused("no")
        if number % 10 == 7:
            raise ValueError("broken")
        return number * number

    result = open_loop(service, rate=5000, requests=200, workers=4, keep_answers=True)
    assert sorted(number for number, _ in seen) == list(range(200))
    assert threading.current_thread() not in {thread for _, thread in seen}
    assert result.counts == {"answered": 160, "refused": 20, "failed": 20, "unfinished": 0}
    assert all(one.answer == one.number**2 for one in result.answered)
    for one in result.requests:
        assert one.scheduled <= one.sent <= one.finished
    assert (result.latency.samples >= result.from_send.samples).all()


def test_a_request_that_finds_no_free_worker_waits():
    gate = threading.Event()
    started = []

    def service(number):
        started.append(number)
        if number == 0:
            assert gate.wait(20)
        return number

    threading.Timer(0.2, gate.set).start()
    result = open_loop(service, rate=1000, requests=3, arrivals="steady", workers=1)
    assert started == [0, 1, 2]
    assert result.lag.samples[1:].min() > 0.1e6
    assert result.from_send.samples[1:].max() < result.latency.samples[1:].min()


def test_a_service_that_hangs_leaves_its_requests_unfinished():
    gate = threading.Event()
    before = set(threading.enumerate())

    def service(number):
        assert gate.wait(20)

    result = open_loop(service, rate=1000, requests=5, workers=2, time_limit=0.05)
    assert result.counts == {"answered": 0, "refused": 0, "failed": 0, "unfinished": 5}
    assert sum(one.sent is None for one in result.requests) == 3
    workers = set(threading.enumerate()) - before
    assert len(workers) == 2
    gate.set()
    wait_for_the_end_of(workers)
    assert sum(one.sent is None for one in result.requests) == 3
    assert result.counts["unfinished"] == 5


def test_clients_in_threads():
    most = 0
    present = 0
    lock = threading.Lock()

    def service(number):
        nonlocal most, present
        with lock:
            present += 1
            most = max(most, present)
        time.sleep(0.002)
        with lock:
            present -= 1
        return number

    result = closed_loop(service, clients=3, requests=30, keep_answers=True)
    assert [one.answer for one in result.requests] == list(range(30))
    assert 1 <= most <= 3
    assert result.seconds > 0
    timed = closed_loop(service, clients=2, seconds=0.1)
    assert timed.counts["answered"] == len(timed.requests) > 0


def test_threads_end_when_the_load_is_interrupted():
    before = set(threading.enumerate())
    workers = set()

    def depth():
        workers.update(set(threading.enumerate()) - before)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_loop(lambda number: None, rate=1000, requests=5, depth=depth)
    assert len(workers) == 8
    wait_for_the_end_of(workers)
