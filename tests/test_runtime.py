"""``Session``: results, kinds of input, streams, graphs, data-dependent shapes; and that every misuse is named.

What a session checks before it touches the GPU is tested without one, through ``check_inputs``.
"""
import threading

import numpy as np
import pytest
import torch

import cookbook
from cookbook import backend, runtime, trt
from cookbook.runtime import TensorSpec, check_inputs
from tests import onnx_samples as samples

RANDOM = np.random.default_rng(1)
X = RANDOM.standard_normal((5, 4)).astype(np.float32)
SPECS = [TensorSpec("x", True, "float32", (-1, 4), (1, 4), (8, 4)), TensorSpec("n", True, "int32", (2,), (2,), (2,)),
         TensorSpec("y", False, "float32", (-1, 3))]
N = np.zeros(2, np.int32)


@pytest.mark.parametrize("inputs, words", [
    ({"x": X}, ["'n'", "missing"]),
    ({"x": X, "n": N, "z": X}, ["no input", "'z'", "'n', 'x'"]),
    ({"x": X.astype(np.float64), "n": N}, ["'x'", "float64", "float32", "astype"]),
    ({"x": torch.zeros(2, 4, dtype=torch.float16), "n": torch.zeros(2, dtype=torch.int32)}, ["'x'", "float16", "float32"]),
    ({"x": X[0], "n": N}, ["'x'", "1 dimensions", "takes 2"]),
    ({"x": np.zeros((9, 4), np.float32), "n": N}, ["'x'", r"\(9, 4\)", "dimension 0", "1 to 8"]),
    ({"x": np.zeros((2, 5), np.float32), "n": N}, ["'x'", "dimension 1", "4 to 4"]),
    ({"x": np.zeros((0, 4), np.float32), "n": N}, ["'x'", "empty", "skip the call"]),
    ({"x": X, "n": torch.zeros(2, dtype=torch.int32)}, ["all be NumPy", "torch"]),
    ({"x": [[1.0] * 4], "n": N}, ["NumPy arrays or all torch tensors", "builtins"]),
])
def test_wrong_inputs_are_named(inputs, words):
    with pytest.raises(cookbook.SessionError, match="(?s)" + "".join(f"(?=.*{word})" for word in words)):
        check_inputs(SPECS, inputs)


def test_right_inputs_pass():
    assert check_inputs(SPECS, {"x": X, "n": N}) == "numpy"
    assert check_inputs(SPECS, {"x": torch.tensor(X), "n": torch.tensor(N)}) == "torch"


@pytest.mark.skipif(not backend.gpu_problem(), reason="a GPU is here")
def test_without_a_gpu_a_session_says_so():
    plan = cookbook.Plan(b"anything", 0.0, {})
    for use in (lambda: cookbook.Session(plan), lambda: cookbook.deserialize(plan)):
        with pytest.raises(cookbook.NoGpuError, match="GPU"):
            use()


@pytest.fixture(scope="module")
def plan():
    backend.require_gpu("this test")
    return cookbook.build(samples.linear(), profiles={"x": ((1, 4), (4, 4), (64, 4))})


@pytest.fixture
def session(plan):
    with cookbook.Session(plan) as made:
        yield made


def _right(outputs, x):
    x = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
    cookbook.compare(outputs["y"], x @ samples.WEIGHT, rtol=1e-5, atol=1e-5)
    cookbook.compare(outputs["twice"], 2 * (x @ samples.WEIGHT), rtol=1e-5, atol=1e-5)
    return True


