"""Which TensorRT, which GPU, which environment; and CUDA statuses."""

import datetime
import os
import platform
import subprocess
import sys
import types

import pytest
from cuda.bindings import runtime as cudart

import cookbook
from cookbook import backend
from cookbook.errors import BackendError


def _pretend(monkeypatch, module, version, capability):
    card = None
    if capability is not None:
        card = backend.Gpu("NVIDIA X", capability, 1 << 34, "580.1", "13.0")
    library = types.SimpleNamespace(__name__=module, __version__=version)
    monkeypatch.setattr(backend, "load", lambda: library)
    monkeypatch.setattr(backend, "gpu", lambda: card)


@pytest.mark.parametrize(
    ("module", "version", "capability", "name", "api"),
    [
        ("tensorrt", "8.6.1", (9, 0), "8.6", (8, 6, 1)),
        ("tensorrt", "10.6.0", (9, 0), "10", (10, 6, 0)),
        ("tensorrt", "10.16.1.11", (9, 0), "10", (10, 16, 1, 11)),
        ("tensorrt", "11.4.0.106", (8, 0), "11", (11, 4, 0, 106)),
        ("tensorrt_rtx", "1.7.1.116", None, "cpu", (11, 0)),
        ("tensorrt_rtx", "1.7.1.116", (8, 0), "rtx", (11, 0)),
        ("tensorrt_rtx", "1.7.1.116", (8, 6), "rtx", (11, 0)),
        ("tensorrt_rtx", "1.7.1.116", (8, 9), "rtx", (11, 0)),
        ("tensorrt_rtx", "1.7.1.116", (12, 0), "rtx", (11, 0)),
        ("tensorrt_rtx", "1.7.1.116", (9, 0), "cpu", (11, 0)),
        ("tensorrt_rtx", "1.7.1.116", (7, 5), "cpu", (11, 0)),
        ("tensorrt", "8.6.1", None, "cpu", (8, 6, 1)),
    ],
)
def test_environment_follows_from_tensorrt_and_gpu(
    monkeypatch, module, version, capability, name, api
):
    _pretend(monkeypatch, module, version, capability)
    assert backend.environment_name() == name
    assert backend.api_version() == api
    assert bool(backend.gpu_problem()) == (name == "cpu")
    assert backend.is_rtx() == (module == "tensorrt_rtx")


def test_product_names_itself_and_its_own_version(monkeypatch):
    _pretend(monkeypatch, "tensorrt", "8.6.1", None)
    assert backend.product() == "TensorRT 8.6.1"
    _pretend(monkeypatch, "tensorrt_rtx", "1.7.1.116", None)
    assert backend.product() == "TensorRT-RTX 1.7.1.116"


def test_a_gpu_that_tensorrt_rtx_lacks_is_named_with_the_remedy(monkeypatch):
    _pretend(monkeypatch, "tensorrt_rtx", "1.7.1.116", (9, 0))
    words = r"running needs a GPU that TensorRT-RTX supports \(NVIDIA X is not one\): `pip install"
    with pytest.raises(cookbook.NoGpuError, match=words):
        backend.require_gpu("running")


def test_without_a_gpu_the_step_and_the_remedy_are_named(monkeypatch):
    _pretend(monkeypatch, "tensorrt", "8.6.1", None)
    words = "measuring needs a CUDA GPU .*run this on a machine with an NVIDIA GPU"
    with pytest.raises(cookbook.NoGpuError, match=words):
        backend.require_gpu("measuring")


def test_with_a_gpu_nothing_is_said(monkeypatch):
    _pretend(monkeypatch, "tensorrt", "8.6.1", (9, 0))
    assert backend.require_gpu("measuring") is None


def test_stamp_says_where_a_number_comes_from(monkeypatch):
    _pretend(monkeypatch, "tensorrt", "8.6.1", (9, 0))
    monkeypatch.setattr(backend.tools, "package_version", {"torch": "2.11.0+cu130"}.get)
    assert backend.stamp() == {
        "environment": "8.6",
        "gpu": "NVIDIA X",
        "driver": "580.1",
        "tensorrt": "TensorRT 8.6.1",
        "torch": "2.11.0",
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }


def test_stamp_without_gpu_and_torch(monkeypatch):
    _pretend(monkeypatch, "tensorrt_rtx", "1.7.1", None)
    monkeypatch.setattr(backend.tools, "package_version", lambda name: None)
    made = backend.stamp()
    assert (made["gpu"], made["driver"], made["torch"]) == ("none", "none", "none")


GOOD = cudart.cudaError_t.cudaSuccess


def test_cuda_check_unpacks():
    assert cookbook.cuda_check((GOOD,)) is None
    assert cookbook.cuda_check((GOOD, 7)) == 7
    assert cookbook.cuda_check((GOOD, 0)) == 0
    assert cookbook.cuda_check((GOOD, 7, 8)) == (7, 8)


def test_cuda_check_raises_with_name_and_text():
    invalid = cudart.cudaError_t.cudaErrorInvalidValue
    with pytest.raises(
        cookbook.CudaError, match="cudaErrorInvalidValue: invalid argument"
    ) as caught:
        cookbook.cuda_check((invalid, None))
    assert not isinstance(caught.value, cookbook.DeviceMemoryError)


