"""The layers of an engine, wherever the inspector's words come from."""

import json

import pytest

import cookbook
from cookbook import CookbookError, backend, trt
from cookbook.inspect.engine import io_names, layer_table, layers, read_layers
from tests import onnx_samples as samples

COPY = {
    "Name": "Reformatting CopyNode for Input Tensor 0 to /Conv",
    "LayerType": "Reformat",
    "Inputs": [
        {"Name": "x", "Dimensions": [1, 3, 8, 8], "Format/Datatype": "Row major linear FP32"}
    ],
    "Outputs": [{"Name": "x'", "Dimensions": [1, 3, 8, 8], "Format/Datatype": "Half"}],
}
CONVOLUTION = {
    "Name": "/Conv",
    "LayerType": "CaskConvolution",
    "Inputs": [
        {"Name": "x'", "Dimensions": [1, 3, 8, 8], "Format/Datatype": "Half"},
        {"Name": "w", "Dimensions": [4], "Format/Datatype": "Half"},
    ],
    "Outputs": [
        {
            "Name": "y",
            "Dimensions": [1, 4, 8, 8],
            "Format": "(Linear) Row major linear format",
            "Datatype": "Float",
        },
        {"Name": "z", "Dimensions": [], "Format/Datatype": "Bool"},
    ],
    "TacticName": "some_kernel",
}
UP_TO_10 = {"Layers": [COPY, CONVOLUTION], "Bindings": ["x", "y", "z"]}
FROM_11_ON = {
    "Layers": [COPY, CONVOLUTION],
    "I/O Tensors": [
        {"Name": "x", "IOMode": "Input", "DataType": "Float", "Dimensions": [1, 3, 8, 8]},
        {"Name": "y", "IOMode": "Output", "DataType": "Float", "Dimensions": [1, 4, 8, 8]},
    ],
    "Engine Metadata": {},
}
NAMES = ["Reformatting CopyNode for Input Tensor 0 to /Conv", "/Conv"]


class FakeEngine:
    """An engine whose inspector gives a text, and notes the context that it was asked for."""

    def __init__(self, text):
        self.text = text
        self.execution_context = None

    def create_engine_inspector(self):
        return self

    def get_engine_information(self, form):
        assert form == trt.LayerInformationFormat.JSON
        return self.text


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "layers.json"
    made.write_text(json.dumps(UP_TO_10))
    return made


class TestSources:
    def test_text(self):
        for document in (UP_TO_10, FROM_11_ON, [COPY, CONVOLUTION]):
            found = read_layers("\n" + json.dumps(document))
            assert [layer.name for layer in found] == NAMES
            assert found[0].raw == COPY

    def test_a_file(self, path):
        for source in (path, str(path)):
            assert [layer.name for layer in read_layers(source)] == NAMES

    def test_records(self):
        found = read_layers([COPY, CONVOLUTION])
        assert found == read_layers(json.dumps(UP_TO_10))
        assert read_layers(found) == found

    def test_an_engine(self):
        engine = FakeEngine(json.dumps(UP_TO_10))
        assert [layer.name for layer in read_layers(engine)] == NAMES
        assert engine.execution_context is None

    def test_an_engine_with_a_context(self):
        engine = FakeEngine(json.dumps(UP_TO_10))
        context = object()
        read_layers(engine, context)
        assert engine.execution_context is context

    def test_raw_control_characters(self):
        text = '{"Layers": [{"Name": "a\x1eb", "Metadata": "[ONNX Layer: c]\x1f"}]}'
        assert read_layers(text)[0].name == "a\x1eb"

    def test_a_file_with_bytes_that_are_no_text(self, tmp_path):
        path = tmp_path / "layers.json"
        path.write_bytes(b'{"Layers": [{"Name": "\xff"}]}')
        assert read_layers(path)[0].name == "\ufffd"

    def test_an_engine_without_layers(self):
        assert read_layers('{"Layers": []}') == []
        assert len(layer_table('{"Layers": []}')) == 0


class TestRefusals:
    def test_an_engine_with_names_only(self):
        engine = FakeEngine('{"Layers": ["a", "b"], "Bindings": []}')
        for read in (read_layers, layers, layer_table):
            with pytest.raises(CookbookError) as caught:
                read(engine)
            assert str(caught.value).startswith("the engine holds layer names only: build it with")
            assert "ProfilingVerbosity.DETAILED" in str(caught.value)
            assert "--profilingVerbosity=detailed" in str(caught.value)

    def test_a_file_with_names_among_records(self, tmp_path):
        path = tmp_path / "names.json"
        path.write_text(json.dumps({"Layers": [CONVOLUTION, "fc"]}))
        with pytest.raises(CookbookError, match="names.json holds layer names only"):
            read_layers(path)
        found = read_layers(path, strict=False)
        assert [(layer.name, layer.type) for layer in found] == [
            ("/Conv", "CaskConvolution"),
            ("fc", ""),
        ]

    def test_a_file_that_is_not_there(self, tmp_path):
        words = r"no.json does not exist: trtexec writes .*--exportLayerInfo=no\.json"
        with pytest.raises(CookbookError, match=words):
            read_layers(tmp_path / "no.json")

    def test_a_file_that_is_something_else(self, tmp_path):
        path = tmp_path / "profile.json"
        path.write_text("name, time")
        with pytest.raises(CookbookError, match=r"profile\.json has no information on its layers"):
            read_layers(path)
        path.write_text('{"count": 3}')
        with pytest.raises(CookbookError, match=r"profile\.json has no list of layers"):
            read_layers(str(path))

    def test_an_engine_that_says_nothing(self):
        with pytest.raises(
            CookbookError,
            match="the engine has no information.*: build it with ProfilingVerbosity.DETAILED, or",
        ):
            read_layers(FakeEngine(""))


def test_layers_are_the_inspectors_own_records():
    assert layers(FakeEngine(json.dumps(UP_TO_10))) == [COPY, CONVOLUTION]


def test_names_of_inputs_and_outputs():
    assert io_names(json.dumps(UP_TO_10)) == ["x", "y", "z"]
    assert io_names(FakeEngine(json.dumps(FROM_11_ON))) == ["x", "y"]
    assert io_names('{"Layers": []}') == []


def test_the_table_has_the_inspectors_words():
    table = layer_table(json.dumps(UP_TO_10))
    assert table.to_dict("records") == [
        {
            "layer": NAMES[0],
            "type": "Reformat",
            "kernel": "",
            "in": "(1, 3, 8, 8) Row major linear FP32",
            "out": "(1, 3, 8, 8) Half",
        },
        {
            "layer": "/Conv",
            "type": "CaskConvolution",
            "kernel": "some_kernel",
            "in": "(1, 3, 8, 8) Half; (4,) Half",
            "out": "(1, 4, 8, 8) (Linear) Row major linear format Float; () Bool",
        },
    ]
    assert list(layer_table([]).columns) == ["layer", "type", "kernel", "in", "out"]


@pytest.mark.gpu
def test_a_real_engine():
    backend.require_gpu("this test")
    engine = cookbook.deserialize(
        cookbook.build(samples.linear(), profiles={"x": ((1, 4), (4, 4), (64, 4))})
    )
    found = read_layers(engine)
    assert len(found) >= 1
    assert set(io_names(engine)) == {"x", "y", "twice"}
    outputs = {tensor.name for layer in found for tensor in layer.outputs}
    assert {"y", "twice"} <= outputs
    nodes = {node for layer in found for node in layer.onnx_nodes}
    assert {"multiply", "double"} <= nodes
    assert len(layer_table(engine)) == len(layers(engine)) == len(found)
