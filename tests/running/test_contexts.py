"""Execution contexts with a profile: refusals before TensorRT sees what it would crash with."""

import numpy as np
import pytest

from cookbook import DeviceMemoryError, SessionError
from cookbook.running.contexts import check_profile, new_context
from tests.running.fake_cuda import fake_gpu
from tests.running.fake_tensorrt import FakeEngine, FakeTensor


def engine(**options):
    described = {"x": FakeTensor((4,), True), "y": FakeTensor((4,))}
    return FakeEngine(described, compute=lambda inputs: {"y": inputs["x"]}, **options)


def never():
    raise AssertionError("nobody asked for this")


@pytest.mark.parametrize("profile", [-1, 2, 1.0, "0", None])
def test_a_profile_that_is_not_there_is_refused(profile):
    with pytest.raises(SessionError) as caught:
        check_profile(engine(profiles=2), profile)
    assert str(caught.value) == f"profile {profile!r}: the engine has 2, counted from 0"


@pytest.mark.parametrize("profile", [0, 1, np.int64(1)])
def test_a_profile_that_is_there(profile):
    index = check_profile(engine(profiles=2), profile)
    assert index == profile
    assert isinstance(index, int)


def test_the_profile_that_a_context_has_is_not_set_again():
    context = new_context(engine(), 0, stream=5, is_taken=never)
    assert context.calls == []


def test_another_profile_is_set_on_the_stream():
    context = new_context(engine(profiles=2), 1, stream=5, is_taken=never)
    assert context.calls == [("profile", 1, 5)]
    assert context.active_optimization_profile == 1


def test_without_sharing_a_free_profile_is_set():
    shy = engine(profiles=2, sharing=False)
    shy.create_execution_context()
    context = new_context(shy, 1, stream=5, is_taken=lambda: False)
    assert context.calls == [("profile", 1, 5)]


def test_without_sharing_a_taken_profile_is_never_asked_for():
    shy = engine(sharing=False)
    shy.create_execution_context()
    with pytest.raises(SessionError, match="profile 0 is taken.*PROFILE_SHARING_0806") as caught:
        new_context(shy, 0, stream=5, is_taken=lambda: True)
    assert "CUDA graphs need it" in str(caught.value)
    assert shy.contexts[-1].calls == []  # in 8.6 this would end the process


@pytest.mark.parametrize("how", ["raises", "says no"])
def test_a_refusal_of_tensorrt_is_a_session_error(how):
    class Refusing(FakeEngine):
        def create_execution_context(self):
            context = super().create_execution_context()
            context.works = False
            if how == "says no":
                context.set_optimization_profile_async = lambda index, stream: False
            return context

    described = {"x": FakeTensor((4,), True)}
    refusing = Refusing(described, compute=lambda inputs: {}, profiles=2)
    with pytest.raises(SessionError, match="TensorRT refused profile 1 for this context"):
        new_context(refusing, 1, stream=5, is_taken=never)


def test_no_context_says_how_much_memory_is_free(monkeypatch):
    full = engine()
    full.out_of_memory = True
    with fake_gpu(monkeypatch), pytest.raises(DeviceMemoryError) as caught:
        new_context(full, 0, stream=5, is_taken=never)
    assert str(caught.value) == (
        "no execution context: 3 of 2,000 MiB are free. "
        "Close other sessions and programs, or use smaller batches."
    )
