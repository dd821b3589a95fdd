"""The time of a call: on the GPU by CUDA events, on the host by its clock."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from .. import backend
from ..backend import cuda_check
from ..errors import MeasureError
from .statistics import Timing

HOST_CALLS = 20  # calls on an idle GPU, by which the host's time to enqueue is measured
L2_FACTOR = 2  # what is written to empty the L2 cache, as a multiple of its size
WAITS = ("each", "burst", "after")


class CudaEvents:
    """The device's clock and queue, as far as ``benchmark`` needs them."""

    def __init__(self) -> None:
        from cuda.bindings import runtime as cudart

        self._cudart = cudart
        # Unchecked, because they stand between the calls: a failure shows at the next check.
        self.record = cudart.cudaEventRecord
        self._wait_event = cudart.cudaStreamWaitEvent

    def create(self):
        """A new event."""
        return cuda_check(self._cudart.cudaEventCreate())

    def destroy(self, event) -> None:
        """Give an event back."""
        cuda_check(self._cudart.cudaEventDestroy(event))

    def hold(self, stream, event) -> None:
        """Let the stream wait until the event has passed."""
        self._wait_event(stream, event, 0)

    def microseconds(self, begin, end) -> float:
        """Time between two events that have passed."""
        return 1e3 * cuda_check(self._cudart.cudaEventElapsedTime(begin, end))

    def synchronize(self) -> None:
        """Wait until the device has done everything."""
        cuda_check(self._cudart.cudaDeviceSynchronize())

    def allocate_flush(self) -> tuple[Any, int]:
        """Memory larger than the L2 cache: (address, bytes)."""
        device = cuda_check(self._cudart.cudaGetDevice())
        properties = cuda_check(self._cudart.cudaGetDeviceProperties(device))
        size = L2_FACTOR * properties.l2CacheSize
        return cuda_check(self._cudart.cudaMalloc(size)), size

    def flush(self, memory: tuple[Any, int], stream) -> None:
        """Overwrite that memory, so that the L2 cache holds nothing else."""
        address, size = memory
        self._cudart.cudaMemsetAsync(address, 0, size, stream)

    def free(self, memory: tuple[Any, int]) -> None:
        """Give that memory back."""
        cuda_check(self._cudart.cudaFree(memory[0]))


class _Lane(NamedTuple):
    """What is launched, and the stream that it runs on."""

    launch: Callable[[], Any]
    stream: Any


def benchmark(
    target,
    feed: dict | None = None,
    /,
    *,
    name: str = "",
    calls: int = 300,
    warm_up: int = 30,
    inner: int = 1,
    cold_l2: bool = False,
    **inputs,
) -> Timing:
    """Latency of one call on the GPU, by CUDA events around each of ``calls`` calls.

    An event pair spans what the GPU waits for as well: where the host cannot enqueue fast enough,
    that is in the figure, as it is for a user. ``Timing.host_bound`` says whether it is: the host's
    time to enqueue a call is measured before, on an idle GPU.

    Args: target – a Session, whose engine alone is timed (its inputs are on the GPU before, see
        ``Session.bind``); or a function without arguments that puts work on torch's default
        stream; or a list of either, which take turns: with a buffer of its own each, so that a
        small tensor does not stay in the L2 cache;
        feed, inputs – a session's inputs by name;
        calls – samples; warm_up – untimed calls before;
        inner – launches between two events, for work too short for one (a sample is their mean);
        cold_l2 – overwrite the L2 cache before each call, outside of the events. This gives the
        host a head start, too.
    Returns: Timing in microseconds.
    Raises: NoGpuError without a GPU; SessionError for wrong inputs; MeasureError for wrong counts.
    """
    _check_counts(calls=calls, inner=inner)
    if cold_l2 and inner > 1:
        raise MeasureError(f"inner={inner} with cold_l2: only the first launch would find it cold")
    targets = target if isinstance(target, (list, tuple)) else [target]
    if not targets:
        raise MeasureError(f"benchmark {name!r}: the list of targets is empty")
    backend.require_gpu("measuring")
    lanes = [_lane(one, feed, inputs) for one in targets]
    for turn in range(warm_up):
        lanes[turn % len(lanes)].launch()
    return _timed(lanes, name, calls, inner, cold_l2)


