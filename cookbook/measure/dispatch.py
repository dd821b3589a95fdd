"""Sends requests to a service and keeps the books: what became of each, and when."""

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from ..errors import CookbookError, MeasureError
from .clock import WallClock
from .load_result import Request


class Refused(CookbookError):
    """A service raises it for a request that it does not take, as when its queue is full."""


class Workers:
    """Threads that call functions; daemons, so that a call that hangs does not outlive its use."""

    def __init__(self, count: int) -> None:
        if count < 1:
            raise MeasureError(f"workers={count}: must be at least 1")
        self._jobs: queue.SimpleQueue = queue.SimpleQueue()
        self._count = count
        for _ in range(count):
            threading.Thread(target=self._work, daemon=True).start()

    def submit(self, function: Callable[[], Any]) -> Future:
        """Have the function called by the next thread that is free."""
        future: Future = Future()
        self._jobs.put((future, function))
        return future

    def stop(self) -> None:
        """Let the threads end after what was submitted."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, function = job
            try:
                answer = function()
            except BaseException as error:  # it belongs to whoever waits for the future
                future.set_exception(error)
            else:
                future.set_result(answer)


class Dispatcher(contextlib.AbstractContextManager):
    """Sends requests and notes the fate of each.

    Args: service – a function of the request's number; workers – threads that call it, None if it
        returns a Future at once; depth – length of the service's queue, or None; keep_answers;
        clock – a WallClock or VirtualClock, None for a new WallClock.
    Raises: MeasureError for threads in virtual time.
    """

    def __init__(
        self,
        service: Callable[[int], Any],
        workers: int | None,
        depth: Callable[[], int] | None,
        keep_answers: bool,
        clock: Any,
    ) -> None:
        self.clock = clock or WallClock()
        if workers is not None and self.clock.virtual:
            raise MeasureError("threads live in real time: a VirtualClock needs asynchronous=True")
        self._service = service
        self._workers = None if workers is None else Workers(workers)
        self._depth = depth
        self._keep_answers = keep_answers
        self._lock = threading.Lock()
        self._closed = False
        self._open = 0
        self.requests: list[Request] = []
        self.start = self.clock.now()

    def now(self) -> float:
        """Seconds since the load began."""
        return self.clock.now() - self.start

    def send(self, request: Request, come_back: Callable[[Request], Any] | None = None) -> None:
        """Send a request. come_back is called with it when its fate is known.

        Raises: MeasureError where an asynchronous service returns anything but a Future.
        """
        with self._lock:
            self.requests.append(request)
            self._open += 1
        if self._depth is not None:
            request.depth = (self.now(), self._depth())
        if self._workers is not None:
            future = self._workers.submit(partial(self._call, request))
        else:
            request.sent = self.now()
            try:
                future = self._service(request.number)
            except Exception as error:
                self._finish(request, error, None, come_back)
                return
        if not isinstance(future, Future):
            raise MeasureError(
                f"the service returned a {type(future).__name__}, not a Future: leave out "
                "asynchronous=True for a function that answers by its return value"
            )
        future.add_done_callback(partial(self._done, request, come_back))

    def _call(self, request: Request) -> Any:
        """What a worker does for a request."""
        if self._closed:
            return None
        request.sent = self.now()
        return self._service(request.number)

    def _done(self, request: Request, come_back, future: Future) -> None:
        """What happens when a future has its answer."""
        if future.cancelled():
            self._finish(request, CookbookError("cancelled"), None, come_back)
            return
        error = future.exception()
        answer = future.result() if error is None else None
        self._finish(request, error, answer, come_back)

    def _finish(self, request: Request, error, answer, come_back) -> None:
        """Write the fate of a request into the books, unless they are closed."""
        moment = self.now()
        with self._lock:
            if self._closed:
                return
            request.finished = moment
            request.outcome = _outcome(error)
            if error is not None:
                request.error = f"{type(error).__name__}: {error}"
            if self._keep_answers:
                request.answer = answer
            self._open -= 1
        if come_back is not None:
            come_back(request)
        self.clock.notify()

    def _nothing_open(self) -> bool:
        return self._open == 0

    def drain(self, until: float) -> None:
        """Wait for the answers under way, to that moment of the clock, then close the books."""
        self.clock.wait(self._nothing_open, until)
        self.close()

    def close(self) -> None:
        """Close the books: what has no fate by now is unfinished. Again is harmless."""
        with self._lock:
            self._closed = True
            for request in self.requests:
                if not request.outcome:
                    request.outcome = "unfinished"
        if self._workers is not None:
            self._workers.stop()

    def __exit__(self, *error):
        self.close()


def _outcome(error: BaseException | None) -> str:
    """What an error means for the request."""
    if error is None:
        return "answered"
    if isinstance(error, Refused):
        return "refused"
    return "failed"
