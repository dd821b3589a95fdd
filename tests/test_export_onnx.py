"""``export_onnx``: the file that was asked for, no chatter, the model left as it was."""

import logging
import warnings

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import cookbook
from cookbook import models

X = torch.linspace(-1, 1, 8).reshape(2, 4)
dynamo_too = pytest.mark.parametrize("dynamo", [False, True], ids=["TorchScript", "dynamo"])


def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))


def sizes(tensor):
    return [dim.dim_param or dim.dim_value for dim in tensor.type.tensor_type.shape.dim]


@dynamo_too
def test_names_sizes_and_numbers(tmp_path, dynamo):
    model = linear()
    path = models.export_onnx(
        model,
        X,
        tmp_path / "new" / "a.onnx",
        outputs=["y"],
        dynamic={"x": {0: "batch"}, "y": {0: "batch"}},
        dynamo=dynamo,
    )
    assert path == tmp_path / "new" / "a.onnx"
    graph = onnx.load(path).graph
    assert [tensor.name for tensor in graph.input] == ["x"]
    assert [tensor.name for tensor in graph.output] == ["y"]
    assert sizes(graph.input[0]) == ["batch", 4]
    x = torch.cat([X, X, X])
    (found,) = onnxruntime.InferenceSession(str(path)).run(None, {"x": x.numpy()})
    cookbook.compare(found, model.eval()(x).detach())


@dynamo_too
def test_defaults_are_fixed_sizes_and_the_courses_names(tmp_path, dynamo):
    path = models.export_onnx(linear(), X, str(tmp_path / "a.onnx"), dynamo=dynamo)
    model = onnx.load(path)
    assert [tensor.name for tensor in model.graph.input] == ["x"]
    assert [tensor.name for tensor in model.graph.output] == ["logits"]
    assert sizes(model.graph.input[0]) == [2, 4]
    assert model.opset_import[0].version == (18 if dynamo else 17)
    assert list(tmp_path.iterdir()) == [path]  # the weights are in the file


@pytest.mark.parametrize(("dynamo", "opset"), [(False, 16), (True, 20)])
def test_the_opset_may_be_chosen(tmp_path, dynamo, opset):
    path = models.export_onnx(linear(), X, tmp_path / "a.onnx", opset=opset, dynamo=dynamo)
    assert onnx.load(path).opset_import[0].version == opset


@dynamo_too
def test_several_inputs(tmp_path, dynamo):
    class Add(nn.Module):
        def forward(self, a, b):
            return a + b

    path = models.export_onnx(
        Add(), (X, X[:1]), tmp_path / "a.onnx", inputs=["a", "b"], dynamo=dynamo
    )
    assert [sizes(tensor) for tensor in onnx.load(path).graph.input] == [[2, 4], [1, 4]]


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_exported_for_inference_and_left_in_its_mode(tmp_path, training):
    model = linear().train(training)
    model[1].training = True  # a layer of its own mode
    path = models.export_onnx(model, X, tmp_path / "a.onnx")
    assert "Dropout" not in [node.op_type for node in onnx.load(path).graph.node]
    assert model.training == training
    assert model[0].training == training
    assert model[1].training


class Chatty(nn.Module):
    """Prints, warns and logs while it is exported."""

    def forward(self, x):
        print("printed")
        warnings.warn("warned", stacklevel=1)
        logging.getLogger("chatty").warning("logged")
        return x + 1


def test_exporters_are_quiet(tmp_path, capfd, recwarn):
    models.export_onnx(Chatty(), X, tmp_path / "a.onnx")
    assert capfd.readouterr() == ("", "")
    assert len(recwarn) == 0


@pytest.mark.parametrize("level", [logging.NOTSET, logging.CRITICAL])
def test_the_users_setting_of_logging_stays(tmp_path, level):
    logging.disable(level)
    try:
        models.export_onnx(Chatty(), X, tmp_path / "a.onnx")
        assert logging.root.manager.disable == level
    finally:
        logging.disable(logging.NOTSET)


def test_a_failed_export_has_the_reason_and_what_was_printed(tmp_path):
    class Broken(nn.Module):
        def forward(self, x):
            print("nearly there")
            raise RuntimeError("no way on")

    model = Broken()
    with pytest.raises(cookbook.CookbookError) as caught:
        models.export_onnx(model, X, tmp_path / "a.onnx")
    words = str(caught.value)
    assert words.startswith(f"torch cannot export Broken to {tmp_path / 'a.onnx'}: no way on\n")
    assert "nearly there" in words
    assert model.training


def test_a_dynamic_name_that_is_not_there(tmp_path):
    with pytest.raises(cookbook.CookbookError) as caught:
        models.export_onnx(linear(), X, tmp_path / "a.onnx", dynamic={"z": {0: "n"}, "x": {0: "n"}})
    assert str(caught.value) == (
        "dynamic names ['z'], but the inputs are ['x'] and the outputs ['logits']"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_axis_that_the_model_fixes(tmp_path, monkeypatch):
    def export(model, arguments, path, **options):
        info = onnx.helper.make_tensor_value_info
        inputs = [info("w", 1, [2]), info("x", 1, ["n", 4])]
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "g", inputs, [])), path)

    monkeypatch.setattr(torch.onnx, "export", export)
    with pytest.raises(cookbook.CookbookError) as caught:
        models.export_onnx(linear(), X, tmp_path / "a.onnx", dynamic={"x": {0: "n", 1: "c"}})
    assert str(caught.value).startswith(
        "a.onnx: axis 1 of input 'x' was to be dynamic ('c'), but the exported model fixes it to 4"
    )
    models.export_onnx(linear(), X, tmp_path / "a.onnx", dynamic={"x": {0: "n"}})
