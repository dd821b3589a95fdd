"""Small notebooks for the tests of the rules."""

from pathlib import Path
from typing import Any

import nbformat

from tests.rules.reading import course

PATH = course()[0]  # a file that is there, for rules that look at its name or folder


def notebook(*sources: str) -> Any:
    """A notebook of these cells; a source that starts with ``md:`` is a text."""
    cells = []
    for source in sources:
        if source.startswith("md:"):
            cells.append(nbformat.v4.new_markdown_cell(source.removeprefix("md:")))
        else:
            cells.append(nbformat.v4.new_code_cell(source))
    return nbformat.v4.new_notebook(cells=cells)


def with_output(*sources: str, **fields: Any) -> Any:
    """Such a notebook, whose first cell has a stream output with these fields."""
    made = notebook(*sources)
    made.cells[0].outputs = [nbformat.v4.new_output("stream", **fields)]
    return made


def faults(rule: Any, *sources: str, path: Path = PATH) -> list[str]:
    """What the rule finds in a notebook of these cells."""
    return list(rule(path, notebook(*sources)))
