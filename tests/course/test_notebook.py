"""The first line of a notebook, the ``%%requires`` line of a cell that runs, and replays."""

import json
import types

import IPython
import nbformat
import pytest

import cookbook
from cookbook import backend
from cookbook.course import notebook, recording

HERE = ".".join(str(part) for part in backend.api_version())
SOURCE = "%%requires trt>=99\nprint('a')"
PICTURE = nbformat.v4.new_output(
    "display_data", {"image/png": "aGVsbG8=", "text/plain": "<Figure>"}
)
TEXT = nbformat.v4.new_output("stream", text="line one\nline two\n")
STAMP = {"gpu": "NVIDIA H200", "tensorrt": "TensorRT 8.6.1", "date": "2026-01-02"}


def _transformed(source):
    return "".join(notebook.transform(source.splitlines(keepends=True)))


def test_a_met_line_becomes_a_comment_and_keeps_line_numbers():
    source = f"%%requires trt>={HERE}\nx = 1\n"
    assert _transformed(source) == f"# requires trt>={HERE}\nx = 1\n"


def test_other_cells_stay_as_they_are():
    assert _transformed("x = 1\n") == "x = 1\n"


def test_an_unmet_line_becomes_a_replay(monkeypatch):
    asked = []
    monkeypatch.setattr(notebook, "replay", asked.append)
    exec(_transformed(SOURCE + "\n"), {})
    assert asked == [SOURCE]


def test_a_malformed_line_raises_when_the_cell_runs():
    with pytest.raises(cookbook.RequiresError, match="gppu"):
        exec(_transformed("%%requires gppu\nx = 1\n"), {})


@pytest.fixture
def shell(monkeypatch):
    """A pretended IPython."""
    made = types.SimpleNamespace(input_transformers_cleanup=[])
    monkeypatch.setattr(IPython, "get_ipython", lambda: made)
    return made


def test_environment_switches_the_line_on_once_and_says_where_it_runs(shell, monkeypatch, capsys):
    monkeypatch.setattr(backend, "gpu_problem", lambda: None)
    stamp = {
        "environment": "8.6",
        "tensorrt": "TensorRT 8.6.1",
        "gpu": "NVIDIA X",
        "torch": "2.11.0",
    }
    monkeypatch.setattr(backend, "stamp", lambda: stamp)
    cookbook.environment()
    cookbook.environment()
    assert shell.input_transformers_cleanup == [notebook.transform]
    line = "environment 8.6 · TensorRT 8.6.1 · GPU: NVIDIA X · torch 2.11.0\n"
    assert capsys.readouterr().out == line * 2


def test_environment_says_what_is_skipped(shell, monkeypatch, capsys):
    monkeypatch.setattr(backend, "gpu_problem", lambda: "a CUDA GPU: buy one")
    cookbook.environment()
    line = "GPU cells are skipped and show what was recorded: they need a CUDA GPU.\n"
    assert capsys.readouterr().out.endswith(line)


def test_outside_of_ipython_nothing_is_switched(monkeypatch):
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    notebook.load_magic()


@pytest.fixture
def shown(monkeypatch):
    """What ``replay`` displays, as (data, metadata)."""
    import IPython.display

    seen = []

    def display(data, raw, metadata=None):
        assert raw
        seen.append((data, metadata))

    monkeypatch.setattr(IPython.display, "display", display)
    notebook.recordings.cache_clear()
    yield seen
    notebook.recordings.cache_clear()


@pytest.fixture
def ship(empty_course):
    """A function that ships a recorded cell in a notebook of its own."""

    def add(outputs, source=SOURCE, stamps=None, honest=True, folder="part1-x"):
        cell = nbformat.v4.new_code_cell(source, outputs=outputs)
        digest = recording.digest(source, outputs) if honest else "0"
        cell.metadata["cookbook"] = {"environment": "8.6", "digest": digest}
        made = nbformat.v4.new_notebook(cells=[cell])
        made.metadata["cookbook"] = {"8.6": STAMP} if stamps is None else stamps
        target = empty_course / "notebooks" / folder / "101-x.ipynb"
        target.parent.mkdir(exist_ok=True)
        nbformat.write(made, target)
        return target

    return add


