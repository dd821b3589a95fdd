"""The plugins of plugins/: compiled by the CMake project there, loaded, found, put into networks.

Each plugin has a folder. Its ``cases.py`` declares the creators that its library registers, and its
``reference.py`` computes the same with NumPy.
"""

import ctypes
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import backend, cmake, log, paths, tools
from .backend import trt
from .errors import NoGpuError, PluginError

MOST_NAMES = 40  # of creators, in a message
MAPS = Path("/proc/self/maps")  # where Linux lists what this process has loaded
# Types of attributes: TensorRT's name and NumPy's.
DTYPES = {
    "INT32": "int32",
    "FLOAT32": "float32",
    "INT64": "int64",  # TensorRT 10 and later
    "FLOAT16": "float16",
    "FLOAT64": "float64",
    "INT8": "int8",
    "INT16": "int16",
}


class Loaded(NamedTuple):
    """A library in this process. stamp: when its file was written, in nanoseconds."""

    library: ctypes.CDLL
    stamp: int


_loaded: dict[Path, Loaded] = {}


# -- the folders ---------------------------------------------------------------------------------


def names() -> list[str]:
    """The plugins that there are, in order."""
    kernels = (paths.ROOT / "plugins").glob("*/kernel.cu")
    return sorted(kernel.parent.name for kernel in kernels)


def folder(name: str) -> Path:
    """The folder of a plugin. Raises: PluginError, which names those that there are."""
    if name not in names():
        raise PluginError(f"plugins/{name}/kernel.cu does not exist; there are {names()}")
    return paths.ROOT / "plugins" / name


def cases(name: str) -> dict[str, Any]:
    """What ``plugins/NAME/cases.py`` defines: CREATORS, CASES, and what else the tests need.

    Raises: PluginError for a plugin that does not exist.
    """
    return runpy.run_path(str(folder(name) / "cases.py"))


def reference(name: str) -> Callable[..., Any]:
    """The function of ``plugins/NAME/reference.py``, which computes the plugin's result with NumPy.

    It takes the inputs in order, and the attributes by name.
    Raises: PluginError for a plugin that does not exist.
    """
    return runpy.run_path(str(folder(name) / "reference.py"))[name]


# -- compiling -----------------------------------------------------------------------------------


def compile(name: str, kernel_for: str = "") -> Path:
    """Compile ``plugins/NAME`` to a shared library; what is up to date is left alone.

    Args:
        name: folder of the plugin.
        kernel_for: an architecture such as ``sm_90``: then the kernel alone is compiled for it, and
            neither a GPU nor TensorRT is needed. Else the plugin, for the GPU and TensorRT at hand.
    Returns: path of the library.
    Raises: PluginError with the compiler's words, or with what is missing; NoGpuError.
    """
    home = folder(name)
    if kernel_for:
        match = re.fullmatch(r"sm_(\d+[a-z]?)", kernel_for)
        if match is None:
            raise PluginError(f"architecture {kernel_for!r}: write it as sm_90 (an H100 or H200)")
        settings = {"CMAKE_CUDA_ARCHITECTURES": match[1]}
        place = paths.BUILD / "plugins" / f"kernels-{kernel_for}"
        return cmake.build(home.parent, place, f"{name}_kernel", settings)
    if backend.is_rtx():
        raise PluginError(
            f"plugin {name!r} cannot be used here: networks of {backend.product()} have no plugin "
            "layers. Use TensorRT 8.6, 10 or 11; cookbook.plugins.kernel runs the kernel alone"
        )
    backend.require_gpu(f"compiling plugin {name!r}")
    settings = _settings_here(home)
    product = backend.product().replace(" ", "-").lower()
    place = paths.BUILD / "plugins" / f"{product}-{_architecture_here()}"
    return cmake.build(home.parent, place, name, settings)


def kernel(name: str) -> ctypes.CDLL:
    """The kernel of a plugin alone, compiled for the GPU at hand and loaded with ctypes.

    Its C functions are declared in ``plugins/NAME/kernel.h``. It needs no TensorRT.
    Raises: PluginError, NoGpuError.
    """
    folder(name)
    return _load_library(name, compile(name, kernel_for=_architecture_here()))


