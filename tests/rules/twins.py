"""No function stands in two notebooks: the first one that teaches it writes it out, later ones
import it."""

import ast
import copy
import difflib
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from .reading import as_python, pieces

SIMILAR = 0.6  # of two functions of one name: the same, changed a little

AnyDefinition = ast.FunctionDef | ast.ClassDef


class Definition(NamedTuple):
    """A function or class that a notebook defines. text: the code with neutral names."""

    notebook: str
    name: str
    text: str


def definitions(path: Path, notebook: Any) -> list[Definition]:
    """What a notebook defines in its cells and solutions, not what is inside of functions."""
    found = []
    for piece in pieces(notebook):
        for node in _outermost(ast.parse(as_python(piece.source)).body):
            found.append(Definition(path.stem, node.name, neutral(node)))
    return found


def _outermost(statements: Iterable[ast.stmt]) -> Iterator[AnyDefinition]:
    """Functions and classes of a cell, also those under ``if``, ``with`` and ``try``."""
    for statement in statements:
        if isinstance(statement, AnyDefinition):
            yield statement
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from _outermost(getattr(statement, part, []))


def neutral(definition: AnyDefinition) -> str:
    """Its code without its name, docstrings and types, and with numbers for its own variables."""
    tree = copy.deepcopy(definition)
    tree.name = "it"
    own = {definition.name}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            own.add(node.arg)
            node.annotation = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, AnyDefinition) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    _Renaming(own).visit(tree)
    return ast.unparse(tree)


class _Renaming(ast.NodeVisitor):
    """Gives variables numbers, in the order in which they are met."""

    def __init__(self, own: set[str]):
        self.own = own
        self.numbers: dict[str, str] = {}

    def _number(self, name: str) -> str:
        return self.numbers.setdefault(name, f"v{len(self.numbers)}")

    def visit_Name(self, node: ast.Name) -> None:  # noqa: N802 (ast's own spelling)
        if node.id in self.own:
            node.id = self._number(node.id)

    def visit_arg(self, node: ast.arg) -> None:
        node.arg = self._number(node.arg)


def twins(found: Iterable[Definition]) -> dict[str, set[str]]:
    """{name of a function: the notebooks that define it, or one hardly different, more than
    once}."""
    doubled: dict[str, set[str]] = {}
    for one, other in itertools.combinations(found, 2):
        if one.notebook != other.notebook and _are_alike(one, other):
            doubled.setdefault(one.name, set()).update({one.notebook, other.notebook})
    return doubled


def _are_alike(one: Definition, other: Definition) -> bool:
    if one.text == other.text:
        return True
    if one.name != other.name:
        return False
    return difflib.SequenceMatcher(None, one.text, other.text).ratio() >= SIMILAR
