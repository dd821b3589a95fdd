"""The set-up in a folder of its own; pip and venv are never really run."""

import subprocess
import types

import pytest

import install
from tests.installer.fake_course import Course


@pytest.fixture
def course(tmp_path, monkeypatch):
    made = Course(tmp_path)
    process = types.SimpleNamespace(
        run=made.run,
        check_output=lambda *args, **kwargs: "numpy==1.24.4\npytest==8.1.1\ntensorrt==8.6.3\n",
        DEVNULL=subprocess.DEVNULL,
        CalledProcessError=subprocess.CalledProcessError,
    )
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", made.venv)
    monkeypatch.setattr(install, "OLD", tmp_path / "build" / "venv-of-before")
    monkeypatch.setattr(install, "PYTHON", str(made.venv / "bin" / "python"))
    monkeypatch.setattr(install, "subprocess", process)
    monkeypatch.setattr(install, "pip", made.pip)
    monkeypatch.setattr(install, "find_python", lambda known: made.python)
    monkeypatch.setattr(install, "find_gpu", lambda container: made.gpu)
    monkeypatch.delenv("TENSORRT", raising=False)
    monkeypatch.delenv("CUDA_VERSION", raising=False)
    return made
