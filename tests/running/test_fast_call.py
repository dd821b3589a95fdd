"""The short way of a session: taken for a call like the last one, and for no other."""

import gc
import threading
import weakref

import pytest
import torch

from cookbook.running.fast_call import make_fast_call, no_fast_call
from cookbook.running.graphs import Run
from tests.running.fake_cuda import fake_gpu
from tests.running.fake_tensorrt import FakeEngine, FakeTensor

STREAM = 9


@pytest.fixture
def cuda(monkeypatch):
    with fake_gpu(monkeypatch) as fake:
        yield fake


def prepared(cuda, graph=False):
    """What a general call leaves: a context whose shapes and addresses are set, and its tensors."""
    described = {
        "a": FakeTensor((2, 4), True),
        "b": FakeTensor((2, 4), True),
        "sum": FakeTensor((2, 4)),
        "difference": FakeTensor((2, 4)),
    }

    def compute(inputs):
        return {
            "sum": inputs["a"] + inputs["b"],
            "difference": inputs["a"] - inputs["b"],
        }

    context = FakeEngine(described, compute).create_execution_context()
    inputs = {name: torch.zeros(2, 4) for name in ("a", "b")}
    outputs = {name: torch.zeros(2, 4) for name in ("sum", "difference")}
    for name, tensor in {**inputs, **outputs}.items():
        context.addresses[name] = tensor.data_ptr()
    run = Run(context, STREAM, inputs, outputs)
    if graph:
        run.graph = 77
        cuda.graphs[77] = [(context, dict(context.addresses), {})]
    return run


def feed(a=5, b=3):
    return {"a": torch.full((2, 4), float(a)), "b": torch.full((2, 4), float(b))}


WAYS = [
    pytest.param(False, False, id="fresh outputs"),
    pytest.param(False, True, id="reused outputs"),
    pytest.param(True, False, id="graph, fresh outputs"),
    pytest.param(True, True, id="graph, reused outputs"),
]


@pytest.mark.parametrize(("graph", "reuse"), WAYS)
class TestEveryWay:
    @pytest.fixture
    def run(self, cuda, graph):
        return prepared(cuda, graph)

    @pytest.fixture
    def call(self, run, reuse):
        return make_fast_call(run, threading.get_ident(), reuse)

    def test_a_call_like_the_last_one_is_right(self, call):
        for a, b in ((5, 3), (5, 3), (1, 2)):
            outputs = call(feed(a, b))
            assert list(outputs) == ["sum", "difference"]
            assert (outputs["sum"] == a + b).all()
            assert (outputs["difference"] == a - b).all()

    def test_an_input_changed_in_place_is_seen(self, call):
        inputs = feed()
        call(inputs)
        inputs["a"] += 10
        assert (call(inputs)["sum"] == 18).all()

    def test_the_order_of_inputs_does_not_count(self, call):
        assert (call(dict(reversed(feed().items())))["difference"] == 2).all()

    def test_outputs_are_fresh_unless_they_are_reused(self, call, reuse):
        first = call(feed(5, 3))
        second = call(feed(1, 1))
        same = first["sum"].data_ptr() == second["sum"].data_ptr()
        assert same == reuse
        assert (first["sum"] == (2 if reuse else 8)).all()
        assert first is not second

    @pytest.mark.parametrize(
        "change",
        [
            lambda inputs: inputs.pop("b"),
            lambda inputs: inputs.update(c=torch.zeros(2, 4)),
            lambda inputs: inputs.update(c=inputs.pop("b")),
            lambda inputs: inputs.update(b=torch.zeros(3, 4)),
            lambda inputs: inputs.update(b=torch.zeros(2, 4, 1)),
            lambda inputs: inputs.update(b=torch.zeros(2, 4, dtype=torch.float16)),
            lambda inputs: inputs.update(b=torch.zeros(4, 2).T),
            lambda inputs: inputs.update(b=inputs["b"].numpy()),
            lambda inputs: inputs.update(b=torch.nn.Parameter(torch.zeros(2, 4))),
            lambda inputs: inputs.update(a=torch.zeros(2, 5)),
            lambda inputs: inputs.update(a=None),
        ],
    )
    def test_any_other_call_is_left_to_the_general_way(self, call, run, change):
        inputs = feed()
        change(inputs)
        assert call(inputs) is None
        assert ("execute", STREAM) not in run.context.calls

    def test_another_thread_is_left_to_the_general_way(self, run, reuse):
        call = make_fast_call(run, threading.get_ident() + 1, reuse)
        assert call(feed()) is None

    def test_another_stream_is_left_to_the_general_way(self, call, cuda):
        cuda.current = 4711
        assert call(feed()) is None
        cuda.current = 0
        assert (call(feed())["sum"] == 8).all()

    def test_another_device_is_left_to_the_general_way(self, run, reuse, monkeypatch):
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
        call = make_fast_call(run, threading.get_ident(), reuse)
        assert call(feed()) is None
        assert ("execute", STREAM) not in run.context.calls

    def test_a_failed_launch_is_left_to_the_general_way(self, call, run, cuda):
        run.context.works = False
        cuda.fail_launch = True
        assert call(feed()) is None


