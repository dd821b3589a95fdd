"""Measuring and checking: warm-up, CUDA events, percentiles, confidence intervals; comparison; records."""
import dataclasses
import json
import os
import re

import numpy as np

from . import backend
from .backend import cuda_check
from .errors import ComparisonError, CookbookError


@dataclasses.dataclass(frozen=True)
class Timing:
    """Distribution of a latency. samples: microseconds, one a call, in order of the calls."""
    samples: np.ndarray = dataclasses.field(repr=False)
    name: str = ""

    def percentile(self, q: float) -> float:
        """Latency in microseconds that q percent of the calls stay below."""
        return float(np.percentile(self.samples, q))

    median = property(lambda self: self.percentile(50), doc="Median latency in microseconds.")

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the median in microseconds, from order statistics: no assumption about the shape."""
        from scipy.stats import binom
        ordered, count = np.sort(self.samples), len(self.samples)
        low = int(binom.ppf(0.025, count, 0.5))
        return float(ordered[max(low - 1, 0)]), float(ordered[min(count - low, count - 1)])

    def row(self) -> dict:
        """The figures of this timing as a row for a table or for ``record``; all in microseconds."""
        low, high = self.interval
        return {"name": self.name, "median_us": round(self.median, 2), "ci_low_us": round(low, 2), "ci_high_us": round(high, 2),
                "p95_us": round(self.percentile(95), 2), "p99_us": round(self.percentile(99), 2), "calls": len(self.samples)}

    def __str__(self) -> str:
        text = "{}: median {median_us:.1f} us [{ci_low_us:.1f}, {ci_high_us:.1f}], p99 {p99_us:.1f} us, {calls} calls"
        return text.format(self.name or "latency", **self.row())


def benchmark(target, feed: dict | None = None, /, *, name: str = "", calls: int = 300, warm_up: int = 30, **inputs) -> Timing:
    """Latency of one call, by CUDA events around each of ``calls`` calls after ``warm_up`` untimed ones.

    Args: ``target`` – a Session, whose engine alone is timed (inputs are on the GPU before, see ``Session.bind``), or a function
        without arguments that puts work on torch's default stream; ``feed``, ``inputs`` – the session's inputs by name.
    Returns: Timing in microseconds. An event pair spans what the GPU waits for as well: where the host cannot enqueue
        fast enough, that is in the figure, as it is for a user.
    Raises: NoGpuError without a GPU; SessionError for wrong inputs."""
    backend.require_gpu("measuring")
    from cuda.bindings import runtime as cudart
    stream, launch = (target.stream, target.bind(feed, **inputs)) if hasattr(target, "bind") else (0, target)
    for _ in range(warm_up):
        launch()
    events = [cuda_check(cudart.cudaEventCreate()) for _ in range(2 * calls)]
    for begin, end in zip(events[::2], events[1::2]):
        cudart.cudaEventRecord(begin, stream)
        launch()
        cudart.cudaEventRecord(end, stream)
    cuda_check(cudart.cudaDeviceSynchronize())
    samples = [cuda_check(cudart.cudaEventElapsedTime(a, b)) * 1e3 for a, b in zip(events[::2], events[1::2])]
    for event in events:
        cuda_check(cudart.cudaEventDestroy(event))
    return Timing(np.array(samples), name)


def compare(actual, expected, rtol: float = 1e-5, atol: float = 1e-6, name: str = "result") -> str:
    """Assert that two arrays (NumPy or torch) agree: shape, no new NaN, |actual - expected| <= atol + rtol * |expected|.

    Returns: one line with the worst element. Raises: ComparisonError with the same line and how many elements differ."""
    actual, expected = (np.asarray(v.detach().float().cpu() if hasattr(v, "detach") else v) for v in (actual, expected))
    if actual.shape != expected.shape:
        raise ComparisonError(f"{name}: shape {actual.shape}, expected {expected.shape}")
    if not actual.size:
        return f"{name}: both are empty"
    a, b = actual.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):
        excess = np.abs(a - b) - (atol + rtol * np.abs(b))
    excess = np.where((a == b) | (np.isnan(a) & np.isnan(b)), -np.inf, np.where(np.isnan(excess), np.inf, excess))
    worst = np.unravel_index(np.argmax(excess), excess.shape) if np.isfinite(excess.max()) or excess.max() > 0 else (0,) * a.ndim
    line = (f"{name}: worst element {tuple(int(i) for i in worst)}: {a[worst]:.7g}, expected {b[worst]:.7g}, "
            f"difference {abs(a[worst] - b[worst]):.2g}; tolerance rtol={rtol:g}, atol={atol:g}")
    if (excess > 0).any():
        raise ComparisonError(f"{line}. {int((excess > 0).sum()):,} of {a.size:,} elements differ by more")
    return line


def record(number: str, rows) -> None:
    """Keep the rows (dicts or a DataFrame) that a notebook measured, with the machine's stamp: in results/MACHINE/NUMBER.json
    while it is recorded (``make record``), else in build/results/. Raises: CookbookError for no rows, or rows that JSON cannot hold."""
    rows = rows.to_dict("records") if hasattr(rows, "to_dict") else list(rows)
    stamp = backend.stamp()
    if not rows:
        raise CookbookError(f"record({number!r}): no rows to keep")
    machine = re.sub(r"[^\w.]+", "-", f"{stamp['gpu']}-{stamp['tensorrt']}".lower())
    path = (backend.ROOT if os.environ.get("COOKBOOK_RECORD") else backend.BUILD) / "results" / machine / f"{number}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_text(json.dumps({"stamp": stamp, "rows": rows}, indent=1) + "\n")
    except TypeError as error:
        raise CookbookError(f"record({number!r}): {error}; use plain numbers and strings, as in float(x)") from error
