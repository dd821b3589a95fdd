"""The thread that reads a gauge while a block runs."""

import threading

import pytest

from cookbook.errors import MeasureError
from cookbook.measure.sampling import Sampler


class Gauge:
    """Counts its readings, and lets a test wait for them."""

    def __init__(self, fail_at=None):
        self.count = 0
        self.fail_at = fail_at
        self.reached = threading.Event()
        self.threads = []

    def __call__(self):
        self.count += 1
        self.threads.append(threading.current_thread())
        if self.count >= 4:
            self.reached.set()
        if self.count == self.fail_at:
            self.reached.set()
            raise ValueError("the gauge broke")
        return 10 * self.count


def test_it_reads_at_the_beginning_meanwhile_and_at_the_end():
    gauge = Gauge()
    with Sampler(gauge, 0.001) as sampler:
        assert sampler.values == [10]
        assert gauge.reached.wait(20)
    assert len(sampler.samples) >= 5
    assert sampler.values == [10 * k for k in range(1, gauge.count + 1)]
    here = threading.current_thread()
    assert gauge.threads[0] is gauge.threads[-1] is here
    assert here not in gauge.threads[1:-1]
    moments = [moment for moment, _ in sampler.samples]
    assert moments == sorted(moments)
    assert 0 <= moments[0] < 1
    assert sampler.seconds == moments[-1] - moments[0]
    assert not any(thread.is_alive() for thread in set(gauge.threads) - {here})


def test_a_long_interval_leaves_the_first_and_the_last_reading():
    with Sampler(Gauge(), 1000) as sampler:
        pass
    assert sampler.values == [10, 20]


def test_what_breaks_in_the_thread_is_raised_at_the_end():
    gauge = Gauge(fail_at=2)
    with pytest.raises(ValueError, match="the gauge broke"), Sampler(gauge, 0.001):
        assert gauge.reached.wait(20)
    assert gauge.count == 2


def test_an_error_of_the_block_comes_first():
    gauge = Gauge(fail_at=2)

    def block():
        with Sampler(gauge, 0.001):
            assert gauge.reached.wait(20)
            raise KeyError("block")

    with pytest.raises(KeyError, match="block"):
        block()


@pytest.mark.parametrize("interval", [0, -1])
def test_an_interval_must_be_positive(interval):
    with pytest.raises(MeasureError, match=f"interval={interval}: must be a positive number"):
        Sampler(Gauge(), interval)
