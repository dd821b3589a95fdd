"""``compare``, ``Timing``, ``benchmark``, ``record`` and ``results``."""
import json

import numpy as np
import pytest
import torch

import cookbook
from cookbook import backend, bench
from tests import onnx_samples as samples

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("actual, expected", [([1.0, 2.0], [1.0, 2.0]), ([], []), ([NAN, INF, -INF], [NAN, INF, -INF]),
                                              (3, 3), ([1.0 + 1e-7], [1.0]), (torch.tensor([1.0]), np.array([1.0])), ([True], [1])])
def test_compare_accepts(actual, expected):
    assert cookbook.compare(actual, expected, name="thing").startswith("thing: ")


@pytest.mark.parametrize("actual, expected, words", [
    ([1.0, 2.0, 3.1], [1.0, 2.0, 3.0], r"\(2,\): 3.1, expected 3, .*1 of 3"),
    ([1.0, NAN], [1.0, 2.0], r"\(1,\): nan, expected 2"),
    ([1.0, 2.0], [1.0, NAN], r"\(1,\)"),
    ([INF], [-INF], "inf"), ([INF], [1.0], "inf"), ([1.0], [INF], "inf"),
    ([1.0, 2.0], [1.0], r"shape \(2,\), expected \(1,\)"),
    ([[1.0]], [1.0], "shape"),
    (torch.tensor([1.5]), np.array([1.0]), "1.5"),
])
def test_compare_refuses_and_shows_the_worst(actual, expected, words):
    with pytest.raises(cookbook.ComparisonError, match=words) as error:
        cookbook.compare(actual, expected)
    assert isinstance(error.value, AssertionError) and isinstance(error.value, cookbook.CookbookError)


def test_compare_uses_both_tolerances():
    cookbook.compare([100.9, 0.09], [100.0, 0.0], rtol=0.01, atol=0.1)
    with pytest.raises(cookbook.ComparisonError, match="tolerance rtol=0, atol=0.1"):
        cookbook.compare([100.9, 0.09], [100.0, 0.0], rtol=0, atol=0.1)


def test_interval_covers_the_median_as_often_as_it_says():
    random = np.random.default_rng(0)
    intervals = [bench.Timing(random.exponential(size=100)).interval for _ in range(2000)]
    share = np.mean([low <= np.log(2) <= high for low, high in intervals])
    assert 0.94 <= share <= 0.98


def test_timing_row_and_text():
    timing = bench.Timing(np.arange(1.0, 102.0), "a")
    row = timing.row()
    assert row["median_us"] == 51 and row["p95_us"] == 96 and row["ci_low_us"] < 51 < row["ci_high_us"] and row["calls"] == 101
    assert "median 51.0 us" in str(timing) and json.dumps(row)


@pytest.mark.skipif(not backend.gpu_problem(), reason="a GPU is here")
def test_benchmark_without_a_gpu_says_so():
    with pytest.raises(cookbook.NoGpuError, match="measuring"):
        cookbook.benchmark(lambda: None)


@pytest.mark.gpu
def test_benchmark_times_sessions_and_functions():
    plan = cookbook.build(samples.linear(), profiles={"x": ((1, 4), (4, 4), (8, 4))})
    x = np.ones((2, 4), np.float32)
    for graph in (False, True):
        with cookbook.Session(plan, cuda_graph=graph) as session:
            timing = cookbook.benchmark(session, x=x, calls=50, warm_up=5, name="s")
            assert len(timing.samples) == 50 and (timing.samples > 0).all() and timing.name == "s"
            with pytest.raises(cookbook.SessionError):
                cookbook.benchmark(session, {"q": x})
    y = torch.ones(2048, 2048, device="cuda")
    short, long = cookbook.benchmark(lambda: y @ y, calls=30), cookbook.benchmark(lambda: y @ y @ y @ y @ y @ y @ y, calls=30)
    assert len(short.samples) == 30 and long.samples.min() > short.samples.min()  # six products contain one


def test_record_goes_to_build_unless_recording(monkeypatch, tmp_path):
    monkeypatch.setattr(backend, "ROOT", tmp_path)
    monkeypatch.setattr(backend, "BUILD", tmp_path / "build")
    rows = [{"name": "a", "median_us": 1.5}]
    monkeypatch.delenv("COOKBOOK_RECORD", raising=False)
    cookbook.record("999", rows)
    assert not (tmp_path / "results").exists() and len(list((tmp_path / "build").rglob("999.json"))) == 1
    monkeypatch.setenv("COOKBOOK_RECORD", "1")
    cookbook.record("999", rows)
    (path,) = (tmp_path / "results").rglob("999.json")
    assert json.loads(path.read_text(encoding="utf-8"))["stamp"]["tensorrt"] == backend.product() and path.parent.name != "results"


@pytest.mark.parametrize("rows, words", [([], "no rows"), ([{"a": np.zeros(3)}], "float")])
def test_record_refuses_what_json_cannot_hold(monkeypatch, tmp_path, rows, words):
    monkeypatch.setattr(backend, "BUILD", tmp_path)
    monkeypatch.delenv("COOKBOOK_RECORD", raising=False)
    with pytest.raises(cookbook.CookbookError, match=words):
        cookbook.record("999", rows)
