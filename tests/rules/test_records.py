"""The rules of what was recorded: each sees its fault, and lets pass what is none."""

import nbformat
import pytest

from cookbook.course.recording import digest
from tests.rules import records
from tests.rules.made import PATH, faults, notebook, with_output


def test_outputs_without_explanation_are_seen():
    rule = records.outputs_are_explained
    assert list(rule(PATH, with_output("1 + 1", "2", text="2\n"))) == [
        "no text explains the output of the cell that starts '1 + 1'"
    ]
    assert list(rule(PATH, with_output("1 + 1", text="2\n"))) == [
        "no text explains the output of the cell that starts '1 + 1'"
    ]
    assert list(rule(PATH, with_output("1 + 1", "", "md:two", text="2\n"))) == []
    assert list(rule(PATH, with_output("1 + 1", "%%requires gpu\n2", text="2\n"))) == []
    assert faults(rule, "1", "2") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("at /home/someone/x.py", "prints an absolute path"),
        ("'/tmp/x'", "prints an absolute path"),
        ("[01/31/2026-10:11:12] [W] [TRT]", "prints a TensorRT log with time stamps"),
    ],
)
def test_paths_and_time_stamps_in_outputs_are_seen(text, message):
    made = with_output("1", text=text)
    assert list(records.outputs_hold_nothing_private(PATH, made)) == [f"'1' {message}"]
    made.cells[0].outputs = [nbformat.v4.new_output("display_data", {"text/html": text})]
    assert list(records.outputs_hold_nothing_private(PATH, made)) == [f"'1' {message}"]


@pytest.mark.parametrize("text", ["build/home/x", "/conv1/Conv_output_0", "https://a.b/tmp/c"])
def test_other_paths_in_outputs_pass(text):
    assert list(records.outputs_hold_nothing_private(PATH, with_output("1", text=text))) == []


def test_exceptions_and_stderr_are_seen():
    made = with_output("x\ny", name="stderr", text="Warning: a\nb")
    made.cells[0].outputs.append(
        nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    )
    assert list(records.outputs_hold_nothing_private(PATH, made)) == [
        "'x' writes to stderr: 'Warning: a'",
        "'x' has a stored exception",
    ]


def test_notebook_shows_a_figure():
    made = with_output("plot", text="2\n")
    assert list(records.shows_a_figure(PATH, made)) == ["shows no figure"]
    made.cells[0].outputs.append(nbformat.v4.new_output("display_data", {"image/png": "iVBO"}))
    assert list(records.shows_a_figure(PATH, made)) == []


@pytest.fixture
def recording():
    made = with_output("1 + 1", text="2\n")
    made.metadata["cookbook"] = {"8.6": {}}
    cell = made.cells[0]
    cell.metadata["cookbook"] = {"environment": "8.6", "digest": digest(cell.source, cell.outputs)}
    return made


def test_recording_passes_and_layout_does_not_matter(recording):
    assert list(records.recorded(PATH, recording)) == []
    recording.cells[0].source = "1+1  # two"
    recording.cells[0].outputs[0].metadata = {"scrolled": True}
    assert list(records.recorded(PATH, recording)) == []


def test_edited_recordings_are_seen(recording):
    recording.cells[0].outputs[0].text = "3\n"
    changed = "'1 + 1' was changed after it was recorded: run `make record`"
    assert list(records.recorded(PATH, recording)) == [changed]
    recording.cells[0].outputs[0].text = "2\n"
    recording.cells[0].source = "1 + 2"
    assert list(records.recorded(PATH, recording)) == [changed.replace("1 + 1", "1 + 2")]


def test_recording_of_an_unknown_environment_is_seen(recording):
    recording.metadata["cookbook"] = {"cpu": {}}
    assert list(records.recorded(PATH, recording)) == [
        "'1 + 1' was recorded in '8.6', which the notebook has no stamp of"
    ]


def test_outputs_that_nobody_recorded_are_seen(recording):
    del recording.cells[0].metadata["cookbook"]
    assert list(records.recorded(PATH, recording)) == [
        "'1 + 1' has outputs that `make record` did not write"
    ]
    recording.cells[0].outputs = []
    assert list(records.recorded(PATH, recording)) == []


def test_notebook_that_was_never_recorded_is_seen():
    assert faults(records.recorded, "1") == ["is not recorded: run `make record` on a GPU"]


def test_tidy_notebook_stays_as_it_is(recording):
    recording.cells[0].metadata["tags"] = ["x"]
    tidy = records.fix(recording)
    assert list(records.tidy(PATH, tidy)) == []
    assert records.fix(tidy) == tidy
    assert tidy.metadata["cookbook"] == {"8.6": {}}
    assert tidy.cells[0].metadata == recording.cells[0].metadata
    assert tidy.cells[0].outputs == recording.cells[0].outputs


def _change(made, name):
    cell = made.cells[0]
    if name == "id":
        cell.id = "other"
    elif name == "cell metadata":
        cell.metadata["editable"] = True
    elif name == "metadata":
        made.metadata["language_info"]["version"] = "3.12.1"
    elif name == "blanks":
        cell.source += "\nx = 1  "
    elif name == "empty cell":
        made.cells.append(nbformat.v4.new_code_cell(" \n"))
    elif name == "format":
        made.nbformat_minor = 4


@pytest.mark.parametrize(
    "name", ["id", "cell metadata", "metadata", "blanks", "empty cell", "format"]
)
def test_untidy_notebooks_are_seen_and_mended(recording, name):
    made = records.fix(recording)
    _change(made, name)
    assert [fault[:11] for fault in records.tidy(PATH, made)] == ["is not tidy"]
    assert list(records.tidy(PATH, records.fix(made))) == []


def test_equal_cells_get_ids_of_their_own():
    ids = [cell.id for cell in records.fix(notebook("x", "x", "md:x")).cells]
    assert ids == ["2d711642", "2d711642x", "2d711642xx"]
