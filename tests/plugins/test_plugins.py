"""Plugins are compiled for what is at hand, loaded, found by what they declare, put into networks.

The plugins themselves are tested in test_plugins_cases.py and test_plugins_glue.py.
"""

import ctypes
import os
import subprocess
from types import SimpleNamespace

import pytest

from cookbook import backend, cmake, paths, plugins, tools, trt
from cookbook.errors import NoGpuError, PluginError

ON_H200 = backend.Gpu("NVIDIA H200", (9, 0), 2**37, "580.1", "13.0")
needs_rtx = pytest.mark.skipif(not backend.is_rtx(), reason="checks what TensorRT-RTX says")


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """A course with two plugins, `demo` and `other`, whose files say nothing."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    for name in ("other", "demo"):
        folder = tmp_path / "plugins" / name
        folder.mkdir(parents=True)
        (folder / "kernel.cu").touch()
        (folder / "cases.py").write_text('CREATORS = [("Demo", "1", "")]\n')
        (folder / "reference.py").write_text(f"def {name}(x, by=2):\n    return x * by\n")
    (tmp_path / "plugins" / "common").mkdir()
    return tmp_path / "plugins" / "demo"


@pytest.fixture
def builds(monkeypatch):
    """Calls of CMake, recorded and not made; TensorRT 10.6 on an H200 is at hand."""
    calls = []

    def build(project, folder, target, settings):
        calls.append((project, folder, target, settings))
        return folder / f"{target}.so"

    monkeypatch.setattr(cmake, "build", build)
    monkeypatch.setattr(backend, "gpu", lambda: ON_H200)
    monkeypatch.setattr(backend, "is_rtx", lambda: False)
    monkeypatch.setattr(backend, "product", lambda: "TensorRT 10.6.0")
    monkeypatch.setattr(backend, "api_version", lambda: (10, 6, 0))
    monkeypatch.setattr(tools, "find_tool", {"NvInfer.h": "/opt/trt/include/NvInfer.h"}.get)
    return calls


@pytest.fixture
def maps(tmp_path, monkeypatch):
    """What this process has loaded, as Linux lists it."""
    file = tmp_path / "maps"
    file.write_text(
        "7f01-7f02 r-xp 00000000 fd:01 11   /usr/lib/libnvinfer_plugin.so.10\n"
        "7f03-7f04 r-xp 00000000 fd:01 12   /opt/我的 库/libnvinfer.so.10\n"
    )
    monkeypatch.setattr(plugins, "MAPS", file)
    return file


# -- folders -------------------------------------------------------------------------------------


def test_folders_with_a_kernel_are_plugins(demo):
    assert plugins.names() == ["demo", "other"]
    assert plugins.folder("demo") == demo
    assert plugins.cases("demo")["CREATORS"] == [("Demo", "1", "")]
    assert plugins.reference("other")(3) == 6


@pytest.mark.parametrize("call", ["folder", "cases", "reference", "compile", "kernel", "load"])
def test_an_unknown_plugin_is_named(demo, call):
    with pytest.raises(PluginError) as error:
        getattr(plugins, call)("common")
    assert str(error.value).startswith("plugins/common/kernel.cu does not exist; there are ")
    assert "['demo', 'other']" in str(error.value)


# -- compiling -----------------------------------------------------------------------------------


def test_a_plugin_is_compiled_for_what_is_at_hand(demo, builds, maps):
    (demo / "plugin_v3.cu").touch()
    path = plugins.compile("demo")
    folder = paths.BUILD / "plugins" / "tensorrt-10.6.0-sm_90"
    assert path == folder / "demo.so"
    settings = {
        "CMAKE_CUDA_ARCHITECTURES": "90",
        "TRT_MAJOR": "10",
        "TRT_INCLUDE": "/opt/trt/include",
        "TRT_LIBRARY": "/opt/我的 库/libnvinfer.so.10",
    }
    assert builds == [(paths.ROOT / "plugins", folder, "demo", settings)]


@pytest.mark.parametrize(
    ("version", "glue"), [((8, 6, 1), "v2"), ((10, 0, 0), "v3"), ((11, 4, 0), "v3")]
)
def test_a_plugin_without_the_glue_that_is_needed_is_named(
    demo, builds, maps, monkeypatch, version, glue
):
    monkeypatch.setattr(backend, "api_version", lambda: version)
    (demo / f"plugin_{'v3' if glue == 'v2' else 'v2'}.cu").touch()
    with pytest.raises(PluginError, match=rf"plugins/demo has no plugin_{glue}\.cu, which Tensor"):
        plugins.compile("demo")
    (demo / f"plugin_{glue}.cu").touch()
    plugins.compile("demo")
    assert builds[0][3]["TRT_MAJOR"] == str(version[0])


def test_missing_headers_are_named(demo, builds, maps, monkeypatch):
    (demo / "plugin_v3.cu").touch()
    monkeypatch.setattr(tools, "find_tool", lambda name: None)
    with pytest.raises(PluginError, match="no NvInfer.h on this machine: set TRT_INCLUDE to"):
        plugins.compile("demo")


def test_a_missing_library_is_named(demo, builds, maps):
    (demo / "plugin_v3.cu").touch()
    maps.write_text("7f01-7f02 r-xp 00000000 fd:01 11   /usr/lib/libnvinfer_plugin.so.10\n")
    with pytest.raises(PluginError, match="TensorRT 10.6.0 has no libnvinfer.so that a plugin"):
        plugins.compile("demo")


@needs_rtx
def test_the_library_is_looked_for_in_this_process(demo, builds):
    (demo / "plugin_v3.cu").touch()
    assert "libtensorrt_rtx.so" in plugins.MAPS.read_text()
    with pytest.raises(PluginError, match="has no libnvinfer.so"):
        plugins.compile("demo")


def test_no_gpu_no_plugin(demo, builds, monkeypatch):
    monkeypatch.setattr(backend, "gpu", lambda: None)
    with pytest.raises(NoGpuError, match="compiling plugin 'demo' needs a CUDA GPU"):
        plugins.compile("demo")
    with pytest.raises(NoGpuError, match="for the GPU at hand needs a CUDA GPU, and there is none"):
        plugins.kernel("demo")
    assert builds == []


def test_tensorrt_rtx_has_no_plugin_layers(demo, builds, monkeypatch):
    monkeypatch.setattr(backend, "is_rtx", lambda: True)
    monkeypatch.setattr(backend, "product", lambda: "TensorRT-RTX 1.7")
    with pytest.raises(PluginError, match="'demo' cannot be used here: networks of TensorRT-RTX"):
        plugins.compile("demo")


def test_a_kernel_alone_needs_no_tensorrt(demo, builds, monkeypatch):
    monkeypatch.setattr(backend, "gpu", lambda: None)
    monkeypatch.setattr(backend, "is_rtx", lambda: True)
    path = plugins.compile("demo", kernel_for="sm_90a")
    folder = paths.BUILD / "plugins" / "kernels-sm_90a"
    assert path == folder / "demo_kernel.so"
    settings = {"CMAKE_CUDA_ARCHITECTURES": "90a"}
    assert builds == [(paths.ROOT / "plugins", folder, "demo_kernel", settings)]


@pytest.mark.parametrize("architecture", ["90", "sm_", "sm_x", "sm_90ab", "compute_90"])
def test_a_malformed_architecture_is_named(demo, builds, architecture):
    with pytest.raises(PluginError, match=rf"architecture '{architecture}': write it as sm_90"):
        plugins.compile("demo", kernel_for=architecture)
    assert builds == []


# -- loading -------------------------------------------------------------------------------------


@pytest.fixture
def library(demo, monkeypatch):
    """A shared library that registers nothing, in the place of the compiled plugin."""
    path = demo / "demo.so"
    source = "int answer(void) { return 42; }"
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(path)]
    subprocess.run(command, input=source, text=True, check=True)
    monkeypatch.setattr(plugins, "compile", lambda name, kernel_for="": path)
    return path


def registry_of(*keys):
    """A registry of TensorRT 10 with these creators, and the module around it."""
    creators = []
    for name, version, namespace in keys:
        creators.append(
            SimpleNamespace(name=name, plugin_version=version, plugin_namespace=namespace)
        )
    registry = SimpleNamespace(all_creators=creators)
    return registry, SimpleNamespace(get_plugin_registry=lambda: registry)


def test_load_returns_the_first_creator_that_is_declared(demo, library, monkeypatch):
    declared = [("B", "2", "ours"), ("A", "1", "")]
    (demo / "cases.py").write_text(f"CREATORS = {declared}\n")
    registry, module = registry_of(("A", "1", ""), ("B", "1", ""), ("B", "2", "ours"))
    monkeypatch.setattr(plugins, "trt", module)
    kept = []
    monkeypatch.setattr(plugins.log, "keep_alive", lambda: kept.append("a builder"))
    assert plugins.load("demo") is registry.all_creators[2]
    assert kept == ["a builder"]  # else what the plugin says is lost
    assert plugins.load("demo") is registry.all_creators[2]  # again is harmless
    assert plugins.find("A") is registry.all_creators[0]


def test_a_declared_creator_that_is_not_registered_is_named(demo, library, monkeypatch):
    (demo / "cases.py").write_text('CREATORS = [("A", "1", ""), ("Gone", "2", "ours")]\n')
    registry, module = registry_of(("A", "1", ""))
    monkeypatch.setattr(plugins, "trt", module)
    monkeypatch.setattr(plugins.log, "keep_alive", lambda: None)
    added, _ = registry_of(("Gone", "1", "ours"))
    load_library = ctypes.CDLL

    def load_and_register(path):
        registry.all_creators += added.all_creators
        return load_library(path)

    monkeypatch.setattr(ctypes, "CDLL", load_and_register)
    with pytest.raises(PluginError) as error:
        plugins.load("demo")
    words = str(error.value)
    assert "plugins/demo/cases.py declares the creators [('Gone', '2', 'ours')]" in words
    assert "did not register them; it registered [('Gone', '1', 'ours')]." in words


def test_a_library_that_cannot_be_loaded_is_named(demo, library):
    library.write_text("not a library")
    with pytest.raises(
        PluginError, match="plugins/demo was compiled, but cannot be loaded: .*short"
    ):
        plugins.load("demo")


def test_a_library_that_was_compiled_again_asks_for_a_restart(demo, library, monkeypatch):
    monkeypatch.setattr(backend, "gpu", lambda: ON_H200)
    loaded = plugins.kernel("demo")
    assert loaded.answer() == 42
    assert plugins.kernel("demo") is loaded
    os.utime(library, ns=(1, 1))
    with pytest.raises(PluginError, match="plugins/demo was compiled again after .*: restart the"):
        plugins.kernel("demo")


def test_kernel_is_compiled_for_the_gpu_at_hand(demo, library, monkeypatch):
    asked = []

    def compile_it(name, kernel_for=""):
        asked.append((name, kernel_for))
        return library

    monkeypatch.setattr(plugins, "compile", compile_it)
    monkeypatch.setattr(backend, "gpu", lambda: ON_H200._replace(capability=(12, 1)))
    plugins.kernel("demo")
    assert asked == [("demo", "sm_121")]


# -- the registry --------------------------------------------------------------------------------


@needs_rtx
def test_find_looks_into_tensorrts_own_registry():
    creator = plugins.find("ROIAlign_TRT", "2")
    assert isinstance(creator, trt.IPluginCreatorV3One)
    assert creator.name == "ROIAlign_TRT"


def test_find_in_a_registry_of_8_6(monkeypatch):
    registry, module = registry_of(("A", "1", ""))
    old = SimpleNamespace(plugin_creator_list=registry.all_creators)
    module.get_plugin_registry = lambda: old
    monkeypatch.setattr(plugins, "trt", module)
    assert plugins.find("A") is registry.all_creators[0]


@pytest.mark.parametrize("key", [("B", "1", ""), ("A", "2", ""), ("A", "1", "ours")])
def test_what_is_not_found_is_named_with_what_there_is(monkeypatch, key):
    _, module = registry_of(("C", "3", "theirs"), ("A", "1", ""))
    monkeypatch.setattr(plugins, "trt", module)
    with pytest.raises(PluginError) as error:
        plugins.find(*key)
    name, version, namespace = key
    wanted = f"no plugin {name!r}, version {version!r}, namespace {namespace!r}: load it with"
    assert wanted in str(error.value)
    assert str(error.value).endswith("It has A 1, C 3 theirs")


def test_an_empty_registry_has_none(monkeypatch):
    monkeypatch.setattr(plugins, "trt", registry_of()[1])
    with pytest.raises(PluginError, match="It has none$"):
        plugins.find("A")


def test_a_long_registry_is_cut_short(monkeypatch):
    keys = [(f"P{k:03}", "1", "") for k in range(42)]
    monkeypatch.setattr(plugins, "trt", registry_of(*keys)[1])
    with pytest.raises(PluginError, match="It has P000 1, .*, P039 1, and 2 more$"):
        plugins.find("A")
    monkeypatch.setattr(plugins, "trt", registry_of(*keys[:40])[1])
    with pytest.raises(PluginError, match="P039 1$"):
        plugins.find("A")