class TestAddresses:
    """What a context is told, which takes time, it is told only when it changed."""

    def addresses(self, run):
        told = [name for what, name in run.context.calls if what == "address"]
        run.context.calls.clear()
        return told

    def test_of_reused_outputs_and_equal_inputs(self, cuda):
        run = prepared(cuda)
        call = make_fast_call(run, threading.get_ident(), reuse_outputs=True)
        inputs = feed()
        call(inputs)
        assert self.addresses(run) == ["a", "b"]
        call(inputs)
        assert self.addresses(run) == []
        call({**inputs, "b": torch.zeros(2, 4)})
        assert self.addresses(run) == ["b"]

    def test_of_fresh_outputs(self, cuda):
        run = prepared(cuda)
        call = make_fast_call(run, threading.get_ident(), reuse_outputs=False)
        inputs = feed()
        kept = [call(inputs)]
        assert self.addresses(run) == ["a", "b", "sum", "difference"]
        kept.append(call(inputs))
        assert self.addresses(run) == ["sum", "difference"]

    def test_of_a_fresh_output_at_the_place_of_the_last(self, cuda, monkeypatch):
        run = prepared(cuda)
        same = {}
        monkeypatch.setattr(torch, "empty_like", lambda tensor: same.setdefault(id(tensor), tensor))
        call = make_fast_call(run, threading.get_ident(), reuse_outputs=False)
        call(feed())
        self.addresses(run)
        inputs = feed()
        call(inputs)
        assert self.addresses(run) == ["a", "b"]
        assert (call(inputs)["sum"] == 8).all()

    def test_a_graph_is_told_none(self, cuda):
        run = prepared(cuda, graph=True)
        call = make_fast_call(run, threading.get_ident(), reuse_outputs=False)
        call(feed())
        assert self.addresses(run) == []
        assert cuda.log == ["launch graph"]


@pytest.mark.parametrize(("graph", "reuse"), WAYS)
def test_the_callers_tensors_are_not_kept(cuda, graph, reuse):
    run = prepared(cuda, graph)
    call = make_fast_call(run, threading.get_ident(), reuse)
    inputs = feed()
    outputs = call(inputs)
    seen = [weakref.ref(inputs["a"])]
    if not reuse:
        seen.append(weakref.ref(outputs["sum"]))
    if not graph:
        seen.append(weakref.ref(run.inputs["a"]))
    del inputs, outputs, run
    gc.collect()
    assert [reference() for reference in seen] == [None] * len(seen)


def test_without_a_last_call_every_call_is_left_to_the_general_way():
    assert no_fast_call(feed()) is None
