"""``%%requires``: words, versions, replay of recorded outputs, and the transformation of a cell."""
import json

import nbformat
import pytest

import cookbook
from cookbook import backend, requires

HERE = ".".join(map(str, backend.api_version()))


@pytest.mark.parametrize("spec, words", [("gpu", [("gpu", "")]), ("gpu, trt<11", [("gpu", ""), ("trt", "<11")]),
                                         ("trt>=10,trt<11", [("trt", ">=10"), ("trt", "<11")]), ("torch>=2.6", [("torch", ">=2.6")]),
                                         ("compute-sanitizer", [("compute-sanitizer", "")]), ("trt >= 10", [("trt", ">=10")])])
def test_parse_reads_words_and_versions(spec, words):
    assert requires.parse(spec) == words


@pytest.mark.parametrize("spec", ["", "gppu", "gpu,", "trt", "trt<", "gpu>=2", "nvcc<12", "trt>=10,<11", "gpu trt<11"])
def test_a_malformed_line_is_an_error_that_shows_the_line(spec):
    with pytest.raises(cookbook.RequiresError, match=r"%%requires"):
        requires.parse(spec)


@pytest.mark.parametrize("source, spec", [("%%requires gpu\nx = 1", "gpu"), ("\n%%requires trt<11", "trt<11"), ("%%requires\nx", ""),
                                          ("x = 1\n%%requires gpu", None), ("%%requiresgpu", None), ("# %%requires gpu", None)])
def test_spec_is_the_first_line_only(source, spec):
    assert requires.spec_of(source) == spec


def test_unmet_is_empty_for_what_is_here_and_says_how_to_get_the_rest():
    assert requires.unmet(f"torch>=2.0, trt>={HERE}") == []
    assert "99" in requires.unmet("trt>=99")[0] and backend.product() in requires.unmet("trt>=99")[0]
    assert "pip install torch" in requires.unmet("torch>=99")[0]


def test_versions_of_a_package_are_compared_as_versions(monkeypatch):
    monkeypatch.setattr(backend, "package_version", lambda name: "2.11.0+cu130")
    assert requires.unmet("torch>=2.6") == [] and requires.unmet("torch<2.6")


def test_gpu_and_tools_are_found_or_named(monkeypatch):
    monkeypatch.setattr(backend, "gpu_problem", lambda: "a CUDA GPU: buy one")
    monkeypatch.setattr(backend, "find_tool", lambda name: None)
    assert requires.unmet("gpu, nvcc") == ["a CUDA GPU: buy one", "nvcc: install the CUDA toolkit"]
    monkeypatch.setattr(backend, "gpu_problem", lambda: None)
    monkeypatch.setattr(backend, "find_tool", lambda name: "/somewhere/nvcc")
    assert requires.unmet("gpu, nvcc") == []


def _transformed(source):
    return "".join(requires._transform(source.splitlines(keepends=True)))


def test_a_met_line_becomes_a_comment_and_keeps_line_numbers():
    assert _transformed(f"%%requires trt>={HERE}\nx = 1\n") == f"# requires trt>={HERE}\nx = 1\n"
    assert _transformed("x = 1\n") == "x = 1\n"


def test_a_malformed_line_raises_when_the_cell_runs():
    with pytest.raises(cookbook.RequiresError, match="gppu"):
        exec(_transformed("%%requires gppu\nx = 1\n"), {})


@pytest.fixture
def shown(monkeypatch):
    """What ``replay`` displays, as (data, metadata)."""
    import IPython.display
    seen = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw, metadata=None: seen.append((data, metadata)))
    return seen


def _ship(monkeypatch, tmp_path, source, outputs, stamp=True, honest=True):
    cell = nbformat.v4.new_code_cell(source, outputs=outputs)
    cell.metadata["cookbook"] = {"environment": "8.6", "digest": requires.digest(source, outputs) if honest else "0"}
    notebook = nbformat.v4.new_notebook(cells=[cell])
    if stamp:
        notebook.metadata["cookbook"] = {"8.6": {"gpu": "NVIDIA H200", "tensorrt": "TensorRT 8.6.1", "date": "2026-01-02"}}
    folder = tmp_path / "notebooks" / "part1-x"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "101-x.ipynb")
    monkeypatch.setattr(backend, "ROOT", tmp_path)
    requires._recorded.cache_clear()


SOURCE = "%%requires trt>=99\nprint('a')"
PICTURE = nbformat.v4.new_output("display_data", {"image/png": "aGVsbG8=", "text/plain": "<Figure>"})
TEXT = nbformat.v4.new_output("stream", text="line one\nline two\n")


def test_replay_shows_reason_machine_and_every_kind_of_output(monkeypatch, tmp_path, shown):
    table = nbformat.v4.new_output("execute_result", {"text/html": "<table/>", "text/plain": "t"}, execution_count=3)
    _ship(monkeypatch, tmp_path, SOURCE, [TEXT, table, PICTURE])
    requires.replay(SOURCE)
    (box, note), *rest = shown
    assert "NVIDIA H200 with TensorRT 8.6.1, 2026-01-02" in box["text/plain"] and "99" in note["cookbook"]["skipped"]
    assert [data for data, _ in rest] == [{"text/plain": "line one\nline two"}, dict(table.data), dict(PICTURE.data)]
    json.dumps(note)


def test_a_saved_replay_replays_the_same_again(monkeypatch, tmp_path, shown):
    _ship(monkeypatch, tmp_path, SOURCE, [TEXT, PICTURE])
    requires.replay(SOURCE)
    first = list(shown)
    saved = [nbformat.v4.new_output("display_data", data, metadata=note or {}) for data, note in first]
    again = tmp_path / "again"
    again.mkdir()
    _ship(monkeypatch, again, SOURCE, saved)
    shown.clear()
    requires.replay(SOURCE)
    assert [data for data, _ in shown] == [data for data, _ in first]


def test_outputs_of_a_later_run_are_not_passed_off_as_the_recording(monkeypatch, tmp_path, shown):
    _ship(monkeypatch, tmp_path, SOURCE, [TEXT], honest=False)
    requires.replay(SOURCE)
    assert "not the shipped recording" in shown[0][0]["text/plain"] and "H200" not in shown[0][0]["text/plain"]


def test_a_changed_cell_has_no_recording(monkeypatch, tmp_path, shown):
    _ship(monkeypatch, tmp_path, SOURCE, [TEXT])
    requires.replay(SOURCE + "  # changed")
    assert len(shown) == 1 and "the cell was changed" in shown[0][0]["text/plain"]


def test_every_word_has_a_remedy_and_design_words_are_known():
    assert {"gpu", "trt", "rtx", "nvcc", "trtexec", "nsys", "ncu", "torch_tensorrt"} <= set(requires.KNOWN)
    assert all(kind in ("gpu", "trt", "rtx", "tool", "package") for kind, _ in requires.KNOWN.values())
