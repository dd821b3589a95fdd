"""``Session``: what goes in and comes out, in every way that it has to run; threads; closing.

A fake engine that computes on the CPU shows it without a GPU.
"""

import gc
import threading
import weakref

import ml_dtypes
import numpy as np
import pytest
import torch

import cookbook
from cookbook import PlanError, Session, SessionError, backend
from tests.running.fake_cuda import fake_gpu
from tests.running.fake_tensorrt import FakeEngine, FakeTensor, doubling, positive_indices

RANDOM = np.random.default_rng(1)
X = RANDOM.standard_normal((5, 4)).astype(np.float32)


@pytest.fixture
def cuda(monkeypatch):
    with fake_gpu(monkeypatch) as fake:
        yield fake


WAYS = [
    pytest.param({}, id="fresh"),
    pytest.param({"reuse_outputs": True}, id="reused"),
    pytest.param({"cuda_graph": True}, id="graph"),
    pytest.param({"cuda_graph": True, "reuse_outputs": True}, id="graph, reused"),
]


def in_thread(function):
    """What a function returns or raises in a thread of its own."""
    found = []

    def work():
        try:
            found.append(function())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("options", WAYS)
class TestEveryWay:
    @pytest.fixture
    def session(self, cuda, options):
        with Session(doubling(), **options) as made:
            yield made

    def test_numpy_in_numpy_out(self, session):
        for _ in range(3):
            outputs = session(x=X)
            assert list(outputs) == ["y", "z"]
            assert isinstance(outputs["y"], np.ndarray)
            assert (outputs["y"] == 2 * X).all()
            assert (outputs["z"] == X - 1).all()

    def test_torch_in_torch_out(self, session):
        for k in range(4):  # from the second call on by the short way
            x = torch.tensor(X) + k
            outputs = session(x=x)
            assert torch.equal(outputs["y"], 2 * x)
            assert torch.equal(outputs["z"], x - 1)

    def test_shapes_and_kinds_may_change_from_call_to_call(self, session):
        for rows in (1, 64, 3, 3, 64, 5):
            x = RANDOM.standard_normal((rows, 4)).astype(np.float32)
            for value in (x, torch.tensor(x), torch.tensor(x), x):
                found = session(x=value)["y"]
                assert found.shape == (rows, 4)
                assert (np.asarray(found) == 2 * x).all()

    def test_layouts(self, session):
        wide = RANDOM.standard_normal((4, 6)).astype(np.float32)
        for value in (
            wide.T,
            torch.tensor(wide).T,
            torch.tensor(wide).T,
            wide.T[::-1].copy()[::-1],
        ):
            assert (np.asarray(session(x=value)["y"]) == 2 * wide.T).all()

    def test_gradients_do_not_disturb(self, session):
        x = torch.nn.Parameter(torch.tensor(X))
        for _ in range(2):
            assert not session(x=x)["y"].requires_grad

    def test_inputs_as_a_dict(self, session):
        assert (session({"x": X})["y"] == 2 * X).all()
        with pytest.raises(SessionError, match=r"no input \['a'\]"):
            session({"x": X}, a=X)

    def test_bad_inputs_leave_the_session_usable(self, session):
        x = torch.tensor(X)
        for good in (X, x, x):
            assert (np.asarray(session(x=good)["y"]) == 2 * X).all()
            for bad in ({}, {"x": X, "a": X}, {"x": X.astype(np.int32)}, {"x": X[:0]}, {"x": x.T}):
                with pytest.raises(SessionError, match="input"):
                    session(bad)
                with pytest.raises(SessionError, match="input"):
                    session(**bad)

    def test_bind_launches_what_it_was_given(self, session, options, cuda):
        launch = session.bind(x=X)
        assert cuda.log[-1] == "synchronize all"
        launch()
        launch()
        assert launch.session is session
        if "cuda_graph" in options:
            assert cuda.log[-2:] == ["launch graph", "launch graph"]
        else:
            assert session.context.calls[-2:] == [("execute", session.stream)] * 2
        assert (session(x=X)["y"] == 2 * X).all()

    def test_bind_refuses_bad_inputs(self, session):
        with pytest.raises(SessionError, match="'x' is float64"):
            session.bind({"x": X.astype(np.float64)})

    def test_close_frees_everything(self, cuda, options):
        session = Session(doubling(), **options)
        session(x=torch.tensor(X))
        session.bind(x=X)
        contexts = [weakref.ref(context) for context in session.engine.contexts]
        session.engine.contexts.clear()
        cuda.log.clear()
        session.close()
        assert session.graphs is None
        gc.collect()
        assert cuda.log == ["synchronize", "destroy stream"]
        assert cuda.streams == set()
        assert cuda.graphs == {}
        assert [context() for context in contexts] == [None] * len(contexts)
        session.close()  # again is harmless

    def test_eight_sets_of_shapes_are_kept(self, session, options, cuda):
        for rows in range(1, 10):
            session(x=torch.ones(rows, 4))
        assert len(cuda.graphs) == (8 if "cuda_graph" in options else 0)

    def test_a_closed_session_says_so(self, cuda, options):
        with Session(doubling(), **options) as session:
            session(x=torch.tensor(X))
        for use in (session, session.bind):
            for value in (X, torch.tensor(X)):
                with pytest.raises(SessionError) as caught:
                    use(x=value)
                words = "this session is closed: make a new one from the plan"
                assert str(caught.value) == words

    def test_a_dropped_session_is_freed_at_once(self, cuda, options):
        session = Session(doubling(), **options)
        session(x=torch.tensor(X))
        gc.disable()  # nothing must wait for the collector of cycles
        try:
            del session
            assert cuda.streams == set()
            assert cuda.graphs == {}
        finally:
            gc.enable()

    def test_another_thread_is_refused_and_told_what_to_do(self, session):
        x = torch.tensor(X)
        for value in (X, x, x):
            session(x=value)
            refused = in_thread(lambda: [session(x=v) for v in (X, x)])
            assert isinstance(refused, SessionError)
            assert str(refused) == (
                "this session belongs to another thread, because an execution context serves one "
                "call at a time. Make one session a thread: Session(session.engine) shares the "
                "weights"
            )
        assert (session(x=X)["y"] == 2 * X).all()

    def test_made_in_one_thread_and_used_in_another(self, session):
        outputs = in_thread(lambda: session(x=X))
        assert (outputs["y"] == 2 * X).all()
        with pytest.raises(SessionError, match="another thread"):
            session(x=X)


