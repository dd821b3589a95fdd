"""``python -m cookbook``: its commands, tables and exit codes."""

import subprocess
import sys

import pytest

from cookbook import backend, cli, paths
from cookbook.course import execution
from cookbook.errors import CookbookError
from tests.conftest import FIRST_CELL


def _main(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["cookbook", *words])
    return cli.main()


def test_coverage_counts_cells_and_names_those_that_ran_nowhere(add_notebook, monkeypatch, capsys):
    add_notebook("101-a", FIRST_CELL, "x = 1", "%%requires trt>=99\nprint('never')")
    add_notebook("102-b", "y = 1")
    execution.run([], record=False)
    capsys.readouterr()
    assert _main(monkeypatch, "coverage") == 0
    head, first, second, _, title, heads, nowhere = capsys.readouterr().out.splitlines()
    assert head.split() == ["notebook", "cells", backend.environment_name(), "nowhere"]
    assert first.split() == ["part1-x/101-a.ipynb", "3", "2", "1"]
    assert second.split() == ["part1-x/102-b.ipynb", "1", "1", "0"]
    assert title == "Run in no environment yet:"
    assert heads.split(maxsplit=1) == ["notebook", "first line of the cell"]
    assert nowhere == "part1-x/101-a.ipynb  %%requires trt>=99"


def test_coverage_of_a_course_that_ran_everywhere_ends_with_the_table(
    add_notebook, monkeypatch, capsys
):
    add_notebook("101-a", "x = 1")
    execution.run([], record=False)
    capsys.readouterr()
    _main(monkeypatch, "coverage")
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_doctor_prints_its_rows(monkeypatch, capsys):
    assert _main(monkeypatch, "doctor") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["topic", "found", "to", "do"]
    assert any(line.startswith("in use") and backend.product() in line for line in lines)


@pytest.mark.parametrize(("command", "record"), [("run", False), ("record", True)])
def test_run_and_record_pass_on_what_they_are_told(monkeypatch, command, record):
    calls = []
    monkeypatch.setattr(execution, "run", lambda *words: calls.append(words) or ["outcome"])
    monkeypatch.setattr(execution, "report", lambda outcomes: len(outcomes))
    assert _main(monkeypatch, command, "a.ipynb", "b.ipynb", "--workers", "3") == 1
    assert _main(monkeypatch, command) == 1
    assert calls == [(["a.ipynb", "b.ipynb"], record, 3), ([], record, 1)]


def test_what_must_be_put_right_first_is_exit_code_two(monkeypatch, capsys):
    def run(*_):
        raise CookbookError("a.ipynb is not a notebook")

    monkeypatch.setattr(execution, "run", run)
    assert _main(monkeypatch, "run", "a.ipynb") == 2
    assert capsys.readouterr().err == "CookbookError: a.ipynb is not a notebook\n"


def test_the_command_line_explains_itself_and_shows_no_traceback():
    def call(*words):
        command = [sys.executable, "-m", "cookbook", *words]
        return subprocess.run(command, capture_output=True, text=True)

    assert "doctor" in call("--help").stdout
    missing = call("run", "nothing.ipynb")
    assert missing.returncode == 2
    assert "nothing.ipynb is not a notebook" in missing.stderr
    assert "Traceback" not in missing.stderr
    assert call("nonsense").returncode == 2


def test_a_reader_that_has_read_enough_is_no_fault():
    command = f'"{sys.executable}" -m cookbook doctor | true'
    options = {"capture_output": True, "text": True, "cwd": paths.ROOT}
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], **options)
    assert (done.returncode, done.stderr) == (0, "")