@pytest.mark.gpu
class TestCalls:
    def test_numpy_in_numpy_out(self, session):
        outputs = session(x=X)
        assert isinstance(outputs["y"], np.ndarray) and outputs["y"].dtype == np.float32 and _right(outputs, X)

    def test_torch_in_torch_out_on_its_device(self, session):
        for device in ("cuda", "cpu"):
            x = torch.tensor(X, device=device)
            for _ in range(3):  # the second call takes the short path
                outputs = session(x=x)
                assert outputs["y"].device.type == device and _right(outputs, x)

    def test_shapes_may_change_from_call_to_call(self, session):
        for n in (1, 64, 3, 3, 64):
            x = RANDOM.standard_normal((n, 4)).astype(np.float32)
            assert _right(session(x=x), x) and _right(session(x=torch.tensor(x, device="cuda")), x)

    def test_non_contiguous_inputs_work(self, session):
        wide = RANDOM.standard_normal((4, 6)).astype(np.float32)
        assert _right(session(x=wide.T), wide.T)
        assert _right(session(x=torch.tensor(wide, device="cuda").T), wide.T)
        assert _right(session(x=torch.tensor(wide, device="cuda").T), wide.T)

    def test_kinds_may_alternate(self, session):
        for x in (X, torch.tensor(X, device="cuda"), X[:2], torch.tensor(X), torch.tensor(X[:2], device="cuda")):
            assert _right(session(x=x), x)

    def test_outputs_are_fresh(self, session):
        for convert in (np.array, lambda x: torch.tensor(x, device="cuda")):
            first = session(x=convert(X))
            kept = first["y"].copy() if convert is np.array else first["y"].clone()
            session(x=convert(X + 1))
            assert (first["y"] == kept).all()

    def test_outputs_are_reused_on_request_only(self, plan):
        x = torch.tensor(X, device="cuda")
        for graph in (False, True):
            with cookbook.Session(plan, reuse_outputs=True, cuda_graph=graph) as session:
                session(x=x)
                first = session(x=x)["y"]
                second = session(x=x + 1)["y"]
                assert first.data_ptr() == second.data_ptr()
                cookbook.compare(first, (X + 1) @ samples.WEIGHT, rtol=1e-5, atol=1e-5)
                assert _right(session(x=x[:2]), X[:2]) and _right(session(x=X), X)

    def test_parameters_and_gradients_do_not_disturb(self, session):
        x = torch.nn.Parameter(torch.tensor(X, device="cuda"))
        assert _right(session(x=x), x) and _right(session(x=x), x)

    def test_names_that_are_no_python_names(self):
        shape = ((1, 1), (2, 3), (8, 8))
        with cookbook.Session(cookbook.build(samples.add(), profiles={"a": shape, "b.1": shape})) as session:
            a = np.ones((2, 3), np.float32)
            cookbook.compare(session({"b.1": a}, a=a)["z"], 2 * a)

    def test_data_dependent_outputs(self):
        with cookbook.Session(cookbook.build(samples.where_positive(), profiles={"x": ((1,), (64,), (4096,))})) as session:
            for n in (5, 4096, 1, 100):
                x = RANDOM.standard_normal(n).astype(np.float32)
                assert (session(x=x)["index"] == np.flatnonzero(x > 0)).all()
                assert (session(x=torch.tensor(x, device="cuda"))["index"].cpu().numpy() == np.flatnonzero(x > 0)).all()
            assert session(x=-np.ones(3, np.float32))["index"].shape == (1, 0)

    def test_data_dependent_outputs_of_a_fixed_input(self):
        with cookbook.Session(cookbook.build(samples.where_positive(4))) as session:
            assert next(spec.shape for spec in session.specs if spec.is_input) == (4,)
            assert (session(x=X[0])["index"] == np.flatnonzero(X[0] > 0)).all()

    def test_work_on_another_torch_stream_stays_in_order(self, session):
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for k in range(20):
                x = torch.full((64, 4), float(k), device="cuda")
                torch.cuda._sleep(2_000_000)
                x = x + 1
                assert _right(session(x=x), x)

    def test_half_precision_inputs(self):
        plan = cookbook.build(samples.linear(), profiles={"x": ((1, 4), (4, 4), (8, 4))}, precision="fp16")
        with cookbook.Session(plan) as session:
            cookbook.compare(session(x=X)["y"], X @ samples.WEIGHT, rtol=1e-2, atol=1e-2)


