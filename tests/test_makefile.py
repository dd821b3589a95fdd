"""The commands of the Makefile, as make would run them."""

import os
import subprocess

import pytest

from cookbook.paths import ROOT

FIRST = "--LabApp.default_url=/lab/tree/notebooks/part0-start/001-start-here.ipynb"
MAKE = ["make", "--no-print-directory", "-C", str(ROOT)]


def recipe(*arguments, path=""):
    """The lines that make would run. path: a folder of programs that come before all others."""
    settings = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    command = [*MAKE, "--dry-run", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=settings, check=True)
    return done.stdout.splitlines()


@pytest.fixture
def program(tmp_path):
    """A function that makes a program, in a folder with a blank, which prints these words and its
    arguments."""

    def make(name, words):
        folder = tmp_path / "with blank"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f'#!/bin/sh\necho {words} "$@"\n')
        path.chmod(0o755)
        return path

    return make


def user(program, number):
    """A folder in which `id` says that the user has this number."""
    return program("id", number).parent


def test_format_mends_all_that_the_tests_ask_for():
    *_, faults, layout, notebooks, plugins = recipe("format", "PY=bin/python")
    assert faults == '"bin/python" -m ruff check --fix --exit-zero .'
    assert layout == '"bin/python" -m ruff format .'
    assert notebooks == '"bin/python" -m tests.notebook_format'
    start = 'PATH="$(dirname "bin/python"):$PATH" clang-format -i '
    assert plugins.startswith(start)
    sources = set()
    for suffix in ("cu", "h", "cpp"):
        sources |= {
            path.relative_to(ROOT).as_posix() for path in ROOT.glob(f"plugins/**/*.{suffix}")
        }
    assert set(plugins.removeprefix(start).split()) == sources


def test_doctor_installs_nothing_and_takes_what_python_there_is(program):
    theirs = program("python", "theirs")
    mine = program("mine", "mine")
    words = "-m cookbook doctor\n"
    for environment, expected in [(theirs, "theirs"), ("no/python", "mine")]:
        command = [*MAKE, "doctor", f"PY={environment}", f"PYTHON={mine}"]
        printed = subprocess.check_output(command, text=True)
        assert printed == f"{expected} {words}"


@pytest.mark.parametrize("target", ["run", "test", "test-gpu", "lab", "record", "coverage"])
def test_other_commands_set_up_first(target):
    assert recipe(target, "PYTHON=mine")[0] == '"mine" install.py --python ".venv/bin/python"'


def test_python_may_be_in_a_path_with_a_blank(program):
    mine = program("mine", "mine")
    theirs = program("python", "theirs")
    command = [*MAKE, "run", f"PY={theirs}", f"PYTHON={mine}", "NB=a.ipynb"]
    assert subprocess.check_output(command, text=True).splitlines() == [
        f"mine install.py --python {theirs}",
        "theirs -m cookbook run a.ipynb",
    ]


def lab(*arguments, path=""):
    """The options that JupyterLab would be started with."""
    line = recipe("lab", *arguments, path=path)[-1]
    return line.removeprefix('".venv/bin/python" -m jupyterlab ').split()


def test_lab_opens_the_first_notebook_on_this_machine_alone(program):
    assert lab(path=user(program, 1500)) == [FIRST, "--ip", "127.0.0.1"]
    assert (ROOT / FIRST.partition("/lab/tree/")[2]).is_file()


def test_lab_opens_the_notebook_that_is_named(program):
    address, *_ = lab("NB=notebooks/a.ipynb notebooks/b.ipynb", path=user(program, 1500))
    assert address == "--LabApp.default_url=/lab/tree/notebooks/a.ipynb"


def test_lab_starts_for_root_whom_it_would_refuse(program):
    assert lab(path=user(program, 0)) == [FIRST, "--ip", "127.0.0.1", "--allow-root"]


@pytest.mark.parametrize("address", ["--ip 0.0.0.0", "--ip=0.0.0.0", "--ServerApp.ip=0.0.0.0"])
def test_lab_passes_options_on_and_gives_none_twice(program, address):
    options = f"--no-browser {address} --port 9999"
    assert lab(f"OPTIONS={options}", path=user(program, 1500)) == [FIRST, *options.split()]
