"""Every TensorRT name that a cell or the helper package uses exists in every version that reaches it.

``tests/api`` lists the public names of four versions, read from the modules themselves by ``tests/api/dump.py``. A cell
reaches the versions that its ``%%requires`` admits; a line that ends in a comment such as ``# trt<10`` only those.
"""
import ast
import json
import re
from pathlib import Path

import nbformat
import pytest
from packaging.specifiers import SpecifierSet

from cookbook import requires
from tests import notebook_rules

API = Path(__file__).parent / "api"
LISTINGS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(API.glob("*.json"))}
# Names that variables of a type bear by convention, so that calls of methods can be checked, too.
CONVENTION = {"network": "INetworkDefinition", "builder": "Builder", "config": "IBuilderConfig", "parser": "OnnxParser",
              "engine": "ICudaEngine", "context": "IExecutionContext", "runtime": "Runtime", "profile": "IOptimizationProfile",
              "inspector": "EngineInspector", "refitter": "Refitter"}
SHORT_TYPES = {"float32": "FLOAT", "float16": "HALF", "bfloat16": "BF16", "int8": "INT8", "int32": "INT32", "int64": "INT64",
               "bool": "BOOL", "uint8": "UINT8", "fp8": "FP8", "int4": "INT4", "fp4": "FP4"}


def api_version(name: str) -> str:
    """TensorRT-RTX has the API of 11."""
    return "11.0" if "rtx" in name else LISTINGS[name]["version"]


def admits(spec: str | None, name: str) -> bool:
    """Whether a version can meet a ``%%requires`` text, or the comment at a line's end."""
    words = requires.parse(spec) if spec else []
    return all({"trt": lambda v: SpecifierSet(v).contains(api_version(name)), "rtx": lambda v: "rtx" in name}
               .get(word, lambda v: True)(version) for word, version in words)


def uses(source: str):
    """(line number, class or function, member or None) for each TensorRT name in a piece of Python."""
    tree = ast.parse(source)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, (ast.Load, ast.Store)):
            continue
        base = node.value
        if isinstance(base, ast.Name) and base.id == "trt" and id(node) not in inner:
            yield node.lineno, node.attr, None
        elif isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name) and base.value.id == "trt":
            yield node.lineno, base.attr, node.attr
        elif isinstance(base, ast.Name) and base.id in CONVENTION:
            yield node.lineno, CONVENTION[base.id], node.attr


def exists(listing: dict, name: str, member: str | None) -> bool:
    if name.startswith("__") or name in listing["functions"]:
        return True
    if name in SHORT_TYPES and member is None:
        return SHORT_TYPES[name] in listing["classes"]["DataType"]
    members = listing["classes"].get(name)
    return members is not None and (member is None or member in members or member.startswith("__")
                                    or member in ("name", "value", "__init__"))


def missing(source: str, spec: str | None = None) -> list[str]:
    """What of the source does not exist in a version that reaches it."""
    found, lines = [], source.splitlines()
    for line, name, member in uses(source):
        comment = re.search(r"#\s*(trt[<>=!]+[\d.]+(?:\s*,\s*trt[<>=!]+[\d.]+)*|rtx)", lines[line - 1])
        for version, listing in LISTINGS.items():
            if admits(spec, version) and admits(comment[1] if comment else None, version) and not exists(listing, name, member):
                found.append(f"line {line}: trt.{name}{'.' + member if member else ''} does not exist in {version}")
    return found


def plain(source: str) -> str:
    """A cell as Python: magic lines become comments, the line numbers stay."""
    return re.sub(r"(?m)^(\s*)(%|!|\?)", r"\1#", source)


@pytest.mark.parametrize("path", sorted((notebook_rules.ROOT / "cookbook").glob("*.py")), ids=lambda path: path.stem)
def test_helper_package_uses_existing_names(path):
    assert missing(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", notebook_rules.paths(), ids=lambda path: path.stem)
def test_notebook_uses_existing_names(path):
    notebook = nbformat.read(path, as_version=4)
    sources = [cell.source for cell in notebook_rules.code_cells(notebook)]
    sources += [source for _, source in notebook_rules.solutions(notebook).values()]
    found = {source.splitlines()[0]: wrong for source in sources if (wrong := missing(plain(source), requires.spec_of(source)))}
    assert found == {}


def test_listings_are_those_of_the_course():
    assert [listing["version"].split(".")[0] for listing in LISTINGS.values()] == ["10", "11", "8", "1"]


@pytest.mark.parametrize("source, spec, count", [
    ("trt.Builder(log)", None, 0),
    ("trt.BuilderFlag.FP16", None, 2),                       # 11 and TensorRT-RTX dropped it
    ("trt.BuilderFlag.FP16", "trt<11", 0),
    ("trt.BuilderFlag.FP16  # trt<11", None, 0),
    ("trt.IProgressMonitor", None, 1),
    ("trt.IProgressMonitor", "gpu, trt>=10", 0),
    ("network.add_fully_connected(x, 1, w)", None, 3),
    ("network.add_fully_connected(x, 1, w)  # trt<10", None, 0),
    ("network.add_matrix_multiply(a, b, c, d)", None, 0),
    ("trt.NoSuchThing", None, 4),
    ("trt.bfloat16", None, 1),
    ("config.max_workspace_size = 1", "trt>=10", 3),
    ("config.set_compute_capability(x, 0)", "rtx", 0),
])
def test_contract_sees_what_a_version_lacks(source, spec, count):
    assert len(missing(source, spec)) == count
