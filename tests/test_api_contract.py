"""Every TensorRT name that a cell or the helper package uses exists in every version that reaches
it.

``tests/api`` lists the public names of five versions, read from the modules themselves by
``tests/api/dump.py``. A cell reaches the versions that its ``%%requires`` admits; a line that ends
in a comment such as ``# trt<10`` only those."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

from cookbook import requires
from cookbook.paths import ROOT
from tests.rules.reading import course, pieces

API = Path(__file__).parent / "api"
RTX = "tensorrt_rtx-1.7.1.116"
# Names that variables of a type bear by convention, so that calls of methods can be checked, too.
CONVENTION = {
    "network": "INetworkDefinition",
    "builder": "Builder",
    "config": "IBuilderConfig",
    "parser": "OnnxParser",
    "engine": "ICudaEngine",
    "context": "IExecutionContext",
    "runtime": "Runtime",
    "profile": "IOptimizationProfile",
    "inspector": "EngineInspector",
    "refitter": "Refitter",
}
# trt.float32 is short for trt.DataType.FLOAT.
SHORT_TYPES = {
    "float32": "FLOAT",
    "float16": "HALF",
    "bfloat16": "BF16",
    "int8": "INT8",
    "int32": "INT32",
    "int64": "INT64",
    "bool": "BOOL",
    "uint8": "UINT8",
    "fp8": "FP8",
    "int4": "INT4",
    "fp4": "FP4",
}
OF_EVERY_CLASS = {"name", "value", "__init__"}
COMPARISON = r"trt[<>=!]+[\d.]+"
ONLY_FOR = re.compile(rf"#\s*({COMPARISON}(?:\s*,\s*{COMPARISON})*|rtx)")


class Use(NamedTuple):
    """A TensorRT name in code. member: of the class, or None."""

    line: int
    name: str
    member: str | None

    def __str__(self) -> str:
        if self.member is None:
            return f"trt.{self.name}"
        return f"trt.{self.name}.{self.member}"


class Listing:
    """The public names of one version. api: its version, TensorRT-RTX's being that of 11."""

    def __init__(self, path: Path):
        stored = json.loads(path.read_text(encoding="utf-8"))
        self.name = path.stem
        self.is_rtx = path.stem == RTX
        self.functions: list[str] = stored["functions"]
        self.classes: dict[str, dict[str, str]] = stored["classes"]
        self.api = tuple(int(part) for part in stored["version"].split("."))
        if self.is_rtx:
            self.api = (11, 0)

    def has(self, use: Use) -> bool:
        """Whether the version offers a name."""
        if use.name.startswith("__") or use.name in self.functions:
            return True
        if use.name in SHORT_TYPES and use.member is None:
            return SHORT_TYPES[use.name] in self.classes["DataType"]
        members = self.classes.get(use.name)
        if members is None:
            return False
        if use.member is None or use.member in members or use.member in OF_EVERY_CLASS:
            return True
        return use.member.startswith("__")

    def meets(self, spec: str) -> bool:
        """Whether the version can meet a ``%%requires`` text, or the comment at a line's end."""
        return all(self._meets_word(word) for word in requires.parse(spec))

    def _meets_word(self, word: requires.Word) -> bool:
        if word.name == "trt":
            return requires.meets(self.api, word.version)
        if word.name == "rtx":
            return self.is_rtx
        return True


LISTINGS = [Listing(path) for path in sorted(API.glob("*.json"))]


def uses(source: str) -> Iterator[Use]:
    """The TensorRT names in a piece of Python; of trt.NAME.member only the longer one."""
    attributes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    continued = {id(node.value) for node in attributes}
    for node in attributes:
        base = ast.unparse(node.value)
        if base == "trt" and id(node) not in continued:
            yield Use(node.lineno, node.attr, None)
        elif base in CONVENTION:
            yield Use(node.lineno, CONVENTION[base], node.attr)
        elif re.fullmatch(r"trt\.\w+", base):
            yield Use(node.lineno, base.removeprefix("trt."), node.attr)


def missing(source: str, spec: str | None = None) -> list[str]:
    """What of the source does not exist in a version that reaches it."""
    lines = source.splitlines()
    reaching = [one for one in LISTINGS if spec is None or one.meets(spec)]
    found = []
    for use in uses(source):
        comment = ONLY_FOR.search(lines[use.line - 1])
        for listing in reaching:
            if comment and not listing.meets(comment[1]):
                continue
            if not listing.has(use):
                found.append(f"line {use.line}: {use} does not exist in {listing.name}")
    return found


