"""The wall's clock and the virtual one."""

import threading
from types import SimpleNamespace

import pytest

from cookbook.errors import MeasureError
from cookbook.measure import VirtualClock, WallClock
from cookbook.measure import clock as clocks


def test_virtual_time_passes_from_event_to_event():
    clock = VirtualClock()
    seen = []
    clock.call_at(3.0, lambda: seen.append(("c", clock.now())))
    clock.call_at(1.0, lambda: seen.append(("a", clock.now())))
    clock.call_at(1.0, lambda: seen.append(("b", clock.now())))
    clock.sleep_until(2.0)
    assert seen == [("a", 1.0), ("b", 1.0)]
    assert clock.now() == 2
    clock.sleep_until(3.0)
    assert seen[-1] == ("c", 3.0)
    clock.sleep_until(1.0)
    assert clock.now() == 3


def test_events_may_plan_events():
    clock = VirtualClock()
    seen = []

    def tick():
        seen.append(clock.now())
        clock.call_at(clock.now() + 1, tick)

    clock.call_at(1.0, tick)
    clock.sleep_until(3.5)
    assert seen == [1, 2, 3]


def test_a_virtual_wait_ends_when_it_is_ready():
    clock = VirtualClock()
    seen = []
    for moment in (1.0, 2.0, 3.0):
        clock.call_at(moment, lambda moment=moment: seen.append(moment))
    assert clock.wait(lambda: len(seen) == 2, 10.0) is True
    assert clock.now() == 2
    assert clock.wait(lambda: len(seen) == 5, 10.0) is False
    assert (clock.now(), seen) == (10, [1, 2, 3])
    assert clock.wait(lambda: True, 20.0) is True
    assert clock.now() == 10


def test_the_past_cannot_be_planned():
    clock = VirtualClock()
    clock.sleep_until(2.0)
    clock.call_at(2.0, lambda: None)
    with pytest.raises(MeasureError, match=r"call_at\(1.5\): it is 2 already"):
        clock.call_at(1.5, lambda: None)


def test_the_wall_clock_waits():
    clock = WallClock()
    assert 0 <= clock.now() < 5
    moment = clock.now() + 0.02
    clock.sleep_until(moment)
    assert clock.now() >= moment
    clock.sleep_until(0.0)
    assert clock.wait(lambda: False, clock.now() + 0.01) is False
    assert clock.now() >= moment + 0.01
    assert clock.wait(lambda: False, 0.0) is False
    assert clock.wait(lambda: True, 0.0) is True


def test_the_wall_clock_sleeps_for_what_is_left(monkeypatch):
    times = SimpleNamespace(now=100.0, slept=[])

    def sleep(seconds):
        times.slept.append(seconds)
        times.now += seconds - 0.25 if len(times.slept) == 1 else seconds  # woken early once

    times.perf_counter = lambda: times.now
    times.sleep = sleep
    monkeypatch.setattr(clocks, "time", times)
    clock = WallClock()
    assert clock.now() == 0
    clock.sleep_until(2.0)
    assert times.slept == [2.0, 0.25]
    assert clock.now() == 2
    clock.sleep_until(2.0)
    assert len(times.slept) == 2


def test_the_wall_clock_waits_for_what_is_left(monkeypatch):
    clock = WallClock()
    waited = []

    class Condition:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def wait_for(self, ready, timeout):
            waited.append(timeout)
            return ready()

    monkeypatch.setattr(clock, "_changed", Condition())
    monkeypatch.setattr(clock, "now", lambda: 100.0)
    assert clock.wait(lambda: True, 101.5) is True
    assert clock.wait(lambda: [], 99.0) is False
    assert waited == [1.5, 0]


def test_the_wall_clock_wakes_when_it_is_told():
    clock = WallClock()
    state = []

    def answer():
        state.append(1)
        clock.notify()

    thread = threading.Thread(target=answer)
    thread.start()
    assert clock.wait(lambda: state, clock.now() + 60) is True
    assert clock.now() < 30
    thread.join()


def test_which_clock_is_virtual():
    assert VirtualClock().virtual
    assert not WallClock().virtual
