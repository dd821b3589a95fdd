"""Make `.venv` with what the course needs and the TensorRT that suits the machine.

    python3 install.py [--python PY]

Safe to repeat: an environment that is right is left alone, one that was interrupted or lost its
Python is made anew, and a changed requirements.txt brings what it newly asks for. Where that fails,
the environment of before stays in use. TENSORRT=tensorrt or TENSORRT=tensorrt-rtx overrides the
choice, and is remembered; TENSORRT=auto forgets it.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# This file, unlike those of installer/, is one that an older Python can read.
if sys.version_info < (3, 10):
    sys.exit(
        "The course needs Python 3.10 or newer, and this one is {}.{}: install one (Debian, "
        "Ubuntu: apt install python3 python3-venv), or name one that is here, as in "
        "`make setup PYTHON=python3.12`.".format(sys.version_info[0], sys.version_info[1])
    )
if sys.platform != "linux":
    sys.exit(
        "The course runs on Linux, because TensorRT does: on Windows use WSL, on a Mac a Linux "
        "machine through ssh. README.md, under `Where it runs`, says how."
    )

from installer.machine import Interpreter, find_gpu, find_python, little_room
from installer.packages import PINNED, PipError, adapt, choose, name_of, pip

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
OLD = ROOT / "build" / "venv-of-before"
PYTHON = str(VENV / "bin" / "python")
TRIED = (3, 12)  # the newest Python that the course was run with
# An old cuda-python of a container is a package `cuda`, which would hide the new one's namespace
# unless .venv has one, too: this one, whose parts are looked for in all folders of sys.path each
# time, because cuda-bindings 12.9 imports it (by a .pth) before all of them are there.
CUDA = """\
import pkgutil


class Everywhere(list):
    def __iter__(self):
        return iter(pkgutil.extend_path(self[:], __name__))


