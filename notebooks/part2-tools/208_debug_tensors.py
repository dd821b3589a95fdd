"""Notebook 208's debug tensors, in a process of its own, which may crash or hang without harm.

    python 208_debug_tensors.py MODEL INPUTS FOUND

MODEL is an ONNX file, INPUTS a file of NumPy's with its inputs by name. All computed floating
tensors but the outputs are watched. What was delivered goes to the file FOUND, beside the outputs.
Each step is announced before it begins. Needs TensorRT 10 or later.
"""

import faulthandler
import sys

import numpy as np
import onnx
from cuda.bindings import runtime as cudart

import cookbook
from cookbook import backend, trt


def marked(model, wanted):
    """A network in which the tensors of these names are watched, and how many they are."""
    builder, network = cookbook.parse(model)
    count = 0
    for index in range(network.num_layers):
        tensor = network.get_layer(index).get_output(0)
        if tensor.name in wanted and tensor.dtype == trt.float32:
            assert network.mark_debug(tensor)
            assert network.is_debug_tensor(tensor)
            count += 1
    return network, count


class Watch(trt.IDebugListener):
    """Keeps what TensorRT delivers: {tensor: array}, and what went wrong."""

    def __init__(self):
        trt.IDebugListener.__init__(self)  # without this line, a TypeError
        self.seen = {}
        self.problems = []

    def process_debug_tensor(self, addr, location, type, shape, name, stream):
        """Called while the engine runs; the memory at addr is valid during the call only."""
        try:
            self.seen[name] = copied(addr, tuple(shape), trt.nptype(type), stream)
        except Exception as error:  # TensorRT would only print it
            self.problems.append(f"{name}: {error}")
        return True


def copied(addr, shape, dtype, stream):
    """A tensor that an engine has just written, in the host's memory."""
    value = np.empty(shape, dtype)
    either_way = cudart.cudaMemcpyKind.cudaMemcpyDefault  # on the GPU or not
    backend.cuda_check(cudart.cudaStreamSynchronize(stream))
    backend.cuda_check(cudart.cudaMemcpy(value.ctypes.data, addr, value.nbytes, either_way))
    return value


def run(plan, inputs):
    """Run with all debug tensors switched on. Returns: (the listener, the outputs)."""
    watch = Watch()
    with cookbook.Session(plan) as session:
        context = session.context
        assert context.set_debug_listener(watch)
        assert context.set_all_tensors_debug_state(True)  # or set_tensor_debug_state(name, True)
        step("run")
        return watch, session(inputs)


def in_one_stream(config):
    """No auxiliary streams: every tensor is written on the stream that the listener is told."""
    config.max_aux_streams = 0


def step(name):
    """Say what comes next, at once: a crash leaves this as its last line."""
    print(f"step: {name}", flush=True)


def main():
    """Mark, build, run, and keep what was delivered."""
    faulthandler.enable()
    path, inputs, found = sys.argv[1:]
    model = onnx.load(path)
    outputs = {value.name for value in model.graph.output}
    computed = [node.output[0] for node in model.graph.node if node.op_type != "Constant"]
    step("mark")
    network, count = marked(model, set(computed) - outputs)
    step("build")
    plan = cookbook.build(network, level=0, configure=in_one_stream)
    step("session")
    watch, results = run(plan, dict(np.load(inputs)))
    step("keep")
    np.savez(found, **watch.seen, **results)
    for problem in watch.problems[:3]:
        print("listener:", problem)
    print(f"{count} tensors marked, {len(watch.seen)} delivered")


if __name__ == "__main__":
    main()
