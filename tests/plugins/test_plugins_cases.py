"""Every plugin of plugins/, run on its own cases.py: reference, kernel alone, engine.

References are compared with PyTorch and kernels are compiled without a GPU; with one, kernels are
run alone, through ctypes, and in engines.
"""

import ctypes

import numpy as np
import onnx
import pytest
import torch

import cookbook
from cookbook import backend, log, plugins, requires, tools, trt
from cookbook.building.network import create_network
from tests.plugins import plugins_data
from tests.plugins.plugins_data import TRT_NAMES, each_case, each_plugin

needs_nvcc = pytest.mark.skipif(tools.find_tool("nvcc") is None, reason="no nvcc")


def why_not_here() -> str:
    """Why plugins cannot be compiled and run on this machine; "" if they can."""
    missing = requires.unmet("gpu, nvcc, NvInfer.h")
    if backend.is_rtx():
        missing.append("TensorRT itself: TensorRT-RTX has no plugin layers")
    return "; ".join(missing)


runs_plugins = pytest.mark.skipif(bool(why_not_here()), reason=why_not_here() or "-")


# -- folders and references ----------------------------------------------------------------------


@each_plugin
def test_folder_is_complete(name):
    folder = plugins.folder(name)
    files = {path.name for path in folder.iterdir()}
    assert {"README.md", "kernel.h", "kernel.cu", "reference.py", "cases.py"} <= files
    glue = [path.read_text(encoding="utf-8") for path in folder.glob("plugin_v*.cu")]
    assert glue
    kernel = ""
    for file in ("kernel.h", "kernel.cu"):
        kernel += (folder / file).read_text(encoding="utf-8")
    assert "NvInfer" not in kernel  # it is compiled, tested and profiled without TensorRT
    assert 'extern "C"' in kernel  # for callers that know no C++
    for text in [kernel, *glue]:
        assert "cudaMalloc" not in text  # memory is asked of TensorRT, never allocated
    for text in glue:
        assert "REGISTER_TENSORRT_PLUGIN" in text


@each_case
@pytest.mark.parametrize("which", [0, 1, 2])
def test_reference_equals_torch(name, number, which):
    data = plugins.cases(name)
    case = data["CASES"][number]
    for types in data["TYPES"]:
        inputs = plugins_data.draw(plugins_data.shapes_of(case, which), types)
        tensors = [torch.from_numpy(array).float() for array in inputs.values()]
        right = data["with_torch"](*tensors, **case["attributes"]).numpy()
        (output,) = plugins_data.expected(name, inputs, case).values()
        assert output.dtype.name == types[next(iter(inputs))]
        cookbook.compare(output.astype(np.float32), right, **data["TOLERANCE"][output.dtype.name])


@each_plugin
def test_reference_equals_what_was_worked_out_by_hand(name):
    data = plugins.cases(name)
    for example in data["EXAMPLES"]:
        outputs = plugins_data.expected(name, example["inputs"], example)
        found = {key: array.tolist() for key, array in outputs.items()}
        assert found == example["outputs"]


# -- kernels, compiled without a GPU -------------------------------------------------------------


@needs_nvcc
@each_plugin
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_kernel_compiles_without_a_gpu(name, architecture):
    path = plugins.compile(name, kernel_for=architecture)
    assert path.parts[-2:] == (f"kernels-{architecture}", f"{name}_kernel.so")
    contents = path.read_bytes()
    assert b"-arch " + architecture.encode() in contents
    assert b"-lineinfo" in contents  # a profiler shows lines of the source
    assert hasattr(ctypes.CDLL(str(path)), f"{name}_launch")
    before = path.stat().st_mtime_ns
    assert plugins.compile(name, kernel_for=architecture).stat().st_mtime_ns == before


# -- on a GPU ------------------------------------------------------------------------------------


@pytest.mark.gpu
@needs_nvcc
@each_case
def test_kernel_alone_equals_the_reference(name, number):
    data = plugins.cases(name)
    case = data["CASES"][number]
    kernel = plugins.kernel(name)
    for types in data["TYPES"]:
        for which in (0, 1, 2):
            inputs = plugins_data.draw(plugins_data.shapes_of(case, which), types)
            right = plugins_data.expected(name, inputs, case)
            given = {key: torch.from_numpy(array).cuda() for key, array in inputs.items()}
            made = {}
            for key, array in right.items():
                made[key] = torch.full_like(torch.from_numpy(array), 77, device="cuda")
            stream = torch.cuda.current_stream().cuda_stream
            assert data["launch"](kernel, given, made, case["attributes"], stream) == 0
            back = {key: tensor.cpu().numpy() for key, tensor in made.items()}
            plugins_data.compare(name, back, right)


