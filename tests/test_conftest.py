"""Notebooks under pytest: cells that cannot run here are skipped, and solutions are executed."""

import os
import re
import subprocess
import sys

import nbformat
import pytest

from cookbook import backend
from cookbook.paths import ROOT
from tests.rules.made import notebook

SOLUTION = "md:<summary>Solution</summary>\n\n```python\n{}\n```"


def _pytest(folder, *arguments):
    """Run pytest on the notebooks of a folder with the course's conftest.py."""
    options = ["-p", "conftest", "-p", "no:cacheprovider", "--nbval-lax", "--nbval-current-env"]
    command = [sys.executable, "-m", "pytest", str(folder), "-v", "-rs", *options, *arguments]
    places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "COLUMNS": "300"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


def test_cells_and_solutions_run_and_unmet_cells_are_skipped_with_their_reason(tmp_path):
    made = notebook(
        "import cookbook\n\ncookbook.environment()",
        "%%requires trt<1\n1 / 0",
        "a = 1",
        SOLUTION.format("assert a == 1\nb = 2"),
        "assert b == 2",
        SOLUTION.format("assert a == 2"),
        "%%requires trt<1\na = 3  # NBVAL_CHECK_OUTPUT",
        "assert a == 1",
        "%%requires nonsense\na = 4",
    )
    nbformat.write(made, tmp_path / "x.ipynb")
    done = _pytest(tmp_path)
    found = re.findall(r"(?m)^x\S*::(\w+ \d) ([A-Z]+) (\(TensorRT<1)?", done.stdout)
    assert found == [
        ("Cell 0", "PASSED", ""),
        ("Cell 1", "SKIPPED", "(TensorRT<1"),
        ("Cell 2", "PASSED", ""),
        ("Solution 1", "PASSED", ""),
        ("Cell 3", "PASSED", ""),
        ("Solution 2", "FAILED", ""),
        ("Cell 4", "SKIPPED", "(TensorRT<1"),
        ("Cell 5", "PASSED", ""),
        ("Cell 6", "FAILED", ""),
    ]
    assert "%%requires nonsense: cannot read 'nonsense'" in done.stdout


@pytest.mark.skipif(backend.gpu_problem() is None, reason="there is a GPU")
def test_gpu_tests_are_skipped_or_refused_where_there_is_no_gpu(tmp_path):
    source = "import pytest\n\n\n@pytest.mark.gpu\ndef test_x():\n    assert False\n"
    (tmp_path / "test_x.py").write_text(source + "\n\ndef test_y():\n    pass\n")
    done = _pytest(tmp_path)
    assert re.findall(r"(?m)^test_x.py::(\w+) ([A-Z]+)", done.stdout) == [
        ("test_x", "SKIPPED"),
        ("test_y", "PASSED"),
    ]
    assert backend.gpu_problem() in done.stdout
    refused = _pytest(tmp_path, "--gpu")
    assert refused.returncode == 4
    assert f"--gpu: {backend.gpu_problem()}" in refused.stderr
