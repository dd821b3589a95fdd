"""``benchmark`` on a simulated GPU, whose times are known, and on a real one."""

import numpy as np
import pytest

import cookbook
from cookbook import backend
from cookbook.errors import MeasureError, NoGpuError, SessionError
from cookbook.measure import benchmark, host_time, timing
from tests import onnx_samples as samples


class FakeGpu:
    """A host and a device with streams, whose time is counted in microseconds.

    A launch costs the host some time; its work starts then, or when the stream is free.
    """

    FLUSH = 40.0

    def __init__(self):
        self.host = 1000.0
        self.free = {}
        self.launches = []
        self.holds = []
        self.flushes = 0
        self.allocated = 0
        self.events = {}
        self.made = 0

    def clock(self):
        return self.host / 1e6

    def work(self, stream, us):
        self.free[stream] = max(self.free.get(stream, 0.0), self.host) + us

    def launch(self, name, host, device, stream=0):
        def call():
            self.launches.append(name)
            self.host += host
            self.work(stream, device)

        return call

    def create(self):
        self.made += 1
        self.events[self.made] = None
        return self.made

    def destroy(self, event):
        del self.events[event]

    def record(self, event, stream):
        self.events[event] = max(self.free.get(stream, 0.0), self.host)

    def hold(self, stream, event):
        self.holds.append((stream, event))
        self.free[stream] = max(self.free.get(stream, 0.0), self.events[event])

    def microseconds(self, begin, end):
        return self.events[end] - self.events[begin]

    def synchronize(self):
        self.host = max([self.host, *self.free.values()])

    def allocate_flush(self):
        self.allocated += 1
        return "memory"

    def flush(self, memory, stream):
        assert memory == "memory"
        self.flushes += 1
        self.work(stream, self.FLUSH)

    def free_memory(self, memory):
        self.allocated -= 1


class FakeDevice:
    """What ``benchmark`` sees of the fake GPU."""

    def __init__(self, gpu):
        self.gpu = gpu

    def __getattr__(self, name):
        return getattr(self.gpu, name)

    def free(self, memory):
        self.gpu.free_memory(memory)


class FakeSession:
    """A session, as far as ``benchmark`` uses one."""

    def __init__(self, gpu, stream):
        self.gpu = gpu
        self.stream = stream
        self.bound = []

    def bind(self, feed, **inputs):
        self.bound.append((feed, inputs))
        return self.gpu.launch(self.stream, 1, 50, self.stream)


@pytest.fixture
def gpu(monkeypatch):
    fake = FakeGpu()
    monkeypatch.setattr(timing, "CudaEvents", lambda: FakeDevice(fake))
    monkeypatch.setattr(timing, "perf_counter", fake.clock)
    monkeypatch.setattr(backend, "require_gpu", lambda what: None)
    return fake


def test_a_busy_gpu_is_what_is_timed(gpu):
    found = benchmark(gpu.launch("a", 10, 100), name="a", calls=20, warm_up=3)
    # The first, too: an untimed call before it keeps the GPU busy.
    assert found.samples.tolist() == [100] * 20
    assert found.name == "a"
    assert found.host_us == pytest.approx(10)
    assert not found.host_bound
    assert len(gpu.launches) == 3 + timing.HOST_CALLS + 1 + 20
    assert gpu.events == {}
    assert gpu.allocated == gpu.flushes == 0


def test_a_slow_host_is_what_is_timed_and_says_so(gpu):
    found = benchmark(gpu.launch("a", 10, 4), calls=20)
    assert found.median == pytest.approx(10)
    assert found.host_bound
    assert "the host is timed, not the GPU: it needs 10.0 us to enqueue" in str(found)


def test_the_host_is_judged_on_an_idle_gpu(gpu):
    # Behind a full queue a launch waits for the GPU, which is not the host's cost.
    depth = 0

    def crowded():
        nonlocal depth
        depth += 1
        gpu.host += 10
        if gpu.free.get(0, 0) > gpu.host + 300:
            gpu.host = gpu.free[0] - 300
        gpu.work(0, 100)

    found = benchmark(crowded, calls=100)
    assert found.host_us == pytest.approx(10)
    assert not found.host_bound


def test_defaults(gpu):
    found = benchmark(gpu.launch("a", 10, 100))
    assert len(found.samples) == 300
    assert len(gpu.launches) == 30 + timing.HOST_CALLS + 1 + 300


def test_several_launches_between_two_events(gpu):
    found = benchmark(gpu.launch("a", 1, 5), calls=7, inner=10, warm_up=0)
    assert found.samples.tolist() == pytest.approx([5] * 7)
    assert found.inner == 10
    assert len(gpu.launches) == timing.HOST_CALLS + 1 + 70


def test_a_session_is_bound_once_and_timed_on_its_stream(gpu):
    session = FakeSession(gpu, stream=3)
    found = benchmark(session, {"x": 1}, y=2, calls=5)
    assert session.bound == [({"x": 1}, {"y": 2})]
    assert found.samples.tolist() == [50] * 5
    assert gpu.holds == []


