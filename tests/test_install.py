"""install.py as a file: it runs from anywhere, and an old Python can read it."""

import ast
import re
import runpy
import shutil
import subprocess
import sys
import types

import pytest

import install
from cookbook.paths import ROOT


def test_script_runs_in_its_own_folder_although_modules_there_have_standard_names():
    command = [sys.executable, install.__file__, "--python", "/usr/bin/another"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "cookbook")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Using /usr/bin/another as it is.\n"


def test_old_python_can_read_it_and_is_refused_in_one_sentence():
    source = (ROOT / "install.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 6))
    imported = []
    for statement in tree.body:
        if isinstance(statement, ast.If):
            guard = statement
            break
        if isinstance(statement, ast.Import):
            imported += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            imported.append(statement.module)
    assert ast.unparse(guard.test) == "sys.version_info < (3, 10)"
    assert not {"__future__", "installer.machine", "cookbook"} & set(imported)
    old = types.SimpleNamespace(version_info=(3, 8, 18), exit=sys.exit)
    with pytest.raises(SystemExit) as caught:
        exec(compile(ast.Module([guard], []), "install.py", "exec"), {"sys": old})
    message = str(caught.value)
    assert message.startswith("The course needs Python 3.10 or newer, and this one is 3.8: ")
    assert "make setup PYTHON=" in message
    assert "\n" not in message
    package = (ROOT / "cookbook/__init__.py").read_text(encoding="utf-8")
    assert ast.unparse(guard) in ast.unparse(ast.parse(package, feature_version=(3, 6)))


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_refused_with_where_to_read_on(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(SystemExit, match="on Windows use WSL, on a Mac a Linux machine") as caught:
        runpy.run_path(install.__file__)
    section = re.search("under `(.*?)`", str(caught.value))[1]
    assert f"\n## {section}\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_digest_sees_a_change_in_any_file_of_the_program(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "installer", tmp_path / "installer")
    shutil.copy(ROOT / "install.py", tmp_path)
    monkeypatch.setattr(install, "__file__", str(tmp_path / "install.py"))
    seen = {install.digest()}
    for name in ("install.py", "installer/machine.py", "installer/packages.py"):
        with open(tmp_path / name, "a") as file:
            file.write("# changed\n")
        seen.add(install.digest())
    assert len(seen) == 4
