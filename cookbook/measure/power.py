"""Power, energy, clocks, temperature and load of the GPU while a block runs, through NVML."""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import Any

from ..errors import MeasureError
from .nvml import Nvml
from .sampling import Sampler

# Below this the power reading, a mean over a second, still holds what was before the block.
SETTLED_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class PowerReading:
    """What NVML said at one moment; None for what this GPU does not report.

    seconds – since the block began; gpu_percent – of the last moments in which a kernel ran,
    memory_percent – in which memory was accessed; clock_reasons – what held the clocks back.
    """

    seconds: float
    watts: float | None
    sm_mhz: int | None
    memory_mhz: int | None
    celsius: int | None
    gpu_percent: int | None
    memory_percent: int | None
    clock_reasons: tuple[str, ...] | None


class PowerMeter(contextlib.AbstractContextManager):
    """Watch the GPU while a block runs: ``with PowerMeter() as meter: …``, then ``meter.row()``.

    Let the block last several seconds: the power reading is a mean over the last second on most
    GPUs, and the driver renews it only some ten times a second.

    Args: interval – seconds between two readings; index – NVML's number of the GPU, None for
        CUDA's current one; module and clock – what stands for ``pynvml`` and the clock in a test.
    Raises: MeasureError without nvidia-ml-py, driver or GPU.
    """

    def __init__(
        self,
        interval: float = 0.02,
        *,
        index: int | None = None,
        module: Any = None,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self._nvml = Nvml(index, module)
        self._sampler = Sampler(self._read, interval, clock)
        self._joules_before: float | None = None
        self._joules_after: float | None = None

    def _read(self) -> dict:
        nvml = self._nvml
        gpu_percent, memory_percent = nvml.utilisation() or (None, None)
        return {
            "watts": nvml.watts(),
            "sm_mhz": nvml.sm_mhz(),
            "memory_mhz": nvml.memory_mhz(),
            "celsius": nvml.celsius(),
            "gpu_percent": gpu_percent,
            "memory_percent": memory_percent,
            "clock_reasons": nvml.clock_reasons(),
        }

    def __enter__(self):
        self._joules_before = self._nvml.joules()
        self._sampler.__enter__()
        return self

    def __exit__(self, *error):
        try:
            self._sampler.__exit__(*error)
            self._joules_after = self._nvml.joules()
        finally:
            self._nvml.close()

    @property
    def readings(self) -> list[PowerReading]:
        """Every reading, in order."""
        return [PowerReading(moment, **values) for moment, values in self._sampler.samples]

    @property
    def seconds(self) -> float:
        """How long the block ran."""
        return self._sampler.seconds

    @property
    def settled(self) -> bool:
        """Whether the block lasted long enough for its power to be its own."""
        return self.seconds >= SETTLED_SECONDS

    @property
    def energy_source(self) -> str:
        """``counter`` where the GPU counts its energy, else ``integral`` of the power readings."""
        if self._joules_before is None or self._joules_after is None:
            return "integral"
        return "counter"

    @property
    def joules(self) -> float:
        """Energy of the block.

        Raises: MeasureError where the GPU reports neither energy nor power.
        """
        if self._joules_before is not None and self._joules_after is not None:
            return self._joules_after - self._joules_before
        from scipy.integrate import trapezoid

        moments, watts = self._series("watts")
        return float(trapezoid(watts, moments))

    @property
    def watts(self) -> float:
        """Mean power over the block: its energy by its time."""
        return self.joules / self.seconds

    def held_back(self) -> dict[str, float]:
        """Share of the readings in which each reason held the clocks back."""
        readings = [one.clock_reasons for one in self.readings if one.clock_reasons is not None]
        shares: dict[str, float] = {}
        for reasons in readings:
            for reason in reasons:
                shares[reason] = shares.get(reason, 0.0) + 1 / len(readings)
        return shares

    def row(self, name: str = "") -> dict:
        """A row for a table or for ``record``; None for what the GPU does not report."""
        return {
            "name": name,
            "seconds": round(self.seconds, 3),
            "joules": round(self.joules, 3),
            "energy_source": self.energy_source,
            "mean_watts": round(self.watts, 2),
            "max_watts": self._extreme("watts", max),
            "min_sm_mhz": self._extreme("sm_mhz", min),
            "max_sm_mhz": self._extreme("sm_mhz", max),
            "min_memory_mhz": self._extreme("memory_mhz", min),
            "max_celsius": self._extreme("celsius", max),
            "max_gpu_percent": self._extreme("gpu_percent", max),
            "held_back": ", ".join(self.held_back()),
            "settled": self.settled,
            "readings": len(self.readings),
        }

    def _series(self, field: str) -> tuple[list[float], list[float]]:
        """(seconds, values) of the readings that have the field."""
        readings = [one for one in self.readings if getattr(one, field) is not None]
        if len(readings) < 2:
            raise MeasureError(f"this GPU does not report {field}: it cannot be measured here")
        return [one.seconds for one in readings], [getattr(one, field) for one in readings]

    def _extreme(self, field: str, choose) -> float | None:
        """The largest or smallest value of a field."""
        values = [getattr(one, field) for one in self.readings]
        known = [value for value in values if value is not None]
        return choose(known) if known else None