def host_time(
    call: Callable[[], Any],
    *,
    name: str = "",
    calls: int = 200,
    warm_up: int = 20,
    wait: str = "each",
    burst: int = 20,
    synchronize: Callable[[], Any] | None = None,
    clock: Callable[[], float] = perf_counter,
) -> Timing:
    """Wall-clock time of a call on the host.

    Args: call – a function without arguments; calls – samples; warm_up – untimed calls before;
        wait – what is inside the clock: ``each``: a call and the wait for its result (latency);
        ``burst``: ``burst`` calls and one wait at their end, a sample is their mean (throughput);
        ``after``: the call alone, the wait comes after the clock stopped (the host's own cost);
        synchronize – waits for the device; None: for CUDA where there is a GPU, else nothing;
        clock – a function that returns seconds.
    Returns: Timing in microseconds.
    Raises: MeasureError for wrong counts or an unknown ``wait``.
    """
    _check_counts(calls=calls, burst=burst)
    if wait not in WAITS:
        raise MeasureError(f"wait={wait!r}: must be one of {', '.join(WAITS)}")
    if synchronize is None:
        synchronize = _device_wait()
    for _ in range(warm_up):
        call()
    synchronize()
    repeats = burst if wait == "burst" else 1
    samples = []
    for _ in range(calls):
        start = clock()
        for _ in range(repeats):
            call()
        if wait != "after":
            synchronize()
        samples.append(1e6 * (clock() - start) / repeats)
        if wait == "after":
            synchronize()
    return Timing(np.array(samples), name, inner=repeats)


def _check_counts(**counts: int) -> None:
    """Refuse counts below one, by their names."""
    for name, value in counts.items():
        if value < 1:
            raise MeasureError(f"{name}={value}: must be at least 1")


def _nothing() -> None:
    """What there is to wait for without a GPU."""


def _device_wait() -> Callable[[], Any]:
    """The function that waits for the device, if there is one."""
    if backend.gpu() is None:
        return _nothing
    return CudaEvents().synchronize


def _lane(target, feed, inputs) -> _Lane:
    """How to launch the target, and on which stream."""
    if hasattr(target, "bind"):
        return _Lane(target.bind(feed, **inputs), target.stream)
    if not callable(target):
        raise MeasureError(f"{type(target).__name__}: neither a Session nor a function to measure")
    return _Lane(target, 0)


def _timed(lanes: list[_Lane], name: str, calls: int, inner: int, cold_l2: bool) -> Timing:
    """Time the calls, and what the host and the flush of the L2 cache need."""
    device = CudaEvents()
    host_us = _enqueue_us(lanes, device)
    if not cold_l2:
        samples = _event_samples(lanes, device, calls, inner)
        return Timing(samples, name, host_us, inner)
    memory = device.allocate_flush()
    try:
        head_start_us = _flush_us(lanes[0].stream, device, memory)
        samples = _event_samples(lanes, device, calls, inner, memory)
    finally:
        device.free(memory)
    return Timing(samples, name, host_us, inner, head_start_us)


def _enqueue_us(lanes: list[_Lane], device) -> float:
    """Median host time in microseconds of one launch while the GPU is idle.

    Not taken from the timed calls: once the GPU's queue is full, a launch waits for the GPU.
    """
    samples = []
    for turn in range(HOST_CALLS):
        launch = lanes[turn % len(lanes)].launch
        device.synchronize()
        start = perf_counter()
        launch()
        samples.append(perf_counter() - start)
    device.synchronize()
    return 1e6 * float(np.median(samples))


def _flush_us(stream, device, memory) -> float:
    """Time in microseconds of one flush of the L2 cache."""
    begin, end = device.create(), device.create()
    device.record(begin, stream)
    device.flush(memory, stream)
    device.record(end, stream)
    device.synchronize()
    elapsed = device.microseconds(begin, end)
    device.destroy(begin)
    device.destroy(end)
    return elapsed


def _event_samples(lanes: list[_Lane], device, calls: int, inner: int, memory=None) -> np.ndarray:
    """Microseconds of each call (mean of ``inner`` launches), by event pairs; shape (calls,)."""
    begins = [device.create() for _ in range(calls)]
    ends = [device.create() for _ in range(calls)]
    several_streams = len({lane.stream for lane in lanes}) > 1
    launches = range(inner)
    lanes[0].launch()  # the first timed call must not find the GPU idle, the others do not either
    for turn in range(calls):
        launch, stream = lanes[turn % len(lanes)]
        begin, end = begins[turn], ends[turn]
        if several_streams and turn > 0:
            device.hold(stream, ends[turn - 1])  # else two calls would overlap
        if memory is not None:
            device.flush(memory, stream)
        device.record(begin, stream)
        for _ in launches:
            launch()
        device.record(end, stream)
    device.synchronize()
    samples = []
    for begin, end in zip(begins, ends, strict=True):
        samples.append(device.microseconds(begin, end) / inner)
    for event in begins + ends:
        device.destroy(event)
    return np.array(samples)