@pytest.mark.gpu
class TestGraphs:
    def test_graph_gives_the_same_for_every_shape(self, plan):
        with cookbook.Session(plan, cuda_graph=True) as session:
            for n in [*range(1, 12), 1, 5]:  # more shapes than graphs are kept
                x = RANDOM.standard_normal((n, 4)).astype(np.float32)
                for value in (x, torch.tensor(x, device="cuda"), torch.tensor(x)):
                    assert _right(session(x=value), x)
            assert len(session._graphs) == runtime.MAX_GRAPHS

    def test_data_dependent_outputs_are_refused(self):
        plan = cookbook.build(samples.where_positive(), profiles={"x": ((1,), (64,), (4096,))})
        with cookbook.Session(plan, cuda_graph=True) as session, pytest.raises(cookbook.SessionError, match="data-dependent"):
            session(x=X[0])

    def test_bind_launches_what_it_was_given(self, plan):
        for graph in (False, True):
            with cookbook.Session(plan, cuda_graph=graph) as session:
                launch = session.bind(x=X)
                for _ in range(5):
                    launch()
                assert _right(session(x=X), X)


@pytest.mark.gpu
class TestMisuse:
    def test_input_errors_leave_the_session_usable(self, session):
        for bad in ({}, {"x": X, "z": X}, {"x": X.astype(np.int32)}, {"x": X[0]}, {"x": np.zeros((65, 4), np.float32)},
                    {"x": np.zeros((0, 4), np.float32)}, {"x": torch.zeros(65, 4, device="cuda")}):
            with pytest.raises(cookbook.SessionError, match="x|z"):
                session(bad)
            assert _right(session(x=X), X)

    def test_use_after_close(self, plan):
        session = cookbook.Session(plan)
        session.close()
        session.close()
        with pytest.raises(cookbook.SessionError, match="closed"):
            session(x=X)

    def test_another_thread_is_refused_and_told_what_to_do(self, session):
        x, seen = torch.tensor(X, device="cuda"), []

        def work():
            for value in (X, x):
                with pytest.raises(cookbook.SessionError, match="one session a thread"):
                    session(x=value)
                seen.append(value)
        for value in (X, x, x):  # NumPy, torch, and torch by the short path
            session(x=value)
            worker = threading.Thread(target=work)
            worker.start()
            worker.join()
        assert len(seen) == 6 and _right(session(x=X), X)

    def test_a_session_may_be_made_in_one_thread_and_used_in_another(self, session):
        results = []
        worker = threading.Thread(target=lambda: results.append(session(x=X)))
        worker.start()
        worker.join()
        assert _right(results[0], X)

    def test_a_session_a_thread_shares_the_engine(self, plan):
        engine, wrong = cookbook.deserialize(plan), []

        def work(seed):
            x = np.random.default_rng(seed).standard_normal((8, 4)).astype(np.float32)
            with cookbook.Session(engine) as session:
                for _ in range(50):
                    try:
                        _right(session(x=x), x)
                    except Exception as error:
                        wrong.append(error)
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert wrong == []

    @pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"\x07" * 5000, lambda data: b""],
                             ids=["truncated", "random bytes", "empty"])
    def test_damaged_plans_are_refused_with_the_log(self, plan, damage):
        with pytest.raises(cookbook.PlanError, match="(?s)refused the plan.*log says"):
            cookbook.Session(cookbook.Plan(damage(plan.bytes), 0.0, plan.origin))

    def test_plan_of_another_version_is_refused_before_it_is_loaded(self, plan):
        with pytest.raises(cookbook.PlanError, match="TensorRT 7"):
            cookbook.Session(cookbook.Plan(plan.bytes, 0.0, {**plan.origin, "tensorrt": "TensorRT 7"}))

    def test_profile_that_is_not_there(self, plan):
        with pytest.raises(cookbook.SessionError, match="profile 1"):
            cookbook.Session(plan, profile=1)

    @pytest.mark.skipif(backend.api_version() >= (10, 0), reason="from TensorRT 10 on, contexts always share a profile")
    def test_profile_that_another_session_holds(self):
        x = {"x": ((1, 4), (2, 4), (4, 4))}
        plan = cookbook.build(samples.linear(), profiles=[x, x], configure=lambda config: config.set_preview_feature(
            trt.PreviewFeature.PROFILE_SHARING_0806, False))  # trt<10
        engine = cookbook.deserialize(plan)
        with cookbook.Session(engine) as first, cookbook.Session(engine, profile=1) as second:
            assert _right(first(x=X[:4]), X[:4]) and _right(second(x=X[:4]), X[:4])
            with pytest.raises(cookbook.SessionError, match="profile 0 is taken.*PROFILE_SHARING_0806"):
                cookbook.Session(engine)
            assert _right(first(x=X[:4]), X[:4])
        with pytest.raises(cookbook.SessionError, match="CUDA graphs need it"), cookbook.Session(plan, cuda_graph=True) as session:
            session(x=X[:4])

    def test_out_of_device_memory_says_how_much_is_free(self):
        with pytest.raises(cookbook.DeviceMemoryError, match="(?s)MiB on the GPU for output 'y'.*are free"):
            runtime.allocate((1 << 50,), torch.uint8, "output 'y'")
        assert runtime.allocate((1 << 20,), torch.uint8, "a buffer").numel()  # the GPU is usable afterwards

    def test_second_profile_is_used(self):
        profiles = [{"x": ((1, 4), (2, 4), (4, 4))}, {"x": ((32, 4), (64, 4), (64, 4))}]
        plan = cookbook.build(samples.linear(), profiles=profiles)
        with cookbook.Session(plan, profile=1) as session:
            x = RANDOM.standard_normal((48, 4)).astype(np.float32)
            assert _right(session(x=x), x)
            with pytest.raises(cookbook.SessionError, match="32 to 64"):
                session(x=X)


