"""Memory of device and host, with gauges that a test sets."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from cookbook import backend
from cookbook.errors import MeasureError, NoGpuError
from cookbook.measure import (
    PeakMemory,
    device_memory,
    host_memory,
    memory,
    process_device_memory,
)
from tests.measure.fake_nvml import FakeNvml

MIB = 2**20


def test_host_memory_grows_with_what_is_used():
    before = host_memory()
    block = np.ones(64 * MIB, np.uint8)
    grown = host_memory() - before
    assert block[-1] == 1
    assert 50 * MIB < grown < 200 * MIB


def test_host_memory_needs_psutil(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(MeasureError, match="host memory needs the package psutil"):
        host_memory()


def steps(*values):
    """A gauge that shows these values one after the other, in MiB; the last one stays."""
    left = list(values)

    def gauge():
        value = left.pop(0) if len(left) > 1 else left[0]
        return value * MIB

    return gauge


def test_the_peak_lies_between_beginning_and_end():
    with PeakMemory(0.001, gauges={"device": steps(10, 50, 20), "host": steps(3, 1)}) as peak:
        while len(peak.samples) < 3:
            pass
    assert peak.before("device") == 10 * MIB
    assert peak.peak("device") == 50 * MIB
    assert peak.rise("device") == 40 * MIB
    assert peak.after("device") == 20 * MIB
    assert peak.rise("host") == 0
    row = peak.row("run")
    assert row.pop("readings") == len(peak.samples)
    assert row == {
        "name": "run",
        "device_before_mib": 10,
        "device_peak_mib": 50,
        "device_after_mib": 20,
        "host_before_mib": 3,
        "host_peak_mib": 3,
        "host_after_mib": 1,
    }
    moment, values = peak.samples[0]
    assert moment >= 0
    assert values == {"device": 10 * MIB, "host": 3 * MIB}


def test_by_default_the_host_is_watched_and_the_device_if_there_is_one(monkeypatch):
    monkeypatch.setattr(backend, "gpu_problem", lambda: "no GPU")
    with PeakMemory() as peak:
        pass
    assert set(peak.samples[0][1]) == {"host"}
    monkeypatch.setattr(backend, "gpu_problem", lambda: None)
    monkeypatch.setattr(memory, "device_memory", lambda: memory.DeviceMemory(5, 6, 11))
    with PeakMemory() as peak:
        pass
    assert peak.before("device") == 5
    assert peak.before("host") > MIB


def test_unknown_and_missing_gauges_are_refused():
    with pytest.raises(MeasureError, match="gauges is empty: there is nothing to watch$"):
        PeakMemory(gauges={})
    with PeakMemory(gauges={"host": steps(1)}) as peak:
        pass
    with pytest.raises(MeasureError, match="no gauge 'device': there are host"):
        peak.peak("device")


def test_memory_of_this_process_by_nvml():
    ours = SimpleNamespace(pid=os.getpid(), usedGpuMemory=123)
    module = FakeNvml(processes=(SimpleNamespace(pid=1, usedGpuMemory=9), ours))
    assert process_device_memory(index=0, module=module) == 123
    assert module.opened == 0
    assert process_device_memory(index=0, module=FakeNvml()) is None


def test_device_memory_without_a_gpu_says_so(monkeypatch):
    monkeypatch.setattr(backend, "gpu_problem", lambda: "a CUDA GPU")
    with pytest.raises(NoGpuError, match="asking for device memory needs a CUDA GPU"):
        device_memory()


def test_device_memory_is_what_is_not_free(monkeypatch):
    from cuda.bindings import runtime as cudart

    monkeypatch.setattr(backend, "require_gpu", lambda what: None)
    success = cudart.cudaError_t.cudaSuccess
    monkeypatch.setattr(cudart, "cudaMemGetInfo", lambda: (success, 30, 100))
    assert device_memory() == (70, 30, 100)
    assert device_memory().used == 70
    assert memory._device_used() == 70


@pytest.mark.gpu
def test_an_allocation_shows():
    import torch

    before = device_memory()
    with PeakMemory() as peak:
        block = torch.empty(512 * MIB, dtype=torch.uint8, device="cuda")
        torch.cuda.synchronize()
    assert device_memory().used - before.used >= 500 * MIB
    assert peak.rise("device") >= 500 * MIB
    assert before.used + before.free == before.total
    del block
    known = process_device_memory()
    assert known is None or known > 0