def test_cuda_check_tells_a_full_gpu_from_other_errors():
    full = cudart.cudaError_t.cudaErrorMemoryAllocation
    with pytest.raises(
        cookbook.DeviceMemoryError, match="cudaErrorMemoryAllocation: out of memory"
    ):
        cookbook.cuda_check((full, None))


def _card(major=9, minor=0):
    return types.SimpleNamespace(name=b"NVIDIA Y", major=major, minor=minor, totalGlobalMem=123)


@pytest.fixture
def device(monkeypatch):
    """A pretended device 0 and driver, until the test ends."""
    monkeypatch.setattr(cudart, "cudaGetDeviceProperties", lambda index: (GOOD, _card()))
    monkeypatch.setattr(cudart, "cudaDriverGetVersion", lambda: (GOOD, 13020))
    backend.gpu.cache_clear()
    yield monkeypatch
    backend.gpu.cache_clear()


def test_gpu_reads_the_device_and_the_driver(device, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1 $2" = "--query-gpu=driver_version --format=csv,noheader" ] && '
        "echo 580.159.04 && echo 580.200\n"
    )
    program.chmod(0o755)
    device.setenv("PATH", str(tmp_path))
    assert backend.gpu() == ("NVIDIA Y", (9, 0), 123, "580.159.04", "13.2")


@pytest.mark.parametrize(
    "error", [FileNotFoundError("nvidia-smi"), subprocess.TimeoutExpired("nvidia-smi", 20)]
)
def test_gpu_without_nvidia_smi_has_an_unknown_driver(device, error):
    def run(*_, **__):
        raise error

    device.setattr(backend.subprocess, "run", run)
    assert backend.gpu().driver == "unknown"


def test_gpu_with_a_silent_nvidia_smi_has_an_unknown_driver(device):
    device.setattr(backend.subprocess, "run", lambda *a, **k: types.SimpleNamespace(stdout="\n"))
    assert backend.gpu().driver == "unknown"


def test_no_device_is_no_gpu(device):
    none = cudart.cudaError_t.cudaErrorNoDevice
    device.setattr(cudart, "cudaGetDeviceProperties", lambda index: (none, None))
    assert backend.gpu() is None


@pytest.fixture
def modules(monkeypatch):
    """What can be imported: {name: module or the error}; the order of the attempts is kept."""
    there: dict = {}
    tried: list[str] = []

    def import_module(name):
        tried.append(name)
        if isinstance(there[name], Exception):
            raise there[name]
        return there[name]

    monkeypatch.setattr(backend.importlib, "import_module", import_module)
    monkeypatch.delenv("COOKBOOK_TENSORRT", raising=False)
    backend.load.cache_clear()
    yield there, tried, monkeypatch
    backend.load.cache_clear()


def test_with_a_gpu_tensorrt_is_taken(modules):
    there, tried, monkeypatch = modules
    there.update(tensorrt="T", tensorrt_rtx="R")
    monkeypatch.setattr(backend, "gpu", lambda: "a card")
    assert backend.load() == "T"
    assert tried == ["tensorrt"]


def test_without_a_gpu_rtx_is_tried_first(modules):
    there, tried, monkeypatch = modules
    there.update(tensorrt="T", tensorrt_rtx=ImportError("no rtx"))
    monkeypatch.setattr(backend, "gpu", lambda: None)
    assert backend.load() == "T"
    assert tried == ["tensorrt_rtx", "tensorrt"]


def test_a_choice_by_hand_is_the_only_one(modules):
    there, tried, monkeypatch = modules
    there.update(tensorrt="T", tensorrt_rtx=OSError("libtensorrt_rtx.so"))
    monkeypatch.setenv("COOKBOOK_TENSORRT", "tensorrt_rtx")
    with pytest.raises(BackendError, match="make setup.*tensorrt_rtx: libtensorrt_rtx.so"):
        backend.load()
    assert tried == ["tensorrt_rtx"]


def test_a_library_that_raises_at_import_is_named(modules):
    there, _, monkeypatch = modules
    there.update(tensorrt=RuntimeError("no driver"), tensorrt_rtx=ImportError("absent"))
    monkeypatch.setattr(backend, "gpu", lambda: "a card")
    with pytest.raises(BackendError, match="tensorrt: no driver; tensorrt_rtx: absent"):
        backend.load()


def test_a_wrong_choice_by_hand_is_named():
    environment = {**os.environ, "COOKBOOK_TENSORRT": "tensorrt9"}
    command = [sys.executable, "-c", "from cookbook import trt"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode != 0
    assert "COOKBOOK_TENSORRT='tensorrt9': must be one of tensorrt, tensorrt_rtx" in done.stderr


def test_every_public_name_is_there():
    for name in cookbook.__all__:
        assert getattr(cookbook, name) is not None
    assert {"build", "Plan", "Session", "compare", "benchmark", "record"} <= set(dir(cookbook))
    assert {"environment", "trt", "parse", "capture_log", "plot", "models"} <= set(dir(cookbook))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'cookbook' has no attribute 'nothing_like_it'"):
        getattr(cookbook, "nothing_like_it")  # noqa: B009
    with pytest.raises(AttributeError, match="'cookbook.backend' has no attribute 'nothing'"):
        getattr(backend, "nothing")  # noqa: B009
