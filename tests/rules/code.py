"""Rules of the code in cells: length, checks, nothing forbidden, no programs in strings."""

import ast
import re
import statistics
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cookbook.course.recording import code_cells

from .reading import as_python, pieces

LINES_WANTED = 15
LINES_MOST = 30
MEDIAN_WANTED = 8
MEDIAN_MOST = 12  # for now
COLUMNS = 100
MARKDOWN_SHARE = 0.45
SHELL = re.compile(
    r"(?m)^\s*(!|%\s*(pip|conda|sx)\b|%%(bash|sh)\b)"
    r"|\b(wget|curl|urlopen|urlretrieve|requests\.get)\b"
)
ABSOLUTE_PATH = re.compile(r"""['"](/(?!/)[\w.-]+){2,}""")
C_PLUS_PLUS = re.compile(r"(?m)^\s*#include|\b__global__\b")


def lines(source: str) -> int:
    """Lines of code: what there is to read, so without blank lines."""
    return sum(bool(line.strip()) for line in source.splitlines())


def cell_sizes(path: Path, notebook: Any) -> Iterator[str]:
    cells = code_cells(notebook)
    lengths = [lines(cell.source) for cell in cells]
    for cell, length in zip(cells, lengths, strict=True):
        if length > LINES_MOST:
            first = cell.source.partition("\n")[0]
            yield f"the cell that starts {first!r} has {length} lines; {LINES_MOST} is the most"
    long = sum(length > LINES_WANTED for length in lengths)
    if long > max(1, len(lengths) // 10):
        yield f"{long} code cells have more than {LINES_WANTED} lines; one in ten may"
    median = statistics.median(lengths)
    if median > MEDIAN_MOST:
        yield (
            f"half of the code cells have {median:g} lines or more; "
            f"{MEDIAN_WANTED} are wanted, {MEDIAN_MOST} are the most"
        )
    for cell in cells:
        for line in cell.source.splitlines():
            if len(line) > COLUMNS:
                start = line.strip()[:60]
                yield f"a code line of {len(line)} columns, {COLUMNS} is the most: {start!r}"
    filled = [cell for cell in notebook.cells if cell.source.strip()]
    share = 1 - len(lengths) / len(filled)
    if share < MARKDOWN_SHARE:
        yield f"only {share:.0%} of the cells are markdown; half is asked for"


def checks(path: Path, notebook: Any) -> Iterator[str]:
    code = "\n".join(cell.source for cell in code_cells(notebook))
    if len(re.findall(r"(?m)^\s*assert |compare\(", code)) < 2:
        yield "fewer than two checks against a reference (assert or cookbook.compare)"
    if "# NBVAL_CHECK_OUTPUT" not in code:
        yield "no cell is marked # NBVAL_CHECK_OUTPUT: mark a deterministic one"


def no_forbidden_code(path: Path, notebook: Any) -> Iterator[str]:
    for piece in pieces(notebook):
        if SHELL.search(piece.source):
            yield f"{piece.first_line!r} starts a shell or a download"
        if ABSOLUTE_PATH.search(piece.source):
            yield f"{piece.first_line!r} has an absolute path"


def no_programs_as_strings(path: Path, notebook: Any) -> Iterator[str]:
    """A program belongs in a helper file, where it is coloured, checked and found."""
    for piece in pieces(notebook):
        for text in _strings(ast.parse(as_python(piece.source))):
            if _is_program(text):
                start = text.strip().partition("\n")[0][:60]
                yield f"{piece.first_line!r} has a program as a string, {start!r}: make it a file"


def _strings(tree: ast.AST) -> Iterator[str]:
    """All strings of a syntax tree; in f-strings, a name stands for each value."""
    inside_f_string = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = []
            for part in node.values:
                inside_f_string.add(id(part))
                parts.append(_text_of(part) or "x")
            yield "".join(parts)
        elif id(node) not in inside_f_string and (text := _text_of(node)):
            yield text


def _text_of(node: ast.AST) -> str | None:
    """The value of a string, None for any other node."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _is_program(text: str) -> bool:
    """Whether a string of several lines is Python that imports something, or C++."""
    if lines(text) < 3:
        return False
    if C_PLUS_PLUS.search(text):
        return True
    try:
        tree = ast.parse(textwrap.dedent(text))
    except SyntaxError:
        return False
    return any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree))
