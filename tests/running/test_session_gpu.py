"""``Session`` on a GPU: the real engine, streams and memory."""

import gc
import threading
import weakref

import ml_dtypes
import numpy as np
import pytest
import torch
from cuda.bindings import runtime as cudart

import cookbook
from cookbook import PlanError, Session, SessionError, backend, trt
from tests import onnx_samples as samples

RANDOM = np.random.default_rng(1)
X = RANDOM.standard_normal((5, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def plan():
    backend.require_gpu("this test")
    return cookbook.build(samples.linear(), profiles={"x": ((1, 4), (4, 4), (64, 4))})


@pytest.fixture
def session(plan):
    with Session(plan) as made:
        yield made


def check(outputs, x):
    """Compare with what the model ``linear`` is."""
    if isinstance(x, torch.Tensor):
        x = x.detach().cpu().numpy()
    cookbook.compare(outputs["y"], x @ samples.WEIGHT, rtol=1e-5, atol=1e-5)
    cookbook.compare(outputs["twice"], 2 * (x @ samples.WEIGHT), rtol=1e-5, atol=1e-5)


@pytest.mark.gpu
class TestOnTheGpu:
    def test_numpy(self, session):
        outputs = session(x=X)
        assert isinstance(outputs["y"], np.ndarray)
        assert outputs["y"].dtype == np.float32
        check(outputs, X)

    @pytest.mark.parametrize("device", ["cuda", "cpu"])
    def test_torch_on_its_device(self, session, device):
        x = torch.tensor(X, device=device)
        for _ in range(3):
            outputs = session(x=x)
            assert outputs["y"].device.type == device
            check(outputs, x)

    def test_shapes_kinds_and_layouts_alternate(self, session):
        for rows in (1, 64, 3, 3, 64):
            x = RANDOM.standard_normal((4, rows)).astype(np.float32).T
            gpu = torch.tensor(x, device="cuda")
            for value in (x, gpu, gpu, torch.tensor(x), gpu):
                check(session(x=value), x)

    @pytest.mark.parametrize("convert", [np.array, lambda x: torch.tensor(x, device="cuda")])
    def test_outputs_are_fresh(self, session, convert):
        first = session(x=convert(X))
        session(x=convert(X + 1))
        check(first, X)

    @pytest.mark.parametrize("graph", [False, True])
    def test_outputs_are_reused_on_request_only(self, plan, graph):
        x = torch.tensor(X, device="cuda")
        with Session(plan, reuse_outputs=True, cuda_graph=graph) as session:
            session(x=x)
            first = session(x=x)["y"]
            second = session(x=x + 1)["y"]
            assert first.data_ptr() == second.data_ptr()
            cookbook.compare(first, (X + 1) @ samples.WEIGHT, rtol=1e-5, atol=1e-5)
            check(session(x=x[:2]), X[:2])
            check(session(x=X), X)

    def test_names_that_are_no_python_names(self):
        shape = ((1, 1), (2, 3), (8, 8))
        plan = cookbook.build(samples.add(), profiles={"a": shape, "b.1": shape})
        with Session(plan) as session:
            a = np.ones((2, 3), np.float32)
            cookbook.compare(session({"b.1": a}, a=a)["z"], 2 * a)

    def test_data_dependent_outputs(self):
        model = samples.where_positive()
        plan = cookbook.build(model, profiles={"x": ((1,), (64,), (4096,))})
        with Session(plan) as session:
            for rows in (5, 4096, 1, 100):
                x = RANDOM.standard_normal(rows).astype(np.float32)
                for value in (x, torch.tensor(x, device="cuda")):
                    index = torch.as_tensor(session(x=value)["index"]).cpu().numpy()
                    assert (index == np.flatnonzero(x > 0)).all()
            assert session(x=-np.ones(3, np.float32))["index"].shape == (1, 0)

    def test_data_dependent_outputs_of_a_fixed_input(self):
        with Session(cookbook.build(samples.where_positive(4))) as session:
            assert session.specs[0].shape == (4,)
            assert (session(x=X[0])["index"] == np.flatnonzero(X[0] > 0)).all()

    def test_shape_inputs(self):
        profiles = {"x": ((1,), (12,), (64,)), "shape": ((1, 1), (3, 4), (8, 8))}
        with Session(cookbook.build(samples.reshape(), profiles=profiles)) as session:
            dtype = next(spec.dtype for spec in session.specs if spec.name == "shape")
            for shape in ([3, 4], [2, 2], [8, 8]):
                x = RANDOM.standard_normal(shape[0] * shape[1]).astype(np.float32)
                for value in (shape, np.array(shape, dtype)):
                    cookbook.compare(session(x=x, shape=value)["y"], x.reshape(shape))

    def test_work_on_another_stream_stays_in_order(self, session):
        with torch.cuda.stream(torch.cuda.Stream()):
            for k in range(20):
                x = torch.full((64, 4), float(k), device="cuda")
                torch.cuda._sleep(2_000_000)
                x = x + 1
                check(session(x=x), x)

    def test_half_precision(self):
        profiles = {"x": ((1, 4), (4, 4), (8, 4))}
        plan = cookbook.build(samples.linear(), profiles=profiles, precision="fp16")
        with Session(plan) as session:
            cookbook.compare(session(x=X)["y"], X @ samples.WEIGHT, rtol=1e-2, atol=1e-2)

    def test_bfloat16(self):
        if not hasattr(trt.DataType, "BF16"):
            pytest.skip("TensorRT 8.6 has no bfloat16")
        import onnx

        model = samples.relu()
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.elem_type = onnx.TensorProto.BFLOAT16
        plan = cookbook.build(model, profiles={"x": ((1, 4), (4, 4), (8, 4))}, precision="bf16")
        with Session(plan) as session:
            x = X.astype(ml_dtypes.bfloat16)
            y = session(x=x)["y"]
            assert y.dtype == x.dtype
            assert (y == np.maximum(x, x.dtype.type(0))).all()

    @pytest.mark.parametrize("graph", [False, True])
    def test_bind(self, plan, graph):
        with Session(plan, cuda_graph=graph) as session:
            launch = session.bind(x=X)
            for _ in range(5):
                launch()
            check(session(x=X), X)

    def test_misuse_leaves_the_session_usable(self, session):
        x = torch.zeros(65, 4, device="cuda")
        for bad in ({}, {"x": X, "z": X}, {"x": X.astype(np.int32)}, {"x": X[0]}, {"x": x}):
            with pytest.raises(SessionError, match="x|z"):
                session(bad)
            check(session(x=X), X)

    def test_a_session_a_thread_shares_the_engine(self, plan):
        engine = cookbook.deserialize(plan)

        def work(seed):
            x = np.random.default_rng(seed).standard_normal((8, 4)).astype(np.float32)
            with Session(engine) as session:
                for _ in range(50):
                    check(session(x=x), x)

        wrong = []

        def guarded(seed):
            try:
                work(seed)
            except Exception as error:
                wrong.append(error)

        threads = [threading.Thread(target=guarded, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []

    @pytest.mark.parametrize(
        "damage",
        [lambda data: data[: len(data) // 2], lambda data: b"\x07" * 5000, lambda data: b""],
        ids=["truncated", "random bytes", "empty"],
    )
    def test_damaged_plans_are_refused(self, plan, damage):
        damaged = cookbook.Plan(damage(plan.bytes), 0.0, plan.origin)
        with pytest.raises(PlanError):
            Session(damaged)

    def test_plan_of_another_version_is_refused_before_it_is_loaded(self, plan):
        foreign = cookbook.Plan(plan.bytes, 0.0, {**plan.origin, "tensorrt": "TensorRT 7"})
        with pytest.raises(PlanError, match="TensorRT 7"):
            Session(foreign)

    @pytest.mark.parametrize("profile", [1, -1, 99])
    def test_profile_that_is_not_there(self, plan, profile):
        with pytest.raises(SessionError, match=f"profile {profile}: the engine has 1"):
            Session(plan, profile=profile)
        with Session(plan) as session:
            check(session(x=X), X)

    def test_the_second_profile(self):
        profiles = [{"x": ((1, 4), (2, 4), (4, 4))}, {"x": ((32, 4), (64, 4), (64, 4))}]
        plan = cookbook.build(samples.linear(), profiles=profiles)
        with Session(plan, profile=1) as session:
            x = RANDOM.standard_normal((48, 4)).astype(np.float32)
            check(session(x=x), x)
            with pytest.raises(SessionError, match="32 to 64"):
                session(x=X)

    @pytest.mark.skipif(
        backend.api_version() >= (10, 0), reason="from TensorRT 10 on, contexts always share"
    )
    def test_profile_that_another_session_holds(self):
        def exclude(config):
            config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, False)  # trt<10

        x = {"x": ((1, 4), (2, 4), (4, 4))}
        plan = cookbook.build(samples.linear(), profiles=[x, x], configure=exclude)
        engine = cookbook.deserialize(plan)
        with Session(engine) as first, Session(engine, profile=1) as second:
            check(first(x=X[:4]), X[:4])
            check(second(x=X[:4]), X[:4])
            with pytest.raises(SessionError, match="profile 0 is taken.*PROFILE_SHARING_0806"):
                Session(engine)
            check(first(x=X[:4]), X[:4])
        with (
            pytest.raises(SessionError, match="CUDA graphs need it"),
            Session(plan, cuda_graph=True) as session,
        ):
            session(x=X[:4])


class CountingAllocator(trt.IGpuAllocator):
    """TensorRT's GPU memory, block by block."""

    def __init__(self):
        trt.IGpuAllocator.__init__(self)
        self.live = {}

    def allocate(self, size, alignment, flags):
        address = int(backend.cuda_check(cudart.cudaMalloc(size)))
        self.live[address] = size
        return address

    def deallocate(self, memory):
        backend.cuda_check(cudart.cudaFree(memory))
        self.live.pop(memory, None)
        return True


@pytest.mark.gpu
@pytest.mark.parametrize("graph", [False, True])
def test_memory_comes_back(plan, graph):
    """Blocks of TensorRT's and of torch's memory are counted, whatever else runs on the GPU."""
    allocator = CountingAllocator()
    runtime = trt.Runtime(cookbook.LOG)
    runtime.gpu_allocator = allocator
    engine = runtime.deserialize_cuda_engine(plan.bytes)
    blocks_before = dict(allocator.live)
    torch_before = torch.cuda.memory_allocated()
    session = Session(engine, cuda_graph=graph)
    for rows in (1, 5, 3):
        session(x=X[:rows])
        session(x=torch.tensor(X[:rows], device="cuda"))
    assert torch.cuda.memory_allocated() > torch_before
    context = weakref.ref(session.context)
    session.close()
    gc.collect()
    assert context() is None
    assert allocator.live == blocks_before
    assert torch.cuda.memory_allocated() == torch_before
    del session, engine
    gc.collect()
    assert allocator.live == {}
