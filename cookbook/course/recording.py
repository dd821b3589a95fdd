"""Recorded outputs of the shipped notebooks: whose they are, and which of two is kept.

A cell keeps what the first of these environments that could run it printed: 8.6, 10, 11, rtx, cpu.
So recordings can be made in any order. The cell's metadata names its environment and a digest of
code and outputs, so that a change by hand is seen.
"""

import ast
import hashlib
import inspect
import json
import re
from typing import Any, TypeGuard

from ..requires import spec_of

ENVIRONMENTS = ("8.6", "10", "11", "rtx", "cpu")  # the first that ran a cell has its outputs shown
# Fields of syntax nodes that say nothing about what the code does, or that not every Python has.
_IGNORED_FIELDS = {"ctx", "kind", "type_comment", "type_ignores", "type_params"}


def digest(source: str, outputs: list | None = None) -> str:
    """Ten hexadecimal digits that name a cell by its code, or by its code and outputs.

    They come from the syntax tree, the same in every Python: layout and comments do not count.
    """
    text = _code_text(source)
    if outputs is not None:
        text += json.dumps([_kept(output) for output in outputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _kept(output: dict) -> dict:
    """An output without its execution count and metadata, which differ from run to run."""
    return {
        key: value for key, value in output.items() if key not in ("execution_count", "metadata")
    }


def _code_text(source: str) -> str:
    """A cell's ``%%requires`` text and its syntax tree; the plain text where it is no Python."""
    spec = spec_of(source)
    body = source.strip()
    head = ""
    if spec is not None:
        head = ",".join("".join(part.split()) for part in spec.split(","))
        body = body.partition("\n")[2]
    # Line magics and shell lines become strings, so that the rest is Python.
    python = re.sub(r"(?m)^(\s*)([%!].*)$", lambda match: f"{match[1]}{match[2]!r}", body)
    try:
        tree = ast.parse(python)
    except SyntaxError:
        return f"{head}\n{body.strip()}"
    return f"{head}\n{_tree_text(tree)}"


def _tree_text(node: Any) -> str:
    """A syntax tree as text: types and what they hold, without positions and empty fields."""
    if isinstance(node, list):
        return "[" + ",".join(_tree_text(item) for item in node) + "]"
    if isinstance(node, ast.Expr) and _is_text(node.value):
        return "text:" + inspect.cleandoc(str(node.value.value))  # a docstring may be indented anew
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.JoinedStr):  # Python 3.12 leaves empty strings in some of them
        node.values = [part for part in node.values if not (_is_text(part) and part.value == "")]
    parts = []
    for name, value in ast.iter_fields(node):
        if name in _IGNORED_FIELDS or value is None or value == []:
            continue
        parts.append(f"{name}={_tree_text(value)}")
    return f"{type(node).__name__}({','.join(parts)})"


def _is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_skipped(outputs: list) -> str | None:
    """The reason, if these are the outputs of a cell that did not run; else None."""
    if not outputs:
        return None
    note = outputs[0].get("metadata", {}).get("cookbook", {})
    return note.get("skipped")


def code_cells(notebook: Any) -> list:
    """The notebook's code cells that hold anything."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def is_intact(cell: Any) -> bool:
    """Whether the cell's outputs are those that were recorded for its code."""
    note = cell.metadata.get("cookbook", {})
    return note.get("digest") == digest(cell.source, cell.outputs)


def merge(shipped: Any, executed: Any, stamp: dict[str, str]) -> None:
    """Put outputs of an executed notebook into the shipped one, cell by cell, and stamp it.

    Args: ``shipped``, ``executed`` – notebooks with the same cells; ``stamp`` – ``backend.stamp()``
        of the machine that executed it.
    """
    here = stamp["environment"]
    for old, new in zip(shipped.cells, executed.cells, strict=True):
        if old.cell_type == "code":
            _merge_cell(old, new, here)
    used = set()
    for cell in shipped.cells:
        if "cookbook" in cell.metadata:
            used.add(cell.metadata["cookbook"]["environment"])
    stamps = {**shipped.metadata.get("cookbook", {}), here: stamp}
    kept = {name: stamps[name] for name in ENVIRONMENTS if name in used}
    shipped.metadata["cookbook"] = kept


def _merge_cell(old: Any, new: Any, here: str) -> None:
    """Keep old outputs if an environment of higher rank recorded this very code; else take new."""
    skipped = is_skipped(new.outputs)
    if is_intact(old):
        there = old.metadata["cookbook"]["environment"]
        outranked = ENVIRONMENTS.index(there) < ENVIRONMENTS.index(here)
        if outranked or skipped:  # skipped: the machine may lack a package that another one had
            return
    old.metadata.pop("cookbook", None)
    if skipped:
        old.outputs = []
        old.execution_count = None
        return
    old.outputs = new.outputs
    old.execution_count = new.execution_count
    note = {"environment": here, "digest": digest(old.source, old.outputs)}
    old.metadata["cookbook"] = note
