"""Calls of notebook 106, in a process of their own: some of them may end it.

    python 106_calls.py QUESTION PLAN [ARGUMENTS]

QUESTION is the name of a function below. Each says what it is about to do before it does it, and
TensorRT's errors are printed as they come, so that nothing is lost if the process dies.
"""

import sys
from pathlib import Path

import torch
from cuda.bindings import runtime as cudart

from cookbook import cuda_check, trt


class Aloud(trt.ILogger):
    """Prints errors at once; collected ones would die with the process."""

    def __init__(self):
        trt.ILogger.__init__(self)

    def log(self, severity, message):
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            print("  TensorRT:", " ".join(message.split()), flush=True)


LOGGER = Aloud()
RUNTIME = trt.Runtime(LOGGER)


def execute_without_addresses(engine):
    context = engine.create_execution_context()
    context.set_input_shape("x", (5, 1, 8, 8))
    print("infer_shapes:", context.infer_shapes(), flush=True)
    print("execute_async_v3 without addresses:", flush=True)
    print("  answer:", context.execute_async_v3(new_stream()))


def ask_profile(engine, index):
    context = engine.create_execution_context()
    print(f"set_optimization_profile_async({index}, …):", flush=True)
    answer_of(context.set_optimization_profile_async, int(index), new_stream())


def assign_profile(engine, index):
    context = engine.create_execution_context()
    print(f"active_optimization_profile = {index}:", flush=True)
    answer_of(setattr, context, "active_optimization_profile", int(index))


def ask_as_second_context(engine):
    first = engine.create_execution_context()
    second = engine.create_execution_context()
    profiles = [context.active_optimization_profile for context in (first, second)]
    print("profiles of the two contexts:", profiles, flush=True)
    print("the second asks for profile 0:", flush=True)
    answer_of(second.set_optimization_profile_async, 0, new_stream())


def add_rows(engine, *pairs):
    context = engine.create_execution_context()
    memory = {name: torch.ones(8, 16, device="cuda") for name in ("a", "b", "y")}
    for name, tensor in memory.items():
        context.set_tensor_address(name, tensor.data_ptr())
    for pair in pairs:
        a, b = (int(rows) for rows in pair.split(","))
        print(f"a has {a} rows, b has {b}:", flush=True)
        memory["y"].zero_()
        accepted = context.set_input_shape("a", (a, 16)), context.set_input_shape("b", (b, 16))
        torch.cuda.synchronize()
        ran = context.execute_async_v3(new_stream())
        torch.cuda.synchronize()
        right = bool((memory["y"][:a] == 2).all())
        print(f"  set_input_shape: {accepted}, execute_async_v3: {ran}, result right: {right}")


def answer_of(call, *arguments):
    """Make a call and print how it ends, if it does."""
    try:
        answer = call(*arguments)
    except RuntimeError as error:
        answer = f"RuntimeError, {error}"
    print("  answer:", answer, flush=True)


def new_stream():
    return int(cuda_check(cudart.cudaStreamCreate()))


def main():
    question, plan, *arguments = sys.argv[1:]
    engine = RUNTIME.deserialize_cuda_engine(Path(plan).read_bytes())
    globals()[question](engine, *arguments)


if __name__ == "__main__":
    main()