def test_several_targets_take_turns(gpu):
    targets = [gpu.launch(name, 1, us) for name, us in (("a", 10), ("b", 20), ("c", 30))]
    found = benchmark(targets, calls=6, warm_up=4)
    assert found.samples.tolist() == [10, 20, 30, 10, 20, 30]
    assert gpu.launches[:4] == ["a", "b", "c", "a"]
    assert gpu.launches[4:7] == ["a", "b", "c"]
    assert gpu.holds == []  # all on one stream, where they are in order anyway


def test_targets_on_several_streams_do_not_overlap(gpu):
    targets = (FakeSession(gpu, stream=1), FakeSession(gpu, stream=2))
    found = benchmark(targets, {"x": 1}, calls=4, warm_up=2)
    assert [stream for stream, _ in gpu.holds] == [2, 1, 2]
    assert found.samples.tolist() == [50] * 4
    warm_up = 1 + 1 + 50  # two launches, whose work overlaps
    judged = timing.HOST_CALLS * (1 + 50)
    timed = 1 + 50 + 4 * 50  # the first launch is not timed
    assert gpu.host == 1000 + warm_up + judged + timed


def test_a_cold_l2_cache(gpu):
    found = benchmark(gpu.launch("a", 10, 4), calls=9, cold_l2=True)
    assert found.samples.tolist() == pytest.approx([4] * 9)
    assert gpu.flushes == 1 + 9
    assert found.head_start_us == gpu.FLUSH
    assert not found.host_bound  # the host enqueues while the cache is overwritten
    assert gpu.allocated == 0
    assert gpu.events == {}


def test_a_cold_l2_cache_does_not_hide_a_host_that_is_slower_still(gpu):
    found = benchmark(gpu.launch("a", 100, 4), calls=9, cold_l2=True)
    assert found.host_bound


def test_memory_is_given_back_when_a_launch_fails(gpu):
    count = 0

    def failing():
        nonlocal count
        count += 1
        if count > timing.HOST_CALLS + 3:
            raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        benchmark(failing, warm_up=0, cold_l2=True)
    assert gpu.allocated == 0


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        (print, {"calls": 0}, "calls=0: must be at least 1"),
        (print, {"inner": 0}, "inner=0: must be at least 1"),
        (print, {"inner": 2, "cold_l2": True}, "inner=2 with cold_l2"),
        ([], {"name": "a"}, "benchmark 'a': the list of targets is empty$"),
        ("session", {}, "str: neither a Session nor a function"),
    ],
)
def test_wrong_arguments_are_refused(gpu, target, options, words):
    with pytest.raises(MeasureError, match=words):
        benchmark(target, **options)


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(backend, "gpu_problem", lambda: "a CUDA GPU")
    with pytest.raises(NoGpuError, match="measuring needs a CUDA GPU"):
        benchmark(lambda: None)


@pytest.mark.gpu
def test_benchmark_times_sessions():
    plan = cookbook.build(samples.linear(), profiles={"x": ((1, 4), (4, 4), (8, 4))})
    x = np.ones((2, 4), np.float32)
    for graph in (False, True):
        with cookbook.Session(plan, cuda_graph=graph) as session:
            found = benchmark(session, x=x, calls=50, warm_up=5, name="s")
            assert len(found.samples) == 50
            assert (found.samples > 0).all()
            assert found.name == "s"
            assert found.host_us > 0
            with pytest.raises(SessionError):
                benchmark(session, {"q": x})


@pytest.mark.gpu
def test_benchmark_takes_turns_between_sessions():
    plan = cookbook.build(samples.linear(), profiles={"x": ((1, 4), (4, 4), (8, 4))})
    x = np.ones((2, 4), np.float32)
    with cookbook.Session(plan) as first, cookbook.Session(first.engine) as second:
        found = benchmark([first, second], {"x": x}, calls=20)
        assert (found.samples > 0).all()
        assert first.stream != second.stream


@pytest.mark.gpu
def test_benchmark_times_functions():
    import torch

    y = torch.ones(4096, 4096, device="cuda")
    short = benchmark(lambda: y @ y, calls=30)
    long = benchmark(lambda: y @ y @ y @ y @ y @ y @ y, calls=30)
    assert long.samples.min() > short.samples.min()  # six products contain one
    assert not long.host_bound
    tiny = torch.ones(1, device="cuda")
    batch = benchmark(lambda: tiny.add_(1), calls=10, inner=20, warm_up=0)
    assert tiny.item() == 1 + timing.HOST_CALLS + 1 + 10 * 20
    assert (batch.samples > 0).all()
    cold = benchmark(lambda: tiny.add_(1), calls=10, cold_l2=True)
    assert cold.head_start_us > 0
    assert (
        host_time(lambda: y @ y, calls=10).median
        > host_time(lambda: y @ y, calls=10, wait="after").samples.min()
    )
