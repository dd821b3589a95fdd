"""pytest set-up: GPU tests, and notebooks under nbval (skips with their reason, solutions of exercises executed).

A cell whose ``%%requires`` is not met is executed, which replays its recording, and is then reported as skipped with what
is missing. The solution of an exercise runs right after its starter, in the same kernel.
"""
import os

import pytest

from cookbook import backend, requires
from cookbook.errors import CookbookError
from tests.notebook_rules import solutions

os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"


def pytest_addoption(parser):
    parser.addoption("--gpu", action="store_true", help="fail, instead of skipping GPU tests, where there is no GPU")


def pytest_configure(config):
    config.addinivalue_line("markers", "gpu: runs an engine; skipped where TensorRT finds no GPU that it can use")
    if config.getoption("--gpu") and backend.gpu_problem():
        raise pytest.UsageError(f"--gpu: {backend.gpu_problem()}")


def _skip_after(item, reason):
    """Run the cell (it replays), then report it as skipped."""
    run = item.runtest

    def runtest():
        run()
        pytest.skip(reason)
    item.runtest, item.options["check"] = runtest, False


def _solution(item, number, source):
    import nbformat
    cell = nbformat.v4.new_code_cell(source)
    return type(item).from_parent(item.parent, name=f"Solution {number}", cell_num=item.cell_num, cell=cell,
                                  options={"check": False, "skip": False, "check_exception": False})


def pytest_collection_modifyitems(items):
    problem = backend.gpu_problem()
    for item in items:
        if problem and item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason=problem))
    collected = []
    for item in items:
        collected.append(item)
        if hasattr(item, "cell_num"):
            after = solutions(item.parent.nb).get(item.cell_num)
            collected += [_solution(item, *after)] if after else []
    items[:] = collected
    for item in items:
        spec = requires.spec_of(item.cell.source) if hasattr(item, "cell_num") else None
        if spec is not None:
            try:
                missing = requires.unmet(spec)
            except CookbookError:
                continue  # the cell raises it, too, and fails with it
            if missing:
                _skip_after(item, "; ".join(missing))