class TestOutputs:
    def test_fresh_ones_stay_as_they_are(self, cuda):
        for options in ({}, {"cuda_graph": True}):
            with Session(doubling(), **options) as session:
                for value in (X, torch.tensor(X), torch.tensor(X)):
                    first = session(x=value)["y"]
                    session(x=value + 1)
                    assert (np.asarray(first) == 2 * X).all()

    def test_reused_ones_are_overwritten(self, cuda):
        for options in ({}, {"cuda_graph": True}):
            with Session(doubling(), reuse_outputs=True, **options) as session:
                x = torch.tensor(X)
                first = session(x=x)["y"]
                for k in range(1, 3):
                    assert session(x=x + k)["y"].data_ptr() == first.data_ptr()
                    assert torch.equal(first, 2 * (x + k))

    def test_bfloat16_in_and_out_as_numpy_and_torch(self, cuda):
        described = {"x": FakeTensor((3,), True, "BF16"), "y": FakeTensor((3,), dtype="BF16")}
        with Session(FakeEngine(described, lambda inputs: {"y": inputs["x"]})) as session:
            x = np.array([1.5, -2, 3]).astype(ml_dtypes.bfloat16)
            y = session(x=x)["y"]
            assert y.dtype == x.dtype
            assert y.tolist() == [1.5, -2, 3]
            tensor = torch.tensor([1.5, -2, 3], dtype=torch.bfloat16)
            assert torch.equal(session(x=tensor)["y"], tensor)
            with pytest.raises(SessionError, match=r"x\.astype\(ml_dtypes\.bfloat16\)"):
                session(x=np.zeros(3, np.float32))

    @pytest.mark.parametrize("version", [(8, 6, 1), (10, 0), (10, 6, 0)])
    def test_shapes_that_depend_on_data(self, cuda, monkeypatch, version):
        monkeypatch.setattr(backend, "api_version", lambda: version)
        engine = positive_indices()
        with Session(engine) as session:
            for values in ([1, -1, 2], [-1, -2], [3] * 9, [-1, 5]):
                x = np.array(values, np.float32)
                for value in (x, torch.tensor(x)):
                    outputs = session(x=value)
                    assert np.asarray(outputs["index"]).tolist() == np.flatnonzero(x > 0).tolist()
                    assert (np.asarray(outputs["y"]) == -x).all()
        # 8.6.1 asks the allocator of a used context for the last call's size.
        assert len(engine.contexts) == (8 if version < (10, 0) else 1)

    def test_the_new_context_of_8_6_needs_no_second_profile(self, cuda, monkeypatch):
        monkeypatch.setattr(backend, "api_version", lambda: (8, 6, 1))
        engine = positive_indices()
        engine.sharing = False
        with Session(engine) as session:
            for _ in range(3):
                assert session(x=np.ones(2, np.float32))["index"].tolist() == [0, 1]
        assert engine.contexts[-1].calls[0][:2] == ("profile", 0)

    def test_fixed_shapes_keep_their_context_in_8_6(self, cuda, monkeypatch):
        monkeypatch.setattr(backend, "api_version", lambda: (8, 6, 1))
        engine = doubling()
        with Session(engine) as session:
            for _ in range(3):
                session(x=X)
        assert len(engine.contexts) == 1

    def test_equal_shapes_of_inputs_do_not_make_equal_outputs(self, cuda):
        with Session(positive_indices()) as session:
            for values in ([1, -1], [1, 1], [-1, 1]):
                x = torch.tensor(values, dtype=torch.float32)
                expected = torch.nonzero(x > 0).flatten().tolist()
                assert session(x=x)["index"].tolist() == expected

    def test_they_come_after_the_work_is_done(self, cuda):
        with Session(positive_indices()) as session:
            session(x=torch.ones(2))
            assert cuda.log[-1] == "synchronize"

    def test_they_exclude_cuda_graphs(self, cuda):
        words = "^a CUDA graph has fixed shapes: it excludes data-dependent outputs and"
        with (
            Session(positive_indices(), cuda_graph=True) as session,
            pytest.raises(SessionError, match=words),
        ):
            session(x=X[0])


