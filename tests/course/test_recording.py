"""Recorded outputs: digests see code and outputs; any order of recording gives the same file."""

import itertools

import nbformat
import pytest

from cookbook.course import recording
from cookbook.course.recording import digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x=1"),
        ("x = 1", "x = 1  # a comment"),
        ("f(a, b)", "f(\n    a,\n    b,\n)"),
        ("x = 'a'", 'x = "a"'),
        ("x = (1)", "x = 1"),
        ("%%requires gpu, trt<11\nx = 1", "%%requires gpu,trt < 11\nx=1"),
        ('def f():\n    """One.\n\n    Two."""', 'def f():\n  """One.\n\n  Two.\n  """'),
        ("%matplotlib inline\nx = 1", "%matplotlib inline\n\nx=1"),
        ("not python at all", "  not python at all\n"),
    ],
)
def test_layout_does_not_count(one, other):
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("f(a, b)", "f(b, a)"),
        ("f(a, b)", "g(a, b)"),
        ("f(a)", "f(*a)"),
        ("f(a=1)", "f(b=1)"),
        ("a + b", "a - b"),
        ("a < b", "a <= b"),
        ("x = 1", "x += 1"),
        ("x = 1", "%%requires gpu\nx = 1"),
        ("%%requires gpu\nx = 1", "%%requires gpu, trt<11\nx = 1"),
        ("%%requires trt<11\nx = 1", "%%requires trt<10\nx = 1"),
        ("%time f()", "%timeit f()"),
        ("if a:\n    b\nc", "if a:\n    b\n    c"),
        ("def f(a, b=1): pass", "def f(a, *, b=1): pass"),
        ("f'{x:.2f}'", "f'{x:.3f}'"),
        ("f'{x}'", "f'{x!r}'"),
        ("not python at all", "not python at all!"),
    ],
)
def test_code_counts(one, other):
    assert digest(one) != digest(other)


def test_digest_is_ten_hexadecimal_digits_and_the_same_in_every_python():
    source = "def f(x, *, y=1) -> str:\n    return f'{x!r:>{y}}' if x else [z for z in {1: 2}]"
    assert digest(source) == "563cd874c6"
    assert digest("%%requires gpu\nimport a.b as c\n!ls") == "40a628d93a"


def _stream(text, **metadata):
    return {"output_type": "stream", "name": "stdout", "text": text, "metadata": metadata}


def test_outputs_count_where_they_are_given():
    assert digest("x") != digest("x", [])
    assert digest("x", [_stream("a")]) != digest("x", [_stream("b")])
    assert digest("x", [_stream("a")]) != digest("y", [_stream("a")])


def test_counts_and_metadata_of_outputs_do_not_count():
    one = {"output_type": "execute_result", "data": {"text/plain": "1"}, "execution_count": 3}
    other = {**one, "execution_count": 7, "metadata": {"scrolled": True}}
    assert digest("x", [one]) == digest("x", [other])


def test_is_skipped_reads_the_reason():
    assert recording.is_skipped([]) is None
    assert recording.is_skipped([_stream("a")]) is None
    assert recording.is_skipped([_stream("a", cookbook={"skipped": "gpu"})]) == "gpu"


