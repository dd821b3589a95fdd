"""Layout, faults and types: what `make format` mends, and what it cannot. No test here runs
code."""

import ast
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from cookbook.paths import ROOT
from tests import notebook_format, still_allowed
from tests.rules.reading import TEMPLATE, course

SOURCES = [ROOT / "install.py", ROOT / "setup.py", ROOT / "conftest.py"]
for name in ("cookbook", "installer", "notebooks", "plugins", "results", "tests"):
    SOURCES += sorted((ROOT / name).rglob("*.py"))
PLUGINS = [path for path in (ROOT / "plugins").rglob("*") if path.suffix in {".cu", ".h", ".cpp"}]
NOTEBOOKS = [*course(), TEMPLATE]
LINES_MOST = 320  # of a file
FUNCTION_MOST = 45  # lines of a function
NODES_MOST = 9  # of the syntax tree, for a line of code, on average over the package


def needs(package):
    """Skip where the set-up did not make the environment, so that tools may be missing."""
    if sys.prefix != str(ROOT / ".venv") and find_spec(package) is None:
        pytest.skip(f"this environment was not made by the set-up and has no {package}")


def run(*command):
    """A tool's words and exit code, at the top of the repository."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


def test_python_has_the_layout_of_ruff():
    needs("ruff")
    code, words = run(sys.executable, "-m", "ruff", "format", "--check", ".")
    assert code == 0, f"{words}\nrun `make format`"


def test_python_has_no_faults_that_ruff_sees():
    needs("ruff")
    code, words = run(sys.executable, "-m", "ruff", "check", "--output-format", "concise", ".")
    assert code == 0, words


def test_types_fit():
    needs("mypy")
    code, words = run(sys.executable, "-m", "mypy")
    assert code == 0, words


def test_plugins_have_their_layout():
    needs("clang_format")
    tool = shutil.which("clang-format", path=str(Path(sys.executable).parent))
    names = [path.relative_to(ROOT).as_posix() for path in PLUGINS]
    code, words = run(tool, "--dry-run", "--Werror", *names)
    assert code == 0, f"{words}\nrun `make format`"


def test_notebooks_have_the_layout_of_ruff():
    needs("ruff")
    names = []
    for path, changes in notebook_format.changes(NOTEBOOKS).items():
        names += [f"{path.name}: {change.piece}" for change in changes]
    assert names == []


def test_notebooks_have_no_faults_but_those_still_allowed():
    needs("ruff")
    found = notebook_format.faults(NOTEBOOKS)
    counts = {path.stem: notebook_format.counts(faults) for path, faults in found.items()}
    assert counts == still_allowed.LINT, "mend them; the list may only shrink"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_file_is_short_enough_to_be_read(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= LINES_MOST
    tree = ast.parse(source)
    long = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_MOST:
                long.append(f"{node.name}: {length} lines")
    assert long == []


def code_lines(source, tree):
    """How many lines hold code: no blank lines, comments or docstrings."""
    text = set()
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text and isinstance(node.value.value, str):
            text.update(range(node.lineno, node.end_lineno + 1))
    count = 0
    for number, line in enumerate(source.splitlines(), start=1):
        if number not in text and line.strip() and not line.strip().startswith("#"):
            count += 1
    return count


def test_package_says_one_thing_a_line():
    nodes = 0
    lines = 0
    for path in sorted((ROOT / "cookbook").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        nodes += sum(1 for _ in ast.walk(tree))
        lines += code_lines(source, tree)
    assert nodes / lines <= NODES_MOST


def test_modules_keep_their_private_names():
    foreign = []
    for path in sorted((ROOT / "cookbook").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.level or node.module == "cookbook"):
                private = [alias.name for alias in node.names if alias.name.startswith("_")]
                foreign += [f"{path.name} imports {name}" for name in private]
    assert foreign == []


def test_pre_commit_needs_no_network_and_knows_all_tools():
    settings = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in settings["repos"]] == ["local"]
    hooks = settings["repos"][0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    commands = [hook["entry"].split() for hook in hooks]
    modules = [command[2] for command in commands if command[1] == "-m"]
    assert modules == ["ruff", "ruff", "mypy", "tests.notebook_format", "tests.notebook_rules"]
    assert all(command[0].startswith(".venv/bin/") for command in commands)