def test_replay_shows_reason_machine_and_every_kind_of_output(ship, shown):
    data = {"text/html": "<table/>", "text/plain": "t"}
    table = nbformat.v4.new_output("execute_result", data, execution_count=3)
    ship([TEXT, table, PICTURE])
    notebook.replay(SOURCE)
    (box, note), *rest = shown
    words = "Of this cell, below: recorded on NVIDIA H200 with TensorRT 8.6.1, 2026-01-02."
    assert box["text/plain"].startswith("Not run here. It needs TensorRT>=99 (")
    assert box["text/plain"].endswith(words)
    assert "⏭ Not run here. It needs TensorRT&gt;=99" in box["text/html"]
    assert note["cookbook"]["skipped"].startswith("TensorRT>=99 (")
    assert (
        note["cookbook"]["skipped"].endswith("here)") or "API of 11)" in note["cookbook"]["skipped"]
    )
    expected = [{"text/plain": "line one\nline two"}, dict(table.data), dict(PICTURE.data)]
    assert [data for data, _ in rest] == expected
    json.dumps(note)


def test_a_recording_without_a_gpu_says_so(ship, shown):
    ship([TEXT], stamps={"8.6": {**STAMP, "gpu": "none"}})
    notebook.replay(SOURCE)
    assert "recorded on a CPU with TensorRT 8.6.1" in shown[0][0]["text/plain"]


def test_layout_of_the_code_does_not_matter(ship, shown):
    ship([TEXT])
    notebook.replay("%%requires trt>=99\nprint( 'a' )  # a comment")
    assert "recorded on NVIDIA H200" in shown[0][0]["text/plain"]


def test_a_saved_replay_replays_the_same_again(ship, shown):
    ship([TEXT, PICTURE])
    notebook.replay(SOURCE)
    first = list(shown)
    saved = []
    for data, note in first:
        saved.append(nbformat.v4.new_output("display_data", data, metadata=note or {}))
    ship(saved)
    notebook.recordings.cache_clear()
    shown.clear()
    notebook.replay(SOURCE)
    assert [data for data, _ in shown] == [data for data, _ in first]


def test_outputs_of_a_later_run_are_not_passed_off_as_the_recording(ship, shown):
    ship([TEXT], honest=False)
    notebook.replay(SOURCE)
    assert "not the shipped recording" in shown[0][0]["text/plain"]
    assert "H200" not in shown[0][0]["text/plain"]
    assert len(shown) == 2


def test_outputs_without_a_stamp_are_not_passed_off_either(ship, shown):
    ship([TEXT], stamps={})
    notebook.replay(SOURCE)
    assert "not the shipped recording" in shown[0][0]["text/plain"]


def test_a_changed_cell_has_no_recording(ship, shown):
    ship([TEXT])
    notebook.replay(SOURCE + " + 1")
    assert len(shown) == 1
    assert "nothing is recorded for it: the cell was changed" in shown[0][0]["text/plain"]


@pytest.mark.parametrize(
    ("stamps", "words"),
    [(None, "it printed nothing when it was recorded"), ({}, "nothing is recorded for it yet")],
)
def test_a_cell_without_outputs_says_why(ship, shown, stamps, words):
    ship([], stamps=stamps)
    notebook.replay(SOURCE)
    assert len(shown) == 1
    assert words in shown[0][0]["text/plain"]


def test_of_two_notebooks_with_the_same_cell_the_one_at_hand_is_replayed(ship, shown, monkeypatch):
    other = nbformat.v4.new_output("stream", text="from part two")
    ship([TEXT], folder="part1-x")
    monkeypatch.chdir(ship([other], folder="part2-y").parent)
    notebook.replay(SOURCE)
    assert shown[1][0] == {"text/plain": "from part two"}
