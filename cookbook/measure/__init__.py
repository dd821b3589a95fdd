"""Measuring that can be trusted: times, differences, layers, kernels, load, memory, power.

| question | here |
|---|---|
| how long does a call take on the GPU? | ``benchmark`` |
| how long on the host, to the result? | ``host_time`` |
| is one faster than another? | ``interleave``, or ``difference`` of ``Repeats`` |
| which layer, which kernel takes the time? | ``layer_times``, ``trace_gpu`` |
| how long do users wait? | ``open_loop``, ``closed_loop`` |
| how much memory, how many joules? | ``PeakMemory``, ``PowerMeter`` |

Importing this package needs no GPU, and imports neither torch nor TensorRT: ``LayerTimes`` and
``layer_times`` import TensorRT when they are first used.
"""

import importlib
from typing import Any

from .bootstrap import bootstrap_difference
from .clock import VirtualClock, WallClock
from .differences import Difference, Repeats, difference
from .dispatch import Refused
from .interleaved import Candidate, Interleaved, interleave
from .kernels import GpuTrace, GpuWork, gaps, merged, read_trace, trace_gpu
from .load import arrival_times, closed_loop, open_loop
from .load_result import LoadResult, Request
from .memory import (
    DeviceMemory,
    PeakMemory,
    device_memory,
    host_memory,
    process_device_memory,
)
from .power import PowerMeter, PowerReading
from .statistics import Timing, batched_interval, percentile_interval, t_interval
from .timing import benchmark, host_time

_NEEDS_TENSORRT = ("LayerTimes", "layer_times")

__all__ = [
    "Candidate",
    "DeviceMemory",
    "Difference",
    "GpuTrace",
    "GpuWork",
    "Interleaved",
    "LayerTimes",
    "LoadResult",
    "PeakMemory",
    "PowerMeter",
    "PowerReading",
    "Refused",
    "Repeats",
    "Request",
    "Timing",
    "VirtualClock",
    "WallClock",
    "arrival_times",
    "batched_interval",
    "benchmark",
    "bootstrap_difference",
    "closed_loop",
    "device_memory",
    "difference",
    "gaps",
    "host_memory",
    "host_time",
    "interleave",
    "layer_times",
    "merged",
    "open_loop",
    "percentile_interval",
    "process_device_memory",
    "read_trace",
    "t_interval",
    "trace_gpu",
]


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TENSORRT:
        return getattr(importlib.import_module(".layers", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