def plain(source: str) -> str:
    """A cell as Python: magic lines become comments, the line numbers stay."""
    return re.sub(r"(?m)^(\s*)(%|!|\?)", r"\1#", source)


def modules() -> list[Path]:
    """The files of the helper package."""
    return sorted((ROOT / "cookbook").rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_helper_package_uses_existing_names(path):
    assert missing(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", course(), ids=lambda path: path.stem)
def test_notebook_uses_existing_names(path):
    found = []
    for piece in pieces(nbformat.read(path, as_version=4)):
        spec = requires.spec_of(piece.source)
        found += [f"{piece}: {fault}" for fault in missing(plain(piece.source), spec)]
    assert found == []


def test_listings_are_those_of_the_course():
    assert [listing.name for listing in LISTINGS] == [
        "tensorrt-10.16.1.11",
        "tensorrt-10.6.0",
        "tensorrt-11.4.0.106",
        "tensorrt-8.6.1",
        "tensorrt_rtx-1.7.1.116",
    ]
    assert [listing.api[:2] for listing in LISTINGS] == [
        (10, 16),
        (10, 6),
        (11, 4),
        (8, 6),
        (11, 0),
    ]


@pytest.mark.parametrize(
    ("spec", "versions"),
    [
        ("gpu, nvcc", ["10.16.1.11", "10.6.0", "11.4.0.106", "8.6.1", "1.7.1.116"]),
        ("rtx", ["1.7.1.116"]),
        ("trt<10", ["8.6.1"]),
        ("trt>=8.6.1", ["10.16.1.11", "10.6.0", "11.4.0.106", "8.6.1", "1.7.1.116"]),
        ("trt>8.6.1, trt<11", ["10.16.1.11", "10.6.0"]),
        ("trt==10", ["10.16.1.11", "10.6.0"]),
        ("trt==10.6", ["10.6.0"]),
        ("trt>10.6", ["10.16.1.11", "11.4.0.106", "1.7.1.116"]),
        ("trt>=11", ["11.4.0.106", "1.7.1.116"]),
        ("trt>=11.4", ["11.4.0.106"]),
    ],
)
def test_versions_that_meet_a_requirement(spec, versions):
    met = [listing.name.partition("-")[2] for listing in LISTINGS if listing.meets(spec)]
    assert met == versions


@pytest.mark.parametrize(
    ("source", "spec", "count"),
    [
        ("trt.Builder(log)", None, 0),
        ("trt.Builder(log).no_such_thing", None, 0),
        ("trt.BuilderFlag.FP16", None, 2),  # 11 and TensorRT-RTX dropped it
        ("trt.BuilderFlag.FP16", "trt<11", 0),
        ("trt.BuilderFlag.FP16  # trt<11", None, 0),
        ("x = 1  # trt<11\ntrt.BuilderFlag.FP16", None, 2),
        ("trt.BuilderFlag.FP16  # trt>=8.6, trt<11", None, 0),
        ("trt.BuilderFlag.FP16.name", None, 2),
        ("trt.DataType.FLOAT.name", None, 0),
        ("trt.IProgressMonitor", None, 1),
        ("trt.IProgressMonitor", "gpu, trt>=10", 0),
        ("trt.__version__", None, 0),
        ("trt.Builder.__class__", None, 0),
        ("trt.volume((1, 2))", None, 0),
        ("network.add_fully_connected(x, 1, w)", None, 4),
        ("network.add_fully_connected(x, 1, w)  # trt<10", None, 0),
        ("network.add_matrix_multiply(a, b, c, d)", None, 0),
        ("network.add_matrix_multiply = 1", None, 0),
        ("trt.NoSuchThing", None, 5),
        ("trt.NoSuchThing.member", None, 5),
        ("other.NoSuchThing", None, 0),
        ("trt.bfloat16", None, 1),
        ("trt.float32", None, 0),
        ("config.max_workspace_size = 1", "trt>=10", 4),
        ("config.set_compute_capability(x, 0)", "rtx", 0),
    ],
)
def test_contract_sees_what_a_version_lacks(source, spec, count):
    assert len(missing(source, spec)) == count


def test_what_is_missing_is_named():
    assert missing("x = 1\ntrt.BuilderFlag.FP16", "trt>=11.4") == [
        "line 2: trt.BuilderFlag.FP16 does not exist in tensorrt-11.4.0.106"
    ]


def test_magics_are_comments_to_the_contract():
    assert plain("%%requires gpu\nx = 1\n  !ls\na % b") == "#%requires gpu\nx = 1\n  #ls\na % b"
