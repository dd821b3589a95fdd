"""``record`` and reading results/: what is kept, where, and what is refused."""

import json
import math

import numpy as np
import pandas as pd
import pytest

import cookbook
from cookbook import backend, paths
from cookbook.course import results

STAMP = {
    "environment": "8.6",
    "gpu": "NVIDIA H200",
    "tensorrt": "TensorRT 8.6.1",
    "date": "2026-01-02",
}
ROWS = [{"name": "a", "median_us": 1.5}]


@pytest.fixture(autouse=True)
def stamp(monkeypatch, empty_course):
    """What this machine is called; a test may change it."""
    made = dict(STAMP)
    monkeypatch.setattr(backend, "stamp", lambda: made)
    return made


def test_rows_go_to_build_unless_recording(empty_course, monkeypatch):
    cookbook.record("999", ROWS)
    place = "results/nvidia-h200-tensorrt-8.6.1/999.json"
    assert not (empty_course / "results").exists()
    assert json.loads((empty_course / "build" / place).read_text()) == {
        "stamp": STAMP,
        "rows": ROWS,
    }
    monkeypatch.setenv("COOKBOOK_RECORD", "1")
    cookbook.record("999-more", ROWS)
    assert (empty_course / place.replace("999", "999-more")).is_file()


def test_a_data_frame_is_kept_row_by_row(empty_course):
    cookbook.record("999", pd.DataFrame({"a": [1, 2]}))
    (path,) = empty_course.rglob("999.json")
    assert json.loads(path.read_text())["rows"] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no rows to keep"),
        ([{"a": np.zeros(3)}], r"use plain numbers and strings, as in float\(x\)"),
        ([{"a": math.nan}], "row 0 has 'a' = nan, which JSON cannot hold"),
        ([{"a": 1.0}, {"a": math.inf}], "row 1 has 'a' = inf"),
        ([{"a": np.float64("nan")}], "row 0 has 'a' = nan"),
        ({"a": 1}, r"not a dict; put a single row into a list: \[row\]"),
        ("text", "not a str"),
        (7, "not a int"),
        (["text"], "row 0 is 'text', a str; each row must be a dict"),
        ([{"a": [math.nan]}], "not JSON compliant"),
    ],
)
def test_what_json_cannot_hold_is_refused_and_the_old_file_stays(empty_course, rows, words):
    cookbook.record("999", ROWS)
    (path,) = empty_course.rglob("999.json")
    before = path.read_bytes()
    with pytest.raises(cookbook.CookbookError, match=words) as caught:
        cookbook.record("999", rows)
    assert "record('999')" in str(caught.value)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["999.json"]


def test_a_write_that_fails_leaves_no_half_of_a_file(tmp_path, monkeypatch):
    folder = tmp_path / "sub"
    folder.mkdir()
    path = folder / "a.json"
    results.write_text(path, "old")

    def replace(*_):
        raise OSError("disk full")

    monkeypatch.setattr(results.os, "replace", replace)
    with pytest.raises(OSError, match="disk full"):
        results.write_text(path, "new")
    assert [one.name for one in folder.iterdir()] == ["a.json"]
    assert path.read_text() == "old"


def test_a_written_file_can_be_read_by_everyone(tmp_path):
    results.write_text(tmp_path / "a.json", "é")
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == "é"
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o644


def _keep(monkeypatch, stamp, number, rows, **changes):
    monkeypatch.setenv("COOKBOOK_RECORD", "1")
    stamp.clear()
    stamp.update({**STAMP, **changes})
    cookbook.record(number, rows)


def test_load_puts_all_machines_together(monkeypatch, stamp):
    _keep(monkeypatch, stamp, "101", [{"x": 1}, {"x": 2}])
    _keep(monkeypatch, stamp, "101", [{"x": 3}], tensorrt="TensorRT 10.6.0", environment="10")
    table = results.load("101").sort_values("x")
    assert table["x"].tolist() == [1, 2, 3]
    assert table["environment"].tolist() == ["8.6", "8.6", "10"]
    assert table["gpu"].tolist() == ["NVIDIA H200"] * 3


def test_load_of_what_is_not_there_names_what_is(monkeypatch, stamp):
    with pytest.raises(cookbook.CookbookError, match="nothing of '101'; it has nothing"):
        results.load("101")
    _keep(monkeypatch, stamp, "106", ROWS)
    with pytest.raises(cookbook.CookbookError, match="nothing of '101'; it has 106"):
        results.load("101")


def test_versions_takes_the_newest_of_each_environment(monkeypatch, stamp):
    _keep(monkeypatch, stamp, "101", [{"x": 1}], gpu="NVIDIA A100", date="2025-12-31")
    _keep(monkeypatch, stamp, "101", [{"x": 2}])
    _keep(monkeypatch, stamp, "101", [{"x": 3}], tensorrt="TensorRT 10.6.0", environment="10")
    _keep(monkeypatch, stamp, "101", [{"x": 4}], tensorrt="TensorRT-RTX 1.7", environment="cpu")
    table = results.versions("101")
    assert sorted(zip(table["environment"], table["x"], strict=True)) == [("10", 3), ("8.6", 2)]
    assert results.versions("101", ["cpu"])["x"].tolist() == [4]


def test_versions_of_what_was_never_recorded_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "RESULTS", tmp_path)
    with pytest.raises(cookbook.CookbookError, match="results/ has nothing of '999'"):
        results.versions("999")
