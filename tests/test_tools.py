"""Where executables, headers and packages are looked for."""

import os
import sysconfig

import pytest

from cookbook import tools


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose only programs are in folders of the test."""
    monkeypatch.setattr(tools, "KNOWN_FOLDERS", (str(tmp_path / "known"),))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))
    monkeypatch.setenv("PATH", f"{tmp_path / 'first'}{os.pathsep}{tmp_path / 'second'}")
    monkeypatch.delenv("CUDA_HOME", raising=False)
    monkeypatch.delenv("TRT_INCLUDE", raising=False)
    return tmp_path


def put(folder, name, mode=0o755):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.touch()
    path.chmod(mode)
    return str(path)


def test_folders_in_order(machine, monkeypatch):
    monkeypatch.setenv("CUDA_HOME", "/cuda")
    monkeypatch.setenv("TRT_INCLUDE", "/trt/include")
    for package in ("cuda_nvcc", "cu13"):
        (machine / "purelib" / "nvidia" / package / "bin").mkdir(parents=True)
    (machine / "purelib" / "other" / "cu13" / "bin").mkdir(parents=True)
    assert tools.folders() == [
        str(machine / "first"),
        str(machine / "second"),
        "/cuda/bin",
        "/trt/include",
        str(machine / "known"),
        str(machine / "purelib" / "nvidia" / "cu13" / "bin"),
        str(machine / "purelib" / "nvidia" / "cuda_nvcc" / "bin"),
    ]


@pytest.mark.parametrize("path", [None, "", os.pathsep])
def test_without_variables(machine, monkeypatch, path):
    monkeypatch.delenv("PATH")
    if path is not None:
        monkeypatch.setenv("PATH", path)
    assert tools.folders() == [str(machine / "known")]


@pytest.mark.parametrize("place", ["second", "known", "purelib/nvidia/cu13/bin"])
def test_a_program_is_found(machine, place):
    assert tools.find_tool("nvcc") is None
    made = put(machine / place, "nvcc")
    assert tools.find_tool("nvcc") == made


def test_the_path_comes_first(machine):
    put(machine / "known", "nvcc")
    first = put(machine / "first", "nvcc")
    assert tools.find_tool("nvcc") == first


def test_a_program_must_be_executable_and_a_header_need_not(machine):
    put(machine / "first", "nvcc", 0o644)
    assert tools.find_tool("nvcc") is None
    header = put(machine / "first", "NvInfer.h", 0o644)
    assert tools.find_tool("NvInfer.h") == header


def test_nvidias_usual_places():
    assert "/usr/local/cuda/bin" in tools.folders()
    assert "/usr/src/tensorrt/bin" in tools.folders()
    assert "/usr/include/x86_64-linux-gnu" in tools.folders()


def test_versions_by_the_name_of_the_import_or_of_the_distribution():
    assert tools.package_version("yaml") == tools.package_version("PyYAML") is not None
    assert tools.package_version("onnx-graphsurgeon") == tools.package_version("onnx_graphsurgeon")
    assert tools.package_version("no_such_package") is None
