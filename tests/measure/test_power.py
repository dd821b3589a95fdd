"""``PowerMeter`` with a stand-in for pynvml."""

import pytest

from cookbook.errors import MeasureError
from cookbook.measure import PowerMeter, PowerReading
from tests.measure.fake_nvml import FakeNvml

NEVER = 1000.0  # seconds between two readings: only the first and the last are taken


def metered(*moments, **values):
    """A meter that was read at these moments, the first and the last of its block."""
    module = FakeNvml(**values)
    times = iter([0.0, *moments])
    meter = PowerMeter(NEVER, index=0, module=module, clock=lambda: next(times))
    with meter:
        assert module.opened == 1
    assert module.opened == 0
    return meter


def test_energy_by_the_counter():
    meter = metered(0.0, 3.0, energy=[5000, 12500], power=1000)
    assert meter.joules == 7.5
    assert meter.energy_source == "counter"
    assert meter.watts == 2.5
    assert meter.seconds == 3


def test_energy_by_integration_where_nothing_counts_it():
    meter = metered(1.0, 3.0, power=[100_000, 300_000])
    assert meter.joules == 400
    assert meter.energy_source == "integral"
    assert meter.watts == 200


def test_one_reading_of_the_power_is_no_energy():
    meter = metered(0.0, 2.0, power=[100_000, None])
    with pytest.raises(MeasureError, match="this GPU does not report watts"):
        _ = meter.joules


def test_a_gpu_that_reports_nothing_has_no_energy():
    meter = metered(0.0, 1.0)
    with pytest.raises(MeasureError, match="this GPU does not report watts"):
        _ = meter.joules


def test_readings():
    known = {"power": 1500, "sm": 1980, "memory": 2619, "temperature": 40}
    meter = metered(0.5, 1.5, **known, rates=(90, 30), reasons=4)
    expected = {
        "watts": 1.5,
        "sm_mhz": 1980,
        "memory_mhz": 2619,
        "celsius": 40,
        "gpu_percent": 90,
        "memory_percent": 30,
        "clock_reasons": ("power limit",),
    }
    assert meter.readings == [PowerReading(0.5, **expected), PowerReading(1.5, **expected)]


def test_what_held_the_clocks_back():
    assert metered(0, 1, reasons=[0x4 | 0x40, 0x4]).held_back() == {
        "power limit": 1.0,
        "hot (hardware)": 0.5,
    }
    assert metered(0, 1, reasons=0).held_back() == {}
    assert metered(0, 1).held_back() == {}


def test_a_row():
    meter = metered(
        0.0,
        2.0,
        power=[100_000, 300_000],
        sm=[1980, 1200],
        memory=[2619, 2500],
        temperature=[40, 55],
        rates=[(10, 5), (90, 30)],
        reasons=[0x4, 0x40],
    )
    assert meter.row("run") == {
        "name": "run",
        "seconds": 2.0,
        "joules": 400.0,
        "energy_source": "integral",
        "mean_watts": 200.0,
        "max_watts": 300.0,
        "min_sm_mhz": 1200,
        "max_sm_mhz": 1980,
        "min_memory_mhz": 2500,
        "max_celsius": 55,
        "max_gpu_percent": 90,
        "held_back": "power limit, hot (hardware)",
        "settled": True,
        "readings": 2,
    }


def test_a_row_of_a_gpu_that_reports_little():
    row = metered(0.0, 1.9, energy=[1000, 2000]).row()
    assert row["joules"] == 1
    assert row["max_watts"] is row["min_sm_mhz"] is row["max_celsius"] is None
    assert row["max_gpu_percent"] is row["min_memory_mhz"] is row["max_sm_mhz"] is None
    assert row["held_back"] == ""
    assert row["settled"] is False


def test_readings_are_taken_meanwhile():
    module = FakeNvml(power=1000)
    with PowerMeter(0.001, index=0, module=module) as meter:
        while len(meter.readings) < 4:
            pass
    assert len(meter.readings) >= 5


def test_nvml_is_given_back_when_the_block_fails():
    module = FakeNvml(power=1000)
    with pytest.raises(KeyError), PowerMeter(NEVER, index=0, module=module):
        raise KeyError("block")
    assert module.opened == 0


@pytest.mark.gpu
def test_a_real_gpu_uses_energy():
    import torch

    x = torch.ones(4096, 4096, device="cuda")
    with PowerMeter() as meter:
        for _ in range(50):
            x @ x
        torch.cuda.synchronize()
    row = meter.row("products")
    assert row["joules"] > 0
    assert row["mean_watts"] > 0
    assert row["max_sm_mhz"] > 0
