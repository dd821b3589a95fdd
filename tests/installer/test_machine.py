"""The set-up finds a Python and a GPU, or says what to do."""

import json
import sys
import types
from importlib.util import find_spec

import pytest

from installer import machine
from installer.machine import Gpu, Interpreter


def _no_driver(name):
    raise OSError(name)


def test_container_for_cuda_12_counts_without_a_gpu(monkeypatch):
    monkeypatch.setattr(machine.ctypes, "CDLL", _no_driver)
    assert machine.find_gpu("12.4.1.003") == Gpu(usable=False, cuda12=True)
    assert machine.find_gpu("13.1.0") == Gpu(usable=False, cuda12=False)
    assert machine.find_gpu("") == Gpu(usable=False, cuda12=False)


class Driver:
    """libcuda.so.1 as far as the set-up calls it."""

    def __init__(self, count, version, status=0):
        self.count = count
        self.version = version
        self.status = status

    def cuInit(self, flags):  # noqa: N802 (CUDA's own name)
        return self.status

    def cuDeviceGetCount(self, pointer):  # noqa: N802
        pointer._obj.value = self.count
        return 0

    def cuDriverGetVersion(self, pointer):  # noqa: N802
        pointer._obj.value = self.version
        return 0


@pytest.mark.parametrize(
    ("driver", "container", "expected"),
    [
        (Driver(1, 13000), "", Gpu(True, False)),
        (Driver(2, 12990), "", Gpu(True, True)),
        (Driver(1, 13000), "12.4.1", Gpu(True, True)),
        (Driver(0, 12080), "", Gpu(False, False)),
        (Driver(1, 12080, status=100), "", Gpu(False, False)),
    ],
)
def test_driver_tells_gpu_and_cuda(monkeypatch, driver, container, expected):
    monkeypatch.setattr(machine.ctypes, "CDLL", lambda name: driver)
    assert machine.find_gpu(container) == expected


@pytest.mark.skipif(
    not (find_spec("ensurepip") or find_spec("pip")), reason="this Python cannot make environments"
)
def test_running_python_is_taken():
    found = machine.find_python(None)
    assert found.path == sys._base_executable
    assert found.version == list(sys.version_info[:2])
    assert {"ensurepip", "pip"} & set(found.has)


@pytest.fixture
def pythons(tmp_path, monkeypatch):
    """A function that puts Pythons on an otherwise empty PATH: name=(version, modules)."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(machine.sys, "_base_executable", "", raising=False)

    def put(**found):
        for name, (version, has) in found.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text(f"#!/bin/sh\necho '{json.dumps([version, has])}'\n")
            path.chmod(0o755)
        return tmp_path

    return put


def test_known_python_comes_first(pythons):
    folder = pythons(python3_11=([3, 11], ["pip"]), mine=([3, 10], ["ensurepip"]))
    mine = str(folder / "mine")
    assert machine.find_python(mine) == Interpreter(mine, [3, 10], ["ensurepip"])


def test_lost_python_is_replaced_by_one_on_the_path(pythons):
    folder = pythons(python3_11=([3, 11], ["pip"]), python3_13=([3, 13], ["pip"]))
    found = machine.find_python("/usr/bin/no-such-python")
    assert found == Interpreter(str(folder / "python3.11"), [3, 11], ["pip"])


@pytest.mark.parametrize("version", [10, 13, 14])
def test_pythons_that_have_wheels_are_taken(pythons, version):
    pythons(**{f"python3_{version}": ([3, version], ["pip"])})
    assert machine.find_python(None).version == [3, version]


@pytest.mark.parametrize(
    ("version", "has"), [([3, 9], ["pip"]), ([3, 15], ["pip"]), ([3, 12], ["torch"])]
)
def test_other_pythons_are_refused_with_advice(pythons, version, has):
    pythons(python3_12=(version, has))
    with pytest.raises(SystemExit, match="apt install python3 python3-venv") as caught:
        machine.find_python(None)
    assert str(caught.value).startswith("Found no Python 3.10 to 3.14 that can make environments")


def test_python_that_fails_is_passed_over(pythons):
    folder = pythons(python3_12=([3, 12], ["pip"]), python3_11=([3, 11], ["pip"]))
    (folder / "python3.12").write_text("#!/bin/sh\nexit 1\n")
    assert machine.find_python(None).version == [3, 11]


def test_interpreter_knows_its_name_and_its_tensorrt():
    plain = Interpreter("/usr/bin/python3", [3, 10], ["torch"])
    assert (plain.name, plain.brings_tensorrt) == ("python3.10", False)
    assert plain._replace(has=["tensorrt"]).brings_tensorrt


def test_folders_that_are_nearly_full_are_named(monkeypatch):
    free = {"/full": 3e8, "/other": 2e10}

    def disk_usage(folder):
        return types.SimpleNamespace(free=free[folder])

    monkeypatch.setattr(machine.shutil, "disk_usage", disk_usage)
    assert machine.little_room("/full", "/other") == "\nOnly 0.3 GB are free in /full."
    assert machine.little_room("/other") == ""
