"""The CUDA events behind ``benchmark``, and the calls that they make."""

from types import SimpleNamespace

from cookbook.measure import timing


class FakeRuntime:
    """The calls of the CUDA runtime that ``CudaEvents`` makes, and what they return."""

    def __init__(self, monkeypatch):
        from cuda.bindings import runtime

        self.success = runtime.cudaError_t.cudaSuccess
        self.log = []
        answers = {
            "cudaEventCreate": ["event"],
            "cudaEventDestroy": [],
            "cudaEventRecord": [],
            "cudaStreamWaitEvent": [],
            "cudaEventElapsedTime": [0.25],
            "cudaDeviceSynchronize": [],
            "cudaGetDevice": [1],
            "cudaGetDeviceProperties": [SimpleNamespace(l2CacheSize=1000)],
            "cudaMalloc": ["address"],
            "cudaMemsetAsync": [],
            "cudaFree": [],
        }
        for name, values in answers.items():
            monkeypatch.setattr(runtime, name, self.call(name, values))

    def call(self, name, values):
        def called(*arguments):
            self.log.append((name, *arguments))
            return (self.success, *values)

        return called


def test_cuda_events_and_the_calls_behind_them(monkeypatch):
    runtime = FakeRuntime(monkeypatch)
    device = timing.CudaEvents()
    assert device.create() == "event"
    device.record("event", 7)
    device.hold(8, "event")
    device.synchronize()
    assert device.microseconds("begin", "end") == 250
    device.destroy("event")
    memory = device.allocate_flush()
    device.flush(memory, 7)
    device.free(memory)
    assert runtime.log == [
        ("cudaEventCreate",),
        ("cudaEventRecord", "event", 7),
        ("cudaStreamWaitEvent", 8, "event", 0),
        ("cudaDeviceSynchronize",),
        ("cudaEventElapsedTime", "begin", "end"),
        ("cudaEventDestroy", "event"),
        ("cudaGetDevice",),
        ("cudaGetDeviceProperties", 1),
        ("cudaMalloc", 2000),
        ("cudaMemsetAsync", "address", 0, 2000, 7),
        ("cudaFree", "address"),
    ]