def _architecture_here() -> str:
    card = backend.gpu()
    if card is None:
        raise NoGpuError(
            "compiling for the GPU at hand needs a CUDA GPU, and there is none. "
            "compile(name, kernel_for='sm_90') compiles a kernel without one"
        )
    major, minor = card.capability
    return f"sm_{major}{minor}"


def _settings_here(home: Path) -> dict[str, str]:
    """What CMake must know of the GPU and the TensorRT at hand."""
    glue = "v3"
    if backend.api_version() < (10, 0):
        glue = "v2"
    if not (home / f"plugin_{glue}.cu").is_file():
        raise PluginError(
            f"plugins/{home.name} has no plugin_{glue}.cu, which {backend.product()} needs"
        )
    header = tools.find_tool("NvInfer.h")
    if header is None:
        raise PluginError(
            "no NvInfer.h on this machine: set TRT_INCLUDE to TensorRT's folder of headers"
        )
    return {
        "CMAKE_CUDA_ARCHITECTURES": _architecture_here().removeprefix("sm_"),
        "TRT_MAJOR": str(backend.api_version()[0]),
        "TRT_INCLUDE": str(Path(header).parent),
        "TRT_LIBRARY": _tensorrt_library(),
    }


def _tensorrt_library() -> str:
    """The libnvinfer that this process has loaded: a plugin must find the registry of that one."""
    for line in MAPS.read_text(encoding="utf-8").splitlines():
        if "/libnvinfer.so" in line:
            return line[line.index("/") :]
    raise PluginError(f"{backend.product()} has no libnvinfer.so that a plugin could link with")


# -- loading and finding -------------------------------------------------------------------------


def load(name: str) -> Any:
    """Compile ``plugins/NAME`` if need be, and load it.

    Returns: the first of the creators that its ``cases.py`` declares; ``find`` has the others.
    Raises: PluginError, which names a declared creator that was not registered; NoGpuError.
    """
    path = compile(name)
    log.keep_alive()  # without a builder there is no logger, and what a plugin says is lost
    before = set(_creators())
    _load_library(name, path)
    after = set(_creators())
    declared = cases(name)["CREATORS"]
    missing = [key for key in declared if key not in after]
    if missing:
        raise PluginError(
            f"plugins/{name}/cases.py declares the creators {missing} (name, version, namespace), "
            f"but the library did not register them; it registered {sorted(after - before)}. "
            "Check REGISTER_TENSORRT_PLUGIN, the name and the version"
        )
    return find(*declared[0])


def _load_library(name: str, path: Path) -> ctypes.CDLL:
    stamp = path.stat().st_mtime_ns
    if path in _loaded:
        if _loaded[path].stamp != stamp:
            raise PluginError(
                f"plugins/{name} was compiled again after this process had loaded it, and a "
                "process keeps what it has loaded: restart the notebook's kernel"
            )
        return _loaded[path].library
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise PluginError(f"plugins/{name} was compiled, but cannot be loaded: {error}") from error
    _loaded[path] = Loaded(library, stamp)
    return library


def _creators() -> dict[tuple[str, str, str], Any]:
    """{(name, version, namespace): creator} of all that TensorRT's registry has."""
    registry = trt.get_plugin_registry()
    if hasattr(registry, "all_creators"):
        listed = registry.all_creators
    else:
        listed = registry.plugin_creator_list  # trt<10
    return {(one.name, one.plugin_version, one.plugin_namespace): one for one in listed}


