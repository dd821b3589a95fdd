"""``LayerTimes`` as TensorRT calls it, and ``layer_times`` with a session that stands for one."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import cookbook
from cookbook import backend
from cookbook.errors import MeasureError, NoGpuError
from cookbook.measure import LayerTimes, layer_times
from tests import onnx_samples as samples


def collected(*runs):
    """LayerTimes with these runs, each a list of (layer, ms)."""
    times = LayerTimes()
    for run in runs:
        for name, ms in run:
            times.report_layer_time(name, ms)
        times.end_run()
    return times


def test_it_is_a_profiler_of_tensorrt():
    assert isinstance(LayerTimes(), backend.trt.IProfiler)


def test_runs_are_kept_apart():
    times = LayerTimes()
    assert times.end_run() == 0
    times.report_layer_time("conv", 0.5)
    times.report_layer_time("relu", 0.25)
    assert times.runs == []
    assert times.end_run() == 2
    times.report_layer_time("conv", 0.75)
    assert times.end_run() == 1
    assert times.end_run() == 0
    assert times.runs == [[("conv", 0.5), ("relu", 0.25)], [("conv", 0.75)]]
    assert times.totals().tolist() == [0.75, 0.75]


def test_rows_have_the_median_its_interval_and_the_share():
    runs = [[("conv", 3.0 + k), ("relu", 2.0)] for k in range(7)]
    conv, relu = collected(*runs).rows()
    assert conv == {
        "layer": "conv",
        "median_ms": 6.0,
        "ci_low_ms": 3.0,
        "ci_high_ms": 9.0,
        "reports": 1,
        "runs": 7,
        "share": 0.75,
    }
    assert (relu["layer"], relu["median_ms"], relu["share"]) == ("relu", 2, 0.25)


def test_few_runs_have_no_interval():
    (row,) = collected([("conv", 1.0)], [("conv", 3.0)]).rows()
    assert row["median_ms"] == 2
    assert row["ci_low_ms"] is row["ci_high_ms"] is None


def test_intervals_of_microseconds_are_not_rounded_away():
    (row,) = collected(*[[("relu", 0.0012345678)]] * 6).rows()
    assert row["ci_low_ms"] == row["ci_high_ms"] == 0.001235


def test_a_layer_that_a_run_reports_several_times_is_added_up():
    row, other = collected([("step", 1.0), ("end", 4.0), ("step", 2.0)], [("step", 5.0)]).rows()
    assert (row["layer"], row["median_ms"], row["reports"]) == ("step", 4, 2)
    assert (other["layer"], other["median_ms"], other["reports"]) == ("end", 2, 1)


def test_layers_stay_in_the_order_of_the_engine():
    times = collected([("b", 1.0), ("a", 9.0)], [("b", 1.0), ("c", 1.0), ("a", 9.0)])
    assert [row["layer"] for row in times.rows()] == ["b", "a", "c"]


def test_layers_of_no_time_have_no_share():
    assert collected([("noop", 0.0)]).rows()[0]["share"] == 0


def test_rows_of_nothing_are_refused():
    with pytest.raises(MeasureError, match="no layer times: attach the profiler, run, and call"):
        LayerTimes().rows()


class FakeSession:
    """A session whose launches report two layers, slower in the first profiled run."""

    def __init__(self, reports=True):
        self.context = SimpleNamespace(profiler=None)
        self.reports = reports
        self.bound = None
        self.unprofiled = 0
        self.profiled = 0

    def bind(self, feed, **inputs):
        self.bound = (feed, inputs)
        return self.launch

    def launch(self):
        times = self.context.profiler
        if times is None:
            self.unprofiled += 1
            return
        self.profiled += 1
        if self.reports:
            times.report_layer_time("conv", 100.0 if self.profiled == 1 else 2.0)
            times.report_layer_time("relu", 1.0)


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(backend, "require_gpu", lambda what: None)


@pytest.mark.usefixtures("gpu")
def test_layer_times_warms_up_and_drops_the_first_profiled_run():
    session = FakeSession()
    times = layer_times(session, {"x": 1}, y=2, runs=5, warm_up=3)
    assert session.bound == ({"x": 1}, {"y": 2})
    assert (session.unprofiled, session.profiled) == (3, 6)
    assert session.context.profiler is times
    assert times.runs == [[("conv", 2.0), ("relu", 1.0)]] * 5


@pytest.mark.usefixtures("gpu")
def test_layer_times_defaults():
    session = FakeSession()
    assert len(layer_times(session).runs) == 100
    assert session.unprofiled == 30
    assert len(layer_times(FakeSession(), runs=1).runs) == 1


@pytest.mark.usefixtures("gpu")
def test_an_engine_that_reports_nothing_is_refused():
    with pytest.raises(MeasureError, match="reported no layer: .* cuda_graph=False"):
        layer_times(FakeSession(reports=False))


@pytest.mark.usefixtures("gpu")
def test_no_runs_are_refused():
    with pytest.raises(MeasureError, match="runs=0: must be at least 1"):
        layer_times(FakeSession(), runs=0)


def test_layer_times_without_a_gpu_says_so(monkeypatch):
    monkeypatch.setattr(backend, "gpu_problem", lambda: "a CUDA GPU")
    with pytest.raises(NoGpuError, match="profiling layers needs a CUDA GPU"):
        layer_times(FakeSession())


def test_measure_imports_neither_torch_nor_tensorrt():
    program = (
        "import sys, cookbook.measure as m; "
        "heavy = {'torch', 'tensorrt', 'tensorrt_rtx', 'scipy.stats'}; "
        "print(sorted(heavy & set(sys.modules))); "
        "print(sorted(set(m.__all__) - set(dir(m))), m.Timing.__module__)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    loaded, names = done.stdout.splitlines()
    assert loaded == "[]"
    assert names == "['LayerTimes', 'layer_times'] cookbook.measure.statistics"


def test_measure_has_no_other_names():
    from cookbook import measure

    assert all(hasattr(measure, name) for name in measure.__all__)
    with pytest.raises(AttributeError, match="cookbook.measure.* has no attribute 'layer_time'"):
        _ = measure.layer_time


@pytest.mark.gpu
def test_an_engine_reports_its_layers():
    plan = cookbook.build(samples.linear(), profiles={"x": ((1, 4), (4, 4), (8, 4))})
    x = np.ones((2, 4), np.float32)
    with cookbook.Session(plan) as session:
        times = layer_times(session, x=x, runs=10)
        assert len(times.runs) == 10
        rows = times.rows()
        assert sum(row["share"] for row in rows) == pytest.approx(1)
        assert times.totals().min() > 0
    with (
        cookbook.Session(plan, cuda_graph=True) as session,
        pytest.raises(MeasureError, match="reported no layer"),
    ):
        layer_times(session, x=x)
