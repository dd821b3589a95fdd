"""``host_time`` with a simulated clock, and with a real one."""

import pytest

from cookbook import backend
from cookbook.errors import MeasureError
from cookbook.measure import host_time, timing


class FakeHost:
    """A clock that only calls and waits move on, in seconds."""

    def __init__(self):
        self.now = 5.0
        self.events = []

    def call(self):
        self.events.append("call")
        self.now += 2e-6

    def wait(self):
        self.events.append("wait")
        self.now += 7e-6

    def clock(self):
        return self.now

    def time(self, **options):
        return host_time(self.call, synchronize=self.wait, clock=self.clock, **options)


def test_host_time_of_each_call_with_its_wait():
    host = FakeHost()
    found = host.time(calls=3, warm_up=1, name="a")
    assert found.samples.tolist() == pytest.approx([9] * 3)
    assert host.events == ["call", "wait"] * 4
    assert (found.name, found.inner, found.host_us) == ("a", 1, None)


def test_host_time_of_a_burst_with_one_wait():
    host = FakeHost()
    found = host.time(calls=2, warm_up=0, wait="burst", burst=4)
    assert found.samples.tolist() == pytest.approx([(4 * 2 + 7) / 4] * 2)
    assert host.events == ["wait"] + ["call", "call", "call", "call", "wait"] * 2
    assert found.inner == 4


def test_host_time_of_the_call_alone():
    host = FakeHost()
    found = host.time(calls=2, warm_up=2, wait="after")
    assert found.samples.tolist() == pytest.approx([2] * 2)
    assert host.events == ["call", "call", "wait", "call", "wait", "call", "wait"]


def test_host_time_defaults():
    host = FakeHost()
    assert len(host.time().samples) == 200
    assert host.events.count("call") == 220
    host.events.clear()
    assert len(host.time(wait="burst").samples) == 200
    assert host.events.count("call") == 20 + 20 * 200


def test_host_time_without_a_gpu_waits_for_nothing(monkeypatch):
    monkeypatch.setattr(backend, "gpu", lambda: None)
    host = FakeHost()
    found = host_time(host.call, calls=3, clock=host.clock)
    assert found.samples.tolist() == pytest.approx([2] * 3)


def test_host_time_waits_for_the_device_where_there_is_one(monkeypatch):
    host = FakeHost()

    class Device:
        synchronize = staticmethod(host.wait)

    monkeypatch.setattr(backend, "gpu", lambda: "a card")
    monkeypatch.setattr(timing, "CudaEvents", Device)
    found = host_time(host.call, calls=3, clock=host.clock)
    assert found.samples.tolist() == pytest.approx([9] * 3)


def test_host_time_uses_the_wall_clock():
    found = host_time(lambda: sum(range(1000)), calls=5, synchronize=lambda: None)
    assert (found.samples > 0).all()
    assert found.median < 1e6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"wait": "never"}, "wait='never': must be one of each, burst, after"),
        ({"calls": 0}, "calls=0"),
        ({"burst": 0}, "burst=0"),
    ],
)
def test_host_time_refuses_wrong_arguments(options, words):
    with pytest.raises(MeasureError, match=words):
        host_time(lambda: None, **options)
