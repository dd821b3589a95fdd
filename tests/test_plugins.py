"""The plugins of plugins/: they compile, agree with their references, survive a plan, and refuse what is wrong.

What needs nvcc alone runs without a GPU; what runs an engine is marked ``gpu`` and needs TensorRT before 11.
"""
import runpy

import numpy as np
import pytest
import torch

import cookbook
from cookbook import backend, plugins, requires, trt
from cookbook.builder import LOG, create_network

# channels, image, block, strides, pads (top and left; the same below and right), dilations
FOLDS = [(1, (8, 8), (4, 4), (2, 2), (1, 1), (1, 1)), (2, (7, 9), (3, 2), (1, 2), (2, 0), (1, 1)), (3, (11, 10), (3, 3), (2, 3), (2, 1), (2, 3)),
         (2, (5, 5), (1, 1), (2, 2), (0, 0), (1, 1)), (1, (1, 1), (1, 1), (1, 1), (0, 0), (1, 1)), (5, (33, 17), (5, 7), (3, 1), (4, 6), (2, 1))]
GOOD = {"image_shape": [8, 8], "block_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1], "dilations": [1, 1]}
runs_plugin = pytest.mark.skipif(bool(missing := requires.unmet("gpu, trt<11, nvcc")) or not backend.find_tool("NvInfer.h"),
                                 reason="; ".join(missing) or "no NvInfer.h: set TRT_INCLUDE")


def reference(name: str):
    return runpy.run_path(str(backend.ROOT / "plugins" / name / "reference.py"))


def patches_of(case, batch=3, dtype=np.float32):
    """Seeded patches for one of FOLDS."""
    channels, image, block, strides, pads, dilations = case
    rows, columns = ((size + 2 * pad - dilation * (length - 1) - 1) // stride + 1
                     for size, length, stride, pad, dilation in zip(image, block, strides, pads, dilations))
    shape = (batch, channels * block[0] * block[1], rows * columns)
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def attributes_of(case) -> dict:
    _, image, block, strides, pads, dilations = case
    return {"image_shape": image, "block_shape": block, "strides": strides, "pads": (*pads, *pads), "dilations": dilations}


def create(creator, attributes: dict, dtype=np.int32):
    """A plugin from attributes; None if the creator refuses. A collection copies pointers: the fields that hold the arrays must live on."""
    kind = {np.int32: trt.PluginFieldType.INT32, np.float32: trt.PluginFieldType.FLOAT32}[dtype]
    fields = [trt.PluginField(name, np.array(values, dtype), kind) for name, values in attributes.items()]
    return creator.create_plugin("fold", trt.PluginFieldCollection(fields))


def network_of(creator, attributes: dict, shape, dtype=None):
    """A network of one plugin layer: x (batch dynamic) → y."""
    network = create_network(trt.Builder(LOG))
    x = network.add_input("x", dtype or trt.float32, (-1, *shape[1:]))
    layer = network.add_plugin_v2([x], create(creator, attributes))  # trt<11
    layer.get_output(0).name = "y"
    network.mark_output(layer.get_output(0))
    if dtype:
        layer.get_output(0).dtype = dtype
    return network


# -- without a GPU -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("folder", sorted(p.parent.name for p in (backend.ROOT / "plugins").glob("*/kernel.cu")))
def test_folder_is_complete(folder):
    path = backend.ROOT / "plugins" / folder
    assert {"README.md", "kernel.cu", "kernel.h", "plugin.cu", "reference.py"} <= {p.name for p in path.iterdir()}
    kernel = (path / "kernel.cu").read_text(encoding="utf-8") + (path / "kernel.h").read_text(encoding="utf-8")
    assert "NvInfer" not in kernel  # the kernel compiles and is profiled without TensorRT
    glue = (path / "plugin.cu").read_text(encoding="utf-8")
    assert "cudaMalloc" not in kernel + glue and "REGISTER_TENSORRT_PLUGIN" in glue


@pytest.mark.skipif(not backend.find_tool("nvcc"), reason="no nvcc")
@pytest.mark.parametrize("arch", ["sm_80", "sm_90"])
def test_kernel_compiles_without_a_gpu(arch):
    path = plugins.compile("Fold2d", kernel_for=arch)
    assert path.read_bytes()[:4] == b"\x7fELF" and b"foldKernel" in path.read_bytes()
    before = path.stat().st_mtime_ns
    assert plugins.compile("Fold2d", kernel_for=arch).stat().st_mtime_ns == before  # the second time it is there already


@pytest.mark.parametrize("case", FOLDS, ids=str)
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_reference_is_torchs_fold(case, batch):
    _, image, block, strides, pads, dilations = case
    patches = patches_of(case, batch)
    expected = torch.nn.functional.fold(torch.tensor(patches), image, block, dilations, pads, strides).numpy()
    actual = reference("Fold2d")["fold2d"](patches, **attributes_of(case))
    assert actual.dtype == np.float32 and actual.shape == expected.shape
    cookbook.compare(actual, expected, rtol=1e-5, atol=1e-5)


def test_reference_takes_unequal_padding():
    patches = np.ones((1, 4, 6), np.float32)  # 2×2 patches, two rows and three columns of them
    image = reference("Fold2d")["fold2d"](patches, (2, 4), (2, 2), pads=(0, 0, 1, 0))
    assert image.tolist() == [[[[1, 2, 2, 1], [2, 4, 4, 2]]]]


def test_an_unknown_plugin_is_named():
    with pytest.raises(cookbook.CookbookError, match="NoSuchPlugin"):
        plugins.find("NoSuchPlugin")
    with pytest.raises(cookbook.CookbookError, match="NoSuchFolder"):
        plugins.compile("NoSuchFolder", kernel_for="sm_90")


# -- on a GPU ----------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def creator():
    return plugins.load("Fold2d")


@pytest.mark.gpu
@runs_plugin
@pytest.mark.parametrize("case", FOLDS, ids=str)
def test_plugin_equals_reference(creator, case):
    patches = patches_of(case, batch=5)
    plan = cookbook.build(network_of(creator, attributes_of(case), patches.shape),
                          profiles={"x": tuple((n, *patches.shape[1:]) for n in (1, 3, 5))}, level=0)
    with cookbook.Session(plan) as session:  # the plan was loaded: deserializePlugin has run
        for batch in (1, 2, 5):
            expected = reference("Fold2d")["fold2d"](patches[:batch], **attributes_of(case))
            cookbook.compare(session(x=patches[:batch])["y"], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.gpu
@runs_plugin
def test_plugin_in_half_precision(creator):
    case = FOLDS[2]
    patches = patches_of(case, dtype=np.float16)
    plan = cookbook.build(network_of(creator, attributes_of(case), patches.shape, trt.float16),
                          profiles={"x": (patches.shape,) * 3}, precision="fp16", level=0)
    with cookbook.Session(plan) as session:
        cookbook.compare(session(x=patches)["y"], reference("Fold2d")["fold2d"](patches, **attributes_of(case)), rtol=2e-3, atol=2e-3)


@pytest.mark.gpu
@runs_plugin
def test_attributes_survive_serialisation(creator):
    plugin = create(creator, GOOD)
    stored = bytes(plugin.serialize())  # trt<11
    assert np.frombuffer(stored, np.int32).tolist() == [8, 8, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1]
    again = creator.deserialize_plugin("again", stored)  # trt<11
    assert bytes(again.serialize()) == stored and again.plugin_type == "Fold2d"  # trt<11
    with cookbook.capture_log() as log:
        assert creator.deserialize_plugin("cut", stored[:-1]) is None  # trt<11
    assert any("47 bytes" in text for _, text in log)


@pytest.mark.gpu
@runs_plugin
@pytest.mark.parametrize("change, words", [
    ({"image_shape": None}, "must be given and positive"),
    ({"block_shape": [4, 0]}, "must be given and positive"),
    ({"strides": [2]}, "strides must be 2 INT32 values"),
    ({"pads": [1, 1, 1, -1]}, "must not be negative"),
    ({"block_shape": [11, 4]}, "larger than the padded image"),
    ({"size": [1]}, "attribute size is unknown"),
])
def test_bad_attributes_are_refused_with_a_reason(creator, change, words):
    attributes = {name: values for name, values in {**GOOD, **change}.items() if values is not None}
    with cookbook.capture_log() as log:
        assert create(creator, attributes) is None
    assert any("Fold2d" in text and words in text for _, text in log)


@pytest.mark.gpu
@runs_plugin
def test_attributes_of_another_type_are_refused(creator):
    with cookbook.capture_log() as log:
        assert create(creator, GOOD, np.float32) is None
    assert any("INT32" in text for _, text in log)


@pytest.mark.gpu
@runs_plugin
@pytest.mark.parametrize("shape", [(2, 16, 15), (2, 15, 16), (2, 16, 4, 4)])
def test_a_wrong_input_shape_is_a_build_error(creator, shape):
    network = network_of(creator, GOOD, shape)
    with pytest.raises(cookbook.BuildError, match="Fold2d: the input must be"):
        cookbook.build(network, profiles={"x": (shape,) * 3}, level=0)
