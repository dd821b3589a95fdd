"""The plugins of plugins/: compiled (by the Makefile there), loaded, found in TensorRT's registry."""
import ctypes
import subprocess
from pathlib import Path

from . import backend
from .backend import trt
from .builder import _FIRST, LOG
from .errors import PluginError

_loaded: dict[Path, tuple] = {}  # library: (key of its creator, handle)


def _make(goal: str, name: str, arch: str, suffix: str, **variables) -> Path:
    folder, out = backend.ROOT / "plugins", backend.BUILD / "plugins" / f"{backend.product()}-{arch}".replace(" ", "-").lower()
    if not (folder / name / "kernel.cu").is_file():
        raise PluginError(f"plugins/{name}/kernel.cu does not exist; there are {sorted(p.parent.name for p in folder.glob('*/kernel.cu'))}")
    if not (nvcc := backend.find_tool("nvcc")):
        raise PluginError("no nvcc on this machine: install the CUDA toolkit, or `pip install nvidia-cuda-nvcc`")
    settings = {"NAME": name, "ARCH": arch, "OUT": f"../{out.relative_to(backend.ROOT)}", "NVCC": nvcc, **variables}.items()
    done = subprocess.run(["make", "-s", "-C", folder, goal, *(f"{k}={v}" for k, v in settings)], capture_output=True, errors="replace", encoding="utf-8")
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "error" in line.lower() or "fatal" in line] or [done.stderr]
        raise PluginError(f"cannot compile plugins/{name}:\n" + "\n".join(said[:8]))
    return out / f"{name}{suffix}"


def compile(name: str, kernel_for: str = "") -> Path:
    """Compile plugins/NAME for the GPU and TensorRT at hand to a shared library; or, for an architecture such as ``sm_90``,
    its kernel.cu alone to a cubin, which needs neither. Raises: PluginError with nvcc's words, NoGpuError."""
    if kernel_for:
        return _make("kernel", name, kernel_for, ".cubin")
    backend.require_gpu(f"compiling plugin {name!r}")
    if not (header := backend.find_tool("NvInfer.h")):
        raise PluginError("no NvInfer.h on this machine: set TRT_INCLUDE to TensorRT's folder of headers (`include`)")
    maps, stem = Path("/proc/self/maps").read_text(encoding="utf-8").split(), "tensorrt_rtx" if backend.is_rtx() else "nvinfer"
    library = next(path for path in maps if f"/lib{stem}.so" in path)  # the very file that Python has loaded
    return _make("plugin", name, "sm_{}{}".format(*backend.gpu().capability), ".so", TRT_INCLUDE=Path(header).parent, TRT_LIB=library)


def _creators() -> dict[tuple, object]:
    registry = trt.get_plugin_registry()
    listed = registry.all_creators if hasattr(registry, "all_creators") else registry.plugin_creator_list  # trt<11
    return {(one.name, one.plugin_version, one.plugin_namespace): one for one in listed}


def load(name: str):
    """Compile plugins/NAME if need be and load it. Returns the creator that it registers. Raises: PluginError, NoGpuError."""
    path, before = compile(name), _creators()
    _FIRST[:] = _FIRST or [trt.Builder(LOG)]  # without a builder or runtime there is no logger, and what a plugin says is lost
    if path not in _loaded:
        try:
            library = ctypes.CDLL(str(path))
            _loaded[path] = min(_creators().keys() - before.keys()), library
        except (OSError, ValueError) as error:  # ValueError: nothing was added
            raise PluginError(f"plugins/{name} registers no new plugin: {error}. Check REGISTER_TENSORRT_PLUGIN, its name and version") from error
    return find(*_loaded[path][0])


def find(name: str, version: str = "1", namespace: str = ""):
    """The creator of that plugin in TensorRT's registry. Raises: PluginError, naming those it has."""
    if creator := (have := _creators()).get((name, version, namespace)):
        return creator
    names = ", ".join(sorted(" ".join(filter(None, key)) for key in have)[:40]) or "none"
    raise PluginError(f"the registry has no plugin {name!r}, version {version!r}, namespace {namespace!r}: load it with cookbook.plugins.load, or "
                      f"TensorRT's own with trt.init_libnvinfer_plugins. It has {names}")
