"""What is asked beside the parser: ONNX's checker before one that crashes, and the registry."""

from types import SimpleNamespace

import numpy as np
import onnx
import pytest

import cookbook
from cookbook.building import refusals
from tests import onnx_samples as samples
from tests.onnx_samples import chain, node

GOOD = [
    samples.linear(),
    samples.unknown_operator(),  # for the parser to say
    samples.with_function(node("Relu", ["a"], ["b"])),
]


def test_what_is_wrong_is_told():
    model = chain(node("Softmax", ["x"], ["y"], "soft", axis=7))
    with pytest.raises(cookbook.BuildError) as caught:
        refusals.check_by_onnx(model, "a.onnx")
    words = str(caught.value)
    assert words.startswith("a.onnx is not a model that TensorRT can read:\n  onnx.checker says:")
    assert "'axis' must be in [-2 , 1]. Its actual value is: 7" in words


@pytest.mark.parametrize("model", GOOD)
def test_what_is_right_or_for_the_parser_to_say(model):
    refusals.check_by_onnx(model, "a.onnx")


def test_weights_elsewhere_are_no_matter(tmp_path):
    path = tmp_path / "a.onnx"
    model = chain(node("MatMul", ["x", "w"], ["y"]), weights=[("w", np.ones((4, 400), np.float32))])
    onnx.save(model, path, save_as_external_data=True, location="a.data")
    refusals.check_by_onnx(onnx.load(path, load_external_data=False), "a.onnx")


def test_a_newer_onnx_is_no_matter():
    model = samples.linear()
    model.ir_version = 999
    refusals.check_by_onnx(model, "a.onnx")


def test_a_checker_that_cannot_check_is_no_matter(monkeypatch):
    def refuse(model, full_check):
        raise ValueError("this model is too large")

    monkeypatch.setattr(onnx.checker, "check_model", refuse)
    refusals.check_by_onnx(samples.linear(), "a.onnx")


@pytest.mark.parametrize("listed", ["all_creators", "plugin_creator_list"])
def test_the_registry_of_every_version_is_read(monkeypatch, listed):
    creators = [SimpleNamespace(name="One"), SimpleNamespace(name="Two")]
    registry = SimpleNamespace(**{listed: creators})
    monkeypatch.setattr(refusals, "trt", SimpleNamespace(get_plugin_registry=lambda: registry))
    assert refusals.loaded_plugins() == {"One", "Two"}
