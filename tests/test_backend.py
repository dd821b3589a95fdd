"""Which TensorRT, which GPU, which environment; and CUDA statuses."""
import subprocess
import sys
import types

import pytest
from cuda.bindings import runtime as cudart

import cookbook
from cookbook import backend


def _pretend(monkeypatch, module, version, card):
    monkeypatch.setattr(backend, "_load", lambda: types.SimpleNamespace(__name__=module, __version__=version))
    monkeypatch.setattr(backend, "gpu", lambda: card and backend.Gpu("NVIDIA X", card, 1, "1", "1"))


@pytest.mark.parametrize("module, version, card, name, api", [
    ("tensorrt", "8.6.1", (9, 0), "8.6", (8, 6)), ("tensorrt", "10.16.1.11", (9, 0), "10", (10, 16)), ("tensorrt", "11.4.0.106", (8, 0), "11", (11, 4)),
    ("tensorrt_rtx", "1.7.1.116", None, "cpu", (11, 0)), ("tensorrt_rtx", "1.7.1.116", (8, 9), "rtx", (11, 0)),
    ("tensorrt_rtx", "1.7.1.116", (12, 0), "rtx", (11, 0)), ("tensorrt_rtx", "1.7.1.116", (9, 0), "cpu", (11, 0)), ("tensorrt", "8.6.1", None, "cpu", (8, 6))])
def test_environment_follows_from_tensorrt_and_gpu(monkeypatch, module, version, card, name, api):
    _pretend(monkeypatch, module, version, card)
    assert backend.environment_name() == name and backend.api_version() == api
    assert bool(backend.gpu_problem()) == (name == "cpu")


def test_a_gpu_that_tensorrt_rtx_lacks_is_named_with_the_remedy(monkeypatch):
    _pretend(monkeypatch, "tensorrt_rtx", "1.7.1.116", (9, 0))
    with pytest.raises(cookbook.NoGpuError, match="running needs a GPU that TensorRT-RTX supports .NVIDIA X is not one.: `pip install tensorrt`"):
        backend.require_gpu("running")


def test_cuda_check_unpacks_and_raises():
    good, bad = cudart.cudaError_t.cudaSuccess, cudart.cudaError_t.cudaErrorInvalidValue
    assert cookbook.cuda_check((good,)) is None and cookbook.cuda_check((good, 7)) == 7 and cookbook.cuda_check((good, 7, 8)) == (7, 8)
    with pytest.raises(cookbook.CudaError, match="cudaErrorInvalidValue: invalid argument"):
        cookbook.cuda_check((bad, None))
    with pytest.raises(cookbook.DeviceMemoryError, match="out of memory"):
        cookbook.cuda_check((cudart.cudaError_t.cudaErrorMemoryAllocation, None))


def test_tools_and_packages_are_found_or_not(monkeypatch, tmp_path):
    tool = tmp_path / "bin" / "trtexec"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert backend.find_tool("no-such-tool") is None
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    assert backend.find_tool("trtexec") == str(tool) or backend.find_tool("trtexec")
    assert backend.package_version("torch") and backend.package_version("no_such_package") is None


def _python(code, **variables):
    import os
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **variables})


def test_a_wrong_choice_by_hand_is_named():
    done = _python("from cookbook import trt", COOKBOOK_TENSORRT="tensorrt9")
    assert done.returncode and "COOKBOOK_TENSORRT='tensorrt9': must be one of tensorrt, tensorrt_rtx" in done.stderr


def test_without_any_tensorrt_doctor_still_works_and_import_says_what_to_do():
    hide = "import sys; sys.modules['tensorrt'] = sys.modules['tensorrt_rtx'] = None; "
    done = _python(hide + "from cookbook import backend; print(dict((t, d) for t, _, d in backend.doctor())['in use'])")
    assert "make setup" in done.stdout, done.stderr
    assert "BackendError: no TensorRT can be imported. Run `make setup`" in _python(hide + "from cookbook import trt").stderr


def test_every_public_name_is_there():
    for name in cookbook.__all__:
        assert getattr(cookbook, name)
    with pytest.raises(AttributeError, match="nothing_like_it"):
        cookbook.nothing_like_it


def test_the_helper_package_stays_small():
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in (backend.Path(backend.__file__).parent).glob("*.py")}
    assert sum(lines.values()) <= 1500, lines
