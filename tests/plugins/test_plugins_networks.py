"""Attributes get the types that a creator asks for, and a plugin becomes a layer."""

from types import SimpleNamespace

import numpy as np
import pytest

from cookbook import backend, plugins, trt
from cookbook.building.network import weights_array
from cookbook.errors import PluginError
from cookbook.log import LOG, keep_alive

pytestmark = pytest.mark.skipif(not hasattr(trt, "IPluginV3"), reason="8.6 has no IPluginV3")


class Recorder(trt.IPluginCreatorV3One if hasattr(trt, "IPluginV3") else object):
    """A creator that keeps what it is given."""

    def __init__(self):
        trt.IPluginCreatorV3One.__init__(self)
        self.name = "Recorder"
        self.plugin_version = "1"
        self.plugin_namespace = ""
        kinds = {"count": "INT32", "scale": "FLOAT32", "big": "INT64", "small": "INT8"}
        fields = []
        for name, kind in kinds.items():
            kind = getattr(trt.PluginFieldType, kind)
            fields.append(trt.PluginField(name, np.array([]), kind))
        self.field_names = trt.PluginFieldCollection(fields)
        self.plugin = "a plugin"

    def create_plugin(self, name, fields, phase):
        self.given = {
            field.name: (field.type.name, weights_array(field.data).tolist()) for field in fields
        }
        self.called = (name, phase)
        return self.plugin


def test_attributes_get_the_types_that_the_creator_asks_for():
    creator = Recorder()
    attributes = {"count": [1, 2.0], "scale": 3, "big": 2**40, "small": -5, "more": [4], "x": 0.5}
    assert plugins.create(creator, attributes, "layer") == "a plugin"
    assert creator.given == {
        "count": ("INT32", [1, 2]),
        "scale": ("FLOAT32", [3.0]),
        "big": ("INT64", [2**40]),
        "small": ("INT8", [-5]),
        "more": ("INT32", [4]),  # not declared: the creator must refuse it
        "x": ("FLOAT32", [0.5]),
    }
    assert creator.called == ("layer", trt.TensorRTPhase.BUILD)


def test_arrays_and_texts_keep_their_own_types():
    creator = Recorder()
    attributes = {
        "count": np.array([1.5], np.float32),
        "scale": np.array(7, np.int16),
        "wide": np.arange(6.0).reshape(2, 3)[:, ::2],
        "text": "Höhe",
    }
    plugins.create(creator, attributes)
    assert creator.given == {
        "count": ("FLOAT32", [1.5]),
        "scale": ("INT16", [7]),
        "wide": ("FLOAT64", [0.0, 2.0, 3.0, 5.0]),
        "text": ("CHAR", [72, -61, -74, 104, 101]),
    }


def test_half_precision_is_a_type_of_its_own():
    class Halves(Recorder):
        def create_plugin(self, name, fields, phase):
            (field,) = fields  # the bindings do not show values of this type
            return field.type.name, field.size

    assert plugins.create(Halves(), {"h": np.ones(3, np.float16)}) == ("FLOAT16", 3)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"count": 1.5}, "attribute 'count' is 1.5: that cannot be INT32"),
        ({"count": [1, 2**31]}, r"attribute 'count' is \[1, 2147483648\]: that cannot be INT32"),
        ({"small": 128}, "attribute 'small' is 128: that cannot be INT8"),
        ({"more": 2**31}, "attribute 'more' is 2147483648: that cannot be INT32"),
        ({"scale": np.array([1j])}, "attribute 'scale' is an array of complex128: take one of"),
    ],
)
def test_values_that_a_type_cannot_hold_are_named(attributes, words):
    with pytest.raises(PluginError, match=words):
        plugins.create(Recorder(), attributes)


def test_a_refusal_has_the_creators_words():
    class Refusing(Recorder):
        def create_plugin(self, name, fields, phase):
            LOG.log(trt.ILogger.ERROR, "Recorder: count is too small")

    with pytest.raises(PluginError) as error:
        plugins.create(Refusing(), {"count": 1})
    assert str(error.value) == (
        "Recorder refuses {'count': 1}.\nTensorRT's log says:\n  [E] Recorder: count is too small"
    )


@pytest.mark.skipif(not backend.is_rtx(), reason="checks what TensorRT-RTX says")
def test_a_creator_of_tensorrt_itself_refuses():
    keep_alive()
    with pytest.raises(PluginError, match="ROIAlign_TRT refuses .*(?s:.)*outputHeight > 0"):
        plugins.create(plugins.find("ROIAlign_TRT", "2"), {"output_height": -3})


def test_a_creator_of_v2_has_no_phases(monkeypatch):
    class OldCreator:
        name = "Old"
        field_names = ()

        def create_plugin(self, name, fields):
            return name

    monkeypatch.setattr(trt, "IPluginCreator", OldCreator)
    assert plugins.create(OldCreator(), {}) == "plugin"


# -- layers --------------------------------------------------------------------------------------


def network_with(**methods):
    """A network that has these methods, each of which returns its arguments."""
    return SimpleNamespace(**methods)


def test_each_kind_of_plugin_is_added_in_its_way(monkeypatch):
    network = network_with(
        add_plugin_v2=lambda *arguments: ("v2", *arguments),
        add_plugin_v3=lambda *arguments: ("v3", *arguments),
    )

    class OldPlugin:
        pass

    monkeypatch.setattr(trt, "IPluginV2", OldPlugin)
    old = OldPlugin()
    assert plugins.add(network, old, ["x"]) == ("v2", ["x"], old)
    assert plugins.add(network, "new", ["x", "y"]) == ("v3", ["x", "y"], [], "new")


def test_a_network_without_plugin_layers_is_named(monkeypatch):
    monkeypatch.setattr(backend, "product", lambda: "TensorRT-RTX 1.7")
    with pytest.raises(PluginError, match=r"networks of TensorRT-RTX 1.7 have no .*add_plugin_v3"):
        plugins.add(network_with(), "new", [])


def test_a_layer_that_tensorrt_does_not_add_has_its_words(monkeypatch):
    def add_nothing(inputs, shape_inputs, plugin):
        LOG.log(trt.ILogger.ERROR, "addPluginV3: no")

    monkeypatch.setattr(backend, "product", lambda: "TensorRT 10.6.0")
    with pytest.raises(PluginError) as error:
        plugins.add(network_with(add_plugin_v3=add_nothing), "new", [])
    assert str(error.value) == (
        "TensorRT 10.6.0 adds no such layer.\nTensorRT's log says:\n  [E] addPluginV3: no"
    )
