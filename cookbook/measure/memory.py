"""Memory of the GPU and of the process, now and at its peak while a block runs."""

import contextlib
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from .. import backend
from ..backend import cuda_check
from ..errors import MeasureError
from .nvml import Nvml
from .sampling import Sampler


class DeviceMemory(NamedTuple):
    """Memory of the current GPU in bytes; used by all programs on it together."""

    used: int
    free: int
    total: int


def device_memory() -> DeviceMemory:
    """What is used and free on the current GPU, whoever uses it.

    Raises: NoGpuError without a GPU. Source: cudaMemGetInfo, CUDA runtime API.
    """
    backend.require_gpu("asking for device memory")
    from cuda.bindings import runtime as cudart

    free, total = cuda_check(cudart.cudaMemGetInfo())
    return DeviceMemory(used=total - free, free=free, total=total)


def process_device_memory(*, index: int | None = None, module: Any = None) -> int | None:
    """Bytes that this process has on the GPU, its CUDA context included.

    Returns: None where NVML cannot tell, as in many containers: then use ``device_memory``.
    Raises: MeasureError without nvidia-ml-py, driver or GPU.
    """
    nvml = Nvml(index, module)
    try:
        return nvml.process_memory(os.getpid())
    finally:
        nvml.close()


def host_memory() -> int:
    """Bytes of this process in the host's memory (resident set size).

    Raises: MeasureError without the package psutil.
    """
    try:
        import psutil
    except ImportError as error:
        raise MeasureError("host memory needs the package psutil: `make setup`") from error
    return psutil.Process().memory_info().rss


class PeakMemory(contextlib.AbstractContextManager):
    """The largest use of memory while a block runs: ``with PeakMemory() as peak: …``.

    Readings are taken at intervals, so a shorter peak than that can be missed: the figures are
    lower bounds. Device memory is that of all programs on the GPU. torch keeps what it has freed,
    so that an allocation that it serves from there does not show.

    Args: interval – seconds between two readings; gauges – {name: function that returns bytes};
        None: ``host``, and ``device`` where there is a GPU.
    """

    def __init__(
        self, interval: float = 0.002, *, gauges: dict[str, Callable[[], int]] | None = None
    ):
        if gauges is None:
            gauges = {"host": host_memory}
            if not backend.gpu_problem():
                gauges["device"] = _device_used
        if not gauges:
            raise MeasureError("gauges is empty: there is nothing to watch")
        self._gauges = gauges
        self._sampler = Sampler(self._read, interval)

    def _read(self) -> dict[str, int]:
        return {name: gauge() for name, gauge in self._gauges.items()}

    def __enter__(self):
        self._sampler.__enter__()
        return self

    def __exit__(self, *error):
        self._sampler.__exit__(*error)

    def before(self, name: str) -> int:
        """Bytes when the block began."""
        return self._values(name)[0]

    def peak(self, name: str) -> int:
        """The most bytes that a reading found."""
        return max(self._values(name))

    def rise(self, name: str) -> int:
        """Bytes by which the peak lies above the beginning."""
        return self.peak(name) - self.before(name)

    def after(self, name: str) -> int:
        """Bytes when the block ended."""
        return self._values(name)[-1]

    @property
    def samples(self) -> list[tuple[float, dict[str, int]]]:
        """Every reading: (seconds since the block began, {name: bytes})."""
        return self._sampler.samples

    def row(self, name: str = "") -> dict:
        """A row for a table or for ``record``: MiB before, at the peak and after, by gauge."""
        row: dict[str, Any] = {"name": name}
        for gauge in self._gauges:
            row[f"{gauge}_before_mib"] = round(self.before(gauge) / 2**20, 2)
            row[f"{gauge}_peak_mib"] = round(self.peak(gauge) / 2**20, 2)
            row[f"{gauge}_after_mib"] = round(self.after(gauge) / 2**20, 2)
        row["readings"] = len(self.samples)
        return row

    def _values(self, name: str) -> list[int]:
        if name not in self._gauges:
            raise MeasureError(f"no gauge {name!r}: there are {', '.join(self._gauges)}")
        return [values[name] for values in self._sampler.values]


def _device_used() -> int:
    """Bytes in use on the current GPU."""
    return device_memory().used
