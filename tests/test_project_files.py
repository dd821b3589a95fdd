"""What stands beside the course: distribution, citation, changelog, workflow, forms, dev
container."""

import json
import runpy
import sys
import types
from pathlib import Path

import pytest
import yaml

from cookbook.paths import ROOT
from installer import machine, packages

FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[0-9]-*.yml"))
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
NEWEST_CI = (3, 13)


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def setting(name):
    """A line of pyproject.toml, which Python 3.10 cannot read by itself."""
    for line in text("pyproject.toml").splitlines():
        if line.startswith(f"{name} = "):
            return line.partition(" = ")[2].strip('"')
    raise AssertionError(f"pyproject.toml has no {name}")


@pytest.fixture
def distribution(monkeypatch):
    """What setup.py tells setuptools."""
    told = {}
    monkeypatch.setitem(sys.modules, "setuptools", types.SimpleNamespace(setup=told.update))
    runpy.run_path(str(ROOT / "setup.py"))
    return told


def test_distribution_has_a_name_that_is_not_anothers():
    assert setting("name") == "tensorrt-course"
    for name in ("README.md", "README.zh-CN.md"):
        assert "`tensorrt-course`" in text(name)


def test_pip_brings_what_the_set_up_brings(distribution):
    extras = distribution["extras_require"]
    by_set_up = packages.adapt(text("requirements.txt"), [], False, packages.RTX)
    by_pip = distribution["install_requires"] + extras["cpu"] + extras["test"]
    assert sorted(by_pip) == sorted(by_set_up)
    ((gpu),) = set(packages.adapt(text("requirements.txt"), [], False, "tensorrt")) - set(by_pip)
    assert extras["gpu"] == [gpu]


def test_extras_are_tensorrt_and_the_tools_of_the_tests(distribution):
    extras = distribution["extras_require"]
    assert set(extras) == {"cpu", "gpu", "test"}
    always = {packages.name_of(line) for line in distribution["install_requires"]}
    assert {"torch", "onnx", "numpy", "ipykernel", "nbclient"} <= always
    assert not {"tensorrt", "tensorrt-rtx", "pytest", "ruff", "nbval"} & always


def test_citation_and_changelog_name_the_version():
    version = setting("version")
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["version"] == version
    assert citation["license"] == setting("license")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert f"\n## {version} " in text("CHANGELOG.md")


def test_workflow_runs_what_ci_runs_on_each_python():
    (job,) = WORKFLOW["jobs"].values()
    pythons = [tuple(map(int, name.split("."))) for name in job["strategy"]["matrix"]["python"]]
    assert pythons == [(3, minor) for minor in range(10, NEWEST_CI[1] + 1)]
    assert pythons[0] == machine.OLDEST
    assert pythons[-1] <= machine.NEWEST
    *_, set_up, run = job["steps"]
    assert set_up["with"]["python-version"] == "${{ matrix.python }}"
    assert run["run"] == ".ci/run"
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_workflow_may_only_read():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    (job,) = WORKFLOW["jobs"].values()
    assert "permissions" not in job
    assert "secrets" not in text(".github/workflows/test.yml")


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_issue_forms_have_what_github_asks_for(form):
    content = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(content)
    names = [part["id"] for part in content["body"]]
    assert len(set(names)) == len(names)
    for part in content["body"]:
        assert part["type"] in ("input", "textarea", "dropdown")
        assert part["attributes"]["label"]


def test_form_for_faults_asks_for_the_machine():
    content = yaml.safe_load(FORMS[0].read_text(encoding="utf-8"))
    (machine_part,) = [part for part in content["body"] if part["id"] == "machine"]
    assert "`make doctor`" in machine_part["attributes"]["label"]
    assert machine_part["validations"]["required"]


def test_dev_container_sets_up_and_finds_the_environment():
    content = json.loads(text(".devcontainer/devcontainer.json"))
    assert content["postCreateCommand"] == "make setup"
    version = content["image"].rpartition(":")[2]
    assert machine.OLDEST <= tuple(map(int, version.split("."))) <= machine.NEWEST
    editor = content["customizations"]["vscode"]
    interpreter = editor["settings"]["python.defaultInterpreterPath"]
    assert interpreter == "${containerWorkspaceFolder}/.venv/bin/python"
    assert "ms-toolsai.jupyter" in editor["extensions"]
    for name in content["customizations"]["codespaces"]["openFiles"]:
        assert Path(ROOT / name).is_file()


def test_contributors_find_commands_that_exist():
    makefile = text("Makefile")
    for target in ("test", "test-gpu", "format", "doctor", "record"):
        assert f"`make {target}" in text("CONTRIBUTING.md")
        assert f"\n{target}:" in makefile
