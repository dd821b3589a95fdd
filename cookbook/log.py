"""TensorRT's log: one logger for the process, and ways to collect, quote and show what it says."""

import atexit
import contextlib
import dataclasses
import threading
from collections.abc import Iterable, Iterator

from . import backend
from .backend import trt

Line = tuple[str, str]  # (level, message); level is one of F E W I V

MOST_LINES = 6
MOST_LETTERS = 2000  # of one quoted line: TensorRT's longest remedies have about 600
LAST_LETTERS = 500  # of a longer line; a remedy stands at the end

# Warnings of a build that change what an engine computes or how fast it can be, by words that
# TensorRT 8.6, 10 and TensorRT-RTX have in common.
MATTERS = (
    "values are not self-consistent",  # a shape of an optimization profile cannot run
    "would overflow in",  # weights were clipped to FP16's or BF16's range
    "outside of int8_t range",
    "outside the range of INT32",
    "may cause overflow",  # layer normalization in FP16
    "expect fall back to non-int8",  # a tensor without scale
    "insufficient to use tactic",  # too little free memory on the GPU
)


@dataclasses.dataclass(eq=False)
class _Capture:
    """One open ``capture_log``: the thread that opened it, and what it collected."""

    thread: int
    lines: list[Line]


class CourseLogger(trt.ILogger):
    """Feeds the open ``capture_log`` blocks and prints nothing.

    TensorRT keeps the first logger that it sees in a process, therefore the course has just one.
    Source: ILogger in NVIDIA's API reference.
    """

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self._captures: list[_Capture] = []
        self._changing = threading.Lock()

    def log(self, severity, message: str) -> None:
        """Called by TensorRT, from any thread. severity: ``trt.ILogger.Severity``."""
        level = severity.name[0]
        if severity == trt.ILogger.INTERNAL_ERROR:
            level = "F"
        for capture in self._listeners():
            capture.lines.append((level, message))

    def _listeners(self) -> list[_Capture]:
        """The captures that this thread opened; all, if it is one of TensorRT's own threads."""
        captures = list(self._captures)
        here = threading.get_ident()
        own = [capture for capture in captures if capture.thread == here]
        if own:
            return own
        if any(thread.ident == here for thread in threading.enumerate()):
            return []  # another Python thread, at work for somebody else
        return captures

    def open_capture(self) -> _Capture:
        """Begin to collect for the thread that calls this."""
        capture = _Capture(threading.get_ident(), [])
        with self._changing:
            self._captures.append(capture)
        return capture

    def close_capture(self, capture: _Capture) -> None:
        """End what ``open_capture`` began."""
        with self._changing:
            self._captures.remove(capture)


LOG = CourseLogger()

_kept: list = []  # the first builder of the process
_keeping = threading.Lock()
atexit.register(_kept.clear)


def keep_alive() -> None:
    """Make a builder and keep it to the end of the process; again is harmless.

    While one lives, TensorRT's libraries stay loaded, so that later builders start at once and not
    in seconds, and the logger is known to the libraries of plugins.
    """
    with _keeping:
        if not _kept:
            _kept.append(trt.Builder(LOG))


@contextlib.contextmanager
def capture_log() -> Iterator[list[Line]]:
    """Collect what TensorRT logs inside a ``with`` block.

    That is what this thread makes TensorRT say, and what threads of TensorRT's own say; other
    Python threads have captures of their own.

    Yields: a list that fills with (level, message); level is one of F E W I V.
    """
    capture = LOG.open_capture()
    try:
        yield capture.lines
    finally:
        LOG.close_capture(capture)


def log_excerpt(lines: Iterable[Line], most: int = MOST_LINES) -> str:
    """The last lines that matter, for the end of an error message.

    Args:
        lines: what ``capture_log`` collected.
        most: how many lines to quote.
    Returns: errors, or warnings where there is no error, under a heading; "" if there is neither.
    """
    kept = [line for line in lines if line[0] in "FE"]
    if not kept:
        kept = [line for line in lines if line[0] == "W"]
    quoted = []
    for level, message in kept:
        message = without_noise(message)
        if message:
            quoted.append(f"\n  [{level}] {shortened(message)}")
    if not quoted:
        return ""
    return "\nTensorRT's log says:" + "".join(quoted[-most:])


def without_noise(message: str) -> str:
    """A message of TensorRT without what only says that this machine has no GPU."""
    if backend.gpu() is not None:
        return message.strip()
    lines = message.strip().splitlines()
    kept = [line for line in lines if "catchCudaError" not in line]
    return "\n".join(kept)


def shortened(message: str) -> str:
    """A message with its middle left out where it is very long, such as one that prints weights."""
    if len(message) <= MOST_LETTERS:
        return message
    start = message[: MOST_LETTERS - LAST_LETTERS]
    return f"{start} […] {message[-LAST_LETTERS:]}"


_shown: set[str] = set()


def show_warnings(lines: Iterable[Line]) -> None:
    """Print the warnings of a build that matter, each kind once in a process.

    They go to the standard output, where a notebook shows them in their place.
    """
    warnings = [message.strip() for level, message in lines if level == "W"]
    for words in MATTERS:
        found = [message for message in warnings if words in message]
        if not found or words in _shown:
            continue
        _shown.add(words)
        more = ""
        if len(found) > 1:
            more = f" (and {len(found) - 1} more like it in plan.log)"
        print(f"TensorRT warns: {shortened(found[0])}{more}")
