"""The glue of every plugin, compiled with the headers of each TensorRT, and rehearsed without one.

A small program, plugins/common/rehearsal, plays TensorRT to a plugin: it creates it, asks for
shapes and types, stores, copies and loads it, and prints what it was answered. So the glue of
versions that are not here is run, too, and no GPU is needed.
"""

import itertools
import subprocess

import numpy as np
import pytest

from cookbook import cmake, paths, plugins, tools
from cookbook.errors import PluginError
from tests.plugins import plugins_data, plugins_headers
from tests.plugins.plugins_data import TRT_NAMES, each_plugin

needs_nvcc = pytest.mark.skipif(tools.find_tool("nvcc") is None, reason="no nvcc")


# -- headers -------------------------------------------------------------------------------------


def headers(folder, text):
    """A folder of headers that are of the version that the text says."""
    folder.mkdir()
    (folder / "NvInferVersion.h").write_text(text)
    (folder / "NvInfer.h").touch()
    return folder


def test_headers_tell_their_version(tmp_path):
    plain = "#define NV_TENSORRT_MAJOR 8 //!< major\n#define NV_TENSORRT_MINOR 6 //!< minor\n"
    old = headers(tmp_path / "old", plain)
    new = headers(
        tmp_path / "new",
        "#define TRT_MAJOR_ENTERPRISE 10\n#define TRT_MINOR_ENTERPRISE 16\n"
        "#define NV_TENSORRT_MAJOR TRT_MAJOR_ENTERPRISE\n",
    )
    assert plugins_headers.version_of(old) == "8.6"
    assert plugins_headers.version_of(new) == "10.16"
    assert plugins_headers.is_of(new, "10.16")
    assert plugins_headers.is_of(new, "10")
    assert not plugins_headers.is_of(new, "10.1")
    assert not plugins_headers.is_of(old, "10.6")


def test_headers_are_looked_for_by_name_then_here(tmp_path, monkeypatch):
    here = headers(tmp_path / "here", "#define NV_TENSORRT_MAJOR 8\n#define NV_TENSORRT_MINOR 6\n")
    for variable in plugins_headers.VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(tools, "find_tool", lambda name: str(here / name))
    monkeypatch.setattr(plugins_headers, "from_crate", lambda: tmp_path / "crate")
    assert plugins_headers.find("8.6") == here
    assert plugins_headers.find("10.6") is None
    assert plugins_headers.find("11") == tmp_path / "crate"
    monkeypatch.setenv("TRT_INCLUDE_10_6", str(tmp_path / "named"))
    assert plugins_headers.find("10.6") == tmp_path / "named"
    assert plugins_headers.remedy("8.6").startswith("no headers of TensorRT 8.6: set TRT_INCLUDE_8")


@needs_nvcc
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#define NV_TENSORRT_MAJOR 8\n", "has the headers of TensorRT 8, the library is of"),
        ("#define NV_TENSORRT_PATCH 1\n", "NvInferVersion.h does not tell the version of TensorRT"),
    ],
    ids=["another", "unknown"],
)
def test_headers_that_do_not_fit_are_refused(tmp_path, text, words):
    include = headers(tmp_path / "include", text)
    settings = {"CMAKE_CUDA_ARCHITECTURES": "90", "TRT_INCLUDE": str(include), "TRT_MAJOR": "10"}
    with pytest.raises(PluginError) as error:
        cmake.build(paths.ROOT / "plugins", tmp_path / "build", "fold2d", settings)
    assert words in " ".join(str(error.value).split())  # CMake breaks its lines


# -- the rehearsal -------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=plugins_headers.VARIABLES)
def compiled(request):
    """Folder of all plugins and the rehearsal, compiled with one version's headers."""
    if tools.find_tool("nvcc") is None:
        pytest.skip("no nvcc")
    version = request.param
    include = plugins_headers.find(version)
    if include is None:
        pytest.skip(plugins_headers.remedy(version))
    assert plugins_headers.is_of(include, version), f"{include} is not of TensorRT {version}"
    folder = paths.BUILD / "plugins" / f"headers-{version}"
    settings = {
        "CMAKE_CUDA_ARCHITECTURES": "90",
        "CMAKE_CUDA_FLAGS": "-Werror=all-warnings",
        "TRT_INCLUDE": str(include),
        "TRT_LIBRARY": "OFF",  # the rehearsal stands in for it
    }
    glue = "plugin_v2.cu" if version.startswith("8") else "plugin_v3.cu"
    written = [name for name in plugins_data.NAMES if (plugins.folder(name) / glue).is_file()]
    for target in ["rehearsal", *written]:
        cmake.build(paths.ROOT / "plugins", folder, target, settings)
    return folder


def arrays_of(case) -> list[np.ndarray]:
    """The attributes of a case, in their order, as int32 or float32."""
    arrays = []
    for value in case["attributes"].values():
        values = np.atleast_1d(value)
        dtype = np.float32 if values.dtype.kind == "f" else np.int32
        arrays.append(values.astype(dtype))
    return arrays


def as_given(inputs) -> list[tuple]:
    """[(type, shape)] of arrays."""
    return [(array.dtype.name, array.shape) for array in inputs.values()]


