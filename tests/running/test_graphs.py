"""CUDA graphs of a session: captured once a set of shapes, kept for a while, freed."""

import numpy as np
import pytest
import torch

import cookbook
from cookbook import CudaError, SessionError, backend, trt
from cookbook.running import graphs
from cookbook.running.graphs import GraphCache, Run
from cookbook.running.tensors import read_specs
from tests import onnx_samples as samples
from tests.running.fake_cuda import fake_gpu
from tests.running.fake_tensorrt import FakeEngine, FakeTensor

RANDOM = np.random.default_rng(2)


@pytest.fixture
def cuda(monkeypatch):
    with fake_gpu(monkeypatch) as fake:
        yield fake


@pytest.fixture
def engine():
    described = {
        "a": FakeTensor((-1, 4), True, ranges=[((1, 4), (2, 4), (64, 4))]),
        "b": FakeTensor((-1, 4), True, ranges=[((1, 4), (2, 4), (64, 4))]),
        "y": FakeTensor((-1, 4)),
    }
    return FakeEngine(described, compute=lambda inputs: {"y": inputs["a"] - 2 * inputs["b"]})


@pytest.fixture
def cache(engine, cuda):
    _, stream = cuda.cudaStreamCreate()
    return GraphCache(stream, read_specs(engine, engine.create_execution_context(), 0), most=3)


def shapes(rows):
    return dict.fromkeys("aby", (rows, 4))


def computed(run, value):
    """Fill the inputs, launch, and return the output."""
    run.inputs["a"].fill_(5 * value)
    run.inputs["b"].fill_(value)
    run.launch()
    return run.outputs["y"]


class TestGraphCache:
    def test_a_graph_computes_with_its_own_tensors(self, cache, engine):
        run = cache.run_for(shapes(3), engine.create_execution_context)
        assert set(run.inputs) == {"a", "b"}
        assert set(run.outputs) == {"y"}
        assert run.outputs["y"].shape == (3, 4)
        for value in (1, 2):
            assert (computed(run, value) == 3 * value).all()

    def test_the_first_run_is_not_the_captured_one(self, cache, engine, cuda):
        run = cache.run_for(shapes(3), engine.create_execution_context)
        assert cuda.log == [
            "synchronize all",
            "synchronize",
            "begin capture cudaStreamCaptureModeThreadLocal",
            "end capture",
            "destroy graph",
        ]
        assert run.context.calls.count(("execute", cache.stream)) == 2

    def test_the_first_run_reads_zeros(self, cache, engine):
        seen = []
        engine.compute = lambda inputs: seen.append(inputs) or {}
        cache.run_for(shapes(3), engine.create_execution_context)
        assert len(seen) == 1  # what is captured is not run
        for name in "ab":
            assert (seen[0][name] == np.zeros((3, 4))).all()

    def test_the_same_shapes_are_captured_once(self, cache, engine):
        first = cache.run_for(shapes(3), engine.create_execution_context)
        backwards = dict(reversed(list(shapes(3).items())))
        assert cache.run_for(backwards, engine.create_execution_context) is first
        assert len(cache) == 1

    def test_each_set_of_shapes_has_a_context_and_tensors_of_its_own(self, cache, engine):
        one = cache.run_for(shapes(1), engine.create_execution_context)
        two = cache.run_for(shapes(2), engine.create_execution_context)
        assert one.context is not two.context
        assert one.graph != two.graph
        assert (computed(one, 1) == 3).all()
        assert (computed(two, 2) == 6).all()
        assert (one.outputs["y"] == 3).all()

    def test_the_one_that_was_not_used_for_longest_goes(self, cache, engine, cuda):
        runs = {}
        for rows in (1, 2, 3, 1, 4):
            runs[rows] = cache.run_for(shapes(rows), engine.create_execution_context)
        assert len(cache) == len(cuda.graphs) == 3
        assert runs[2].graph not in cuda.graphs
        assert cuda.log[-1] == "synchronize"  # before it is destroyed: it may be running
        for rows in (1, 3, 4):
            assert cache.run_for(shapes(rows), engine.create_execution_context) is runs[rows]

    def test_as_many_as_allowed_stay(self, cache, engine, cuda):
        for rows in (1, 2, 3):
            cache.run_for(shapes(rows), engine.create_execution_context)
        assert len(cache) == 3
        assert cuda.log.count("synchronize") == 3  # one a capture

    def test_close_frees_all(self, cache, engine, cuda):
        for rows in (1, 2):
            cache.run_for(shapes(rows), engine.create_execution_context)
        cache.close()
        assert len(cache) == len(cuda.graphs) == 0

    def test_an_engine_that_does_not_run_is_not_captured(self, cache, engine, cuda):
        broken = engine.create_execution_context()
        broken.works = False
        with pytest.raises(SessionError) as caught:
            cache.run_for(shapes(2), lambda: broken)
        assert str(caught.value).startswith("TensorRT could not run the engine.")
        assert cuda.log == ["synchronize all"]
        assert len(cache) == 0

    @pytest.mark.parametrize("when", ["while it is captured", "at its end"])
    def test_an_engine_that_cannot_be_captured_is_told_what_to_do(self, cache, engine, cuda, when):
        context = engine.create_execution_context()
        if when == "at its end":
            cuda.fail_capture = True
        else:
            runs = []
            run = context.execute_async_v3
            context.execute_async_v3 = lambda stream: not runs and (runs.append(1) or run(stream))
        words = "^this engine cannot be captured as a CUDA graph .*: use cuda_graph=False"
        with pytest.raises(SessionError, match=words) as caught:
            cache.run_for(shapes(2), lambda: context)
        assert isinstance(caught.value.__cause__, (SessionError, CudaError))
        assert cuda.log[-1] == "end capture"  # the stream is usable again
        assert cuda.captured is None
        assert len(cache) == 0


