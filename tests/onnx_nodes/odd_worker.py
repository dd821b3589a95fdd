"""A worker for the tests of worker_pool.py, whose jobs say what becomes of it.

``python -m tests.onnx_nodes.odd_worker REPORT``
"""

import ctypes
import os
import sys
import time
from pathlib import Path

from tests.onnx_nodes import worker_pool

HANG_SECONDS = 1.0
jobs_done = []


def work(job: str) -> dict:
    """Do as the job says; every answer names the jobs of this process so far."""
    jobs_done.append(job)
    if job.startswith("crash"):
        ctypes.string_at(0)
    if job.startswith("exit"):
        print("these are its last words", flush=True)
        os._exit(7)
    if job.startswith("hang"):
        time.sleep(60)
    return {"kind": "done", "detail": " ".join(jobs_done)}


def usable() -> bool:
    """False after a job that spoils the process."""
    return not jobs_done[-1].startswith("spoil")


if __name__ == "__main__":
    if "FAIL_AT_START" in os.environ:
        sys.exit("no worker today")
    worker_pool.serve(work, Path(sys.argv[1]), HANG_SECONDS, usable)
