"""Bars while building, and the way to stop."""

from types import SimpleNamespace

import pytest

import cookbook
from cookbook import backend, trt
from cookbook.building import progress
from cookbook.building.interrupt import HeldInterrupt
from tests import onnx_samples as samples

needs_monitor = pytest.mark.skipif(
    not hasattr(trt, "IProgressMonitor"), reason="this version has no progress monitor"
)
can_build = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)


class Bar:
    """What tqdm makes, with the calls that it gets."""

    def __init__(self, total, desc, leave):
        self.calls = [(total, desc, leave)]

    def update(self):
        self.calls.append("update")

    def close(self):
        self.calls.append("close")


@needs_monitor
def test_each_phase_has_a_bar(monkeypatch):
    made = []

    def bar(**options):
        made.append(Bar(**options))
        return made[-1]

    monkeypatch.setattr("tqdm.auto.tqdm", bar)
    monitor = progress.build_monitor(HeldInterrupt(), bars=True)
    monitor.phase_start("outer", None, 2)
    monitor.phase_start("inner", "outer", 1)
    assert monitor.step_complete("inner", 0) is True
    monitor.phase_finish("inner")
    assert monitor.step_complete("outer", 0) is True
    assert monitor.step_complete("outer", 1) is True
    monitor.phase_finish("outer")
    assert made[0].calls == [(2, "outer", False), "update", "update", "close"]
    assert made[1].calls == [(1, "inner", False), "update", "close"]


@needs_monitor
def test_no_bars_unless_wanted(capfd):
    monitor = progress.build_monitor(HeldInterrupt(), bars=False)
    monitor.phase_start("outer", None, 2)
    assert monitor.step_complete("outer", 0) is True
    monitor.phase_finish("outer")
    assert capfd.readouterr() == ("", "")


@needs_monitor
def test_a_step_after_an_interrupt_says_stop():
    interrupt = HeldInterrupt()
    monitor = progress.build_monitor(interrupt, bars=False)
    interrupt.requested = True
    assert monitor.step_complete("outer", 0) is False


def test_a_tensorrt_without_monitors(monkeypatch):
    monkeypatch.setattr(progress, "trt", SimpleNamespace())
    assert progress.build_monitor(HeldInterrupt(), bars=True) is None


@can_build
@needs_monitor
def test_bars_are_drawn_on_request(capfd):
    cookbook.build(samples.linear(), profiles=samples.PROFILE, progress=True)
    assert "Building engine" in capfd.readouterr().err


@can_build
@needs_monitor
@pytest.mark.parametrize("progress", [None, False])
def test_no_bars_where_stderr_is_no_terminal(capfd, progress):
    cookbook.build(samples.linear(), profiles=samples.PROFILE, progress=progress)
    assert capfd.readouterr().err == ""
