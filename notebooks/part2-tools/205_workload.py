"""Notebook 205's workload, for a profiler to look at from outside.

    python 205_workload.py PLAN

PLAN is the plan of the digits CNN for one image. Twenty inferences warm up; five more lie between
cudaProfilerStart and cudaProfilerStop, each in an NVTX range of its own. The last line of its
output is the answer, as JSON.
"""

import json
import sys

import torch

import cookbook

WARM_UP = 20
TRACED = 5


def main() -> None:
    """Load the plan, warm up, and let the profiler see the rest."""
    x = torch.ones(1, 1, 8, 8, device="cuda")
    with cookbook.Session(sys.argv[1]) as session:
        for number in range(WARM_UP + TRACED):
            if number == WARM_UP:
                torch.cuda.profiler.start()  # cudaProfilerStart
            with torch.cuda.nvtx.range(f"inference {number}"):
                answer = session(x=x)["logits"].cpu()
        torch.cuda.profiler.stop()  # cudaProfilerStop
    print(json.dumps(answer.tolist()))


if __name__ == "__main__":
    main()
