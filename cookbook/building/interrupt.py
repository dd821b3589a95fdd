"""Ctrl-C while TensorRT works: remembered, and raised as soon as TensorRT has returned.

Python runs the handler of a signal between two steps of Python code. While TensorRT builds, the
only Python code that runs is a callback (of the logger, of the progress monitor). TensorRT's
bindings print and drop an exception that is raised in one: the interrupt would be lost.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import TracebackType


class HeldInterrupt:
    """A ``with`` block in which Ctrl-C sets ``requested``; KeyboardInterrupt comes at its end.

    More exactly, the handler that was installed before is called at the end. Outside of the main
    thread, where Python has no signals, the block does nothing.

    Attributes:
        requested: whether Ctrl-C was pressed inside the block.
    """

    def __init__(self, notice: str = "") -> None:
        """notice: a line for the terminal when Ctrl-C is pressed, such as why nothing ends yet."""
        self.requested = False
        self._notice = notice
        self._before: Callable | None = None

    def __enter__(self) -> "HeldInterrupt":
        handler = signal.getsignal(signal.SIGINT)
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and callable(handler):
            self._before = handler
            signal.signal(signal.SIGINT, self._remember)
        return self

    def _remember(self, number: int, frame) -> None:
        self.requested = True
        if self._notice:
            with contextlib.suppress(OSError):
                os.write(2, f"{self._notice}\n".encode())  # print() may be under way just now

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is None:
            return
        signal.signal(signal.SIGINT, self._before)
        if self.requested:
            self._before(signal.SIGINT, None)
