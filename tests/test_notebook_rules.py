"""Every notebook keeps every rule, and every rule can fail."""
import nbformat
import pytest

from tests import notebook_rules as rules

PATHS = rules.paths()


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rule(path, rule):
    assert list(rule(path, nbformat.read(path, as_version=4))) == []


def _notebook(*cells):
    made = [nbformat.v4.new_markdown_cell(c[3:]) if c.startswith("md:") else nbformat.v4.new_code_cell(c) for c in cells]
    return nbformat.v4.new_notebook(cells=made)


def _broken(rule, *cells, path=PATHS[0]):
    return list(rule(path, _notebook(*cells)))


def test_opening_wants_title_sections_verbs_guide_and_first_call():
    assert len(_broken(rules.opening, "md:# Title", "import os")) == 8


def test_closing_counts_exercises_hints_and_solutions():
    assert any("exercises" in text for text in _broken(rules.closing, "md:## Exercises\n**Exercise 1 · a.**"))


def test_long_cells_and_too_little_markdown_are_seen():
    found = _broken(rules.cell_sizes, "md:x", "\n".join(["a = 1"] * 31), "b = 1", "c = 1")
    assert "31 lines" in found[0] and "markdown" in found[1]


def test_dead_links_are_seen():
    assert len(_broken(rules.links_lead_somewhere, "md:[a](no-such.ipynb), [b](../no-such.md), [c](https://x.org/y.md)")) == 2
    assert not _broken(rules.links_lead_somewhere, f"md:[here]({PATHS[0].name})")


def test_wide_lines_are_seen():
    assert any("columns" in text for text in _broken(rules.cell_sizes, "md:x", "md:y", "a = '" + 120 * "x" + "'"))


def test_an_output_without_explanation_is_seen():
    notebook = _notebook("1 + 1", "2")
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="2\n")]
    assert list(rules.outputs_are_explained(PATHS[0], notebook))


@pytest.mark.parametrize("source", ["!pip install x", "%pip install x", "import urllib.request as r; r.urlopen('x')",
                                    "open('/tmp/x/y.onnx')", "%%bash\nls"])
def test_shell_download_and_absolute_path_are_seen(source):
    assert _broken(rules.no_forbidden_things, source)


@pytest.mark.parametrize("text", ["at /home/someone/x.py", "[01/31/2026-10:11:12] [W] [TRT]"])
def test_paths_and_time_stamps_in_outputs_are_seen(text):
    notebook = _notebook("1")
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text=text)]
    assert list(rules.no_forbidden_things(PATHS[0], notebook))


@pytest.mark.parametrize("text, bad", [("It took 3.2 ms.", True), ("a 12 us kernel", True), ("2.5× faster", True), ("about 300 GB/s", True),
                                       ("an 8×8 image", False), ("`sleep 3 ms`", False), ("30 lines", False), ("FP16 uses 2 bytes", False)])
def test_measured_figures_in_prose_are_seen(text, bad):
    assert bool(_broken(rules.no_measured_figure_in_prose, f"md:{text}")) == bad


@pytest.mark.parametrize("cells, bad", [
    (["%%requires gpu\na = 1", "print(a)"], True),
    (["%%requires gpu\na = 1", "%%requires gpu, nvcc\nprint(a)"], False),
    (["%%requires gpu, trt<11\na = 1", "%%requires gpu\nprint(a)"], True),
    (["a = 1", "%%requires gpu\nprint(a)"], False),
    (["print(a)"], True),
    (["a = a + 1"], True),
    (["def f(x, *rest, key=1):\n    y = x\n    return y, rest, key\nf(1)"], False),
    (["a = [k for k in range(3)]", "with open('x') as file:\n    print(file, a)"], False),
    (["import os.path as p, sys", "print(p, sys)"], False),
    (["try:\n    b = 1\nexcept ValueError as error:\n    print(error)", "print(b)"], False),
])
def test_a_name_from_a_stricter_cell_is_seen(cells, bad):
    assert bool(_broken(rules.names_need_no_skipped_cell, *cells)) == bad


def test_a_solution_may_use_what_its_exercise_defines():
    cells = ["a = 1", "md:<summary>Solution</summary>\n\n```python\nb = a\nassert b\n```"]
    assert rules.solutions(_notebook(*cells)) == {0: (1, "b = a\nassert b")}
    assert not _broken(rules.names_need_no_skipped_cell, *cells)


def test_an_edited_output_is_seen():
    notebook = nbformat.read(PATHS[0], as_version=4)
    cell = next(c for c in rules.code_cells(notebook) if "cookbook" in c.metadata and c.outputs)
    cell.outputs[0] = nbformat.v4.new_output("stream", text="12 times faster\n")
    assert any("changed after" in text for text in rules.recorded(PATHS[0], notebook))


def test_fix_tidies_and_keeps_outputs():
    notebook = nbformat.read(PATHS[0], as_version=4)
    before = [c.outputs for c in rules.code_cells(notebook)]
    notebook.cells[1].metadata["editable"], notebook.cells[1].id = True, "other"
    notebook.cells.append(nbformat.v4.new_code_cell(""))
    assert list(rules.tidy(PATHS[0], notebook))
    mended = rules.fix(notebook)
    assert not list(rules.tidy(PATHS[0], mended)) and [c.outputs for c in rules.code_cells(mended)] == before
