"""What a ``Session`` costs over a bare ``execute_async_v3`` loop, in microseconds of host time a call.

    python -m tests.bench_session        needs a GPU; prints a table, and keeps it as results for `session-overhead`

Each engine is one or two tiny layers, so that the host, not the GPU, sets the pace. A bare loop overwrites its output, so the
like-for-like row is the one with ``reuse_outputs``; a fresh tensor for each output is what the others pay for. Variants take
turns, so that a change of the machine's mood hits all of them; each round is the mean of 200 calls.
"""
import statistics
import time

import numpy as np
import torch

import cookbook
from tests import onnx_samples as samples

CALLS, ROUNDS = 200, 60


def host_time(function) -> float:
    """Mean microseconds of one call, as the host sees it, over a burst that the GPU's queue can hold."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(CALLS):
        function()
    elapsed = time.perf_counter() - start
    torch.cuda.synchronize()
    return elapsed / CALLS * 1e6


def main() -> None:
    x = torch.ones(4, 4, device="cuda")
    ranges = {"x": ((1, 4), (4, 4), (8, 4))}
    relu, linear = (cookbook.build(model, profiles=ranges) for model in (samples.relu(), samples.linear()))
    pairs = {}  # name: (the session's call, the bare call)
    for name, plan, options in (("1 output, reused as in the bare loop", relu, {"reuse_outputs": True}), ("1 output, fresh", relu, {}),
                                ("2 outputs, reused", linear, {"reuse_outputs": True}), ("2 outputs, fresh", linear, {}),
                                ("1 output, fresh, CUDA graph with copies in and out", relu, {"cuda_graph": True})):
        session, bare = cookbook.Session(plan, **options), cookbook.Session(plan, **options)
        pairs[name] = (lambda session=session: session(x=x), bare.bind(x=x))
    for functions in pairs.values():
        for function in functions * 50:
            function()
    rows = []
    times = {name: ([], []) for name in pairs}
    for _ in range(ROUNDS):
        for name, functions in pairs.items():
            for function, found in zip(functions, times[name]):
                found.append(host_time(function))
    for name, (session, bare) in times.items():
        extra = np.array(session) - np.array(bare)
        rows.append({"name": name, "session_us": round(statistics.median(session), 2), "bare_us": round(statistics.median(bare), 2),
                     "over_bare_us": round(float(np.median(extra)), 2), "over_bare_p5_us": round(float(np.percentile(extra, 5)), 2),
                     "over_bare_p95_us": round(float(np.percentile(extra, 95)), 2)})
        print(rows[-1])
    cookbook.record("session-overhead", rows)


if __name__ == "__main__":
    main()
