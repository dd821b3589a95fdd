"""A notebook runs from top to bottom everywhere: no name comes only from a cell that is skipped."""

import ast
import builtins
import symtable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cookbook import requires

from .reading import as_python, pieces

BUILTINS = set(vars(builtins))


def names_need_no_skipped_cell(path: Path, notebook: Any) -> Iterator[str]:
    known: dict[str, list[set[str]]] = {}  # {name: what each cell that defines it needs}
    for piece in pieces(notebook):
        need = _needs(piece.source)
        read, defined = names_of(piece.source)
        for name in sorted(read):
            if any(needed <= need for needed in known.get(name, [])):
                continue
            where = "only by cells that need more" if name in known else "by no cell above"
            yield (
                f"the cell that starts {piece.first_line!r} uses {name!r}, which is defined {where}"
            )
        if piece.is_solution:
            continue  # not run by Run-All
        for name in defined:
            known.setdefault(name, []).append(need)


def _needs(source: str) -> set[str]:
    """The words of a cell's ``%%requires`` line."""
    spec = requires.spec_of(source)
    if spec is None:
        return set()
    return {word.name + word.version for word in requires.parse(spec)}


def names_of(source: str) -> tuple[set[str], set[str]]:
    """(names that a cell reads before it defines them, names that it defines at its top level)."""
    read: set[str] = set()
    defined: set[str] = set()
    for statement in ast.parse(as_python(source)).body:
        used, bound = _names_of_statement(statement)
        read |= used - defined - BUILTINS
        defined |= bound
    return read, defined


def _names_of_statement(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """(names that a statement reads, names that it defines)."""
    table = symtable.symtable(ast.unparse(statement), "cell", "exec")
    bound = set()
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            bound.add(symbol.get_name())
    used = _read_from_outside(table)
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
        used.add(statement.target.id)
    # In `x = x + 1` the x on the right is an older one; in a loop, x may be the loop's own.
    if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr):
        used -= bound
    # Python 3.12 and later count the variables of comprehensions among the cell's.
    inner = _variables_of_comprehensions(statement)
    named = {node.target.id for node in ast.walk(statement) if isinstance(node, ast.NamedExpr)}
    return used - inner - named, (bound - inner) | named


def _variables_of_comprehensions(statement: ast.stmt) -> set[str]:
    """Names that nothing but comprehensions of the statement bind."""
    targets: list[ast.AST] = []
    for node in ast.walk(statement):
        if isinstance(node, ast.comprehension):
            targets.extend(ast.walk(node.target))
    elsewhere = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in targets:
            elsewhere.add(node.id)
    return {node.id for node in targets if isinstance(node, ast.Name)} - elsewhere


def _read_from_outside(table: symtable.SymbolTable) -> set[str]:
    """Names that a statement, with all functions in it, takes from the notebook."""
    at_top = table.get_type() == "module"
    found = set()
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (at_top or symbol.is_global()):
            found.add(symbol.get_name())
    for inner in table.get_children():
        found |= _read_from_outside(inner)
    return found
