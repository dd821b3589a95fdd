"""The set-up's decisions, its stamp, and what it does again or leaves alone; pip is never really run."""
import json
import shutil
import subprocess
import sys
import types
from importlib.util import find_spec
from pathlib import Path

import pytest

import install

REQUIREMENTS = """\
# comment
tensorrt-rtx>=1.7,<2
torch>=2.3   # the reference
cuda-python>=12.6,<14

numpy>=1.24
"""
CONTAINER = ["tensorrt", "torch", "pip"]
PLAIN = ["ensurepip", "pip"]


@pytest.mark.parametrize("has, gpu, wanted, expected", [
    (PLAIN, False, "", ["tensorrt-rtx"]),
    (PLAIN, True, "", ["tensorrt", "tensorrt-rtx"]),
    (PLAIN, False, "tensorrt", ["tensorrt", "tensorrt-rtx"]),
    (PLAIN, True, "tensorrt-rtx", ["tensorrt-rtx"]),
    (CONTAINER, True, "", [""]),
    (CONTAINER, False, "", ["tensorrt-rtx"]),
    (CONTAINER, False, "tensorrt", [""]),
    (CONTAINER, True, "tensorrt-rtx", ["tensorrt-rtx"]),
])
def test_choice_of_tensorrt(has, gpu, wanted, expected):
    assert install.choose(has, gpu, wanted) == expected


def test_unknown_tensorrt_is_refused():
    with pytest.raises(SystemExit, match="TENSORRT=tensorflow is not known"):
        install.choose(PLAIN, True, "tensorflow")


@pytest.mark.parametrize("has, cuda12, tensorrt, expected", [
    (PLAIN, False, "tensorrt-rtx", ["tensorrt-rtx>=1.7,<2", "torch>=2.3", "cuda-python>=12.6,<14", "numpy>=1.24"]),
    (PLAIN, False, "tensorrt", ["tensorrt>=11,<12", "torch>=2.3", "cuda-python>=12.6,<14", "numpy>=1.24"]),
    (PLAIN, True, "tensorrt", ["tensorrt-cu12>=11,<12", "torch>=2.3,<2.11", "cuda-python>=12.6,<14,<13", "numpy>=1.24"]),
    (PLAIN, True, "tensorrt-rtx", ["tensorrt-rtx-cu12>=1.7,<2", "torch>=2.3,<2.11", "cuda-python>=12.6,<14,<13", "numpy>=1.24"]),
    (CONTAINER, True, "", ["cuda-python>=12.6,<14,<13", "numpy>=1.24"]),
    (CONTAINER, False, "tensorrt-rtx", ["tensorrt-rtx>=1.7,<2", "cuda-python>=12.6,<14", "numpy>=1.24"]),
    (["tensorrt", "ensurepip"], False, "", ["torch>=2.3", "cuda-python>=12.6,<14", "numpy>=1.24"]),
    (["torch", "ensurepip"], False, "tensorrt-rtx",
     ["tensorrt-rtx>=1.7,<2", "torch>=2.3", "cuda-python>=12.6,<14", "numpy>=1.24"]),
])
def test_requirements_fit_the_machine(has, cuda12, tensorrt, expected):
    assert install.adapt(REQUIREMENTS, has, cuda12, tensorrt) == expected


def test_our_requirements_name_what_the_set_up_adapts():
    lines = install.adapt((install.ROOT / "requirements.txt").read_text(encoding="utf-8"), PLAIN, True, "tensorrt")
    assert [line for line in lines if line.endswith((",<13", ",<2.11")) or line.startswith("tensorrt-cu12>=")] == lines[:3]


def test_only_compiled_packages_are_pinned():
    names = ["torch==2.3.0a0+6ddf5cf85e.nv24.4", "torchvision==0.18.0a0", "torch-tensorrt==2.3.0a0", "tensorrt==8.6.3",
             "pytorch-triton==3.0.0", "triton==3.7", "numpy==1.24.4", "cuda-python==12.4.0", "pytest==8.1.1", "pandas==1.5.3"]
    assert list(filter(install.PINNED.match, names)) == names[:7]


def test_container_for_cuda_12_counts_without_a_gpu(monkeypatch):
    monkeypatch.setattr(install.ctypes, "CDLL", lambda name: (_ for _ in ()).throw(OSError(name)))
    assert install.find_gpu("12.4.1.003") == (False, True)
    assert install.find_gpu("13.1.0") == (False, False)
    assert install.find_gpu("") == (False, False)