@pytest.mark.gpu
def test_memory_comes_back(plan):
    def free():
        torch.cuda.synchronize()
        return torch.cuda.mem_get_info()[0]
    for _ in range(3):
        with cookbook.Session(plan, cuda_graph=True) as session:
            session(x=X)

    def lost():
        before = free()
        for _ in range(20):
            with cookbook.Session(plan, cuda_graph=True) as session:
                session(x=X)
        return before - free()
    # A leak shows in every round; what other programs take on this GPU at the same time does not.
    assert any(lost() < 8 << 20 for _ in range(60))


@pytest.mark.gpu
def test_shape_tensor_inputs_are_read_on_the_host():
    model = samples.reshape()
    plan = cookbook.build(model, profiles={"x": ((1,), (12,), (64,)), "shape": ((1, 1), (3, 4), (8, 8))})
    with cookbook.Session(plan) as session:
        for rows, columns in ((3, 4), (2, 2), (8, 8)):
            x = RANDOM.standard_normal(rows * columns).astype(np.float32)
            shape = np.array([rows, columns], [s.dtype for s in session.specs if s.name == "shape"][0])
            cookbook.compare(session(x=x, shape=shape)["y"], x.reshape(rows, columns))


@pytest.mark.gpu
def test_inspect_reads_layers(plan):
    table = cookbook.inspect.layer_table(cookbook.deserialize(plan))
    assert len(table) >= 1 and {"layer", "type", "kernel", "in", "out"} == set(table.columns)


def test_dtype_names_cover_the_types_of_this_version():
    names = [runtime._DTYPE.get(name, name.lower()) for name in ("FLOAT", "HALF", "BF16", "INT8", "INT32", "INT64", "BOOL", "UINT8", "FP8")
             if hasattr(trt.DataType, name)]
    assert len(names) >= 5 and all(isinstance(getattr(torch, name), torch.dtype) for name in names)
