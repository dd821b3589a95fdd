"""What a file is that should be a plan."""

import json

import pytest

from cookbook import PlanError
from cookbook.building.plan_file import plan_bytes, product_of, version_of
from tests import onnx_samples as samples

VERSION = bytes([8, 6, 1, 6])
PLAN = b"ftrt" + b"\0" * 20 + VERSION + b"and what only TensorRT understands"


def said_about(data):
    with pytest.raises(PlanError) as caught:
        plan_bytes(data, "plan a.plan")
    return str(caught.value)


@pytest.mark.parametrize("tag", [b"ftrt", b"vtrt"])
def test_a_plan_passes(tag):
    data = tag + PLAN[4:]
    assert plan_bytes(data, "it") is data


def test_bytes_with_an_unknown_tag_are_for_tensorrt_to_judge():
    data = b"xtrt\x00\x01\x02\x03"
    assert plan_bytes(data, "it") is data


def header(content: bytes) -> bytes:
    return len(content).to_bytes(4, "little") + content


def test_a_header_of_json_is_taken_off():
    about = json.dumps({"description": "a model", "stride": 32}).encode()
    assert plan_bytes(header(about) + PLAN, "it") == PLAN


@pytest.mark.parametrize("content", [b"{not json}", b"\xff\xfe"])
def test_a_header_of_something_else_is_not(content):
    data = header(content) + PLAN
    assert plan_bytes(data, "it") is data


def test_a_header_without_a_plan_behind_it():
    data = header(b'{"a": 1}') + b"\x00\x01\x02\x03"
    assert plan_bytes(data, "it") is data


def test_an_empty_file():
    assert said_about(b"") == (
        "plan a.plan is not a plan: it is empty (0 bytes). Copy it again, or rebuild it from its "
        "model"
    )


def test_an_onnx_model():
    assert said_about(samples.linear().SerializeToString()) == (
        "plan a.plan is not a plan: it is an ONNX model. Pass it to cookbook.build, which makes a "
        "plan from it"
    )


def test_bytes_that_begin_like_an_onnx_model():
    data = b"\x08\x08\x00\xff\xff"
    assert plan_bytes(data, "it") is data
    nothing = b"\x08\x08"  # a model without nodes
    assert plan_bytes(nothing, "it") is nothing


def test_a_zip_file():
    assert said_about(b"PK\x03\x04\x00") == (
        "plan a.plan is not a plan: it is a PyTorch or zip file. Export the model to ONNX, then "
        "use cookbook.build"
    )


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid", "'version https://git-lfs.github'"),
        ("short", "'short'"),
        ("<!DOCTYPE html>\r\n\t", "'<!DOCTYPE html>\\r\\n\\t'"),
        ("模型" * 200, "'模型模型模型模型模型'"),
    ],
)
def test_a_text(text, start):
    assert said_about(text.encode()) == (
        f"plan a.plan is not a plan: it is a text that begins with {start}. Check the path, or "
        "rebuild the plan"
    )


@pytest.mark.parametrize("shift", range(3))
def test_a_text_whose_letter_is_cut_in_two_is_a_text(shift):
    assert "it is a text" in said_about(b"x" * (253 + shift) + "模型".encode())


@pytest.mark.parametrize("data", [b"\xff" * 300, b"text\x00text", b"text" * 20 + b"\xff\xfe" * 20])
def test_bytes_that_are_no_text(data):
    assert plan_bytes(data, "it") is data


@pytest.mark.parametrize(
    ("tag", "product"), [(b"ftrt", "TensorRT"), (b"vtrt", "TensorRT-RTX"), (b"xtrt", ""), (b"", "")]
)
def test_the_product(tag, product):
    assert product_of(tag + PLAN[4:] if tag else b"") == product


def test_the_version():
    assert version_of(PLAN) == "8.6.1.6"
    assert version_of(PLAN[:28]) == "8.6.1.6"
    assert version_of(PLAN[:27]) == ""
    assert version_of(b"xtrt" + PLAN[4:]) == ""
