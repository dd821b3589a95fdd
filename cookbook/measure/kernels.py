"""What the GPU runs for a call: kernels, copies and fills, as torch.profiler sees them."""

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .. import backend
from ..errors import MeasureError
from ..process import hushed

# Categories of torch.profiler's exported trace that are work on the GPU.
KINDS = {"kernel": "kernel", "gpu_memcpy": "copy", "gpu_memset": "fill"}


@dataclasses.dataclass(frozen=True)
class GpuWork:
    """One kernel, copy or fill. Times in microseconds, from the earliest work of the trace.

    kind – ``kernel``, ``copy`` or ``fill``; grid and block – (x, y, z) of a kernel;
    bytes – of a copy or fill; correlation – the same number as the host call that launched it.
    """

    kind: str
    name: str
    start: float
    us: float
    stream: int | None = None
    grid: tuple[int, ...] | None = None
    block: tuple[int, ...] | None = None
    bytes: int | None = None
    correlation: int | None = None


@dataclasses.dataclass(frozen=True)
class GpuTrace:
    """The work that the GPU did for ``calls`` calls, in order of its start."""

    work: list[GpuWork]
    calls: int = 1

    @property
    def kernels(self) -> list[GpuWork]:
        """The kernels alone."""
        return [one for one in self.work if one.kind == "kernel"]

    @property
    def busy_us(self) -> float:
        """Microseconds a call in which the GPU does something: overlapping work counts once."""
        spans = [(one.start, one.start + one.us) for one in self.work]
        return sum(end - start for start, end in merged(spans)) / self.calls

    def summary(self) -> dict:
        """Per call: number of kernels, copies and fills, launches, microseconds of each kind.

        A CUDA graph is one launch of many kernels.
        """
        row: dict[str, Any] = {}
        for kind, column in (("kernel", "kernels"), ("copy", "copies"), ("fill", "fills")):
            found = [one.us for one in self.work if one.kind == kind]
            row[column] = _whole(len(found) / self.calls)
            row[f"{kind}_us"] = round(sum(found) / self.calls, 3)
        launches = {one.correlation for one in self.work if one.correlation is not None}
        row["launches"] = _whole(len(launches) / self.calls)
        row["busy_us"] = round(self.busy_us, 3)
        return row

    def rows(self, kinds: Iterable[str] = ("kernel",)) -> list[dict]:
        """A row for each name, in order of the first start: how often a call runs it, and its time.

        ``us`` is the time a call spends in it, ``median_us`` that of one run; ``share`` the part of
        all rows; ``grid`` and ``block`` are None where the runs differ in them.
        """
        groups: dict[tuple[str, str], list[GpuWork]] = {}
        for one in self.work:
            if one.kind in kinds:
                groups.setdefault((one.kind, one.name), []).append(one)
        rows = [self._row(kind, name, runs) for (kind, name), runs in groups.items()]
        total = sum(row["us"] for row in rows)
        for row in rows:
            row["share"] = row["us"] / total if total else 0.0
        return rows

    def _row(self, kind: str, name: str, runs: list[GpuWork]) -> dict:
        times = [one.us for one in runs]
        return {
            "name": name,
            "kind": kind,
            "count": _whole(len(runs) / self.calls),
            "us": sum(times) / self.calls,
            "median_us": float(np.median(times)),
            "grid": _common([one.grid for one in runs]),
            "block": _common([one.block for one in runs]),
            "bytes": _common([one.bytes for one in runs]),
        }


def read_trace(source, *, calls: int = 1) -> GpuTrace:
    """The GPU's work in a trace that torch.profiler exported (Chrome trace, JSON).

    Args: source – the file's path, its content as a dict, or its list of events; calls – how many
        calls it covers.
    Raises: MeasureError for a file that is no such trace.
    """
    if calls < 1:
        raise MeasureError(f"calls={calls}: must be at least 1")
    work = [_work(event) for event in _events(source) if _is_gpu_work(event)]
    work.sort(key=lambda one: one.start)
    if work:
        zero = work[0].start
        work = [dataclasses.replace(one, start=one.start - zero) for one in work]
    return GpuTrace(work, calls)


def trace_gpu(call: Callable[[], Any], *, calls: int = 10, warm_up: int = 3) -> GpuTrace:
    """Run ``call`` under torch.profiler and see what the GPU ran for it.

    Args: call – a function without arguments, such as ``session.bind(feed)``; calls – traced ones;
        warm_up – calls before, whose one-time work is not part of the trace.
    Raises: NoGpuError without a GPU; MeasureError where the profiler saw nothing.
    """
    backend.require_gpu("tracing kernels")
    import torch
    from torch.profiler import ProfilerActivity, profile

    for _ in range(warm_up):
        call()
    torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as folder, hushed():
        file = Path(folder) / "trace.json"
        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            for _ in range(calls):
                call()
            torch.cuda.synchronize()
        profiler.export_chrome_trace(str(file))
        trace = read_trace(file, calls=calls)
    if not trace.work:
        raise MeasureError(
            "torch.profiler saw no work on the GPU: does the call put any there, and does no other "
            "profiler (nsys, ncu) hold the GPU's counters?"
        )
    return trace


def merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Intervals (start, end) in order, those that overlap or touch made one."""
    joined: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def gaps(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Intervals (start, end) between the given ones in which there is none."""
    joined = merged(spans)
    return [(before[1], after[0]) for before, after in zip(joined, joined[1:], strict=False)]


def _events(source) -> list[dict]:
    """The list of events of a trace, from wherever it is."""
    if isinstance(source, (str, Path)):
        try:
            source = json.loads(Path(source).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise MeasureError(f"{source}: no trace of torch.profiler: {error}") from error
    if isinstance(source, dict):
        if "traceEvents" not in source:
            raise MeasureError("no trace of torch.profiler: it has no traceEvents")
        source = source["traceEvents"]
    return list(source)


def _is_gpu_work(event: dict) -> bool:
    """Whether an event is a kernel, copy or fill with a beginning and a duration."""
    return event.get("ph") == "X" and event.get("cat") in KINDS


def _work(event: dict) -> GpuWork:
    """An event of a trace as GpuWork."""
    more = event.get("args", {})
    return GpuWork(
        kind=KINDS[event["cat"]],
        name=event["name"],
        start=float(event["ts"]),
        us=float(event["dur"]),
        stream=more.get("stream"),
        grid=_triple(more.get("grid")),
        block=_triple(more.get("block")),
        bytes=more.get("bytes"),
        correlation=more.get("correlation"),
    )


def _triple(values) -> tuple[int, ...] | None:
    """A grid or block as a tuple."""
    if values is None:
        return None
    return tuple(int(value) for value in values)


def _common(values: list):
    """The value that all have, None where they differ."""
    if all(value == values[0] for value in values):
        return values[0]
    return None


def _whole(value: float) -> float:
    """A count a call: an int where it is whole, else with two digits."""
    if value == int(value):
        return int(value)
    return round(value, 2)
