"""Where the notebooks are, and what is in them: code, texts, solutions of exercises."""

import re
from pathlib import Path
from typing import Any, NamedTuple

from cookbook.paths import NOTEBOOKS

TEMPLATE = NOTEBOOKS / "template.ipynb"
SOLUTION = re.compile(r"<summary>Solution</summary>\s*```python\n(?P<code>.*?)```", re.DOTALL)


class Piece(NamedTuple):
    """Code of a notebook. cell: number of its cell among all cells of the notebook, from 0."""

    cell: int
    is_solution: bool
    source: str

    @property
    def first_line(self) -> str:
        """How messages name it."""
        return self.source.partition("\n")[0]

    def __str__(self) -> str:
        kind = "solution in cell" if self.is_solution else "cell"
        return f"{kind} {self.cell} ({self.first_line[:60]!r})"


class Solution(NamedTuple):
    """The solution of an exercise. number: of the exercise, from 1."""

    number: int
    source: str


def course() -> list[Path]:
    """All notebooks of the course, in order."""
    return sorted(NOTEBOOKS.glob("part*/*.ipynb"))


def texts(notebook: Any) -> list[str]:
    """The texts between the code, one a cell."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def prose(notebook: Any) -> str:
    """All texts as one."""
    return "\n".join(texts(notebook))


def pieces(notebook: Any) -> list[Piece]:
    """All code of a notebook in reading order; empty cells left out."""
    found = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.source.strip():
            found.append(Piece(index, False, cell.source))
        elif cell.cell_type == "markdown" and (match := SOLUTION.search(cell.source)):
            found.append(Piece(index, True, match["code"].strip()))
    return found


def put_back(notebook: Any, piece: Piece, source: str) -> None:
    """Replace a piece of the notebook's code."""
    cell = notebook.cells[piece.cell]
    if not piece.is_solution:
        cell.source = source
        return
    match = SOLUTION.search(cell.source)
    if match is None:
        raise ValueError(f"cell {piece.cell} has no solution")
    start, end = match.span("code")
    cell.source = f"{cell.source[:start]}{source}\n{cell.source[end:]}"


def solutions(notebook: Any) -> dict[int, Solution]:
    """{number of the exercise's starter among the code cells, from 0, as nbval counts:
    solution}."""
    found: dict[int, Solution] = {}
    number = -1
    for cell in notebook.cells:
        if cell.cell_type == "code":
            number += 1
        elif match := SOLUTION.search(cell.source):
            found[number] = Solution(len(found) + 1, match["code"].strip())
    return found


def as_python(source: str) -> str:
    """A cell's code without its magics: each such line becomes ``pass``, the line numbers stay."""
    return re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source)
