"""The words of ``%%requires``: how they are read, and what of them is missing."""

import pytest

import cookbook
from cookbook import backend, requires, tools

HERE = ".".join(str(part) for part in backend.api_version())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("gpu", [("gpu", "")]),
        ("gpu, trt<11", [("gpu", ""), ("trt", "<11")]),
        ("trt>=10,trt<11", [("trt", ">=10"), ("trt", "<11")]),
        ("torch>=2.6", [("torch", ">=2.6")]),
        ("torch", [("torch", "")]),
        ("compute-sanitizer", [("compute-sanitizer", "")]),
        ("NvInfer.h", [("NvInfer.h", "")]),
        ("trt >= 10", [("trt", ">=10")]),
        ("trt==8.6.1", [("trt", "==8.6.1")]),
    ],
)
def test_parse_reads_words_and_versions(spec, words):
    assert requires.parse(spec) == words


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "cannot read ''"),
        ("gppu", "cannot read 'gppu'.*known words: gpu, trt"),
        ("gpu,", "cannot read ''"),
        ("trt", "trt needs a version, as in trt<11"),
        ("trt<", "cannot read 'trt<'"),
        ("trt<x", "cannot read 'trt<x'"),
        ("trt<10.x", "trt needs a version"),
        ("gpu>=2", "gpu takes no version"),
        ("nvcc<12", "nvcc takes no version"),
        ("trt>=10,<11", "cannot read '<11'"),
        ("gpu trt<11", "cannot read 'gpu trt<11'"),
    ],
)
def test_a_malformed_line_is_an_error_that_shows_the_line(spec, reason):
    with pytest.raises(cookbook.RequiresError, match=reason) as caught:
        requires.parse(spec)
    assert f"%%requires {spec}:" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "spec"),
    [
        ("%%requires gpu\nx = 1", "gpu"),
        ("\n%%requires trt<11", "trt<11"),
        ("%%requires  gpu ,trt<11 \n", "gpu ,trt<11"),
        ("%%requires\nx", ""),
        ("x = 1\n%%requires gpu", None),
        ("%%requiresgpu", None),
        ("# %%requires gpu", None),
    ],
)
def test_spec_is_the_first_line_only(source, spec):
    assert requires.spec_of(source) == spec


@pytest.mark.parametrize(
    ("found", "comparison", "met"),
    [
        ((8, 6, 1), ">=8.6.1", True),
        ((8, 6, 1), ">=8.6.2", False),
        ((8, 6, 1), "==8.6", True),
        ((8, 6, 1), "!=8.6", False),
        ((8, 6, 1), "<10", True),
        ((10, 6, 0), "==10", True),
        ((10, 6, 0), "<=10", True),
        ((10, 6, 0), ">10", False),
        ((10, 6, 0), ">=10", True),
        ((10, 6, 0), "<10.6", False),
        ((10, 6, 0), "<10.7", True),
        ((10, 16, 1, 11), ">10.6", True),
        ((11, 0), "<11", False),
        ((11, 0), "==11.0.0", True),
        ((11, 0), ">=11.0.1", False),
    ],
)
def test_versions_are_compared_in_as_many_parts_as_are_written(found, comparison, met):
    assert requires.meets(found, comparison) is met


def test_a_comparison_that_is_none_is_named():
    with pytest.raises(cookbook.RequiresError, match="cannot read the version '11'"):
        requires.meets((11, 0), "11")


def test_what_is_here_is_not_missing():
    assert requires.unmet(f"torch>=2.0, trt>={HERE}, trt=={HERE}") == []


def test_what_is_missing_comes_with_its_remedy():
    (problem,) = requires.unmet("trt>=99")
    assert problem.startswith(f"TensorRT>=99 ({backend.product()} is here")
    assert problem.endswith("): see the environments in README.md")
    assert requires.unmet("torch>=99") == ["torch>=99: pip install torch"]
    assert len(requires.unmet("trt>=99, torch>=99")) == 2


def test_tensorrt_rtx_is_said_to_have_the_api_of_11(monkeypatch):
    monkeypatch.setattr(backend, "product", lambda: "TensorRT-RTX 1.7")
    monkeypatch.setattr(backend, "api_version", lambda: (11, 0))
    monkeypatch.setattr(backend, "is_rtx", lambda: True)
    assert "(TensorRT-RTX 1.7 is here, with the API of 11)" in requires.unmet("trt<11")[0]
    assert requires.unmet("rtx") == []


def test_rtx_is_missing_where_tensorrt_is_used(monkeypatch):
    monkeypatch.setattr(backend, "is_rtx", lambda: False)
    assert requires.unmet("rtx") == [
        "TensorRT-RTX: pip install tensorrt-rtx, on a GPU that it supports"
    ]


def test_versions_of_a_package_are_compared_as_versions(monkeypatch):
    monkeypatch.setattr(tools, "package_version", lambda name: "2.11.0+cu130")
    assert requires.unmet("torch>=2.6") == []
    assert requires.unmet("torch<2.6") == ["torch<2.6: pip install torch"]


def test_a_prerelease_of_a_container_counts(monkeypatch):
    monkeypatch.setattr(tools, "package_version", lambda name: "2.3.0a0+6ddf5cf85e.nv24.4")
    assert requires.unmet("torch>=2.2") == []


def test_a_gpu_is_there_or_named(monkeypatch):
    monkeypatch.setattr(backend, "gpu_problem", lambda: "a CUDA GPU: buy one")
    assert requires.unmet("gpu") == ["a CUDA GPU: buy one"]
    monkeypatch.setattr(backend, "gpu_problem", lambda: None)
    assert requires.unmet("gpu") == []


def test_tools_are_found_or_named(monkeypatch):
    monkeypatch.setattr(tools, "find_tool", lambda name: None)
    assert requires.unmet("nvcc") == ["nvcc: install the CUDA toolkit"]
    assert requires.unmet("trtexec")[0].startswith("trtexec: comes with TensorRT's containers")
    monkeypatch.setattr(tools, "find_tool", lambda name: f"/somewhere/{name}")
    assert requires.unmet("nvcc, trtexec, NvInfer.h") == []


def test_every_word_that_can_be_missing_has_a_remedy():
    for word, need in requires.KNOWN.items():
        assert need.kind in ("gpu", "trt", "rtx", "tool", "package")
        assert bool(need.remedy) == (word != "gpu")
