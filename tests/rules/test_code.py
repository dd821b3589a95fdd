"""The rules of the code: each sees its fault, and lets pass what is none."""

import pytest

from tests.rules import code
from tests.rules.made import faults


def _lines(count):
    return "\n".join(f"x = {k}" for k in range(count))


def _sizes(*counts):
    sources = []
    for count in counts:
        sources += ["md:text", _lines(count)]
    return faults(code.cell_sizes, *sources)


def test_blank_lines_are_not_counted():
    assert code.lines("a = 1\n\n\n  \n# why\nb = 2") == 3


def test_long_cells_are_seen():
    assert _sizes(30, 1, 1) == []
    assert _sizes(31, 1, 1) == ["the cell that starts 'x = 0' has 31 lines; 30 is the most"]


def test_one_in_ten_may_be_longer():
    assert _sizes(16, *[15] * 2, *[1] * 4) == []
    assert _sizes(16, 16, *[1] * 17) == ["2 code cells have more than 15 lines; one in ten may"]
    assert _sizes(16, 16, *[1] * 18) == []


def test_median_is_limited():
    assert _sizes(12, 12, 1) == []
    assert _sizes(13, 13, 1) == [
        "half of the code cells have 13 lines or more; 8 are wanted, 12 are the most"
    ]


def test_wide_lines_are_seen():
    line = "a = '" + 94 * "x" + "'"
    assert len(line) == 100
    assert faults(code.cell_sizes, "md:text", line) == []
    assert faults(code.cell_sizes, "md:text", line + "#") == [
        f"a code line of 101 columns, 100 is the most: {line[:60]!r}"
    ]


def test_too_little_markdown_is_seen():
    assert faults(code.cell_sizes, "md:x", "a = 1", "b = 1") == [
        "only 33% of the cells are markdown; half is asked for"
    ]
    assert faults(code.cell_sizes, "md:x", "a = 1", "") == [], "an empty cell does not count"


def test_two_checks_and_a_compared_output_are_wanted():
    assert faults(code.checks, "assert a\ncompare(a, b)  # NBVAL_CHECK_OUTPUT") == []
    assert faults(code.checks, "    assert a\n# assert b\nprint('compare')") == [
        "fewer than two checks against a reference (assert or cookbook.compare)",
        "no cell is marked # NBVAL_CHECK_OUTPUT: mark a deterministic one",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "!pip install x",
        "%pip install x",
        "% conda install x",
        "%%bash\nls",
        "import urllib.request as r; r.urlopen('x')",
        "requests.get('x')",
    ],
)
def test_shell_and_download_are_seen(source):
    first = source.splitlines()[0]
    assert faults(code.no_forbidden_code, source) == [f"{first!r} starts a shell or a download"]


def test_absolute_paths_are_seen_in_solutions_too():
    path = "open('/tmp/x/y.onnx')"
    assert faults(code.no_forbidden_code, path) == [f"{path!r} has an absolute path"]
    solution = f"md:<summary>Solution</summary>\n\n```python\n{path}\n```"
    assert faults(code.no_forbidden_code, "x = 1", solution) == [f"{path!r} has an absolute path"]


@pytest.mark.parametrize("source", ["a != b", "names = ['/Conv', '//x']", "'build/x'"])
def test_what_only_looks_forbidden_passes(source):
    assert faults(code.no_forbidden_code, source) == []


PROGRAMS = [
    'SCRIPT = """import sys\nx = 1\nprint(x)"""',
    'SCRIPT = """\n    from a import b\n    c = b()\n    print(c)\n"""',
    'SCRIPT = f"""import sys\nx = {1 + 1}\nprint(x)"""',
    'KERNEL = """\n#include <a.h>\nint main() {\n}"""',
    'KERNEL = r"""__global__ void f() {\n\n}\n;"""',
]
NO_PROGRAMS = [
    'SCRIPT = """import sys\nprint(1)"""',
    'TEXT = """one\ntwo\nthree"""',
    'QUERY = """SELECT a\nFROM b\nWHERE c"""',
    'def f():\n    """Why.\n\n    import x\n    y\n    """',
    'OLD = """a = trt.Builder()\nb = a.x\nc = b"""',
]


@pytest.mark.parametrize("source", PROGRAMS)
def test_programs_as_strings_are_seen(source):
    found = faults(code.no_programs_as_strings, "%%requires gpu\n" + source)
    assert len(found) == 1
    assert "'%%requires gpu' has a program as a string" in found[0]


@pytest.mark.parametrize("source", NO_PROGRAMS)
def test_other_strings_pass(source):
    assert faults(code.no_programs_as_strings, source) == []
