"""README and its Chinese counterpart are true: links, map, commands, claims, figure; and the
template keeps the rules."""

import json
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
    inside = [link for link in links if "://" not in link and not link.startswith("#")]
    assert inside
    assert [link for link in inside if not (ROOT / link).exists()] == []
    headings = [heading.lower().replace(" ", "-") for heading in _headings(path)]
    assert [link for link in links if link.startswith("#") and link[1:] not in headings] == []


def _headings(path):
    return re.findall(r"(?m)^## (.*)$", _text(path))


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


@both
def test_newcomer_finds_how_to_begin(path):
    beginning = _text(path).split("## ")[1]
    commands = re.findall(r"(?m)^    (\S.*?)(?:  +#.*)?$", beginning)
    assert commands[0] == "git clone https://github.com/OWNER/tensorrt-course.git"
    assert commands[1] == "cd tensorrt-course"
    assert {"make run", "make test"} <= set(commands)
    assert re.search(r"\*\*[^*]*`make lab`\*\*", beginning), "the first step after the set-up"
    for figure in (" GB", "2026", "`.venv`", "`TMPDIR`"):
        assert figure in beginning, "what it costs: how much, when, where"


@both
def test_other_machines_and_faults_have_their_line(path):
    text = _text(path)
    for name in ("WSL 2", "Mac", "VS Code", "ssh -N -L 8888:127.0.0.1:8888", "Colab", "ARM"):
        assert name in text.split("## ")[2]
    for words in ("PIP_INDEX_URL=", "HTTPS_PROXY=", "pip uninstall cookbook", "tensorrt-course"):
        assert words in text
    for mirror in ("tuna.tsinghua.edu.cn", "mirrors.aliyun.com", "mirrors.ustc.edu.cn"):
        assert mirror in text


def test_both_languages_say_the_same():
    english, chinese = (_text(path) for path in READMES)
    for pattern in (r"(?m)^## ", r"(?m)^\|", r"\*\*[^*]+\*\*"):
        assert len(re.findall(pattern, english)) == len(re.findall(pattern, chinese))
    commands = r"(?m)^    ((?:git|cd|make|pip|python|USER_ID=) .*?)(?:  +#.*)?$"
    assert re.findall(commands, english) == re.findall(commands, chinese)
    for text in (english, chinese):
        assert re.search(r"The videos are in Chinese|视频是中文的", text)


@both
def test_everything_that_was_recorded_is_named(path):
    """The other way round, a version that is named may be recorded next."""
    line = re.search(r"\*\*(?:What was really run|真正运行过的).*", _text(path))[0]
    stamps = []
    for file in ROOT.glob("results/*/*.json"):
        if file.parent.name != "coverage":
            stamps.append(json.loads(file.read_text())["stamp"])
    assert stamps
    for stamp in stamps:
        assert stamp["gpu"] in line
        assert stamp["tensorrt"] in line
        assert f"Python {_major_and_minor(stamp['python'])}" in line
        assert f"torch {_major_and_minor(stamp['torch'])}" in line


def _major_and_minor(version):
    return ".".join(version.split(".")[:2])


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
