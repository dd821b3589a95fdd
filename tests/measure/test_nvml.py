"""NVML through a stand-in for pynvml, and the choice of the GPU."""

import sys
from types import SimpleNamespace

import pytest

from cookbook.errors import MeasureError
from cookbook.measure import nvml
from cookbook.measure.nvml import CLOCK_REASONS, Nvml
from tests.measure.fake_nvml import FakeNvml, OldNvml

EVERYTHING = {
    "power": 250_500,
    "energy": 1_234_500,
    "sm": 1980,
    "memory": 2619,
    "temperature": 41,
    "rates": (97, 33),
    "reasons": 0x4 | 0x20,
    "processes": [],
}


@pytest.mark.parametrize("kind", [FakeNvml, OldNvml])
def test_values_and_their_units(kind):
    gpu = Nvml(0, kind(**EVERYTHING))
    assert gpu.watts() == 250.5
    assert gpu.joules() == 1234.5
    assert gpu.sm_mhz() == 1980
    assert gpu.memory_mhz() == 2619
    assert gpu.celsius() == 41
    assert gpu.utilisation() == (97, 33)
    assert gpu.clock_reasons() == ("power limit", "hot (software)")


def test_what_the_gpu_does_not_report_is_none():
    gpu = Nvml(0, FakeNvml())
    asked = (gpu.watts, gpu.joules, gpu.sm_mhz, gpu.memory_mhz, gpu.celsius)
    assert [question() for question in asked] == [None] * 5
    assert gpu.utilisation() is None
    assert gpu.clock_reasons() is None
    assert gpu.process_memory(1) is None


def test_no_reason_is_not_an_unknown_reason():
    assert Nvml(0, FakeNvml(reasons=0)).clock_reasons() == ()


def test_zero_is_a_value():
    gpu = Nvml(0, FakeNvml(power=0, energy=0))
    assert gpu.watts() == 0
    assert gpu.joules() == 0


def test_every_reason_has_a_bit_of_its_own():
    assert list(CLOCK_REASONS) == [1 << k for k in range(9)]
    everything = Nvml(0, FakeNvml(reasons=0x1FF))
    assert everything.clock_reasons() == tuple(CLOCK_REASONS.values())
    assert CLOCK_REASONS[0x80] == "power brake"
    assert CLOCK_REASONS[0x40] == "hot (hardware)"
    assert CLOCK_REASONS[0x8] == "slowed by hardware"
    assert CLOCK_REASONS[0x1] == "idle"
    assert CLOCK_REASONS[0x2] == "clocks set by hand"


def test_memory_of_a_process():
    listed = [
        SimpleNamespace(pid=7, usedGpuMemory=100),
        SimpleNamespace(pid=8, usedGpuMemory=200),
        SimpleNamespace(pid=9, usedGpuMemory=None),
    ]
    gpu = Nvml(0, FakeNvml(processes=listed + [listed[0]]))
    gpu.module.values["processes"] = tuple(listed)
    assert gpu.process_memory(8) == 200
    assert gpu.process_memory(9) is None
    assert gpu.process_memory(10) is None


def test_the_gpu_is_found_by_number_or_by_its_place_on_the_bus(monkeypatch):
    module = FakeNvml()
    Nvml(3, module)
    monkeypatch.setattr(nvml, "_pci_address", lambda: b"0000:1B:00.0")
    Nvml(None, module)
    monkeypatch.setattr(nvml, "_pci_address", lambda: None)
    Nvml(None, module)
    assert module.handles == [("index", 3), ("pci", b"0000:1B:00.0"), ("index", 0)]


def test_closing_gives_nvml_back():
    module = FakeNvml()
    gpu = Nvml(0, module)
    assert module.opened == 1
    gpu.close()
    assert module.opened == 0


def test_without_a_driver_it_says_so():
    module = FakeNvml()
    module.init_error = "Driver Not Loaded"
    with pytest.raises(MeasureError, match="NVML: Driver Not Loaded. It needs an NVIDIA GPU"):
        Nvml(0, module)


def test_without_the_package_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(MeasureError, match="NVML needs the package nvidia-ml-py: `make setup`"):
        Nvml(0)


def test_the_place_on_the_bus_is_that_of_the_current_gpu(monkeypatch):
    from cuda.bindings import runtime

    success, failure = runtime.cudaError_t.cudaSuccess, runtime.cudaError_t.cudaErrorNoDevice
    asked = []

    def address(length, device):
        asked.append((length, device))
        return success, b"0000:1B:00.0\0\0\0"

    monkeypatch.setattr(runtime, "cudaDeviceGetPCIBusId", address)
    monkeypatch.setattr(runtime, "cudaGetDevice", lambda: (success, 2))
    module = FakeNvml()
    Nvml(None, module)
    assert asked == [(32, 2)]
    monkeypatch.setattr(runtime, "cudaGetDevice", lambda: (failure,))
    Nvml(None, module)
    assert module.handles == [("pci", b"0000:1B:00.0"), ("index", 0)]


@pytest.mark.gpu
def test_a_real_gpu_reports():
    gpu = Nvml()
    try:
        assert gpu.watts() > 0
        assert gpu.sm_mhz() > 0
        assert gpu.memory_mhz() > 0
        assert 0 < gpu.celsius() < 120
        assert gpu.clock_reasons() is not None
    finally:
        gpu.close()
