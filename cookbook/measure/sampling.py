"""A thread that reads a gauge at a steady interval while a block runs."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import MeasureError


class Sampler(contextlib.AbstractContextManager):
    """Reads a gauge when the block begins, every ``interval`` seconds, and when it ends.

    What happens between two readings is not seen.

    Args: read – a function without arguments; interval – seconds between two readings;
        clock – a function that returns seconds.
    Raises: MeasureError for an interval that is not positive; on leaving the block, what ``read``
        raised in the thread.
    """

    def __init__(
        self,
        read: Callable[[], Any],
        interval: float,
        clock: Callable[[], float] = time.perf_counter,
    ):
        if not interval > 0:
            raise MeasureError(f"interval={interval}: must be a positive number of seconds")
        self.read = read
        self.interval = interval
        self.clock = clock
        self.samples: list[tuple[float, Any]] = []
        self._start = 0.0
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _sample(self) -> None:
        moment = self.clock() - self._start
        self.samples.append((moment, self.read()))

    def _work(self) -> None:
        try:
            while not self._stop.wait(self.interval):
                self._sample()
        except Exception as error:  # it is raised where the block ends
            self._error = error

    def __enter__(self):
        self._start = self.clock()
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._stop.set()
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error
        if self._error is None:
            self._sample()

    @property
    def values(self) -> list:
        """The readings, in order."""
        return [value for _, value in self.samples]

    @property
    def seconds(self) -> float:
        """Time from the first to the last reading."""
        return self.samples[-1][0] - self.samples[0][0]
