"""README and its Chinese counterpart are true: links, map, commands, figure; and the template keeps the rules."""
import re
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests import notebook_rules as rules

ROOT = rules.ROOT
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
NUMBERS = ["001", *map(str, [*range(101, 111), *range(201, 209), *range(301, 310), *range(401, 411), *range(501, 514)])]
TEMPLATE = ROOT / "notebooks" / "template.ipynb"
both = pytest.mark.parametrize("path", READMES, ids=lambda path: path.name)


def _text(path):
    return path.read_text(encoding="utf-8")


@both
def test_links_lead_to_files(path):
    links = [link for link in re.findall(r"\]\(([^)]+)\)", _text(path)) if "://" not in link]
    assert links and [link for link in links if not (ROOT / link).exists()] == []


@both
def test_map_names_every_number_and_marks_what_is_planned(path):
    rows = dict(re.findall(r"(?m)^\| (\d{3}) \| (.*?) \|", _text(path)))
    assert list(rows) == NUMBERS
    here = {notebook.name[:3]: notebook.relative_to(ROOT).as_posix() for notebook in rules.paths()}
    for number, row in rows.items():
        planned = "planned" in row or "计划中" in row
        assert planned == (number not in here) and (planned or f"({here[number]})" in row), row


@both
def test_no_measured_figure_is_typed(path):
    assert rules.MEASURED.findall(re.sub(r"`[^`]*`", "", _text(path))) == []


@both
def test_make_targets_exist(path):
    targets = set(re.findall(r"(?m)^([a-z-]+):", _text(ROOT / "Makefile")))
    assert set(re.findall(r"(?:`|    )make ([a-z-]+)", _text(path))) <= targets


@both
def test_environments_and_tags_are_those_of_the_dockerfile(path):
    tags = set(re.findall(r"\d\d\.\d\d-py3", _text(ROOT / "docker" / "Dockerfile")))
    assert set(re.findall(r"\d\d\.\d\d-py3", _text(path))) == tags


def test_figure_was_drawn_from_the_recorded_data(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "results")
    import figure
    assert Image.open(figure.PICTURE).text[figure.KEY] == figure.digest(figure.rows()), "run `python results/figure.py`"
    sys.modules.pop("figure")


def test_template_keeps_the_rules_and_runs():
    notebook = nbformat.read(TEMPLATE, as_version=4)
    kept = [rule for rule in rules.RULES if rule.__name__ not in ("name_and_folder", "recorded")]
    broken = [text for rule in kept for text in rule(TEMPLATE, notebook) if "must start with '# NNN" not in text]
    assert broken == []
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(TEMPLATE.parent)}}).execute()