class TestRun:
    def run(self, engine, cuda, graph=None):
        context = engine.create_execution_context()
        tensors = {name: torch.ones(2, 4) for name in "aby"}
        for name, tensor in tensors.items():
            context.set_tensor_address(name, tensor.data_ptr())
            context.shapes[name] = (2, 4)
        outputs = {"y": tensors.pop("y")}
        return Run(context, 7, tensors, outputs, graph)

    def test_launch_of_a_context(self, engine, cuda):
        run = self.run(engine, cuda)
        run.launch()
        assert (run.outputs["y"] == -1).all()
        assert run.context.calls[-1] == ("execute", 7)

    def test_a_bare_launch_does_the_same_and_checks_nothing(self, engine, cuda):
        run = self.run(engine, cuda)
        launch = run.bare_launch()
        assert launch() is True
        assert (run.outputs["y"] == -1).all()
        run.context.works = False
        assert launch() is False

    def test_a_failed_launch_quotes_the_log(self, engine, cuda):
        run = self.run(engine, cuda)

        def fail(stream):
            for severity, text in (
                (trt.ILogger.ERROR, "no kernel image"),
                (trt.ILogger.INFO, "hm"),
            ):
                cookbook.LOG.log(severity, text)
            return False

        run.context.execute_async_v3 = fail
        with pytest.raises(SessionError) as caught:
            run.launch()
        assert str(caught.value) == (
            "TensorRT could not run the engine.\nTensorRT's log says:\n  [E] no kernel image"
        )

    def test_launch_of_a_graph(self, cache, engine, cuda):
        run = cache.run_for(shapes(2), engine.create_execution_context)
        run.inputs["a"].fill_(1)
        run.inputs["b"].fill_(0)
        run.bare_launch()()
        assert (run.outputs["y"] == 1).all()
        cuda.fail_launch = True
        with pytest.raises(CudaError, match="cudaErrorInvalidValue"):
            run.launch()


@pytest.fixture(scope="module")
def plan():
    backend.require_gpu("this test")
    return cookbook.build(samples.linear(), profiles={"x": ((1, 4), (4, 4), (64, 4))})


@pytest.mark.gpu
class TestOnTheGpu:
    def test_a_graph_gives_the_same_for_every_shape(self, plan):
        with cookbook.Session(plan, cuda_graph=True) as session:
            for rows in [*range(1, 12), 1, 5]:  # more shapes than graphs are kept
                x = RANDOM.standard_normal((rows, 4)).astype(np.float32)
                for value in (x, torch.tensor(x, device="cuda"), torch.tensor(x)):
                    found = torch.as_tensor(session(x=value)["y"]).cpu()
                    cookbook.compare(found, x @ samples.WEIGHT, rtol=1e-5, atol=1e-5)
            assert len(session.graphs) == graphs.MAX_GRAPHS

    def test_streams_may_change_between_calls(self, plan):
        side = torch.cuda.Stream()
        main = torch.cuda.current_stream()
        with cookbook.Session(plan, cuda_graph=True) as session:
            for k in range(20):
                with torch.cuda.stream(side if k % 2 else main):
                    x = torch.full((64, 4), float(k), device="cuda")
                    found = session(x=x)["y"]
                    expected = np.full((64, 4), k, np.float32) @ samples.WEIGHT
                    cookbook.compare(found, expected, rtol=1e-4, atol=1e-4)

    def test_data_dependent_outputs_are_refused(self):
        model = samples.where_positive()
        plan = cookbook.build(model, profiles={"x": ((1,), (64,), (4096,))})
        with (
            cookbook.Session(plan, cuda_graph=True) as session,
            pytest.raises(SessionError, match="data-dependent"),
        ):
            session(x=np.ones(5, np.float32))
