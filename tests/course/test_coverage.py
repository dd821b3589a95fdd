"""Which cells ran where: what is kept, and what is read of it."""

import json

import nbformat
import pytest

from cookbook import backend
from cookbook.course import coverage
from cookbook.course.recording import digest


def _notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture
def remember(empty_course, monkeypatch):
    """A function that keeps the statuses of a notebook with the cells a, b in an environment."""
    stamp = {"tensorrt": "TensorRT 8.6.1"}
    monkeypatch.setattr(backend, "stamp", lambda: stamp)

    def keep(environment, statuses, folder="results", name="part1-x/101-a.ipynb"):
        monkeypatch.setattr(backend, "environment_name", lambda: environment)
        path = empty_course / "notebooks" / name
        notebook = _notebook("a", "b")
        coverage.remember(empty_course / folder / "coverage", path, notebook, statuses)
        return empty_course / folder / "coverage" / f"{environment}.json"

    return keep


def test_statuses_are_kept_by_digest_with_the_stamp(remember):
    file = remember("8.6", ["ran", "skipped: gpu"])
    kept = json.loads(file.read_text())["part1-x/101-a.ipynb"]
    cells = {digest("a"): "ran", digest("b"): "skipped: gpu"}
    assert kept == {"tensorrt": "TensorRT 8.6.1", "cells": cells}


def test_another_notebook_is_added_in_order(remember):
    remember("8.6", ["ran", "ran"], name="part2-y/201-b.ipynb")
    file = remember("8.6", ["ran", "ran"])
    assert list(json.loads(file.read_text())) == ["part1-x/101-a.ipynb", "part2-y/201-b.ipynb"]


def test_ran_puts_the_course_and_build_together(remember):
    remember("8.6", ["ran", "skipped: gpu"])
    remember("cpu", ["ran", "not reached"])
    remember("cpu", ["skipped: x", "ran"], folder="build")
    name = "part1-x/101-a.ipynb"
    seen = coverage.ran()
    assert seen["8.6"] == {name: {digest("a")}}
    assert seen["cpu"] == {name: {digest("a"), digest("b")}}
    found = coverage.of_notebook(name, _notebook("a", "b", "c"), seen)
    assert found == [{"8.6", "cpu"}, {"cpu"}, set()]
    assert coverage.of_notebook("part1-x/102-b.ipynb", _notebook("a"), seen) == [set()]


def test_a_half_written_file_is_named_and_made_anew(remember, capsys):
    file = remember("cpu", ["ran", "ran"])
    file.write_text(file.read_text()[:40])
    remember("cpu", ["ran", "ran"])
    assert "cpu.json in coverage/ is damaged and is made anew" in capsys.readouterr().err
    assert list(json.loads(file.read_text())) == ["part1-x/101-a.ipynb"]


def test_nothing_was_recorded_yet(empty_course):
    assert coverage.ran() == {}
    assert coverage.read(empty_course / "cpu.json") == {}