def find(name: str, version: str = "1", namespace: str = "") -> Any:
    """The creator of a plugin in TensorRT's registry.

    Raises: PluginError, which names those that the registry has.
    Source: IPluginRegistry in NVIDIA's API reference.
    """
    have = _creators()
    if (name, version, namespace) in have:
        return have[name, version, namespace]
    listed = [" ".join(key).strip() for key in sorted(have)]
    if len(listed) > MOST_NAMES:
        listed = [*listed[:MOST_NAMES], f"and {len(listed) - MOST_NAMES} more"]
    raise PluginError(
        f"the registry has no plugin {name!r}, version {version!r}, namespace {namespace!r}: load "
        "it with cookbook.plugins.load, or TensorRT's own with trt.init_libnvinfer_plugins. "
        f"It has {', '.join(listed) or 'none'}"
    )


# -- plugins in networks -------------------------------------------------------------------------


def create(creator: Any, attributes: dict[str, Any], name: str = "plugin") -> Any:
    """A plugin from attributes.

    Args:
        creator: an IPluginCreator (TensorRT 8) or IPluginCreatorV3One (10 and 11).
        attributes: {name: number, list of numbers, or text}. Each gets the type that the creator
            asks for; a NumPy array keeps its own.
        name: of the layer that the plugin will be in.
    Returns: an IPluginV2 or IPluginV3.
    Raises: PluginError, with the creator's words if it refuses.
    Source: IPluginCreator, IPluginCreatorV3One and PluginField in NVIDIA's API reference.
    """
    wanted = {field.name: field.type.name for field in creator.field_names}
    fields = []  # they keep their arrays alive; a collection has addresses only
    for key, value in attributes.items():
        kind, array = _attribute(key, value, wanted.get(key, ""))
        fields.append(trt.PluginField(key, array, getattr(trt.PluginFieldType, kind)))
    collection = trt.PluginFieldCollection(fields)
    with log.capture_log() as lines:
        if isinstance(creator, trt.IPluginCreator):
            plugin = creator.create_plugin(name, collection)
        else:
            phase = trt.TensorRTPhase.BUILD  # trt>=10
            plugin = creator.create_plugin(name, collection, phase)
    if plugin is None:
        raise PluginError(f"{creator.name} refuses {attributes}.{log.log_excerpt(lines)}")
    return plugin


def _attribute(name: str, value: Any, wanted: str) -> tuple[str, np.ndarray]:
    """(type, values) of an attribute. wanted: the type that the creator asks for; "" if unknown."""
    if isinstance(value, str):
        return "CHAR", np.frombuffer(value.encode(), np.int8)
    array = np.atleast_1d(np.asarray(value))
    if isinstance(value, np.ndarray):
        for kind, dtype in DTYPES.items():
            if array.dtype == dtype:
                return kind, np.ascontiguousarray(array)
        raise PluginError(f"attribute {name!r} is an array of {array.dtype}: take one of {DTYPES}")
    kind = wanted
    if kind not in DTYPES:  # the creator does not know the name, and has better words for that
        kind = "FLOAT32" if array.dtype.kind == "f" else "INT32"
    converted = array.astype(DTYPES[kind])
    if converted.dtype.kind == "i" and not np.array_equal(converted, array):
        raise PluginError(f"attribute {name!r} is {value!r}: that cannot be {kind}")
    return kind, converted


def add(network: Any, plugin: Any, inputs: list) -> Any:
    """Add a plugin to a network as a layer, in the way that its kind has.

    Args:
        network: an INetworkDefinition.
        plugin: an IPluginV2 or IPluginV3, from ``create``.
        inputs: its input tensors.
    Returns: the layer.
    Raises: PluginError.
    Source: INetworkDefinition.add_plugin_v2 and add_plugin_v3 in NVIDIA's API reference.
    """
    if isinstance(plugin, trt.IPluginV2):
        method = "add_plugin_v2"
        arguments = [inputs, plugin]
    else:
        method = "add_plugin_v3"
        arguments = [inputs, [], plugin]  # no shape inputs
    add_layer = getattr(network, method, None)
    if add_layer is None:
        raise PluginError(f"networks of {backend.product()} have no plugin layers ({method})")
    with log.capture_log() as lines:
        layer = add_layer(*arguments)
    if layer is None:
        raise PluginError(f"{backend.product()} adds no such layer.{log.log_excerpt(lines)}")
    return layer
