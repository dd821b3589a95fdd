"""Helper package of the TensorRT course: it removes what is not the lesson, and hides nothing that is.

Names are loaded on first use, so that ``python -m cookbook doctor`` works where TensorRT is missing.
"""
import importlib

_NAMES = {"backend": "trt environment require_gpu cuda_check", "builder": "build parse Plan capture_log",
          "runtime": "Session TensorSpec deserialize", "bench": "benchmark compare record",
          "errors": "CookbookError BackendError NoGpuError CudaError DeviceMemoryError RequiresError BuildError PlanError PluginError SessionError ComparisonError",
          "data": "", "inspect": "", "models": "", "plot": "", "plugins": "", "requires": ""}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOME)
__dir__ = [*__all__, *_NAMES].copy  # what tab completion shows


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    if name in _NAMES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'cookbook' has no attribute {name!r}")
