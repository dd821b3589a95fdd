"""CMake compiles what changed and nothing else, and its errors are the compiler's words."""

import ctypes
import importlib.machinery
import os
import threading
from pathlib import Path

import pytest

from cookbook import cmake, paths, tools
from cookbook.errors import PluginError

needs_nvcc = pytest.mark.skipif(tools.find_tool("nvcc") is None, reason="no nvcc")
CUDA = paths.ROOT / "plugins" / "common" / "cuda.cmake"
PROJECT = f"""cmake_minimum_required(VERSION 3.24)
include("{CUDA}")
project(demo LANGUAGES CXX CUDA)
set(CMAKE_SHARED_LIBRARY_PREFIX "")
add_library(demo SHARED demo.cu)
target_compile_definitions(demo PRIVATE ANSWER=${{ANSWER}})
"""
SOURCE = '#include "demo.h"\nextern "C" int answer() { return ANSWER + MORE; }\n'


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in a folder whose name has blanks and Chinese letters."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    folder = tmp_path / "我的 课程"
    folder.mkdir()
    (folder / "CMakeLists.txt").write_text(PROJECT)
    (folder / "demo.cu").write_text(SOURCE)
    (folder / "demo.h").write_text("#define MORE 2\n")
    return folder


def build(project: Path, **settings: str) -> Path:
    return cmake.build(
        project, project / "build", "demo", {"CMAKE_CUDA_ARCHITECTURES": "80", **settings}
    )


def answer(library: Path, copy: str) -> int:
    """What the library answers; a copy is loaded, because a process keeps what it has loaded."""
    place = library.parent / copy
    place.write_bytes(library.read_bytes())
    return ctypes.CDLL(str(place)).answer()


@needs_nvcc
def test_only_what_changed_is_compiled_again(project):
    library = build(project, ANSWER="40")
    assert library == project / "build" / "demo.so"
    assert answer(library, "first.so") == 42
    written = library.stat().st_mtime_ns
    assert build(project, ANSWER="40").stat().st_mtime_ns == written
    assert answer(build(project, ANSWER="41"), "second.so") == 43
    (project / "demo.h").write_text("#define MORE 3\n")
    assert answer(build(project, ANSWER="41"), "third.so") == 44


@needs_nvcc
def test_compile_errors_are_the_compilers_words(project):
    (project / "demo.cu").write_text("int answer() { return nothing_of_that_name; }\n")
    with pytest.raises(PluginError) as error:
        build(project, ANSWER="1")
    lines = str(error.value).splitlines()
    assert lines[0] == "cannot compile demo:"
    assert lines[1].startswith("我的 课程/demo.cu(1): error:")  # from the repository's root
    assert 'identifier "nothing_of_that_name" is undefined' in lines[1]
    assert "nothing_of_that_name" in lines[2]  # the line of the source
    assert not any(line.startswith(("gmake", "make", "[")) for line in lines)


@needs_nvcc
def test_many_errors_are_cut_short(project):
    (project / "demo.cu").write_text("".join(f"int f{k}() {{ return g{k}; }}\n" for k in range(40)))
    with pytest.raises(PluginError) as error:
        build(project, ANSWER="1")
    assert len(str(error.value).splitlines()) == 1 + cmake.MOST_LINES


@needs_nvcc
def test_errors_of_the_project_are_shown(project):
    (project / "CMakeLists.txt").write_text('message(FATAL_ERROR "no such luck")\n')
    with pytest.raises(
        PluginError, match=r"(?s)cannot prepare the compilation of demo:.*such luck"
    ):
        build(project)


@needs_nvcc
def test_a_folder_that_was_moved_is_made_anew(project):
    build(project, ANSWER="40")
    moved = project.parent / "elsewhere"
    project.rename(moved)
    library = build(moved, ANSWER="50")
    assert library == moved / "build" / "demo.so"
    assert answer(library, "moved.so") == 52


def test_a_missing_compiler_is_named(project, monkeypatch):
    monkeypatch.setattr(tools, "find_tool", lambda name: None)
    with pytest.raises(PluginError, match="no nvcc on this machine: install the CUDA toolkit, or"):
        build(project)


def test_cmake_of_the_python_package_comes_first(tmp_path, monkeypatch):
    program = tmp_path / "cmake" / "data" / "bin" / "cmake"
    spec = importlib.machinery.ModuleSpec("cmake", None, origin=str(tmp_path / "cmake" / "x.py"))
    monkeypatch.setattr(cmake.importlib.util, "find_spec", lambda name: spec)
    monkeypatch.setattr(tools, "find_tool", lambda name: f"/opt/{name}")
    assert cmake.find_cmake() == "/opt/cmake"  # the package holds no program
    program.parent.mkdir(parents=True)
    program.touch()
    assert cmake.find_cmake() == str(program)


def test_a_missing_cmake_is_named(monkeypatch):
    monkeypatch.setattr(cmake.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(tools, "find_tool", lambda name: None)
    with pytest.raises(PluginError, match="no cmake on this machine: `pip install cmake`"):
        cmake.find_cmake()


def test_pythons_home_is_not_passed_on(project, tmp_path, monkeypatch):
    script = tmp_path / "cmake"  # an installed cmake may be a script of another Python
    script.write_text('#!/bin/sh\necho "home: [$PYTHONHOME] path: [$PYTHONPATH]"\nexit 1\n')
    script.chmod(0o755)
    monkeypatch.setattr(cmake, "find_cmake", lambda: str(script))
    monkeypatch.setattr(tools, "find_tool", lambda name: "/opt/nvcc")
    monkeypatch.setenv("PYTHONHOME", "/somewhere")
    monkeypatch.setenv("PYTHONPATH", "/kept")
    with pytest.raises(PluginError, match=r"home: \[\] path: \[/kept\]"):
        build(project)
    assert os.environ["PYTHONHOME"] == "/somewhere"


def test_one_process_at_a_time(tmp_path):
    order = []
    inside = threading.Event()

    def second():
        inside.wait()
        with cmake.locked(tmp_path / "lock"):
            order.append("second")

    other = threading.Thread(target=second)
    other.start()
    with cmake.locked(tmp_path / "lock"):
        inside.set()
        other.join(timeout=0.2)  # it waits, so this runs out
        order.append("first")
    other.join()
    assert order == ["first", "second"]
