"""What a ``Session`` costs over a bare ``execute_async_v3`` loop: microseconds of the host a call.

    python -m tests.bench_session

needs a GPU; it prints a table and keeps it as results for `session-overhead`. ``BUDGET_US`` is what
the course allows.

Each engine is one or two tiny layers, so that the host, not the GPU, sets the pace. Like is
compared with like: a session with ``reuse_outputs`` with a bare loop that overwrites its output,
one that returns fresh outputs with a bare loop that allocates them and sets their addresses.
How much the second bare loop is slower than the first is what fresh outputs cost anyone.

Variants take turns, so that a change of the machine's mood hits all of them; each round is the mean
of 200 calls.
"""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

import cookbook
from tests import onnx_samples as samples

CALLS = 200
ROUNDS = 60
WARM_UP = 50
BUDGET_US = 3.0


class Pair(NamedTuple):
    """A session's call and the bare call that it is compared with."""

    name: str
    session: Callable
    bare: Callable
    counts: bool  # whether the budget is about it


def host_time(function: Callable) -> float:
    """Mean microseconds of one call, as the host sees it, over a burst that the queue can hold."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(CALLS):
        function()
    elapsed = time.perf_counter() - start
    torch.cuda.synchronize()
    return elapsed / CALLS * 1e6


def with_fresh_outputs(session: cookbook.Session, launch: Callable) -> Callable:
    """A bare loop's body that gives the engine a new tensor for each output before it launches."""
    context = session.context
    models = {}
    for spec in session.specs:
        if not spec.is_input:
            models[spec.name] = spec.empty(tuple(context.get_tensor_shape(spec.name)))

    def call() -> dict:
        outputs = {name: torch.empty_like(model) for name, model in models.items()}
        for name, tensor in outputs.items():
            context.set_tensor_address(name, tensor.data_ptr())
        launch()
        return outputs

    return call


def pair(
    name: str, plan: cookbook.Plan, x: torch.Tensor, fresh: bool, counts: bool, **options: bool
) -> Pair:
    """A session and a bare loop of the same plan; ``fresh`` – the outputs of the bare loop."""
    session = cookbook.Session(plan, **options)
    bare = cookbook.Session(plan, **options)
    launch = bare.bind(x=x)
    if fresh:
        launch = with_fresh_outputs(bare, launch)
    return Pair(name, lambda: session(x=x), launch, counts)


def pairs() -> list[Pair]:
    """All that is compared."""
    x = torch.ones(4, 4, device="cuda")
    ranges = {"x": ((1, 4), (4, 4), (8, 4))}
    found = []
    for name, model in (("1 output", samples.relu()), ("2 outputs", samples.linear())):
        plan = cookbook.build(model, profiles=ranges)
        found.append(pair(f"{name} reused; bare: reused", plan, x, False, True, reuse_outputs=True))
        found.append(pair(f"{name} fresh; bare: fresh", plan, x, True, True))
        found.append(pair(f"{name} fresh; bare: reused", plan, x, False, False))
        title = f"{name} CUDA graph, fresh; bare: launch only"
        found.append(pair(title, plan, x, False, False, cuda_graph=True))
    return found


def measure(compared: list[Pair]) -> list[dict]:
    """Rows with the medians of both, and of what the session takes more, round by round."""
    for one in compared:
        for _ in range(WARM_UP):
            one.session()
            one.bare()
    times: dict[str, tuple[list, list]] = {one.name: ([], []) for one in compared}
    for _ in range(ROUNDS):
        for one in compared:
            times[one.name][0].append(host_time(one.session))
            times[one.name][1].append(host_time(one.bare))
    rows = []
    for name, (session, bare) in times.items():
        extra = np.array(session) - np.array(bare)
        rows.append(
            {
                "name": name,
                "session_us": round(statistics.median(session), 2),
                "bare_us": round(statistics.median(bare), 2),
                "over_bare_us": round(float(np.median(extra)), 2),
                "over_bare_p5_us": round(float(np.percentile(extra, 5)), 2),
                "over_bare_p95_us": round(float(np.percentile(extra, 95)), 2),
            }
        )
    return rows


def main() -> None:
    cookbook.require_gpu("measuring a session")
    compared = pairs()
    rows = measure(compared)
    for one, row in zip(compared, rows, strict=True):
        verdict = ""
        if one.counts:
            kept = row["over_bare_us"] <= BUDGET_US
            verdict = f"within {BUDGET_US} us" if kept else f"MORE than {BUDGET_US} us"
        print(row, verdict)
    cookbook.record("session-overhead", rows)


if __name__ == "__main__":
    main()
