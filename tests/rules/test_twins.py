"""Functions that stand in two notebooks are found, whatever their variables are called."""

import ast
from pathlib import Path

import pytest

from tests.rules.made import notebook
from tests.rules.twins import definitions, neutral, twins

FUNCTION = """\
def total(rows):
    result = 0
    for row in rows:
        result += row
    return result
"""


def _twins(*sources):
    found = []
    for number, source in enumerate(sources):
        found += definitions(Path(f"{number}.ipynb"), notebook(source))
    return twins(found)


@pytest.mark.parametrize(
    "other",
    [
        FUNCTION,
        FUNCTION.replace("total", "add_up"),
        FUNCTION.replace("rows", "values").replace("row", "value"),
        FUNCTION.replace("(rows)", "(rows: list[int]) -> int"),
        FUNCTION.replace("    result = 0", '    """Why."""\n    result = 0  # start'),
        "if True:\n" + "\n".join(f"    {line}" for line in FUNCTION.splitlines()),
        "%%requires gpu\n" + FUNCTION,
        FUNCTION.replace("result += row", "result += 2 * row"),
    ],
)
def test_same_function_is_found(other):
    assert _twins(FUNCTION, other) == {"total": {"0", "1"}}


@pytest.mark.parametrize(
    "other",
    [
        FUNCTION.replace("total", "add_up").replace("+=", "-="),
        "def total():\n    return 7",
        "def add_up():\n" + "\n".join(f"    {line}" for line in FUNCTION.splitlines()),
    ],
)
def test_other_functions_are_not(other):
    assert _twins(FUNCTION, other) == {}


def test_one_notebook_may_define_a_function_twice():
    assert _twins(FUNCTION + "\n\n" + FUNCTION) == {}


def test_classes_and_solutions_count():
    source = "class A:\n    def f(self):\n        return 1"
    solution = f"md:<summary>Solution</summary>\n\n```python\n{source}\n```"
    assert _twins(source, source) == {"A": {"0", "1"}}
    assert _twins(source, solution) == {"A": {"0", "1"}}


def test_three_notebooks_are_all_named():
    assert _twins(FUNCTION, "x = 1", FUNCTION, FUNCTION) == {"total": {"0", "2", "3"}}


def test_neutral_text_keeps_what_is_not_its_own():
    tree = ast.parse("def f(a: int):\n    '''Why.'''\n    b = g(a, key=a)\n    return b.x").body[0]
    assert neutral(tree) == "def it(v0):\n    v1 = g(v0, key=v0)\n    return v1.x"
    assert tree.name == "f", "the tree itself is not changed"
