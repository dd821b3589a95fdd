"""Fixtures that several test files share."""

import os
from pathlib import Path

import nbformat
import pytest

import cookbook
from cookbook import paths

FIRST_CELL = "import cookbook\n\ncookbook.environment()"


@pytest.fixture
def empty_course(tmp_path, monkeypatch):
    """A course without notebooks in a folder of its own, and nothing that is being recorded."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    root = str(Path(cookbook.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", root, prepend=os.pathsep)  # kernels may need the rest of it
    monkeypatch.setenv("COOKBOOK_RECORD", "")
    (tmp_path / "notebooks" / "part1-x").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def add_notebook(empty_course):
    """A function that adds a notebook made of code cells, and returns its path."""

    def add(name: str, *sources: str) -> Path:
        path = empty_course / "notebooks" / "part1-x" / f"{name}.ipynb"
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return add
