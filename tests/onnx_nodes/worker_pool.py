"""Many jobs in child processes that may crash or hang: each job gets an answer all the same.

The children run a program that calls ``serve``; ``run_all`` starts them and gathers the answers. A
child serves many jobs, because importing TensorRT and making its first builder takes seconds.
"""

import concurrent.futures
import faulthandler
import json
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cookbook import process

LONGEST = 900  # seconds for a child with all its jobs; a job that hangs ends much earlier
LAST_LETTERS = 2000  # of what a child printed
TIMED_OUT = "Timeout ("  # what faulthandler prints first
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}  # the children share the processor's cores

Facts = dict[str, Any]


def serve(
    work: Callable[[str], Facts],
    report: Path,
    limit: float,
    usable: Callable[[], bool] = lambda: True,
) -> None:
    """Do the jobs that stand in the standard input, one a line, and write the answers to a file.

    Args: ``work`` – does a job; ``report`` – the file; ``limit`` – seconds for one job, after which
        this process ends; ``usable`` – asked after each job: False ends the process, and another
        one does the rest.
    """
    jobs = sys.stdin.read().splitlines()
    with report.open("a", encoding="utf-8") as file:
        for job in jobs:
            _write(file, {"job": job})
            faulthandler.dump_traceback_later(limit, exit=True)
            facts = work(job)
            can_go_on = usable()
            faulthandler.cancel_dump_traceback_later()
            _write(file, {"job": job, "facts": facts})
            if not can_go_on:
                return


def _write(file: Any, line: Facts) -> None:
    file.write(json.dumps(line) + "\n")
    file.flush()


def run_all(
    program: Sequence[str | os.PathLike], jobs: Sequence[str], workers: int, folder: Path
) -> dict[str, Facts]:
    """The answers of all jobs.

    Args: ``program`` – arguments of Python, such as ``-m`` and a module; the name of the report is
        added to them; ``jobs`` – names, without line breaks; ``workers`` – how many children run at
        a time; ``folder`` – for the reports.
    Returns: {job: what ``work`` returned}. For a job that ended its process it is ``kind``, crashed
        or hung, and ``detail``: the way in which the process ended, and its last words.
    Raises: ProcessError where a child ends before its first job.
    """
    shares = [jobs[first::workers] for first in range(min(workers, len(jobs)))]
    answers = {}
    with concurrent.futures.ThreadPoolExecutor(workers) as threads:
        for part in threads.map(lambda share: _run_share(program, share, folder), shares):
            answers.update(part)
    return answers


def _run_share(
    program: Sequence[str | os.PathLike], jobs: Sequence[str], folder: Path
) -> dict[str, Facts]:
    """The answers of jobs that one child does after another, and its successors if it ends."""
    answers: dict[str, Facts] = {}
    left = list(jobs)
    while left:
        report = folder / f"{uuid.uuid4().hex}.jsonl"
        child = process.run_python(
            *program,
            report,
            stdin="\n".join(left),
            check=False,
            time_limit=LONGEST,
            env=ENVIRONMENT,
        )
        lines = _read(report)
        if not lines:
            words = child.text[-LAST_LETTERS:]
            raise process.ProcessError(f"a worker did no job: {child.ending}. {words}")
        for line in lines:
            if "facts" in line:
                answers[line["job"]] = line["facts"]
        last = lines[-1]["job"]
        if last not in answers:
            answers[last] = _fatal(child)
        left = [job for job in left if job not in answers]
    return answers


def _read(report: Path) -> list[Facts]:
    """The lines of a report; none where a child did not come to write it."""
    if not report.exists():
        return []
    return [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]


def _fatal(child: process.Finished) -> Facts:
    """The answer of a job that ended its process."""
    kind = "crashed"
    if TIMED_OUT in child.errors:
        kind = "hung"
    return {"kind": kind, "detail": f"{child.ending}. {child.text[-LAST_LETTERS:]}"}