class TestWhatASessionIsMadeFrom:
    @pytest.mark.parametrize("wrong", [None, 7, ["a.plan"]])
    def test_what_is_no_plan_is_refused(self, wrong):
        with pytest.raises(PlanError, match=f"{type(wrong).__name__} is no plan: pass a Plan"):
            Session(wrong)

    def test_a_path_that_is_not_there(self, tmp_path):
        for path in (tmp_path / "no.plan", str(tmp_path / "no.plan")):
            with pytest.raises(PlanError, match="no.plan does not exist"):
                Session(path)

    @pytest.mark.skipif(not backend.gpu_problem(), reason="a GPU is here")
    @pytest.mark.parametrize("plan", [b"\x07" * 40, cookbook.Plan(b"\x07" * 40, 0.0, {})])
    def test_without_a_gpu_a_plan_cannot_be_loaded(self, plan):
        with pytest.raises(cookbook.NoGpuError, match="loading a plan needs .*GPU"):
            Session(plan)

    def test_a_plan_of_any_kind_is_loaded(self, cuda, tmp_path, monkeypatch):
        from cookbook.running import session as module

        engine = doubling()
        seen = []
        monkeypatch.setattr(module, "deserialize", lambda plan: seen.append(plan) or engine)
        plan = cookbook.Plan(b"\x07" * 40, 0.0, {})
        path = plan.save(tmp_path / "some.plan")
        for source in (plan, plan.bytes, path, str(path)):
            with Session(source) as session:
                assert session.engine is engine
        assert seen[:2] == [plan, plan.bytes]
        assert [loaded.bytes for loaded in seen[2:]] == [plan.bytes] * 2