def rehearse(compiled, name, attributes, inputs) -> list[str]:
    """What a plugin answers. inputs: [(type as in NumPy, shape)]."""
    library = compiled / f"{name}.so"
    if not library.exists():
        pytest.skip(f"plugins/{name} has no glue for this version")
    script = []
    for key, values in zip(attributes, arrays_of({"attributes": attributes}), strict=True):
        numbers = " ".join(map(str, values.tolist()))
        script.append(f"attribute {key} {values.dtype.name.upper()} {numbers}")
    for dtype, shape in inputs:
        script.append(f"tensor {TRT_NAMES[dtype]} {' '.join(map(str, shape))}")
    done = subprocess.run(
        [str(compiled / "rehearsal"), str(library)],
        input="\n".join(script),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def said(facts: list[str], topic: str) -> list[str]:
    """The facts about one topic, without it."""
    return [fact.partition(": ")[2] for fact in facts if fact.startswith(f"{topic}: ")]


def damages(case) -> int:
    """How often the rehearsal loads a damaged plan; a plugin without attributes has none."""
    return 1 if case["attributes"] else 0


@each_plugin
def test_glue_infers_types_and_shapes(compiled, name):
    data = plugins.cases(name)
    for case, types in itertools.product(data["CASES"], data["TYPES"]):
        given = []
        for key, shapes in case["inputs"].items():
            given.append((types[key], plugins_data.open_shape(shapes[0], shapes[2])))
        outputs = []
        for which in (0, 2):
            inputs = plugins_data.draw(plugins_data.shapes_of(case, which), types)
            outputs.append(plugins_data.expected(name, inputs, case).values())
        wanted = []
        for small, large in zip(*outputs, strict=True):
            shape = plugins_data.open_shape(small.shape, large.shape)
            wanted.append(f"{TRT_NAMES[small.dtype.name]} {' '.join(map(str, shape))}")
        facts = rehearse(compiled, name, case["attributes"], given)
        assert said(facts, "output") == wanted, case
        assert len(said(facts, "log")) == damages(case), case


@each_plugin
def test_glue_takes_the_declared_types_and_no_others(compiled, name):
    data = plugins.cases(name)
    for case in data["CASES"]:
        wanted = set()
        for types in data["TYPES"]:
            inputs = plugins_data.draw(plugins_data.shapes_of(case, 1), types)
            outputs = plugins_data.expected(name, inputs, case)
            arrays = [*inputs.values(), *outputs.values()]
            wanted.add(" ".join(TRT_NAMES[array.dtype.name] for array in arrays))
        facts = rehearse(compiled, name, case["attributes"], as_given(inputs))
        assert set(said(facts, "accepts")) == wanted, case
        assert len(said(facts, "accepts")) == len(wanted), case


@each_plugin
def test_glue_survives_a_plan(compiled, name):
    data = plugins.cases(name)
    for case in data["CASES"]:
        facts = rehearse(compiled, name, case["attributes"], [])
        creators = [f"{creator} {version}" for creator, version, _ in data["CREATORS"]]
        assert said(facts, "creator") == creators
        assert said(facts, "created") == ["named as its creator"], case
        assert said(facts, "loaded") == ["same"], case
        assert said(facts, "copy") == ["same"], case
        stored = "".join(line.partition(" ")[2] for line in said(facts, "stored"))
        assert stored == "".join(values.tobytes().hex() for values in arrays_of(case)), case
        assert said(facts, "cut") == ["refused"] * damages(case), case
        for reason in said(facts, "log"):
            assert reason.endswith(": was the plan built with another version of this plugin?")


@each_plugin
def test_glue_of_v3_follows_shapes(compiled, name):
    if "headers-8" in str(compiled):
        pytest.skip("IPluginV2 has no such functions")
    data = plugins.cases(name)
    for case in data["CASES"]:
        inputs = plugins_data.draw(plugins_data.shapes_of(case, 2), data["TYPES"][0])
        facts = rehearse(compiled, name, case["attributes"], as_given(inputs))
        assert said(facts, "context") == ["a copy"], case
        assert said(facts, "shape change") == ["taken"], case


@each_plugin
def test_glue_declares_its_attributes(compiled, name):
    case = plugins.cases(name)["CASES"][0]
    wanted = []
    for key, values in zip(case["attributes"], arrays_of(case), strict=True):
        wanted.append(f"{key} {values.dtype.name.upper()} {len(values)}")
    assert said(rehearse(compiled, name, case["attributes"], []), "field") == wanted


@each_plugin
def test_glue_fills_in_what_is_not_given(compiled, name):
    data = plugins.cases(name)
    for example in data["EXAMPLES"]:
        right = plugins_data.expected(name, example["inputs"], example)
        facts = rehearse(compiled, name, example["attributes"], as_given(example["inputs"]))
        wanted = []
        for array in right.values():
            wanted.append(f"{TRT_NAMES[array.dtype.name]} {' '.join(map(str, array.shape))}")
        assert said(facts, "output") == wanted, example
        if "headers-8" not in str(compiled):
            assert said(facts, "shape change") == ["taken"], example


@each_plugin
def test_glue_refuses_bad_attributes(compiled, name):
    data = plugins.cases(name)
    for attributes, words in data["BAD_ATTRIBUTES"]:
        facts = rehearse(compiled, name, attributes, [])
        (reason,) = said(facts, "log")
        assert reason.startswith(f"{data['CREATORS'][0][0]}: ")
        assert words in reason
        assert said(facts, "created") == ["refused"]


@each_plugin
def test_glue_refuses_bad_inputs(compiled, name):
    data = plugins.cases(name)
    for shapes, words in data["BAD_INPUTS"]:
        given = [("float32", shape) for shape in shapes.values()]
        facts = rehearse(compiled, name, data["CASES"][0]["attributes"], given)
        assert said(facts, "accepts") == [], shapes
        assert words in said(facts, "log")[0]
        assert "taken" not in said(facts, "shape change"), shapes
