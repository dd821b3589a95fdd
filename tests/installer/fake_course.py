"""A course whose set-up notes what it would ask of pip and venv, and does it to an empty folder."""

import json
import shutil
import subprocess
import types

import install
from installer.machine import Gpu, Interpreter
from installer.packages import PipError

REQUIREMENTS = """\
tensorrt-rtx>=1.7,<2
torch>=2.3   # the reference
cuda-python>=12.6,<14
numpy>=1.24
"""
PACKAGES = "tensorrt-rtx>=1.7,<2 torch>=2.3 cuda-python>=12.6,<14 numpy>=1.24"
ANEW = ["venv", "--upgrade pip", PACKAGES, "kernel"]
PLAIN = Interpreter("/usr/bin/python3.11", [3, 11], ["ensurepip", "pip"])
CONTAINER = Interpreter("/usr/bin/python3.11", [3, 11], ["tensorrt", "torch", "pip"])


class Course:
    """A repository with nothing but requirements.txt. calls: what pip and venv were asked for."""

    def __init__(self, root):
        self.root = root
        self.venv = root / ".venv"
        self.calls = []
        self.failing = []  # starts of arguments that pip cannot do
        self.lost = []  # packages that are not there any more
        self.python = PLAIN
        self.gpu = Gpu(False, False)
        self.require(REQUIREMENTS)

    def require(self, text):
        (self.root / "requirements.txt").write_text(text)

    def run(self, command, **options):
        """In place of subprocess.run: making an environment, a kernel, and looking at packages."""
        if "venv" in command:
            self._make_environment(command)
        elif "ipykernel" in command:
            self.calls.append("kernel")
        else:
            missing = set(self.lost) & set(command)
            return types.SimpleNamespace(returncode=len(missing))
        return None

    def _make_environment(self, command):
        shutil.rmtree(self.venv, ignore_errors=True)
        (self.venv / "bin").mkdir(parents=True)
        (self.venv / "bin" / "python").touch()
        (self.venv / "lib" / self.python.name / "site-packages").mkdir(parents=True)
        words = ["venv"]
        if "--system-site-packages" in command:
            words.append("system")
        if "--without-pip" in command:
            words.append("bare")
        self.calls.append(" ".join(words))
        if "venv" in self.failing:
            raise subprocess.CalledProcessError(1, "venv")

    def pip(self, python, *arguments, root):
        assert root == self.root
        self.calls.append(" ".join(arguments))
        if any(argument.startswith(tuple(self.failing)) for argument in arguments):
            raise PipError("pip failed")

    def set_up(self):
        """Run it; returns what was called."""
        self.calls.clear()
        install.main(str(self.venv / "bin" / "python"))
        return list(self.calls)

    @property
    def stamp(self):
        return json.loads((self.venv / "course.json").read_text())
