"""Kernels out of a trace: written by hand in the format that torch.profiler exports."""

import json

import pytest

from cookbook import backend
from cookbook.errors import MeasureError, NoGpuError
from cookbook.measure import GpuTrace, GpuWork, gaps, merged, read_trace, trace_gpu

GEMM = "sm80_xmma_gemm_f16f16_f16f32_f32_tn_n"
COPY = "Memcpy HtoD (Pinned -> Device)"
FILL = "Memset (Device)"


def event(category, name, ts, dur, **more):
    """An event with a beginning and a duration, as torch.profiler exports it."""
    return {"ph": "X", "cat": category, "name": name, "pid": 0, "tid": 7, "ts": ts, "dur": dur,
            "args": more}  # fmt: skip


def kernel(name, ts, dur, correlation, grid=(8, 1, 1), stream=7):
    more = {"queued": 0, "device": 0, "context": 1, "stream": stream, "correlation": correlation}
    shape = {"registers per thread": 40, "shared memory": 0, "grid": list(grid)}
    return event("kernel", name, ts, dur, **more, **shape, block=[128, 1, 1])


# Two calls: a copy, a fill, a product, and twice an activation whose grid differs. Kernels of the
# second call overlap; host calls and operators stand between them.
TRACE = {
    "schemaVersion": 1,
    "deviceProperties": [{"id": 0, "name": "a GPU"}],
    "traceEvents": [
        {"ph": "M", "name": "process_name", "pid": 0, "ts": 0, "args": {"name": "python"}},
        event("cpu_op", "aten::mm", 990.0, 30.0),
        event("cuda_runtime", "cudaLaunchKernel", 995.0, 4.0, correlation=3),
        kernel("relu", 1030.0, 2.0, 4),
        kernel(GEMM, 1020.0, 8.0, 3),
        event("gpu_memcpy", COPY, 1000.0, 5.0, stream=7, correlation=1, bytes=4096),
        event("gpu_memset", FILL, 1006.0, 1.0, stream=7, correlation=2, bytes=64),
        kernel("relu", 1034.0, 4.0, 5, grid=(16, 1, 1)),
        event("gpu_memcpy", COPY, 1100.0, 7.0, stream=7, correlation=6, bytes=4096),
        event("gpu_memset", FILL, 1108.0, 1.0, stream=7, correlation=7, bytes=64),
        kernel(GEMM, 1120.0, 12.0, 8),
        kernel("relu", 1130.0, 2.0, 8, stream=8),
        kernel("relu", 1134.0, 4.0, 8, grid=(16, 1, 1)),
        {"ph": "i", "cat": "kernel", "name": "an instant", "ts": 1, "args": {}},
        {"ph": "f", "cat": "ac2g", "name": "ac2g", "id": 3, "ts": 1020.0},
    ],
}


def test_the_gpus_work_is_found_in_order_from_its_beginning():
    trace = read_trace(TRACE, calls=2)
    assert trace.calls == 2
    assert len(trace.work) == 10
    assert trace.work[0] == GpuWork("copy", COPY, 0.0, 5.0, 7, None, None, 4096, 1)
    assert trace.work[1] == GpuWork("fill", FILL, 6.0, 1.0, 7, None, None, 64, 2)
    assert trace.work[2] == GpuWork("kernel", GEMM, 20.0, 8.0, 7, (8, 1, 1), (128, 1, 1), None, 3)
    assert [one.start for one in trace.work] == [0, 6, 20, 30, 34, 100, 108, 120, 130, 134]
    assert [one.name for one in trace.kernels] == [GEMM, "relu", "relu"] * 2


def test_a_summary_of_one_call():
    assert read_trace(TRACE, calls=2).summary() == {
        "kernels": 3,
        "kernel_us": 16.0,
        "copies": 1,
        "copy_us": 6.0,
        "fills": 1,
        "fill_us": 1.0,
        "launches": 4,
        "busy_us": 22.0,
    }


def test_microseconds_are_rounded_to_nanoseconds():
    summary = read_trace([kernel("k", 0.0, 1.23456, 1)]).summary()
    assert summary["kernel_us"] == summary["busy_us"] == 1.235


def test_overlapping_work_counts_once():
    trace = read_trace(TRACE)
    assert trace.busy_us == 5 + 1 + 8 + 2 + 4 + 7 + 1 + 12 + 4
    assert sum(one.us for one in trace.work) == trace.busy_us + 2


def test_rows_of_the_kernels():
    gemm, relu = read_trace(TRACE, calls=2).rows()
    assert gemm == {
        "name": GEMM,
        "kind": "kernel",
        "count": 1,
        "us": 10.0,
        "median_us": 10.0,
        "grid": (8, 1, 1),
        "block": (128, 1, 1),
        "bytes": None,
        "share": 0.625,
    }
    assert (relu["count"], relu["us"], relu["median_us"]) == (2, 6, 3)
    assert (relu["grid"], relu["block"], relu["share"]) == (None, (128, 1, 1), 0.375)


def test_rows_of_copies_and_fills():
    trace = read_trace(TRACE, calls=2)
    copy, fill = trace.rows(kinds=("copy", "fill"))
    assert (copy["kind"], copy["count"], copy["us"], copy["bytes"]) == ("copy", 1, 6, 4096)
    assert (fill["kind"], fill["count"], fill["us"], fill["bytes"]) == ("fill", 1, 1, 64)
    assert len(trace.rows(kinds=("kernel", "copy", "fill"))) == 4


