"""Time of each layer, as TensorRT itself reports it. Importing this module imports TensorRT."""

from collections import Counter

import numpy as np

from .. import backend
from ..backend import trt
from ..errors import MeasureError
from .statistics import finite_or_none, percentile_interval


class LayerTimes(trt.IProfiler):
    """Collects what TensorRT reports for each layer, run by run.

    Attach it with ``context.profiler = times``, and call ``end_run`` after each run. With a
    profiler attached, TensorRT waits for each layer, so the sum of the layers is more than the
    engine takes without one: use it for shares, not for the latency.

    runs – for each run, (layer, milliseconds) in the order of the reports.
    Source: IProfiler in NVIDIA's API reference.
    """

    def __init__(self):
        super().__init__()
        self.runs: list[list[tuple[str, float]]] = []
        self._current: list[tuple[str, float]] = []

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """What TensorRT calls for each layer of a run, with its time in milliseconds."""
        self._current.append((layer_name, ms))

    def end_run(self) -> int:
        """Close the run under way. Returns how many reports it has; an empty run is not kept."""
        reports = len(self._current)
        if reports:
            self.runs.append(self._current)
        self._current = []
        return reports

    def totals(self) -> np.ndarray:
        """Milliseconds of all layers together, for each run; shape (runs,)."""
        return np.array([sum(ms for _, ms in run) for run in self.runs])

    def rows(self) -> list[dict]:
        """A row for each layer in the engine's order: median over the runs and its 95 % interval.

        Milliseconds, as TensorRT reports; ``share`` is the layer's part of the sum of all medians;
        ``reports`` says how often a run reported it: a layer in a loop comes once an iteration, and
        its times are added up.
        Raises: MeasureError where nothing was reported.
        """
        if not self.runs:
            raise MeasureError("no layer times: attach the profiler, run, and call end_run()")
        per_run = [_added_up(run) for run in self.runs]
        reports = Counter(name for name, _ in self.runs[0])
        rows: list[dict] = []
        medians = []
        for name in _names(self.runs):
            samples = np.array([times.get(name, 0.0) for times in per_run])
            low, high = percentile_interval(samples, 50)
            rows.append(
                {
                    "layer": name,
                    "median_ms": float(np.median(samples)),
                    "ci_low_ms": finite_or_none(low, 6),
                    "ci_high_ms": finite_or_none(high, 6),
                    "reports": reports[name],
                    "runs": len(samples),
                }
            )
            medians.append(float(np.median(samples)))
        total = sum(medians)
        for row, median in zip(rows, medians, strict=True):
            row["share"] = median / total if total else 0.0
        return rows


def layer_times(
    session, feed: dict | None = None, /, *, runs: int = 100, warm_up: int = 30, **inputs
) -> LayerTimes:
    """Run a session many times with a profiler attached.

    The profiler stays attached: close the session afterwards, or its calls go on waiting for each
    layer. The first profiled run is not kept, as it has the set-up of the profiler in it.

    Args: session – a Session without CUDA graph; feed, inputs – its inputs by name; runs – that are
        kept; warm_up – runs before the profiler is attached.
    Raises: NoGpuError without a GPU; SessionError for wrong inputs; MeasureError where TensorRT
        reports nothing, as for a CUDA graph.
    """
    if runs < 1:
        raise MeasureError(f"runs={runs}: must be at least 1")
    backend.require_gpu("profiling layers")
    launch = session.bind(feed, **inputs)
    for _ in range(warm_up):
        launch()
    times = LayerTimes()
    session.context.profiler = times
    for _ in range(runs + 1):
        launch()
        if not times.end_run():
            raise MeasureError(
                "TensorRT reported no layer: profile a session with cuda_graph=False, whose "
                "context has enqueue_emits_profile=True"
            )
    del times.runs[0]
    return times


def _added_up(run: list[tuple[str, float]]) -> dict[str, float]:
    """{layer: milliseconds} of one run."""
    added: dict[str, float] = {}
    for name, ms in run:
        added[name] = added.get(name, 0.0) + ms
    return added


def _names(runs: list[list[tuple[str, float]]]) -> list[str]:
    """The layers in the order in which they were first reported."""
    return list(dict.fromkeys(name for run in runs for name, _ in run))
