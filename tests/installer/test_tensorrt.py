"""Which TensorRT the set-up installs, and what it keeps of a container."""

import subprocess
import sys

import pytest

import install
from installer.machine import Gpu
from tests.installer.fake_course import ANEW, CONTAINER, PACKAGES, REQUIREMENTS


def test_without_nvidias_index_rtx_is_taken_and_not_tried_again(course, capsys):
    course.gpu = Gpu(True, False)
    course.failing.append("tensorrt>")
    first = PACKAGES.replace("tensorrt-rtx>=1.7,<2", "tensorrt>=11,<12")
    assert course.set_up() == ["venv", "--upgrade pip", first, PACKAGES, "kernel"]
    assert "installing TensorRT-RTX instead" in capsys.readouterr().out
    assert course.set_up() == []


def test_override_is_remembered_until_it_is_forgotten(course, monkeypatch):
    course.gpu = Gpu(True, False)
    monkeypatch.setenv("TENSORRT", "tensorrt-rtx")
    assert course.set_up() == ANEW
    monkeypatch.delenv("TENSORRT")
    assert course.set_up() == []
    course.require(REQUIREMENTS + "onnx>=1.16\n")
    assert course.set_up() == [PACKAGES + " onnx>=1.16", "kernel"]
    monkeypatch.setenv("TENSORRT", "auto")
    expected = PACKAGES.replace("tensorrt-rtx>=1.7,<2", "tensorrt>=11,<12")
    assert course.set_up() == [expected + " onnx>=1.16", "kernel"]
    monkeypatch.delenv("TENSORRT")
    assert course.set_up() == []


def test_override_is_remembered_where_it_changes_nothing_yet(course, monkeypatch):
    course.set_up()
    monkeypatch.setenv("TENSORRT", "tensorrt-rtx")
    assert course.set_up() == []
    monkeypatch.delenv("TENSORRT")
    course.gpu = Gpu(True, False)
    assert course.set_up() == []


def test_unknown_override_touches_nothing(course, monkeypatch):
    monkeypatch.setenv("TENSORRT", "tensorflow")
    with pytest.raises(SystemExit, match="TENSORRT=tensorflow is not known"):
        course.set_up()
    assert course.calls == []


def test_container_keeps_its_packages_and_its_image_serves_with_and_without_gpu(course, capsys):
    course.python = CONTAINER
    course.gpu = Gpu(False, True)
    rest = "cuda-python>=12.6,<14,<13 numpy>=1.24"
    target = f"--target {course.venv}/lib/python3.11/site-packages pip"
    both = "tensorrt-rtx-cu12>=1.7,<2 " + rest
    assert course.set_up() == ["venv system bare", target, "--upgrade pip", both, "kernel"]
    constraints = (course.venv / "constraints.txt").read_text().split()
    assert constraints == ["numpy==1.24.4", "tensorrt==8.6.3"]
    assert "downloads 1 GB" in capsys.readouterr().out
    course.gpu = Gpu(True, True)
    assert course.set_up() == []


def test_only_a_container_is_asked_for_its_cuda(course, monkeypatch):
    asked = []
    monkeypatch.setenv("CUDA_VERSION", "12.4.1")
    monkeypatch.setattr(install, "find_gpu", lambda text: asked.append(text) or Gpu(False, False))
    course.set_up()
    course.python = CONTAINER
    course.set_up()
    assert asked == ["", "12.4.1"]


@pytest.fixture
def two_cudas(course):
    """The folder of .venv's packages and that of a container's, with parts of `cuda` in either."""
    course.python = CONTAINER
    course.set_up()
    ours = course.venv / "lib/python3.11/site-packages"
    theirs = course.root / "system"
    for folder, module in [(ours, "bindings"), (theirs, "cudart"), (theirs, "pathfinder")]:
        (folder / "cuda" / module).mkdir(parents=True)
        (folder / "cuda" / module / "__init__.py").touch()
    (theirs / "cuda/__init__.py").touch()
    return str(ours), str(theirs)


def run_python(script):
    """What a Python prints that has the standard library only: no .pth of this environment."""
    return subprocess.check_output([sys.executable, "-I", "-S", "-c", script], text=True)


def test_old_cuda_package_of_a_container_does_not_hide_the_new_namespace(two_cudas):
    ours, theirs = two_cudas
    look = "import cuda.bindings, cuda.pathfinder; print(cuda.__file__)"
    printed = run_python(f"import sys; sys.path[:0] = {[ours, theirs]}; {look}")
    assert printed == f"{ours}/cuda/__init__.py\n"


def test_cuda_that_is_imported_early_is_found_in_folders_that_come_later(two_cudas):
    """By a .pth in .venv, as cuda-bindings 12.9 does it, before the container's folder is there."""
    ours, theirs = two_cudas
    early = f"import sys; sys.path.insert(0, {ours!r}); import cuda, cuda.bindings"
    late = f"sys.path.append({theirs!r}); import cuda.pathfinder as found; print(found.__file__)"
    assert run_python(f"{early}; {late}") == f"{theirs}/cuda/pathfinder/__init__.py\n"
