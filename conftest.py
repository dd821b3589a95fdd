"""pytest set-up: GPU tests, and notebooks under nbval (skips with their reason, solutions
executed).

A cell whose ``%%requires`` is not met is executed, which replays its recording, and is then
reported as skipped with what is missing. The solution of an exercise runs right after its starter,
in the same kernel."""

import os
from typing import Any

import pytest

from cookbook import backend, requires
from cookbook.errors import RequiresError
from tests.rules.reading import Solution, solutions

os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    help_text = "fail, instead of skipping GPU tests, where there is no GPU"
    parser.addoption("--gpu", action="store_true", help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    marker = "gpu: runs an engine; skipped where TensorRT finds no GPU that it can use"
    config.addinivalue_line("markers", marker)
    if not config.getoption("--gpu"):
        return
    if problem := backend.gpu_problem():
        raise pytest.UsageError(f"--gpu: {problem}")


def pytest_collection_modifyitems(items: list[Any]) -> None:
    skip_gpu_tests(items)
    items[:] = with_solutions(items)
    for item in items:
        if is_cell(item):
            skip_unless_met(item)


def is_cell(item: Any) -> bool:
    """Whether a test is a cell of a notebook, from nbval."""
    return hasattr(item, "cell_num")


def skip_gpu_tests(items: list[Any]) -> None:
    """Skip what is marked ``gpu`` where engines cannot run."""
    problem = backend.gpu_problem()
    if problem is None:
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason=problem))


def with_solutions(items: list[Any]) -> list[Any]:
    """The tests, and each exercise's solution after its starter."""
    collected = []
    for item in items:
        collected.append(item)
        if not is_cell(item):
            continue
        solution = solutions(item.parent.nb).get(item.cell_num)
        if solution is not None:
            collected.append(solution_test(item, solution))
    return collected


def solution_test(starter: Any, solution: Solution) -> Any:
    """A solution as a test of nbval."""
    import nbformat

    return type(starter).from_parent(
        starter.parent,
        name=f"Solution {solution.number}",
        cell_num=starter.cell_num,
        cell=nbformat.v4.new_code_cell(solution.source),
        options={"check": False, "skip": False, "check_exception": False},
    )


def skip_unless_met(item: Any) -> None:
    """Let a cell that cannot run here replay its recording, and then be reported as skipped."""
    spec = requires.spec_of(item.cell.source)
    if spec is None:
        return
    try:
        missing = requires.unmet(spec)
    except RequiresError:
        return  # the cell raises it, too, and fails with it
    if not missing:
        return
    run = item.runtest

    def run_and_skip() -> None:
        run()
        pytest.skip("; ".join(missing))

    item.runtest = run_and_skip
    item.options["check"] = False
