"""Every notebook keeps every rule, and a learner who saves one breaks none."""

import functools
import shutil
import subprocess

import nbformat
import pytest

from tests import notebook_rules, still_allowed
from tests.rules import records, twins
from tests.rules.made import notebook
from tests.rules.reading import course

PATHS = course()
RULES = notebook_rules.RULES
read = notebook_rules.read
read_once = functools.cache(read)  # seventeen rules read each notebook


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rule(path, rule):
    try:
        found = notebook_rules.shipped_faults(rule, path, read_once(path))
    except FileNotFoundError:
        pytest.skip("differs from what was recorded, and there is no git to tell by whom")
    allowed = notebook_rules.allowed(rule, path)
    if not allowed:
        assert found == []
    assert len(found) <= allowed, found
    assert len(found) == allowed, "fewer faults than tests/still_allowed.py lists: lower the number"


def test_no_function_is_defined_twice():
    found = []
    for path in PATHS:
        found += twins.definitions(path, read_once(path))
    doubled = twins.twins(found)
    assert doubled == still_allowed.TWINS, (
        "import it from the package, or from a helper file; the first notebook may keep it. "
        "tests/still_allowed.py lists what is left, and may only shrink"
    )


def test_what_is_still_allowed_names_rules_and_notebooks():
    rules = {rule.__name__ for rule in RULES}
    stems = {path.stem for path in PATHS}
    assert set(still_allowed.FINDINGS) <= rules
    for counts in still_allowed.FINDINGS.values():
        assert set(counts) <= stems
        assert min(counts.values()) > 0


# -- what a learner does ---------------------------------------------------------------------------


@pytest.fixture
def shipped(tmp_path):
    """A notebook of the course in a git repository of its own."""
    folder = tmp_path / "notebooks" / PATHS[0].parent.name
    folder.mkdir(parents=True)
    path = folder / PATHS[0].name
    shutil.copy(PATHS[0], path)
    nbformat.write(records.fix(read(path)), path)
    _git(tmp_path, "init", "--quiet")
    _commit(tmp_path)
    return path


def _git(root, *arguments):
    names = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *names, *arguments], check=True)


def _commit(root):
    _git(root, "add", ".")
    _git(root, "commit", "--quiet", "--message", "x")


def _broken_for_tests(path):
    """Names of the rules of records that the tests would report."""
    names = set()
    for rule in notebook_rules.OF_RECORDS:
        if notebook_rules.shipped_faults(rule, path, read(path), path.parents[2]):
            names.add(rule.__name__)
    return names


def _faults_of_sources(path):
    return [list(rule(path, read(path))) for rule in notebook_rules.OF_SOURCES]


def _broken_for_authors(path):
    names = {rule.__name__ for rule in notebook_rules.OF_RECORDS}
    broken = {fault.partition(":")[0] for fault in notebook_rules.broken(path)}
    return broken & names


# What a run that is saved does to the recorded outputs.
SPOILT = {"tidy", "recorded", "shows_a_figure", "outputs_hold_nothing_private"}


def save_in_jupyterlab(path, run):
    """What JupyterLab does to a file: its page changes the notebook, its server writes it."""
    manager = pytest.importorskip("jupyter_server.services.contents.filemanager")
    server = manager.FileContentsManager(root_dir=str(path.parent))
    model = server.get(path.name)
    made = model["content"]
    made.metadata["kernelspec"]["display_name"] = "Python 3 (ipykernel)"
    made.metadata["language_info"].update(version="3.12.1", codemirror_mode={"name": "ipython"})
    made.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    for cell in made.cells:
        cell.metadata["editable"] = True
        if cell.cell_type == "code":
            cell.metadata.update(scrolled=True, collapsed=False)
            if run:
                _run(cell)
    made.cells.append(nbformat.v4.new_code_cell(""))  # a new one below the last that ran
    server.save(model, path.name)


def _run(cell):
    cell.execution_count = 7
    cell.metadata["execution"] = {"iopub.execute_input": "2026-01-31T10:11:12.131415Z"}
    warning = nbformat.v4.new_output("stream", name="stderr", text="/home/learner/x.py: careful")
    cell.outputs = [warning]


@pytest.mark.parametrize("run", [False, True], ids=["opened", "run"])
def test_notebook_that_a_learner_saved_passes(shipped, run):
    before = _faults_of_sources(shipped)
    save_in_jupyterlab(shipped, run)
    assert _faults_of_sources(shipped) == before
    assert _broken_for_tests(shipped) == set()


def test_authors_hear_of_what_the_tests_let_pass(shipped):
    save_in_jupyterlab(shipped, run=True)
    assert _broken_for_authors(shipped) == SPOILT


def test_what_is_committed_must_keep_the_rules(shipped):
    save_in_jupyterlab(shipped, run=True)
    _commit(shipped.parents[2])
    assert _broken_for_tests(shipped) == SPOILT


def test_new_notebook_is_judged_by_its_file(shipped):
    new = shipped.with_name("002-new.ipynb")
    nbformat.write(notebook("x = 1"), new)
    assert "recorded" in _broken_for_tests(new)


def test_without_git_a_difference_cannot_be_judged(tmp_path):
    path = tmp_path / "001-x.ipynb"
    nbformat.write(notebook("x = 1"), path)
    with pytest.raises(FileNotFoundError, match="is no git repository"):
        notebook_rules.shipped_faults(records.recorded, path, read(path), tmp_path)


# -- the command -----------------------------------------------------------------------------------


def test_command_prints_what_is_broken_and_mends_what_is_mechanical(tmp_path, capsys):
    path = tmp_path / "x.ipynb"
    nbformat.write(notebook("md:text  ", "x = 1"), path)
    assert notebook_rules.main([str(path)]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "x.ipynb"
    assert any(line.startswith("  tidy: is not tidy") for line in printed)
    assert any(line.startswith("  name_and_folder: must be called") for line in printed)
    assert notebook_rules.main(["--fix", str(path)]) == 1
    assert "tidy" not in capsys.readouterr().out
    assert read(path).cells[0].source == "text"


def test_command_says_nothing_of_a_good_notebook(monkeypatch, capsys):
    monkeypatch.setattr(notebook_rules, "broken", lambda path: [])
    assert notebook_rules.main([]) == 0
    assert capsys.readouterr().out == ""


def test_faults_that_are_still_allowed_are_not_printed(tmp_path, monkeypatch):
    path = tmp_path / "x.ipynb"
    nbformat.write(notebook("md:a [b](c.md) [d](e.md)", "x = 1"), path)
    findings = {"links_lead_somewhere": {"x": 2}}
    monkeypatch.setattr(notebook_rules, "FINDINGS", findings)
    assert not [fault for fault in notebook_rules.broken(path) if "a link to" in fault]
    findings["links_lead_somewhere"]["x"] = 1
    assert len([fault for fault in notebook_rules.broken(path) if "a link to" in fault]) == 2


def test_command_prints_sizes(tmp_path, capsys):
    path = tmp_path / "x.ipynb"
    nbformat.write(notebook("md:one two three", "x = 1\ny = 2", "\n".join(["z"] * 16)), path)
    assert notebook_rules.main(["--sizes", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["x", "9", "16", "1", "3", "0"]
