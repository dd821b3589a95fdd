"""Make `.venv` with what the course needs and the TensorRT that suits the machine: python3 install.py [--python PY]

Safe to repeat: an environment that is right is left alone, one that was interrupted or lost its Python is made anew, and a
changed requirements.txt brings what it newly asks for. TENSORRT=tensorrt or TENSORRT=tensorrt-rtx overrides the choice.
"""
from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")
RTX = "tensorrt-rtx"
PINNED = re.compile("torch|tensorrt|pytorch[-_]triton|triton|numpy", re.I)  # a container's own builds, made for each other
PROBE = "import importlib.util as i, json, sys; print(json.dumps([sys.version_info[:2], [n for n in sys.argv[1:] if i.find_spec(n)]]))"


def choose(has: list[str], gpu: bool, wanted: str = "") -> list[str]:
    """Return the TensorRT packages to try in turn; "" stands for the one among `has`, the modules that the Python brings."""
    if wanted not in ("", "tensorrt", RTX):
        raise SystemExit(f"TENSORRT={wanted} is not known: use tensorrt or {RTX}, or leave it unset.")
    if wanted == RTX or not (wanted or gpu):
        return [RTX]  # the one that builds engines without a GPU
    return [""] if "tensorrt" in has else ["tensorrt", RTX]


def adapt(requirements: str, has: list[str], cuda12: bool, tensorrt: str) -> list[str]:
    """Return the lines of requirements.txt to install, with `tensorrt` (one of choose()'s) in TensorRT-RTX's place."""
    limits = {"cuda-python": ",<13", "torch": ",<2.11"} if cuda12 else {}  # torch 2.11 and later are built for CUDA 13
    lines = []
    for line in filter(None, (text.split("#")[0].strip() for text in requirements.splitlines())):
        name = re.split(r"[^\w.-]", line)[0]
        if name == RTX and tensorrt:
            lines.append((line if tensorrt == RTX else "tensorrt>=11,<12").replace(tensorrt, tensorrt + "-cu12" * cuda12))
        elif name == "cuda-toolkit" and (cuda12 or "tensorrt" in has):
            continue  # a container has its own; Python packages of CUDA 12 have no nvcc
        elif name != RTX and (name != "torch" or not {"tensorrt", "torch"} <= set(has)):
            lines.append(line + limits.get(name, ""))
    return lines


def find_gpu(container: str) -> tuple[bool, bool]:
    """Return whether a GPU is usable, and whether the driver or the container (it states its CUDA version) is for CUDA 12."""
    count, version = ctypes.c_int(), ctypes.c_int()
    with contextlib.suppress(OSError):  # no driver
        cuda = ctypes.CDLL("libcuda.so.1")
        _ = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)) or cuda.cuDriverGetVersion(ctypes.byref(version))
    return count.value > 0, container.startswith("12.") or count.value > 0 and version.value < 13000


def find_python(known: str | None) -> tuple[str, list[int], list[str]]:
    """Return path, version and notable modules of the first suitable Python: the known one, this one, one on the PATH."""
    for name in (known, getattr(sys, "_base_executable", sys.executable), "python3.12", "python3.11", "python3.10"):
        command = [shutil.which(name or ""), "-c", PROBE, "tensorrt", "torch", "ensurepip", "pip"]
        probe = subprocess.run(command, capture_output=True, text=True, cwd="/") if command[0] else None
        version, has = json.loads(probe.stdout) if probe and probe.returncode == 0 else ([0, 0], [])
        if [3, 10] <= version <= [3, 13] and {"ensurepip", "pip"} & set(has):
            return command[0], version, has
    raise SystemExit(f"Found no Python 3.10, 3.11 or 3.12 that can make environments; this one is {sys.version.split()[0]}.\nInstall one "
                     "(Debian, Ubuntu: apt install python3 python3-venv), or name one: make setup PYTHON=/path/to/python3.12")


