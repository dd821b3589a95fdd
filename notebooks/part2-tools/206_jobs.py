"""Notebook 206's jobs, the program that Nsight Compute looks at.

    python 206_jobs.py JOBS.json

JOBS.json lists jobs as dicts: ``what`` is ``mul``, ``mm`` or the file name of a plan beside
JOBS.json; ``shape`` and ``dtype`` are those of its input; ``library`` is a plugin's library. Each
job is warmed up. Then it runs once between cudaProfilerStart and cudaProfilerStop, behind a marker
kernel, which tells later whose the kernels are.
"""

import ctypes
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import cookbook

WARM_UP = 3


def make(job: dict[str, Any], folder: Path) -> tuple[Any, dict[str, torch.Tensor] | None]:
    """(what to launch, its inputs or None): a Session with a feed, or a function."""
    torch.manual_seed(0)
    if job["what"] in ("mul", "mm"):
        return operation(job["what"], job["shape"], getattr(torch, job["dtype"])), None
    if "library" in job:
        cookbook.trt.get_plugin_registry()  # TensorRT first, then what registers with it
        ctypes.CDLL(job["library"])
    session = cookbook.Session(folder / job["what"])
    return session, {"x": torch.randn(job["shape"], device="cuda")}


def operation(what: str, shape: list[int], dtype: torch.dtype) -> Callable[[], Any]:
    """A multiplication by a number, or a matrix product, as a function without arguments."""
    a = torch.randn(shape, device="cuda", dtype=dtype)
    b = torch.randn(shape, device="cuda", dtype=dtype)
    if what == "mul":
        return lambda: torch.mul(a, 3.0, out=b)
    return lambda: torch.mm(a, b)


def run(launch: Callable[[], Any]) -> None:
    """Warm up, then let the profiler see the marker and one launch."""
    for _ in range(WARM_UP):
        launch()
    torch.cuda.synchronize()
    torch.cuda.profiler.start()
    torch.cuda._sleep(1)  # the marker: its kernel, spin_kernel, does nothing but wait
    launch()
    torch.cuda.synchronize()
    torch.cuda.profiler.stop()


def main() -> None:
    """Make all jobs, then run one after the other."""
    file = Path(sys.argv[1]).resolve()
    made = [make(job, file.parent) for job in json.loads(file.read_text(encoding="utf-8"))]
    for target, feed in made:
        run(target.bind(feed) if feed else target)


if __name__ == "__main__":
    main()
