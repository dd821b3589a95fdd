"""Code in notebooks is laid out and looked at by ruff, and no recording is lost by it."""

import nbformat
import pytest

from cookbook.course.recording import digest
from tests import notebook_format
from tests.notebook_format import Fault
from tests.notebook_rules import read
from tests.rules.made import notebook
from tests.rules.reading import Piece

pytest.importorskip("ruff")

SOLUTION = "md:Try.\n<summary>Solution</summary>\n\n```python\n{}\n```\n</details>"


@pytest.fixture
def save(tmp_path):
    """A function that saves a notebook of these cells."""

    def write(*sources, name="x.ipynb"):
        path = tmp_path / name
        nbformat.write(notebook(*sources), path)
        return path

    return write


def _formatted(path):
    assert notebook_format.main([str(path)]) == 0
    return [cell.source for cell in read(path).cells]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x=1", "x = 1"),
        ("x = 'a'", 'x = "a"'),
        ("%%requires gpu, trt<11\nx=1", "%%requires gpu, trt<11\nx = 1"),
        ("%%requires gpu\ndef f(): return 1", "%%requires gpu\ndef f():\n    return 1"),
        ("%matplotlib inline\nx=1", "%matplotlib inline\nx = 1"),
        ("# %%requires gpu\nx=1", "# %%requires gpu\nx = 1"),
        (
            "print('" + 45 * "x" + "', '" + 45 * "y" + "')",
            'print(\n    "' + 45 * "x" + '",\n    "' + 45 * "y" + '",\n)',
        ),
    ],
)
def test_cells_get_the_layout_of_ruff(save, source, expected):
    if expected.startswith("print"):
        expected = expected.replace('",\n    "', '", "').replace('",\n)', '"\n)')
    assert _formatted(save("md:text", source)) == ["text", expected]


def test_solutions_get_it_too_and_the_text_around_them_stays(save):
    path = save("a=0", SOLUTION.format("b=a\n\nassert b"), "c=1")
    before, after = SOLUTION.format("b = a\n\nassert b").removeprefix("md:"), "c = 1"
    assert _formatted(path) == ["a = 0", before, after]


def test_outputs_records_and_tidy_ids_stay(save):
    path = save("x=1")
    made = read(path)
    made.cells[0].outputs = [nbformat.v4.new_output("stream", text="2\n")]
    note = {"environment": "cpu", "digest": digest("x=1", made.cells[0].outputs)}
    made.cells[0].metadata["cookbook"] = note
    nbformat.write(made, path)
    _formatted(path)
    cell = read(path).cells[0]
    assert cell.outputs == made.cells[0].outputs
    assert cell.metadata["cookbook"] == note
    assert digest(cell.source, cell.outputs) == note["digest"]
    assert cell.id == "8ff436de"


def test_several_notebooks_are_kept_apart(save, tmp_path):
    (tmp_path / "other").mkdir()
    one, other = save("x=1"), save("y=2", name="other/x.ipynb")
    assert list(notebook_format.changes([one, other])) == [one, other]
    assert notebook_format.main([str(one), str(other)]) == 0
    assert [read(path).cells[0].source for path in (one, other)] == ["x = 1", "y = 2"]


def test_check_changes_nothing_and_names_the_cell(save, capsys):
    path = save("md:text", "y = 1", "x=1")
    before = path.read_bytes()
    assert notebook_format.main(["--check", str(path)]) == 1
    assert capsys.readouterr().out == "x.ipynb: cell 2 ('x=1') has another layout than ruff's\n"
    assert path.read_bytes() == before
    assert notebook_format.main([str(path)]) == 0
    assert capsys.readouterr().out == "x.ipynb: cell 2 ('x=1') is laid out anew\n"
    assert notebook_format.main(["--check", str(path)]) == 0
    assert capsys.readouterr().out == ""


def test_cell_whose_digest_would_change_is_left_alone(save, monkeypatch, capsys):
    path = save("x=1", "y=1")
    monkeypatch.setattr(notebook_format, "digest", lambda source: source.startswith("x") or source)
    assert notebook_format.main([str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "x.ipynb: cell 0 ('x=1') is laid out anew",
        "x.ipynb: cell 1 ('y=1') is left alone: its digest would change",
    ]
    assert [cell.source for cell in read(path).cells] == ["x = 1", "y=1"]


def test_faults_are_found_with_their_place(save):
    source = "%%requires gpu\n\nimport os"
    path = save("md:text", source, SOLUTION.format("\nimport re"))
    found = notebook_format.faults([path])
    assert list(found) == [path]
    cell, solution = found[path]
    assert cell == Fault(Piece(1, False, source), 3, "F401", "`os` imported but unused")
    assert solution[1:] == (1, "F401", "`re` imported but unused")
    assert solution.piece.is_solution


def test_names_are_known_from_cell_to_cell_but_not_to_other_notebooks(save):
    one = save("import os", "%%requires gpu\nos.getcwd()")
    other = save("import re", name="y.ipynb")
    assert list(notebook_format.faults([one, other])) == [other]


def test_faults_count_unless_they_are_still_allowed(save, monkeypatch, capsys):
    path = save("import os", "import re")
    expected = [
        "x.ipynb: cell 0 ('import os') line 1: F401 `os` imported but unused",
        "x.ipynb: cell 1 ('import re') line 1: F401 `re` imported but unused",
    ]
    assert notebook_format.main(["--check", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == expected
    monkeypatch.setattr(notebook_format, "LINT", {"x": {"F401": 1}})
    assert notebook_format.main(["--check", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == expected
    monkeypatch.setattr(notebook_format, "LINT", {"x": {"F401": 2}})
    assert notebook_format.main(["--check", str(path)]) == 0
    assert capsys.readouterr().out == ""


def test_code_that_ruff_cannot_read_is_named(save):
    with pytest.raises(RuntimeError, match="ruff format failed: error: Failed to parse 0-x"):
        notebook_format.changes([save("x = = 1")])