@pytest.mark.parametrize("count, version, expected", [(1, 13000, (True, False)), (2, 12080, (True, True)), (0, 12080, (False, False))])
def test_driver_tells_gpu_and_cuda(monkeypatch, count, version, expected):
    class Driver:
        """libcuda.so.1 as far as the set-up calls it."""
        def cuInit(self, flags):
            return 0

        def cuDeviceGetCount(self, pointer):
            pointer._obj.value = count
            return 0

        def cuDriverGetVersion(self, pointer):
            pointer._obj.value = version
            return 0
    monkeypatch.setattr(install.ctypes, "CDLL", lambda name: Driver())
    assert install.find_gpu("") == expected


@pytest.mark.skipif(not (find_spec("ensurepip") or find_spec("pip")), reason="this Python cannot make environments")
def test_find_python_takes_the_running_one(monkeypatch):
    path, version, has = install.find_python(None)
    assert Path(path).exists() and version == list(sys.version_info[:2]) and {"ensurepip", "pip"} & set(has)


def test_find_python_refuses_old_ones(monkeypatch):
    old = subprocess.CompletedProcess([], 0, json.dumps([[3, 9], ["ensurepip"]]))
    monkeypatch.setattr(install.subprocess, "run", lambda *args, **kwargs: old)
    with pytest.raises(SystemExit, match="apt install python3 python3-venv"):
        install.find_python(None)


