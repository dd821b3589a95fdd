"""Stand-ins for CUDA's streams and graphs, so that a session can be tested without a GPU.

A fake CUDA graph replays the addresses and shapes that it saw, as a real one does.
"""

import contextlib
import itertools

import torch
from cuda.bindings import runtime as real_cudart

OK = real_cudart.cudaError_t.cudaSuccess
INVALID = real_cudart.cudaError_t.cudaErrorInvalidValue


class FakeCuda:
    """The calls of ``cuda.bindings.runtime`` that a session makes; ``log`` has their names."""

    captured: list | None = None  # what runs between the begin and the end of a capture
    cudaStreamCaptureMode = real_cudart.cudaStreamCaptureMode

    def __init__(self):
        self.log: list[str] = []
        self.streams: set[int] = set()
        self.graphs: dict[int, list] = {}
        self.numbers = itertools.count(100)
        self.fail_launch = False
        self.fail_capture = False
        FakeCuda.captured = None

    def cudaStreamCreate(self):
        number = next(self.numbers)
        self.streams.add(number)
        return OK, number

    def cudaStreamDestroy(self, stream):
        self.streams.remove(stream)
        self.log.append("destroy stream")
        return (OK,)

    def cudaStreamSynchronize(self, stream):
        assert stream in self.streams
        self.log.append("synchronize")
        return (OK,)

    def cudaStreamBeginCapture(self, stream, mode):
        FakeCuda.captured = []
        self.log.append(f"begin capture {mode.name}")
        return (OK,)

    def cudaStreamEndCapture(self, stream):
        graph = FakeCuda.captured
        FakeCuda.captured = None
        self.log.append("end capture")
        if graph is None or self.fail_capture:
            return INVALID, None
        return OK, graph

    def cudaGraphInstantiate(self, graph, flags):
        assert flags == 0
        number = next(self.numbers)
        self.graphs[number] = graph
        return OK, number

    def cudaGraphDestroy(self, graph):
        self.log.append("destroy graph")
        return (OK,)

    def cudaGraphExecDestroy(self, number):
        del self.graphs[number]
        return (OK,)

    def cudaGraphLaunch(self, number, stream):
        self.log.append("launch graph")
        if self.fail_launch:
            return (INVALID,)
        for context, addresses, shapes in self.graphs[number]:
            context.addresses.update(addresses)
            context.shapes.update(shapes)
            context.run()
        return (OK,)

    def cudaMemGetInfo(self):
        return OK, 3 * 2**20, 2000 * 2**20


class FakeStream:
    """A torch stream that notes who waits for whom."""

    def __init__(self, name, log):
        self.name = name
        self.log = log

    def wait_stream(self, other):
        self.log.append(f"{self.name} waits for {other.name}")


@contextlib.contextmanager
def fake_gpu(monkeypatch):
    """Let the session's modules see a FakeCuda and CPU tensors for a GPU. Yields: FakeCuda."""
    from cookbook.running import fast_call, graphs, session, tensors

    cuda = FakeCuda()
    monkeypatch.setattr(tensors, "DEVICE", "cpu")
    for module in (tensors, graphs, session, fast_call):
        monkeypatch.setattr(module, "cudart", cuda)
    cuda.current = 0  # torch's current stream: 0 is the default one
    monkeypatch.setattr(
        torch.cuda, "current_device", lambda: -1
    )  # what get_device() says of the CPU
    monkeypatch.setattr(
        torch._C, "_cuda_getCurrentRawStream", lambda device: cuda.current, raising=False
    )
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: FakeStream("torch", cuda.log))
    monkeypatch.setattr(
        torch.cuda, "ExternalStream", lambda number: FakeStream(f"stream {number}", cuda.log)
    )
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: cuda.log.append("synchronize all"))
    yield cuda
