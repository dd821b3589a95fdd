"""README and its Chinese counterpart are true: links, map, commands, figure; and the template
keeps the rules."""

import re
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from cookbook.paths import ROOT
from tests.notebook_rules import RULES
from tests.rules.reading import TEMPLATE, course
from tests.rules.text import MEASURED

READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
PARTS = [range(1, 2), range(101, 112), range(201, 209), range(301, 310), range(401, 411)]
PARTS.append(range(501, 515))
NUMBERS = [f"{number:03}" for part in PARTS for number in part]
TAG = re.compile(r"\d\d\.\d\d-py3")
NOT_FOR_TEMPLATES = {"name_and_folder", "recorded", "shows_a_figure"}
both = pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)


def _text(path):
    return path.read_text(encoding="utf-8")


@both
def test_links_lead_to_files(path):
    links = re.findall(r"\]\(([^)]+)\)", _text(path))
    inside = [link for link in links if "://" not in link]
    assert inside
    assert [link for link in inside if not (ROOT / link).exists()] == []


@both
def test_map_names_every_number_and_marks_what_is_planned(path):
    rows = dict(re.findall(r"(?m)^\| (\d{3}) \| (.*?) \|", _text(path)))
    assert list(rows) == NUMBERS
    here = {}
    for notebook in course():
        here[notebook.name[:3]] = notebook.relative_to(ROOT).as_posix()
    for number, row in rows.items():
        if number in here:
            assert f"({here[number]})" in row
        is_planned = "planned" in row or "计划中" in row
        assert is_planned == (number not in here), row


@both
def test_no_measured_figure_is_typed(path):
    assert MEASURED.findall(re.sub(r"`[^`]*`", "", _text(path))) == []


@both
def test_make_targets_exist(path):
    targets = set(re.findall(r"(?m)^([a-z-]+):", _text(ROOT / "Makefile")))
    named = set(re.findall(r"(?:`|    )make ([a-z-]+)", _text(path)))
    assert {"run", "test"} <= named
    assert named <= targets


@both
def test_environments_and_tags_are_those_of_the_dockerfile(path):
    tags = set(TAG.findall(_text(ROOT / "docker" / "Dockerfile")))
    assert set(TAG.findall(_text(path))) == tags


def test_figure_was_drawn_from_the_recorded_data(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "results")
    import figure

    stored = Image.open(figure.PICTURE).text[figure.KEY]
    assert stored == figure.digest(figure.rows()), "run `python results/figure.py`"
    sys.modules.pop("figure")


def test_template_keeps_the_rules():
    notebook = nbformat.read(TEMPLATE, as_version=4)
    broken = []
    for rule in RULES:
        if rule.__name__ not in NOT_FOR_TEMPLATES:
            broken += rule(TEMPLATE, notebook)
    assert [fault for fault in broken if "must start with '# NNN" not in fault] == []


def test_template_runs():
    notebook = nbformat.read(TEMPLATE, as_version=4)
    resources = {"metadata": {"path": str(TEMPLATE.parent)}}
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources).execute()
