"""What a ``Session`` costs over a bare ``execute_async_v3`` loop, in microseconds of host time a call.

    python -m tests.bench_session        needs a GPU; prints a table, and keeps it as results for `session-overhead`

Each engine is one or two tiny layers, so that the host, not the GPU, sets the pace. Like is compared with like: a session with
``reuse_outputs`` with a bare loop that overwrites its output, one that returns fresh outputs with a bare loop that allocates
them with torch and sets their addresses; how much the second bare loop is slower than the first is what fresh outputs cost
anyone. Variants take turns, so that a change of the machine's mood hits all of them; each round is the mean of 200 calls.
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


def with_fresh_outputs(session, launch):
    """A bare loop's body that gives the engine a new torch tensor for each output before ``launch`` enqueues it."""
    context = session.context
    outputs = {spec.name: spec.empty(tuple(context.get_tensor_shape(spec.name))) for spec in session.specs if not spec.is_input}

    def call():
        kept = {name: torch.empty_like(like) for name, like in outputs.items()}
        for name, tensor in kept.items():
            context.set_tensor_address(name, tensor.data_ptr())
        launch()
        return kept
    return call


def main() -> None:
    x = torch.ones(4, 4, device="cuda")
    ranges = {"x": ((1, 4), (4, 4), (8, 4))}
    relu, linear = (cookbook.build(model, profiles=ranges) for model in (samples.relu(), samples.linear()))
    pairs = {}  # name: (the session's call, the bare call)
    for name, plan in (("1 output", relu), ("2 outputs", linear)):
        for kind, options, fresh in (("reused; bare: reused", {"reuse_outputs": True}, False), ("fresh; bare: fresh", {}, True),
                                     ("fresh; bare: reused", {}, False), ("CUDA graph, fresh; bare: launch only", {"cuda_graph": True}, False)):
            session, bare = cookbook.Session(plan, **options), cookbook.Session(plan, **options)
            launch = bare.bind(x=x)
            pairs[f"{name} {kind}"] = (lambda session=session: session(x=x), with_fresh_outputs(bare, launch) if fresh else launch)
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