def test_counts_that_are_no_whole_numbers():
    trace = read_trace(TRACE, calls=4)
    assert trace.summary()["kernels"] == 1.5
    assert trace.rows()[0]["count"] == 0.5
    assert read_trace(TRACE, calls=3).rows()[0]["count"] == 0.67
    assert isinstance(trace.summary()["copies"], float)
    assert isinstance(read_trace(TRACE).summary()["copies"], int)


def test_a_trace_is_read_from_a_file_or_from_its_events(tmp_path):
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(TRACE))
    expected = read_trace(TRACE, calls=2)
    assert read_trace(file, calls=2) == expected
    assert read_trace(str(file), calls=2) == expected
    assert read_trace(TRACE["traceEvents"], calls=2) == expected


def test_a_trace_without_work_on_the_gpu():
    trace = read_trace([TRACE["traceEvents"][1]])
    assert trace == GpuTrace([], 1)
    assert trace.busy_us == 0
    assert trace.rows() == []
    assert trace.summary()["kernels"] == trace.summary()["launches"] == 0


def test_work_of_no_time_has_no_share():
    assert read_trace([kernel("nothing", 0, 0, 1)]).rows()[0]["share"] == 0


def test_work_without_details():
    bare = {"ph": "X", "cat": "kernel", "name": "k", "ts": 5, "dur": 2}
    assert read_trace([bare]).work == [GpuWork("kernel", "k", 0.0, 2.0)]
    assert read_trace([bare]).summary()["launches"] == 0


@pytest.mark.parametrize("content", [None, "no JSON", "{}"])
def test_what_is_no_trace_is_refused(tmp_path, content):
    file = tmp_path / "trace.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(MeasureError, match="no trace of torch.profiler"):
        read_trace(file)


def test_calls_must_be_counted():
    with pytest.raises(MeasureError, match="calls=0: must be at least 1"):
        read_trace(TRACE, calls=0)


def test_a_trace_needs_a_gpu(monkeypatch):
    monkeypatch.setattr(backend, "gpu_problem", lambda: "a CUDA GPU")
    with pytest.raises(NoGpuError, match="tracing kernels needs a CUDA GPU"):
        trace_gpu(lambda: None)


@pytest.mark.parametrize(
    ("spans", "joined", "between"),
    [
        ([], [], []),
        ([(1, 2)], [(1, 2)], []),
        ([(5, 6), (1, 2)], [(1, 2), (5, 6)], [(2, 5)]),
        ([(1, 3), (2, 4)], [(1, 4)], []),
        ([(1, 2), (2, 3)], [(1, 3)], []),
        ([(1, 9), (2, 3), (4, 5)], [(1, 9)], []),
        ([(1, 2), (4, 5), (7, 8)], [(1, 2), (4, 5), (7, 8)], [(2, 4), (5, 7)]),
    ],
)
def test_intervals_are_merged_and_their_gaps_found(spans, joined, between):
    assert merged(spans) == joined
    assert gaps(spans) == between


class FakeProfiler:
    """torch's profiler, which finds a trace that a test wants, and chatters."""

    found = TRACE
    log: list[str] = []

    def __init__(self, activities):
        self.log.append(f"made for {[one.name for one in activities]}")

    def __enter__(self):
        self.log.append("on")
        return self

    def __exit__(self, *error):
        self.log.append("off")

    def export_chrome_trace(self, path):
        print("[W] chatter")
        with open(path, "w") as file:
            json.dump(self.found, file)


@pytest.fixture
def profiler(monkeypatch):
    import torch

    class Profiler(FakeProfiler):
        log = []

    monkeypatch.setattr(torch.profiler, "profile", Profiler)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: Profiler.log.append("wait"))
    monkeypatch.setattr(backend, "require_gpu", lambda what: None)
    return Profiler


def test_calls_are_traced_after_a_warm_up_and_waited_for(profiler, capfd):
    trace = trace_gpu(lambda: profiler.log.append("call"), calls=2, warm_up=1)
    assert trace == read_trace(TRACE, calls=2)
    traced = ["made for ['CUDA']", "on", "call", "call", "wait", "off"]
    assert profiler.log == ["call", "wait", *traced]
    assert capfd.readouterr().out == ""


def test_ten_calls_are_traced_after_three(profiler):
    assert trace_gpu(lambda: profiler.log.append("call")).calls == 10
    assert profiler.log.count("call") == 13
    assert profiler.log.index("on") == 5


def test_a_call_that_puts_nothing_on_the_gpu_is_refused(profiler):
    profiler.found = {"traceEvents": []}
    with pytest.raises(MeasureError, match="torch.profiler saw no work on the GPU"):
        trace_gpu(lambda: None)


@pytest.mark.gpu
def test_kernels_of_a_call_on_a_gpu():
    import torch

    x = torch.ones(512, 512, device="cuda")
    host = torch.ones(1000)
    trace = trace_gpu(lambda: (x @ x, host.cuda()), calls=5)
    summary = trace.summary()
    assert summary["kernels"] >= 1
    assert summary["copies"] == 1
    assert 0 < summary["busy_us"] < 1e5
    row = trace.rows()[0]
    assert row["us"] > 0
    assert len(row["grid"]) == len(row["block"]) == 3
    assert trace.rows(kinds=("copy",))[0]["bytes"] == 4000
