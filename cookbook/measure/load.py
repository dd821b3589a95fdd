"""A load of requests on a service: open (they come when they come) or closed (clients that wait).

Every request is accounted for: answered, refused, failed, or unfinished when the time was over.
A service is a function of a request's number. It answers by its return value, or, with
``asynchronous=True``, at once with a ``concurrent.futures.Future``.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..errors import MeasureError
from .dispatch import Dispatcher
from .load_result import LoadResult, Request

BACK_OFF = 0.001  # seconds that a client of a closed load waits after a refusal or a failure


def arrival_times(
    rate: float,
    *,
    requests: int | None = None,
    seconds: float | None = None,
    arrivals: str = "poisson",
    seed: int = 0,
) -> np.ndarray:
    """When the requests of an open load arrive: seconds from its beginning, shape (n,).

    Args: rate – requests a second; requests or seconds – how many, or for how long;
        arrivals – ``poisson``: independent of each other, as those of many users;
        ``steady``: at equal distances; seed – of the poisson arrivals.
    Raises: MeasureError for a rate that is not positive, both or none of requests and seconds, an
        unknown kind of arrivals, or a time in which nothing arrives.
    """
    if not rate > 0:
        raise MeasureError(f"rate={rate}: must be a positive number of requests a second")
    _check_length(requests, seconds)
    if arrivals not in ("poisson", "steady"):
        raise MeasureError(f"arrivals={arrivals!r}: must be poisson or steady")
    count = requests or 0
    if seconds is not None:
        expected = rate * seconds
        count = int(expected + 10 * np.sqrt(expected) + 10)  # surely more than will be used
    if arrivals == "poisson":
        times = np.cumsum(np.random.default_rng(seed).exponential(1 / rate, count))
    else:
        times = np.arange(count) / rate
    if seconds is not None:
        times = times[times < seconds]
    if len(times) == 0:
        raise MeasureError(f"nothing arrives in {seconds} seconds at {rate} requests a second")
    return times


def open_loop(
    service: Callable[[int], Any],
    *,
    rate: float,
    requests: int | None = None,
    seconds: float | None = None,
    arrivals: str = "poisson",
    seed: int = 0,
    workers: int = 8,
    asynchronous: bool = False,
    time_limit: float = 10.0,
    depth: Callable[[], int] | None = None,
    keep_answers: bool = False,
    name: str = "",
    clock: Any = None,
) -> LoadResult:
    """Send requests at times that do not depend on the answers, as users do.

    Args: service – a function of the request's number, see above;
        rate, requests, seconds, arrivals, seed – see ``arrival_times``;
        workers – threads that call a service which is not asynchronous; a request that finds none
        free waits, and its wait is part of its latency (a Session serves one thread: have one for
        each worker);
        time_limit – seconds to wait, after the last arrival, for answers;
        depth – a function that returns the length of the service's queue;
        keep_answers – keep what the service returned in ``Request.answer``;
        clock – None: the wall's; a VirtualClock needs an asynchronous service.
    Returns: LoadResult. Raises: MeasureError for wrong arguments.
    """
    moments = arrival_times(rate, requests=requests, seconds=seconds, arrivals=arrivals, seed=seed)
    threads = None if asynchronous else workers
    with Dispatcher(service, threads, depth, keep_answers, clock) as load:
        for number, moment in enumerate(moments.tolist()):
            load.clock.sleep_until(load.start + moment)
            load.send(Request(number, scheduled=moment))
        load.drain(load.start + moment + time_limit)
    return LoadResult(load.requests, seconds or len(moments) / rate, name)


def closed_loop(
    service: Callable[[int], Any],
    *,
    clients: int,
    requests: int | None = None,
    seconds: float | None = None,
    think: float = 0.0,
    asynchronous: bool = False,
    time_limit: float = 10.0,
    depth: Callable[[], int] | None = None,
    keep_answers: bool = False,
    name: str = "",
    clock: Any = None,
) -> LoadResult:
    """Clients that each wait for their answer before they send the next request.

    A slow service makes them send less: a closed load finds the highest throughput, but says little
    about the wait that independent users would have.

    Args: clients – how many; requests – of all of them together, or seconds – for how long;
        think – seconds between an answer and that client's next request (after a refusal or a
        failure at least 1 ms); time_limit – seconds to wait for an answer: when no client has had
        one for so long, the load ends, and requests that no client was free to send are not made;
        the others as in ``open_loop``.
    Returns: LoadResult. Raises: MeasureError for wrong arguments.
    """
    _check_length(requests, seconds)
    if clients < 1:
        raise MeasureError(f"clients={clients}: must be at least 1")
    if think < 0:
        raise MeasureError(f"think={think}: must be 0 seconds or more")
    numbers = itertools.count() if requests is None else range(requests)
    threads = None if asynchronous else clients
    with Dispatcher(service, threads, depth, keep_answers, clock) as load:
        end = load.start + (float("inf") if seconds is None else seconds)
        free = _FreeClients(load, clients, think)
        for number in numbers:
            moment = free.next_one(end, time_limit)
            if moment is None:
                break
            load.send(Request(number, scheduled=moment - load.start), free.come_back)
        load.drain(load.clock.now() + time_limit)
    return LoadResult(load.requests, seconds or load.now(), name)


class _FreeClients:
    """The moments of the clock at which clients are free to send their next request."""

    def __init__(self, load: Dispatcher, count: int, think: float) -> None:
        self._load = load
        self._think = think
        self._moments = [load.start] * count
        self._lock = threading.Lock()

    def come_back(self, request: Request) -> None:
        """The client of that request is free again."""
        pause = self._think
        if request.outcome != "answered":
            pause = max(pause, BACK_OFF)
        with self._lock:
            heapq.heappush(self._moments, self._load.clock.now() + pause)

    def next_one(self, end: float, patience: float) -> float | None:
        """Wait for a free client. Returns since when it is free; None where the load is over."""
        clock = self._load.clock
        while True:
            if not clock.wait(self._any, min(end, clock.now() + patience)):
                return None
            moment = self._moments[0]
            if moment >= end:
                return None
            if moment <= clock.now():
                with self._lock:
                    return heapq.heappop(self._moments)
            clock.wait(partial(self._any_before, moment), moment)

    def _any(self) -> bool:
        return bool(self._moments)

    def _any_before(self, moment: float) -> bool:
        return self._moments[0] < moment


def _check_length(requests: int | None, seconds: float | None) -> None:
    """Refuse both or none of requests and seconds, and such as are not positive."""
    if (requests is None) == (seconds is None):
        raise MeasureError("give either requests or seconds")
    for name, value in {"requests": requests, "seconds": seconds}.items():
        if value is not None and not value > 0:
            raise MeasureError(f"{name}={value}: must be more than 0")
