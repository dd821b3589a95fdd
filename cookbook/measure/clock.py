"""Two clocks for the load generator: the wall's, and one whose time is only counted.

With a ``VirtualClock`` a service is a simulation: hours of requests take a second, and the same
seed gives the same latencies, which theory can check.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import MeasureError


class WallClock:
    """Seconds of the real world since the clock was made."""

    virtual = False

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._changed = threading.Condition()

    def now(self) -> float:
        """Seconds since the clock was made."""
        return time.perf_counter() - self._start

    def sleep_until(self, moment: float) -> None:
        """Return when the moment has come; at once if it has passed."""
        while (left := moment - self.now()) > 0:
            time.sleep(left)

    def wait(self, ready: Callable[[], Any], until: float) -> bool:
        """Return when ready() is true (then True), or when the moment ``until`` has come."""
        with self._changed:
            return bool(self._changed.wait_for(ready, max(until - self.now(), 0)))

    def notify(self) -> None:
        """Let a ``wait`` look again."""
        with self._changed:
            self._changed.notify_all()


class VirtualClock:
    """Seconds that pass only when somebody waits, from one planned event to the next.

    Not for several threads. A simulated service plans its answers with ``call_at``.
    """

    virtual = True

    def __init__(self) -> None:
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], Any]]] = []
        self._count = itertools.count()  # events of one moment stay in order

    def now(self) -> float:
        """Seconds since the clock was made."""
        return self._now

    def call_at(self, moment: float, function: Callable[[], Any]) -> None:
        """Plan a call of the function. Raises: MeasureError for a moment that has passed."""
        if moment < self._now:
            raise MeasureError(f"call_at({moment:g}): it is {self._now:g} already")
        heapq.heappush(self._events, (moment, next(self._count), function))

    def sleep_until(self, moment: float) -> None:
        """Let the time pass, and what was planned happen, until the moment has come."""
        self.wait(lambda: False, moment)

    def wait(self, ready: Callable[[], Any], until: float) -> bool:
        """Let the time pass until ready() is true (then True), or the moment has come."""
        while not ready():
            if not self._events or self._events[0][0] > until:
                self._now = max(self._now, until)
                return bool(ready())
            moment, _, function = heapq.heappop(self._events)
            self._now = moment
            function()
        return True

    def notify(self) -> None:
        """Nothing: in virtual time, ``wait`` looks after each event."""
