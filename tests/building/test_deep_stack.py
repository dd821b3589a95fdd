"""Networks with long chains of layers."""

import resource
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

import cookbook
from cookbook import backend
from cookbook.building import deep_stack
from cookbook.building.deep_stack import LONGEST_CHAIN, STACK_BYTES, longest_chain, room_for

can_build = pytest.mark.skipif(
    bool(backend.gpu_problem()) and not backend.is_rtx(), reason="this TensorRT needs a GPU"
)
UNLIMITED = resource.RLIM_INFINITY


class Layer:
    def __init__(self, inputs, outputs):
        self.inputs = [name and SimpleNamespace(name=name) for name in inputs]
        self.outputs = [SimpleNamespace(name=name) for name in outputs]
        self.num_inputs = len(inputs)
        self.num_outputs = len(outputs)

    def get_input(self, index):
        return self.inputs[index]

    def get_output(self, index):
        return self.outputs[index]


class Network:
    def __init__(self, *layers):
        self.num_layers = len(layers)
        self.layers = layers

    def get_layer(self, index):
        return self.layers[index]


def chain(length):
    return Network(*[Layer([f"t{k}"], [f"t{k + 1}"]) for k in range(length)])


def test_the_longest_chain():
    assert longest_chain(Network()) == 0
    assert longest_chain(chain(7)) == 7
    wide = Network(Layer(["x"], ["a"]), Layer(["x"], ["b"]), Layer(["a"], ["c", "d"]))
    assert longest_chain(wide) == 2
    joined = Network(*wide.layers, Layer(["b", None, "d"], ["y"]), Layer(["x"], ["z"]))
    assert longest_chain(joined) == 3


class Limits:
    """The limits of this process's stack, as ``resource`` tells and sets them."""

    RLIMIT_STACK = resource.RLIMIT_STACK
    RLIM_INFINITY = UNLIMITED

    def __init__(self, soft, hard):
        self.now = (soft, hard)

    def getrlimit(self, which):
        assert which == resource.RLIMIT_STACK
        return self.now

    def setrlimit(self, which, limits):
        assert which == resource.RLIMIT_STACK
        self.now = limits


@pytest.mark.parametrize(
    ("soft", "hard", "inside"),
    [
        (8 << 20, UNLIMITED, STACK_BYTES),
        (8 << 20, 200 << 20, STACK_BYTES),
        (8 << 20, 64 << 20, 64 << 20),
        (UNLIMITED, UNLIMITED, UNLIMITED),
        (STACK_BYTES + 1, UNLIMITED, STACK_BYTES + 1),
        (8 << 20, 8 << 20, 8 << 20),
    ],
)
def test_the_main_threads_stack_may_grow_inside(monkeypatch, soft, hard, inside):
    limits = Limits(soft, hard)
    monkeypatch.setattr(deep_stack, "resource", limits)
    with room_for(chain(9)):
        assert limits.now == (inside, hard)
    assert limits.now == (soft, hard)
    with pytest.raises(ValueError, match="odd"), room_for(chain(9)):
        raise ValueError("odd")
    assert limits.now == (soft, hard)


def in_thread(length):
    """What the error says that another thread gets for a chain of this length; "" for none."""
    said = []

    def work():
        try:
            with room_for(chain(length)):
                said.append("")
        except cookbook.BuildError as error:
            said.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return said[0]


def test_another_threads_stack_has_a_fixed_size():
    assert in_thread(LONGEST_CHAIN) == ""
    assert in_thread(LONGEST_CHAIN + 1) == (
        "the network has a chain of 1,501 layers, for which this thread's stack is too small "
        "(1,500 at most): build it in the main thread"
    )


BUILD = """
import resource
from onnx import helper
import cookbook
from tests.onnx_samples import chain

hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, hard))
names = ["x", *[f"t{k}" for k in range(899)], "y"]
nodes = [helper.make_node("Relu", [names[k]], [names[k + 1]]) for k in range(900)]
print(cookbook.build(chain(*nodes), level=0).size > 0)
"""


@can_build
def test_a_chain_that_the_usual_limit_would_crash_on_is_built():
    """An eighth of the usual stack and a third of the chain that crashes it."""
    root = Path(cookbook.__file__).parents[1]
    command = [sys.executable, "-c", BUILD]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.split()) == (0, ["True"]), done.stderr