def test_script_runs_in_its_own_folder_although_modules_there_have_standard_names():
    command = [sys.executable, install.__file__, "--python", "/usr/bin/another"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=install.ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Using /usr/bin/another as it is.\n", "")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A repository with nothing but requirements.txt, and a set-up whose pip and venv only note what they were asked."""
    (tmp_path / "requirements.txt").write_text(REQUIREMENTS)
    calls, failing = [], []
    venv = tmp_path / ".venv"

    def run(command, **kwargs):
        if "venv" in command:
            shutil.rmtree(venv, ignore_errors=True)
            (venv / "bin").mkdir(parents=True)
            (venv / "bin" / "python").touch()
            for version in ("3.11", "3.12"):
                (venv / "lib" / f"python{version}" / "site-packages").mkdir(parents=True)
            calls.append("venv" + " system" * ("--system-site-packages" in command) + " bare" * ("--without-pip" in command))

    def pip(python, *arguments):
        calls.append(" ".join(arguments))
        if any(argument.startswith(tuple(failing)) for argument in arguments):
            raise SystemExit("pip failed")

    listed = "numpy==1.24.4\npytest==8.1.1\ntensorrt==8.6.3\n"
    process = types.SimpleNamespace(run=run, check_output=lambda *args, **kwargs: listed, DEVNULL=subprocess.DEVNULL)
    for name, value in {"ROOT": tmp_path, "VENV": venv, "PYTHON": str(venv / "bin" / "python"), "pip": pip, "subprocess": process,
                        "find_python": lambda known: (known or "/usr/bin/python3.11", [3, 11], PLAIN),
                        "find_gpu": lambda container: (False, False)}.items():
        monkeypatch.setattr(install, name, value)
    monkeypatch.delenv("TENSORRT", raising=False)
    monkeypatch.delenv("CUDA_VERSION", raising=False)

    def set_up():
        calls.clear()
        install.main(install.PYTHON)
        return list(calls)
    set_up.root, set_up.failing = tmp_path, failing
    return set_up


PACKAGES = "tensorrt-rtx>=1.7,<2 torch>=2.3 cuda-python>=12.6,<14 numpy>=1.24"


def test_first_run_installs_and_the_second_does_nothing(course):
    assert course() == ["venv", "--upgrade pip", PACKAGES]
    assert (course.root / ".venv/lib/python3.11/site-packages/tensorrt-course.pth").read_text(encoding="utf-8") == f"{course.root}\n"
    assert course() == []


def test_another_python_is_left_alone(course):
    install.main("/usr/bin/python3")
    assert not (course.root / ".venv").exists()


def test_interrupted_run_starts_anew(course):
    course.failing.append("torch")
    with pytest.raises(SystemExit, match="pip failed"):
        course()
    course.failing.clear()
    assert course() == ["venv", "--upgrade pip", PACKAGES]


def test_changed_requirements_are_installed_into_the_same_environment(course):
    course()
    (course.root / "requirements.txt").write_text(REQUIREMENTS + "onnx>=1.16\n")
    assert course() == [PACKAGES + " onnx>=1.16"]
    (course.root / "requirements.txt").write_text(REQUIREMENTS)
    assert course() == [], "what is no longer asked for may stay"


def test_changed_installer_installs_again(course):
    course()
    stamp = course.root / ".venv/course.json"
    stamp.write_text(stamp.read_text(encoding="utf-8").replace(json.loads(stamp.read_text(encoding="utf-8"))["done"][0], "older"))
    assert course() == [PACKAGES]


@pytest.mark.parametrize("change", ["python gone", "other version", "moved"])
def test_environment_of_another_python_or_place_is_made_anew(course, monkeypatch, change):
    course()
    if change == "python gone":
        (course.root / ".venv/bin/python").unlink()
    if change == "other version":
        monkeypatch.setattr(install, "find_python", lambda known: (known, [3, 12], PLAIN))
    if change == "moved":
        stamp = course.root / ".venv/course.json"
        stamp.write_text(stamp.read_text(encoding="utf-8").replace(str(course.root), "/elsewhere"))
    assert course() == ["venv", "--upgrade pip", PACKAGES]


def test_without_nvidias_index_rtx_is_taken_and_not_tried_again(course, monkeypatch, capsys):
    monkeypatch.setattr(install, "find_gpu", lambda container: (True, False))
    course.failing.append("tensorrt>")
    assert course() == ["venv", "--upgrade pip", PACKAGES.replace("tensorrt-rtx>=1.7,<2", "tensorrt>=11,<12"), PACKAGES]
    assert "installing TensorRT-RTX instead" in capsys.readouterr().out
    assert course() == []


def test_container_keeps_its_packages_and_its_image_serves_with_and_without_gpu(course, monkeypatch):
    monkeypatch.setattr(install, "find_python", lambda known: ("/usr/bin/python3.11", [3, 11], CONTAINER))
    monkeypatch.setattr(install, "find_gpu", lambda container: (False, True))
    rest = "cuda-python>=12.6,<14,<13 numpy>=1.24"
    target = f"--target {course.root}/.venv/lib/python3.11/site-packages pip"
    assert course() == ["venv system bare", target, "--upgrade pip", "tensorrt-rtx-cu12>=1.7,<2 " + rest]
    assert (course.root / ".venv/constraints.txt").read_text(encoding="utf-8").split() == ["numpy==1.24.4", "tensorrt==8.6.3"]
    monkeypatch.setattr(install, "find_gpu", lambda container: (True, True))
    assert course() == []


def test_old_cuda_package_of_a_container_does_not_hide_the_new_namespace(course, monkeypatch):
    monkeypatch.setattr(install, "find_python", lambda known: ("/usr/bin/python3.11", [3, 11], CONTAINER))
    course()
    ours, theirs = course.root / ".venv/lib/python3.11/site-packages", course.root / "system"
    for folder, module in [(ours, "bindings"), (theirs, "cudart"), (theirs, "pathfinder")]:
        (folder / "cuda" / module).mkdir(parents=True)
        (folder / "cuda" / module / "__init__.py").touch()
    (theirs / "cuda/__init__.py").touch()
    script = f"import sys; sys.path[:0] = {[str(ours), str(theirs)]}; import cuda.bindings, cuda.pathfinder; print(cuda.__file__)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == f"{ours}/cuda/__init__.py\n"


def test_pip_is_told_of_our_constraints_and_shows_its_errors(tmp_path, monkeypatch, capsys):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\n"
                    'echo "$PIP_CONSTRAINT $PIP_USER"; echo "  Downloading torch-2.3-cp311.whl (755.5 MB)"\n'
                    'echo "  Downloading six-1.0.whl (11 kB)"; echo "ERROR: no space left"; exit 3\n')
    fake.chmod(0o755)
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setenv("PIP_CONSTRAINT", "/etc/pip/constraint.txt")
    with pytest.raises(SystemExit, match=r"\A.venv/constraints.txt 0\n(.*\n)+ERROR: no space left\npip failed"):
        install.pip(str(fake), "torch")
    assert capsys.readouterr().out == "  Downloading torch-2.3-cp311.whl (755.5 MB)\n"
