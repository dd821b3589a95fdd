"""The commands of the Makefile, as make would run them."""

import subprocess

import pytest

from cookbook.paths import ROOT


def recipe(*arguments):
    """The lines that make would run."""
    command = ["make", "--dry-run", "--no-print-directory", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.splitlines()


def test_format_mends_all_that_the_tests_ask_for():
    *_, faults, layout, notebooks, plugins = recipe("format", "PY=bin/python")
    assert faults == "bin/python -m ruff check --fix --exit-zero ."
    assert layout == "bin/python -m ruff format ."
    assert notebooks == "bin/python -m tests.notebook_format"
    start = 'PATH="bin/:$PATH" clang-format -i '
    assert plugins.startswith(start)
    sources = set()
    for suffix in ("cu", "h", "cpp"):
        sources |= {
            path.relative_to(ROOT).as_posix() for path in ROOT.glob(f"plugins/**/*.{suffix}")
        }
    assert set(plugins.removeprefix(start).split()) == sources


def test_doctor_installs_nothing_and_takes_what_python_there_is(tmp_path):
    assert recipe("doctor", "PY=no/python", "PYTHON=mine") == ["mine -m cookbook doctor"]
    python = tmp_path / "python"
    python.touch()
    assert recipe("doctor", f"PY={python}") == [f"{python} -m cookbook doctor"]


@pytest.mark.parametrize("target", ["run", "test", "test-gpu", "lab", "record", "coverage"])
def test_other_commands_set_up_first(target):
    assert recipe(target, "PYTHON=mine")[0] == "mine install.py --python .venv/bin/python"