def pip(python: str, *arguments: str) -> None:
    """Run `pip install` and print its large downloads as they come; exit with its last lines when it fails."""
    # Takes the place of the containers' own PIP_CONSTRAINT, which pins everything; relative, because pip splits it at blanks.
    settings = {**os.environ, "PIP_CONSTRAINT": ".venv/constraints.txt", "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}
    command = [python, "-m", "pip", "--no-input", "--disable-pip-version-check", "install", *arguments]
    output = []
    with subprocess.Popen(command, env=settings, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout:
            output += [line] * (not line.startswith("Requirement already"))
            if re.search(r"^Installing collected|(Downloading|Using cached) .*\((\d{3,}(\.\d+)? M|[\d.]+ G)B", line):
                print(line.rstrip()[:120])
    if process.returncode:
        raise SystemExit("".join(output[-20:]) + "pip failed, see above. The same command tries again; finished downloads are kept.")


def create(base: str, version: list[int], has: list[str]) -> None:
    """Make an empty .venv; where the Python brings TensorRT, one that sees the Python's packages and keeps the PINNED ones."""
    name, brings = "python{}.{}".format(*version), "tensorrt" in has
    site = VENV / "lib" / name / "site-packages"
    print(f"Making .venv{' anew' * VENV.exists()} with {base} ({name}{', newer than the course was tested with' * (version > [3, 12])}).")
    options = ["--clear"] + ["--system-site-packages"] * brings + ["--without-pip"] * ("ensurepip" not in has)
    subprocess.run([base, "-m", "venv", *options, VENV], check=True)
    listed = subprocess.check_output([PYTHON, "-m", "pip", "list", "--format=freeze"], text=True) if brings else ""
    (VENV / "constraints.txt").write_text("\n".join(filter(PINNED.match, listed.splitlines())))
    if brings:  # an old cuda-python there is a package `cuda`, which would hide the new one's namespace unless this is one too
        (site / "cuda").mkdir()
        (site / "cuda" / "__init__.py").write_text("__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n")
    if "ensurepip" not in has:
        pip(base, "--target", str(site), "pip")
    pip(PYTHON, "--upgrade", "pip")
    # The same as `pip install -e .`, with no build tool to fetch and no egg-info folder left in the repository.
    (site / "tensorrt-course.pth").write_text(f"{ROOT}\n")


def main(python: str) -> None:
    """Bring .venv to what requirements.txt and the machine ask for, unless `python` is another environment's."""
    if os.path.abspath(python) != PYTHON:
        return print(f"Using {python} as it is.")
    stamp, requirements = VENV / "course.json", (ROOT / "requirements.txt").read_text()
    before = json.loads(stamp.read_text()) if stamp.exists() and os.path.exists(PYTHON) else {"place": [None], "done": []}
    base, version, has = find_python(before["place"][0])
    gpu, cuda12 = find_gpu(os.environ.get("CUDA_VERSION", "") if "tensorrt" in has else "")
    lists = [adapt(requirements, has, cuda12, name) for name in choose(has, gpu, os.environ.get("TENSORRT", ""))]
    place = [base, version, "tensorrt" in has, str(ROOT)]
    done = [hashlib.sha256(Path(__file__).read_bytes()).hexdigest(), *lists[0]]
    if before["place"] == place and set(done) <= set(before["done"]):
        return
    if before["place"] != place:
        create(base, version, has)
    stamp.unlink(missing_ok=True)
    print("Installing packages. The first time this downloads", "1 GB" if "tensorrt" in has else "3 GB", "and takes some minutes.")
    for lines in lists:
        with contextlib.suppress(() if lines is lists[-1] else SystemExit):
            pip(PYTHON, *lines)
            break
        print("pip could not get tensorrt, whose libraries come from NVIDIA's own index: installing TensorRT-RTX instead.\n"
              "(`make clean setup` tries again.)")
    subprocess.run([PYTHON, "-m", "ipykernel", "install", "--sys-prefix"], check=True, stdout=subprocess.DEVNULL)
    stamp.write_text(json.dumps({"place": place, "done": [*done, *lines]}))
    print("Ready: .venv")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    main(sys.argv[2] if sys.argv[1:2] == ["--python"] else PYTHON)