def test_code_cells_are_those_that_hold_anything():
    new = nbformat.v4.new_code_cell
    cells = [new("a"), nbformat.v4.new_markdown_cell("b"), new(" \n"), new("c")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    assert [cell.source for cell in recording.code_cells(notebook)] == ["a", "c"]


# -- which recording is kept ----------------------------------------------------------------------

SOURCES = ["print('everywhere')", "%%requires trt>=10\nprint('10')", "%%requires rtx\nprint('rtx')"]
RUNS = {"8.6": [True, False, False], "10": [True, True, False], "cpu": [True, True, True]}


def _shipped():
    cells = [nbformat.v4.new_code_cell(source) for source in SOURCES]
    for k, cell in enumerate(cells):
        cell.id = f"cell-{k}"
    cells.insert(1, nbformat.v4.new_markdown_cell("text", id="text"))
    return nbformat.v4.new_notebook(cells=cells)


def _executed(environment, shipped, count=1):
    notebook = nbformat.from_dict(shipped)
    notebook = nbformat.reads(nbformat.writes(notebook), as_version=4)
    for cell, ran in zip(recording.code_cells(notebook), RUNS[environment], strict=True):
        cell.execution_count = count
        cell.outputs = [nbformat.v4.new_output("stream", text=f"printed in {environment}\n")]
        if not ran:
            note = {"cookbook": {"skipped": "what is missing"}}
            cell.outputs = [nbformat.v4.new_output("display_data", {}, metadata=note)]
    return notebook


def _stamp(environment):
    return {"environment": environment, "gpu": "a card", "date": "2026-01-02"}


def _record(shipped, *environments):
    for environment in environments:
        recording.merge(shipped, _executed(environment, shipped), _stamp(environment))
    return shipped


def _homes(notebook):
    found = []
    for cell in recording.code_cells(notebook):
        found.append(cell.metadata.get("cookbook", {}).get("environment"))
    return found


@pytest.mark.parametrize("order", list(itertools.permutations(RUNS)), ids="-".join)
def test_any_order_gives_the_same_file(order):
    made = _record(_shipped(), *order)
    assert _homes(made) == ["8.6", "10", "cpu"]
    texts = [cell.outputs[0].text for cell in recording.code_cells(made)]
    assert texts == ["printed in 8.6\n", "printed in 10\n", "printed in cpu\n"]
    assert nbformat.writes(made) == nbformat.writes(_record(_shipped(), *RUNS))
    assert list(made.metadata.cookbook) == ["8.6", "10", "cpu"]
    assert all(recording.is_intact(cell) for cell in recording.code_cells(made))


def test_only_stamps_of_what_is_shown_are_kept():
    made = _record(_shipped(), "cpu")
    assert list(made.metadata.cookbook) == ["cpu"]
    assert made.metadata.cookbook["cpu"] == _stamp("cpu")
    changed = _shipped()
    changed.cells = changed.cells[:1]
    both = nbformat.v4.new_notebook(cells=changed.cells)
    for environment in ("cpu", "8.6"):
        executed = _executed(environment, _shipped())
        executed.cells = executed.cells[:1]
        recording.merge(both, executed, _stamp(environment))
    assert list(both.metadata.cookbook) == ["8.6"]


def test_a_changed_cell_takes_what_the_next_recording_prints():
    made = _record(_shipped(), "8.6", "10", "cpu")
    made.cells[0].source = "print('changed')"
    _record(made, "cpu")
    assert _homes(made) == ["cpu", "10", "cpu"]


def test_a_changed_cell_that_cannot_run_loses_its_outputs():
    made = _record(_shipped(), "10")
    cell = recording.code_cells(made)[1]
    cell.source += "  + 1"
    _record(made, "8.6")
    assert cell.outputs == []
    assert cell.execution_count is None
    assert "cookbook" not in cell.metadata


def test_outputs_changed_by_hand_are_replaced():
    made = _record(_shipped(), "8.6")
    cell = recording.code_cells(made)[0]
    cell.outputs[0].text = "12 times faster\n"
    assert not recording.is_intact(cell)
    _record(made, "cpu")
    assert cell.outputs[0].text == "printed in cpu\n"


def test_a_machine_that_lacks_a_package_leaves_what_another_one_recorded(monkeypatch):
    made = _record(_shipped(), "10")
    kept = recording.code_cells(made)[1].outputs
    monkeypatch.setitem(RUNS, "10", [True, False, False])
    _record(made, "10")
    assert _homes(made) == ["10", "10", None]
    assert recording.code_cells(made)[1].outputs == kept


def test_a_new_recording_of_the_same_environment_replaces_the_old():
    made = _record(_shipped(), "8.6")
    executed = _executed("8.6", made, count=9)
    executed.cells[0].outputs[0].text = "printed anew\n"
    recording.merge(made, executed, _stamp("8.6"))
    assert made.cells[0].outputs[0].text == "printed anew\n"
    assert made.cells[0].execution_count == 9


def test_notebooks_of_different_length_are_refused():
    shorter = _executed("8.6", _shipped())
    shorter.cells.pop()
    with pytest.raises(ValueError, match="shorter"):
        recording.merge(_shipped(), shorter, _stamp("8.6"))
