"""Code and solutions are found in notebooks, and put back where they were."""

import pytest

from tests.rules.made import notebook
from tests.rules.reading import Piece, Solution, as_python, pieces, put_back, solutions

TEXT = "md:Hint\n<summary>Solution</summary>\n\n```python\nb = 1\n\nc = 2\n```\nend"


def test_pieces_are_all_code_in_order():
    made = notebook("md:text", "a = 1", "", TEXT, "d = 1")
    assert pieces(made) == [
        Piece(1, False, "a = 1"),
        Piece(3, True, "b = 1\n\nc = 2"),
        Piece(4, False, "d = 1"),
    ]
    assert str(pieces(made)[1]) == "solution in cell 3 ('b = 1')"
    assert str(pieces(made)[2]) == "cell 4 ('d = 1')"


def test_solutions_stand_with_the_number_that_nbval_gives_the_starter():
    made = notebook("a = 1", "", "b = 1", TEXT, "c = 1", TEXT.replace("b = 1", "e = 1"))
    assert solutions(made) == {2: Solution(1, "b = 1\n\nc = 2"), 3: Solution(2, "e = 1\n\nc = 2")}


def test_code_is_put_back_and_the_text_around_it_stays():
    made = notebook("a = 1", TEXT)
    cell, solution = pieces(made)
    put_back(made, cell, "a = 2")
    put_back(made, solution, r"b = '\1'")
    assert made.cells[0].source == "a = 2"
    assert "md:" + made.cells[1].source == TEXT.replace("b = 1\n\nc = 2", r"b = '\1'")
    with pytest.raises(ValueError, match="cell 0 has no solution"):
        put_back(notebook("md:text"), Piece(0, True, ""), "x")


def test_magics_become_statements_and_lines_stay():
    source = "%%requires gpu\nif a:\n    %time b\n    !ls\nc % d"
    assert as_python(source) == "pass\nif a:\n    pass\n    pass\nc % d"