__path__ = Everywhere(__path__)
"""
CHECK = "import importlib.metadata, sys; [importlib.metadata.version(n) for n in sys.argv[1:]]"


class Stamp(NamedTuple):
    """What an environment was made for.

    place: Python, its version, whether it brings TensorRT, the course's folder. done: digest of
    this program, then the requirements that were installed. wanted: what TENSORRT asked for.
    """

    place: list
    done: list[str]
    wanted: str


NOTHING = Stamp([None], [], "")


def read_stamp() -> Stamp:
    """What the environment that is there was made for; NOTHING where none can be used."""
    file = VENV / "course.json"
    if OLD.exists() and not file.exists():  # making it anew was interrupted
        shutil.rmtree(VENV, ignore_errors=True)
        OLD.rename(VENV)
    if not file.exists() or not os.path.exists(PYTHON):
        return NOTHING
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return Stamp(stored["place"], stored["done"], stored.get("wanted", ""))
    except (ValueError, KeyError):  # damaged
        return NOTHING


def write_stamp(stamp: Stamp) -> None:
    """Note what the environment was made for: from now on it is right."""
    new = VENV / "course.json.new"  # a full disk must not cost the old one
    new.write_text(json.dumps(stamp._asdict()), encoding="utf-8")
    new.replace(VENV / "course.json")


def digest() -> str:
    """Of this program: another one may install other things."""
    files = [Path(__file__), *sorted(Path(__file__).parent.glob("installer/*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def create(base: Interpreter) -> None:
    """Make an empty .venv; in a container, one that sees its packages and keeps the PINNED ones."""
    again = " anew" if VENV.exists() or OLD.exists() else ""
    untried = ", newer than the course was run with" if tuple(base.version) > TRIED else ""
    print(f"Making .venv{again} with {base.path} ({base.name}{untried}).")
    site = VENV / "lib" / base.name / "site-packages"
    options = ["--clear"]
    if base.brings_tensorrt:
        options.append("--system-site-packages")
    if "ensurepip" not in base.has:
        options.append("--without-pip")
    subprocess.run([base.path, "-m", "venv", *options, str(VENV)], check=True)
    pinned = []
    if base.brings_tensorrt:
        command = [PYTHON, "-m", "pip", "list", "--format=freeze"]
        listed = subprocess.check_output(command, text=True)
        pinned = [line for line in listed.splitlines() if PINNED.match(line)]
        (site / "cuda").mkdir()
        (site / "cuda" / "__init__.py").write_text(CUDA)
    (VENV / "constraints.txt").write_text("\n".join(pinned))
    if "ensurepip" not in base.has:
        pip(base.path, "--target", str(site), "pip", root=ROOT)
    pip(PYTHON, "--upgrade", "pip", root=ROOT)
    # As `pip install -e .` does it, with no build tool to fetch and no egg-info folder left here.
    (site / "tensorrt-course.pth").write_text(f"{ROOT}\n")


def fill(base: Interpreter, lists: list[list[str]]) -> list[str]:
    """Install the first of these lists of requirements that can be had, and return it."""
    size = "1 GB" if base.brings_tensorrt else "3.5 GB"
    print(f"Installing packages. The first time this downloads {size} and takes some minutes.")
    for lines in lists:
        try:
            pip(PYTHON, *lines, root=ROOT)
        except PipError:
            if lines is lists[-1]:
                raise
        else:
            break
        print(
            "pip could not get tensorrt, whose libraries come from NVIDIA's own index: "
            "installing TensorRT-RTX instead.\n(`make clean setup` tries again.)"
        )
    kernel = [PYTHON, "-m", "ipykernel", "install", "--sys-prefix"]
    subprocess.run(kernel, check=True, stdout=subprocess.DEVNULL)
    return lines


@contextlib.contextmanager
def kept_aside(before: Stamp) -> Iterator[None]:
    """While .venv is made anew: the one of before, if it can be used, comes back upon an error."""
    shutil.rmtree(OLD, ignore_errors=True)
    if before != NOTHING:
        OLD.parent.mkdir(exist_ok=True)
        VENV.rename(OLD)
    try:
        yield
    except BaseException:
        if OLD.exists():
            shutil.rmtree(VENV, ignore_errors=True)
            OLD.rename(VENV)
        raise


def is_whole(stamp: Stamp) -> bool:
    """Whether the packages that were installed are all there."""
    names = [name_of(line) for line in stamp.done[1:]]
    checked = subprocess.run([PYTHON, "-c", CHECK, *names], stderr=subprocess.DEVNULL)
    return checked.returncode == 0


def main(python: str) -> None:
    """Bring .venv to what requirements.txt and the machine ask for, unless it is another's."""
    if os.path.abspath(python) != PYTHON:
        print(f"Using {python} as it is.")
        return
    before = read_stamp()
    base = find_python(before.place[0])
    gpu = find_gpu(os.environ.get("CUDA_VERSION", "") if base.brings_tensorrt else "")
    wanted = os.environ.get("TENSORRT") or before.wanted
    if wanted == "auto":
        wanted = ""
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    products = choose(base.has, gpu.usable, wanted)
    lists = [adapt(requirements, base.has, gpu.cuda12, product) for product in products]
    place = [base.path, base.version, base.brings_tensorrt, str(ROOT)]
    is_here = before.place == place
    if is_here and {digest(), *lists[0]} <= set(before.done):
        if wanted != before.wanted:
            write_stamp(before._replace(wanted=wanted))
        return
    try:
        if is_here:
            lines = fill(base, lists)
        else:
            with kept_aside(before):
                create(base)
                lines = fill(base, lists)
        write_stamp(Stamp(place, [digest(), *lists[0], *lines], wanted))
    except (PipError, subprocess.CalledProcessError, OSError) as error:
        text = str(error) + little_room(str(ROOT), tempfile.gettempdir())
        if before == NOTHING or not is_whole(before):
            raise SystemExit(text) from None
        print(f"{text}\n.venv stays in use as it was, without what is new in requirements.txt.")
        return
    shutil.rmtree(OLD, ignore_errors=True)
    print("Ready: .venv")


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    main(sys.argv[2] if sys.argv[1:2] == ["--python"] else PYTHON)