def network_of(name, attributes, inputs, types):
    """A network of one plugin. inputs: {input: shape}, where -1 is a dynamic dimension."""
    network = create_network(trt.Builder(log.LOG))
    tensors = []
    for key, shape in inputs.items():
        tensors.append(network.add_input(key, getattr(trt.DataType, TRT_NAMES[types[key]]), shape))
    plugin = plugins.create(plugins.load(name), attributes)
    layer = plugins.add(network, plugin, tensors)
    for k, key in enumerate(plugins.cases(name)["OUTPUTS"]):
        output = layer.get_output(k)
        output.name = key
        network.mark_output(output)
    return network


def build_one(name, attributes, inputs, types):
    """A plan of such a network, for inputs of fixed shapes."""
    return cookbook.build(network_of(name, attributes, inputs, types), level=0)


@pytest.mark.gpu
@runs_plugins
@each_case
def test_engine_equals_the_reference(name, number):
    data = plugins.cases(name)
    case = data["CASES"][number]
    for types in data["TYPES"]:
        open_shapes = {}
        for key, shapes in case["inputs"].items():
            open_shapes[key] = plugins_data.open_shape(shapes[0], shapes[2])
        network = network_of(name, case["attributes"], open_shapes, types)
        precision = "fp32"
        if "float16" in types.values() and backend.api_version() < (11, 0):
            precision = "fp16"
            for k in range(network.num_outputs):
                network.get_output(k).dtype = trt.float16  # else a weakly typed one gives floats
        profiles = {key: tuple(shapes) for key, shapes in case["inputs"].items()}
        plan = cookbook.build(network, profiles=profiles, precision=precision, level=0)
        with cookbook.Session(plan) as session:  # the plan was loaded, and the plugin out of it
            for which in (0, 1, 2):
                inputs = plugins_data.draw(plugins_data.shapes_of(case, which), types)
                right = plugins_data.expected(name, inputs, case)
                plugins_data.compare(name, session(inputs), right)


@pytest.mark.gpu
@runs_plugins
@each_plugin
def test_creator_refuses_with_a_reason(name):
    data = plugins.cases(name)
    creator = plugins.load(name)
    for attributes, words in data["BAD_ATTRIBUTES"]:
        with pytest.raises(cookbook.PluginError) as error:
            plugins.create(creator, attributes)
        assert f"{creator.name} refuses" in str(error.value)
        assert words in str(error.value)


@pytest.mark.gpu
@runs_plugins
@each_plugin
def test_a_wrong_input_is_refused_with_a_reason(name):
    data = plugins.cases(name)
    attributes = data["CASES"][0]["attributes"]
    for shapes, words in data["BAD_INPUTS"]:
        types = {key: "float32" for key in shapes}
        with log.capture_log() as lines, pytest.raises(cookbook.CookbookError):
            build_one(name, attributes, shapes, types)
        assert words in "\n".join(text for _, text in lines)


def described(arrays):
    """ONNX's descriptions of tensors."""
    values = []
    for key, array in arrays.items():
        dtype = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        values.append(onnx.helper.make_tensor_value_info(key, dtype, array.shape))
    return values


@pytest.mark.gpu
@runs_plugins
@each_plugin
def test_an_onnx_node_becomes_the_plugin(name):
    data = plugins.cases(name)
    case = data["CASES"][0]
    creator = plugins.load(name)
    inputs = plugins_data.draw(plugins_data.shapes_of(case, 1), data["TYPES"][0])
    right = plugins_data.expected(name, inputs, case)
    node = onnx.helper.make_node(
        creator.name, list(inputs), list(right), domain="cookbook", **case["attributes"]
    )
    graph = onnx.helper.make_graph([node], name, described(inputs), described(right))
    opsets = [onnx.helper.make_opsetid("", 17), onnx.helper.make_opsetid("cookbook", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9)
    with cookbook.Session(cookbook.build(model, level=0)) as session:
        plugins_data.compare(name, session(inputs), right)
