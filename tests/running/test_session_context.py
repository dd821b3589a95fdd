"""``Session``: what it tells its context, in which order, and which profile it has."""

import gc

import numpy as np
import pytest
import torch

from cookbook import Session, SessionError
from tests.running.fake_cuda import fake_gpu
from tests.running.fake_tensorrt import FakeEngine, FakeTensor, doubling, reshaping

X = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)


@pytest.fixture
def cuda(monkeypatch):
    with fake_gpu(monkeypatch) as fake:
        yield fake


class TestShapeInputs:
    @pytest.mark.parametrize("dtype", ["INT32", "INT64"])  # 8.6 has the one, later ones the other
    def test_their_values_are_read_on_the_host(self, cuda, dtype):
        x = np.arange(12, dtype=np.float32)
        with Session(reshaping(dtype)) as session:
            for shape in ([3, 4], (4, 3), np.array([2, 6], dtype.lower())):
                for value in (x, torch.tensor(x)):
                    outputs = session(x=value, shape=shape)
                    assert (np.asarray(outputs["y"]) == x.reshape(shape)).all()
                    assert np.asarray(outputs["size"]).tolist() == list(shape)
                    assert type(outputs["y"]) is type(value)
            assert cuda.log[-1] == "synchronize"  # host memory is written in the stream's order

    def test_equal_numbers_of_values_do_not_make_equal_shapes(self, cuda):
        with Session(reshaping()) as session:
            x = torch.arange(12.0)
            for shape in ((3, 4), (2, 6), (6, 2)):
                found = session(x=x, shape=torch.tensor(shape))["y"]
                assert torch.equal(found, x.reshape(shape))

    def test_wrong_values_are_named(self, cuda):
        with Session(reshaping()) as session:
            with pytest.raises(SessionError, match=r"'shape' decides shapes .*\[3, 4\.5\]"):
                session(x=X[0], shape=[3, 4.5])
            with pytest.raises(SessionError, match="'shape' is int32, the engine takes int64"):
                session(x=X[0], shape=np.array([2, 2], np.int32))

    def test_they_exclude_cuda_graphs(self, cuda):
        with (
            Session(reshaping(), cuda_graph=True) as session,
            pytest.raises(SessionError, match="and shape-tensor inputs. Use cuda_graph=False"),
        ):
            session(x=X[0], shape=[2, 2])


class TestContext:
    def told(self, session):
        """What the context was told since the last look."""
        calls = [call for call in session.context.calls if call[0] == "shape"]
        session.context.calls.clear()
        return calls

    def test_a_shape_is_told_once(self, cuda):
        with Session(doubling()) as session:
            session(x=X)
            assert self.told(session) == [("shape", "x")]
            session(x=X + 1)
            assert self.told(session) == []
            session(x=X[:2])
            assert self.told(session) == [("shape", "x")]

    def test_a_shape_input_is_told_every_time_because_its_values_count(self, cuda):
        with Session(reshaping()) as session:
            for shape in ([2, 2], [4, 1]):
                assert session(x=X[0], shape=shape)["y"].shape == tuple(shape)
                assert ("shape", "shape") in self.told(session)

    def test_a_fixed_shape_that_8_6_refuses_to_be_told_is_fine(self, cuda):
        described = {"x": FakeTensor((5, 4), True), "y": FakeTensor((5, 4))}
        engine = FakeEngine(described, lambda inputs: {"y": inputs["x"]})
        with Session(engine) as session:
            session.context.knows_fixed_shapes = True
            assert (session(x=X)["y"] == X).all()

    def test_a_shape_that_tensorrt_refuses_is_named(self, cuda):
        with Session(doubling()) as session:
            session.context.works = False
            with pytest.raises(SessionError) as caught:
                session(x=X)
            assert str(caught.value) == "TensorRT refused shape (5, 4) for input 'x'"
            session.context.works = True
            assert (session(x=X)["y"] == 2 * X).all()

    def test_a_run_that_fails_is_a_session_error_each_time(self, cuda):
        with Session(doubling()) as session:
            x = torch.tensor(X)
            session(x=x)
            session.context.works = False
            for _ in range(2):
                with pytest.raises(SessionError, match="TensorRT could not run the engine"):
                    session(x=x)

    def test_streams_wait_for_each_other_in_order(self, cuda):
        with Session(doubling()) as session:
            run = session.context.execute_async_v3

            def execute(stream):
                cuda.log.append("execute")
                return run(stream)

            session.context.execute_async_v3 = execute
            session(x=X)
            assert cuda.log == [
                f"torch waits for stream {session.stream}",  # what ran before, on whatever stream
                f"stream {session.stream} waits for torch",
                "execute",
                f"torch waits for stream {session.stream}",
            ]

    def test_the_short_way_is_not_taken_from_another_stream(self, cuda):
        with Session(doubling()) as session:
            x = torch.tensor(X)
            session(x=x)
            cuda.log.clear()
            session(x=x)
            assert cuda.log == []
            cuda.current = 11
            assert torch.equal(session(x=x)["y"], 2 * x)
            assert len(cuda.log) == 3

    def test_specs(self, cuda):
        with Session(doubling(profiles=2), profile=1) as session:
            names = [(spec.name, spec.is_input, spec.low, spec.high) for spec in session.specs]
        assert names[0] == ("x", True, (8, 4), (9, 4))
        assert names[1:] == [("y", False, (), ()), ("z", False, (), ())]


class TestProfiles:
    def test_the_second_profile(self, cuda):
        with Session(doubling(profiles=2), profile=1) as session:
            assert session.context.active_optimization_profile == 1
            x = np.ones((8, 4), np.float32)
            assert (session(x=x)["y"] == 2).all()
            with pytest.raises(SessionError, match="the profile allows 8 to 9"):
                session(x=X)

    @pytest.mark.parametrize("profile", [1, -1, "0"])
    def test_one_that_is_not_there_never_reaches_tensorrt(self, cuda, profile):
        engine = doubling()
        with pytest.raises(SessionError, match=f"profile {profile!r}: the engine has 1"):
            Session(engine, profile=profile)
        assert engine.contexts == []
        assert cuda.streams == set()

    def test_sessions_share_one_where_the_plan_allows_it(self, cuda):
        engine = doubling()
        with Session(engine) as first, Session(engine) as second:
            assert (first(x=X)["y"] == second(x=X)["y"]).all()

    def test_one_that_another_session_holds_is_refused(self, cuda):
        engine = doubling(profiles=2, sharing=False)
        with Session(engine) as first, Session(engine, profile=1):
            for profile in (0, 1):
                with pytest.raises(SessionError, match=f"profile {profile} is taken"):
                    Session(engine, profile=profile)
            gc.collect()
            assert len(cuda.streams) == 2  # the refused ones gave theirs back
            assert (first(x=X)["y"] == 2 * X).all()

    def test_one_that_was_given_back_is_free(self, cuda):
        engine = doubling(sharing=False)
        with Session(engine):
            pass
        with Session(engine) as again:
            assert (again(x=X)["y"] == 2 * X).all()

    def test_another_engine_has_profiles_of_its_own(self, cuda):
        one, other = doubling(sharing=False), doubling(sharing=False)
        other.create_execution_context()  # so that the session's is not the first
        with Session(one), Session(other) as session:
            assert (session(x=X)["y"] == 2 * X).all()

    def test_a_graph_needs_a_plan_that_shares(self, cuda):
        with (
            Session(doubling(sharing=False), cuda_graph=True) as session,
            pytest.raises(SessionError, match="CUDA graphs need it"),
        ):
            session(x=X)
