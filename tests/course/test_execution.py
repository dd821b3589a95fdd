"""Running and recording notebooks: what is executed, kept, reported, and what a failure does."""

import nbformat
import pytest

import cookbook
from cookbook import backend
from cookbook.course import execution, recording
from tests.conftest import FIRST_CELL

HERE = backend.environment_name()
NEVER = "%%requires trt>=99\nprint('never')"


def test_run_executes_skips_and_leaves_the_source_alone(add_notebook, empty_course):
    path = add_notebook("101-a", FIRST_CELL, "print(6 * 7)", "", NEVER)
    before = path.read_bytes()
    (outcome,) = execution.run([str(path)], record=False)
    assert outcome.error == ""
    assert outcome.ran == 2
    (reason,) = outcome.reasons
    assert reason.startswith("TensorRT>=99 (")
    assert outcome.seconds > 0
    done = nbformat.read(empty_course / "build/notebooks/part1-x/101-a.ipynb", as_version=4)
    assert done.cells[1].outputs[0].text == "42\n"
    assert recording.is_skipped(done.cells[3].outputs) == reason
    assert path.read_bytes() == before
    assert not (empty_course / "results").exists()
    assert (empty_course / f"build/coverage/{HERE}.json").is_file()


def test_a_notebook_runs_in_its_own_folder(add_notebook):
    path = add_notebook("101-a", "import os\nassert os.path.exists('101-a.ipynb'), os.getcwd()")
    (outcome,) = execution.run([], record=False)
    assert (outcome.path, outcome.error) == (path, "")


def test_a_failing_cell_fails_its_notebook_and_the_others_still_run(add_notebook, empty_course):
    add_notebook("101-a", FIRST_CELL, "1 / 0", "print('not reached')")
    add_notebook("102-b", FIRST_CELL)
    first, second = execution.run([], record=True)
    assert "ZeroDivisionError" in first.error
    assert first.cells == ["ran", "ran", "not reached"]
    assert (second.error, second.ran) == ("", 1)
    coverage = (empty_course / f"results/coverage/{HERE}.json").read_text()
    assert "102-b" in coverage
    assert "101-a" not in coverage
    shipped = nbformat.read(first.path, as_version=4)
    assert "cookbook" not in shipped.metadata  # nothing of a failed run is recorded
    assert (empty_course / "build/notebooks/part1-x/101-a.ipynb").is_file()


def test_a_malformed_requires_fails_the_run(add_notebook):
    add_notebook("101-a", FIRST_CELL, "%%requires gppu\n1")
    (outcome,) = execution.run([], record=False)
    assert "cannot read 'gppu'" in outcome.error


def test_a_damaged_notebook_is_named_and_the_others_still_run(add_notebook):
    add_notebook("101-a", FIRST_CELL).write_text('{"cells": [')
    add_notebook("102-b", "print(1)")
    damaged, whole = execution.run([], record=True)
    assert "101-a.ipynb is damaged and cannot be read" in damaged.error
    assert "git checkout" in damaged.error
    assert whole.ran == 1


def test_several_workers_give_the_same_in_the_same_order(add_notebook):
    names = ["101-a", "102-b", "103-c"]
    for name in names:
        add_notebook(name, f"print('{name}')")
    outcomes = execution.run([], record=True, workers=3)
    assert [outcome.path.stem for outcome in outcomes] == names
    for outcome in outcomes:
        shipped = nbformat.read(outcome.path, as_version=4)
        assert shipped.cells[0].outputs[0].text == f"{outcome.path.stem}\n"


def test_a_notebook_outside_of_the_course_is_run_but_not_counted(empty_course, tmp_path):
    path = tmp_path / "mine.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), path)
    (outcome,) = execution.run([str(path)], record=False)
    assert outcome.ran == 1
    assert (empty_course / "build/mine.ipynb").is_file()
    assert not (empty_course / "build/coverage").exists()


@pytest.mark.parametrize("name", ["nothing.ipynb", "README.md", "notebooks"])
def test_what_is_no_notebook_is_named_with_an_example(empty_course, name):
    (empty_course / "README.md").touch()
    with pytest.raises(cookbook.CookbookError, match=f"{name} is not a notebook: .*NB=notebooks/"):
        execution.find_notebooks([str(empty_course / name)])


def test_all_notebooks_come_in_the_order_of_the_course(add_notebook, empty_course):
    last, first = add_notebook("110-b", "1"), add_notebook("101-a", "1")
    nbformat.write(nbformat.v4.new_notebook(), empty_course / "notebooks" / "template.ipynb")
    assert execution.find_notebooks([]) == [first, last]


def test_record_writes_outputs_stamp_and_digest(add_notebook):
    path = add_notebook("101-a", FIRST_CELL, "print(6 * 7)", NEVER)
    execution.run([str(path)], record=True)
    shipped = nbformat.read(path, as_version=4)
    assert shipped.metadata.cookbook[HERE]["tensorrt"] == backend.product()
    ran, skipped = shipped.cells[1:]
    assert ran.outputs[0].text == "42\n"
    note = {"environment": HERE, "digest": recording.digest(ran.source, ran.outputs)}
    assert ran.metadata.cookbook == note
    assert not skipped.outputs
    assert "cookbook" not in skipped.metadata


def test_a_notebook_knows_whether_it_is_being_recorded(add_notebook):
    path = add_notebook("101-a", "import os\nprint(repr(os.environ.get('COOKBOOK_RECORD')))")
    execution.run([str(path)], record=False)
    (outcome,) = execution.run([str(path)], record=True)
    assert nbformat.read(outcome.path, as_version=4).cells[0].outputs[0].text == "'1'\n"


def test_status_of_a_cell():
    cell = nbformat.v4.new_code_cell("1")
    assert execution.status(cell) == "not reached"
    cell.execution_count = 3
    assert execution.status(cell) == "ran"
    note = {"cookbook": {"skipped": "gpu"}}
    cell.outputs = [nbformat.v4.new_output("display_data", {}, metadata=note)]
    assert execution.status(cell) == "skipped: gpu"


def test_report_is_a_table_with_each_reason_once(capsys, tmp_path):
    cells = ["ran", "skipped: b; a", "skipped: a", "not reached"]
    good = execution.Outcome(tmp_path / "101-a.ipynb", 1.26, "", cells)
    assert execution.report([good]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head == "notebook  ran  skipped  seconds  why skipped"
    assert row == "101-a     1    2        1.3      a; b"


def test_report_of_a_failure_names_it_and_returns_one(capsys, tmp_path):
    bad = execution.Outcome(tmp_path / "101-a.ipynb", error="ZeroDivisionError: x")
    good = execution.Outcome(tmp_path / "102-b.ipynb")
    assert execution.report([good, bad]) == 1
    assert capsys.readouterr().err == "\nFAILED 101-a.ipynb\nZeroDivisionError: x\n"
