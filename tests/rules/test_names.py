"""The rule about names: what only a skipped cell defines is missed, and scopes are known."""

import pytest

from tests.rules.made import faults
from tests.rules.names import names_need_no_skipped_cell, names_of


@pytest.mark.parametrize(
    ("source", "read", "defined"),
    [
        ("a = 1", set(), {"a"}),
        ("a = b", {"b"}, {"a"}),
        ("a = a + 1", {"a"}, {"a"}),
        ("a += 1", {"a"}, {"a"}),
        (
            "a: int = b",
            {
                "b",
            },
            {"a"},
        ),
        ("a = 1\nb = a", set(), {"a", "b"}),
        ("b = a\na = 1", {"a"}, {"a", "b"}),
        ("a[0] = b.c", {"a", "b"}, set()),
        ("print(len(x))", {"x"}, set()),
        ("for k in range(3):\n    print(k)", set(), {"k"}),
        ("with open(p) as file:\n    file.read()", {"p"}, {"file"}),
        ("a = [k * n for k in range(3)]", {"n"}, {"a"}),
        ("k = [k for k in b]", {"b"}, {"k"}),
        ("a = {i: j for i, (j, _) in b}", {"b"}, {"a"}),
        ("for k in b:\n    print([k for k in k])", {"b"}, {"k"}),
        ("a = [m for k in b if (m := k)]", {"b"}, {"a", "m"}),
        ("import os.path\nimport a.b as c\nfrom d import e as f", set(), {"os", "c", "f"}),
        (
            "def f(x, *rest, key=k, **more):\n    y = x\n    return y, rest, key, more, z",
            {"k", "z"},
            {"f"},
        ),
        ("def f():\n    return f()", set(), {"f"}),
        ("class A(B):\n    x = 1\n    def f(self):\n        return self.x + C", {"B", "C"}, {"A"}),
        ("g = lambda x: x + y", {"y"}, {"g"}),
        ("try:\n    b = 1\nexcept ValueError as error:\n    print(error)", set(), {"b", "error"}),
        ("%%requires gpu\na = b", {"b"}, {"a"}),
        ("%matplotlib inline\na = 1", set(), {"a"}),
        ("if a:\n    %time b\n    c = 1", {"a"}, {"c"}),
    ],
)
def test_names_that_a_cell_reads_and_defines(source, read, defined):
    assert names_of(source) == (read, defined)


@pytest.mark.parametrize(
    ("cells", "where"),
    [
        (["%%requires gpu\na = 1", "print(a)"], "only by cells that need more"),
        (
            ["%%requires gpu, trt<11\na = 1", "%%requires gpu\nprint(a)"],
            "only by cells that need more",
        ),
        (
            ["%%requires trt<11\na = 1", "%%requires trt<10\nprint(a)"],
            "only by cells that need more",
        ),
        (["print(a)"], "by no cell above"),
        (["print(a)", "a = 1"], "by no cell above"),
        (["a = a + 1"], "by no cell above"),
    ],
)
def test_names_that_a_skipped_cell_defines_are_missed(cells, where):
    first = cells[-1 if cells[-1] != "a = 1" else 0].splitlines()[0]
    assert faults(names_need_no_skipped_cell, *cells) == [
        f"the cell that starts {first!r} uses 'a', which is defined {where}"
    ]


@pytest.mark.parametrize(
    "cells",
    [
        ["%%requires gpu\na = 1", "%%requires gpu, nvcc\nprint(a)"],
        ["a = 1", "%%requires gpu\nprint(a)"],
        ["%%requires gpu\na = 1", "a = 2", "print(a)"],
        ["", "a = 1", "print(a)"],
    ],
)
def test_names_that_are_there_pass(cells):
    assert faults(names_need_no_skipped_cell, *cells) == []


def test_solution_may_use_what_its_exercise_defines_and_gives_nothing_to_later_cells():
    solution = "md:<summary>Solution</summary>\n\n```python\nb = a\nassert b\n```"
    assert faults(names_need_no_skipped_cell, "a = 1", solution) == []
    assert faults(names_need_no_skipped_cell, "a = 1", solution, "print(b)") == [
        "the cell that starts 'print(b)' uses 'b', which is defined by no cell above"
    ]
