"""The rules of the texts: each sees its fault, and lets pass what is none."""

from pathlib import Path

import pytest

from tests.rules import text
from tests.rules.made import PATH, faults, notebook

HEAD = """\
# 001 · Start here · 从这里开始

**What you will be able to do**

- one
- two
- three

**Prerequisites:** none. **Environments:** all.

**中文导读**

第一行
第二行
第三行
第四行
"""


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("part1-intro/102-network-api.ipynb", True),
        ("part1-intro/102b-network-api.ipynb", True),
        ("part2-tools/102-network-api.ipynb", False),
        ("part1-intro/102_network.ipynb", False),
        ("part1-intro/network.ipynb", False),
    ],
)
def test_name_starts_with_the_number_of_its_part(name, good):
    assert (list(text.name_and_folder(Path(name), notebook())) == []) == good


def test_good_opening_passes():
    assert faults(text.opening, "md:" + HEAD, text.FIRST_CELL) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# 001", "# 002", "must start with '# NNN"),
        ("从这里开始", "Start", "must start with '# NNN"),
        ("**What you will be able to do**", "What", "lacks **What you will be able to do**"),
        ("**Prerequisites:**", "", "lacks **Prerequisites:**"),
        ("**Environments:**", "", "lacks **Environments:**"),
        ("- three\n", "", "lists 2 things"),
        ("- three", "- three\n- four\n- five\n- six", "lists 6 things"),
        ("第四行\n", "", "has 3 lines"),
        ("第四行", "行\n" * 6, "has 9 lines"),
    ],
)
def test_faults_of_an_opening_are_seen(old, new, message):
    found = faults(text.opening, "md:" + HEAD.replace(old, new), text.FIRST_CELL)
    assert len(found) == 1
    assert message in found[0]


def test_opening_wants_the_first_call():
    assert faults(text.opening, "md:" + HEAD, "import os") == [
        "the first code cell must be 'import cookbook\\n\\ncookbook.environment()'"
    ]


EXERCISE = """\
**Exercise {} · ★** Do it.

<details><summary>Hint</summary>Think.</details>
"""
SOLUTION = """md:<details><summary>Solution</summary>

```python
x = 1
```
</details>"""
END = "md:## Takeaways\n## Exercises\n**Read on** (official pages, read on 2025-01-01)\n**Next:** x"


def _ending(exercises, solved):
    sources = [END]
    for number in range(exercises):
        sources += ["md:" + EXERCISE.format(number + 1), "x = 0"]
        if number < solved:
            sources.append(SOLUTION)
    return sources


@pytest.mark.parametrize("count", [2, 3])
def test_good_end_passes(count):
    assert faults(text.closing, *_ending(count, count)) == []


@pytest.mark.parametrize(("exercises", "solved"), [(1, 1), (4, 4), (3, 2), (0, 0)])
def test_exercises_and_solutions_are_counted(exercises, solved):
    hints = exercises
    assert faults(text.closing, *_ending(exercises, solved)) == [
        f"{exercises} exercises with {hints} hints and {solved} solutions; "
        "2 to 3 of each are asked for"
    ]


def test_parts_of_an_end_are_missed():
    found = faults(text.closing, *_ending(2, 2)[1:])
    assert found == [f"the end lacks {part!r}" for part in text.END]


@pytest.mark.parametrize(
    ("prose", "bad"),
    [
        ("It took 3.2 ms.", True),
        ("a 12 us kernel", True),
        ("2.5× faster", True),
        ("3 times faster", True),
        ("about 300 GB/s", True),
        ("an 8×8 image", False),
        ("`sleep 3 ms`", False),
        ("```\n3 ms\n```", False),
        ("30 lines", False),
        ("FP16 uses 2 bytes", False),
    ],
)
def test_measured_figures_in_prose_are_seen(prose, bad):
    assert bool(faults(text.no_measured_figure_in_prose, f"md:{prose}")) == bad


def test_dead_links_are_seen():
    dead = "md:[a](no-such.ipynb), [b](../no-such.md), [c](https://x.org/y.md)"
    assert faults(text.links_lead_somewhere, dead) == [
        "a link to 'no-such.ipynb', which is not there",
        "a link to '../no-such.md', which is not there",
    ]
    assert faults(text.links_lead_somewhere, f"md:[here]({PATH.name})") == []


HEADINGS = ["md:## 1 · One", "md:## 2 · Two", "md:## 3 · Three"]


@pytest.mark.parametrize(
    "reference",
    [
        "md:see section 3",
        "md:sections 1 and 2",
        "md:sections 1 to 3",
        "x = 1  # of section 2",
        "md:notebooks 205 and 513",
        "md:section 2 and 200 images",
        f"md:[001 · Start]({PATH.name})",
    ],
)
def test_good_references_pass(reference):
    assert faults(text.sections_are_numbered, *HEADINGS, reference) == []


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("md:see section 4", "section 4, which"),
        ("md:Section 4 shows", "section 4, which"),
        ("md:sections 3 and 4", "section 4, which"),
        ("md:sections 2 to 5", "section 5, which"),
        ("x = 1  # of section 7", "section 7, which"),
        ("md:notebook 999", "notebook 999, which"),
        ("md:notebooks 205 and 998", "notebook 998, which"),
        ("md:[102 · Network](../part1-intro/103-onnx-parser.ipynb)", "'102' leads to"),
    ],
)
def test_references_that_lead_nowhere_are_seen(reference, message):
    found = faults(text.sections_are_numbered, *HEADINGS, reference)
    assert len(found) == 1
    assert message in found[0]


def test_lost_heading_is_seen():
    assert faults(text.sections_are_numbered, HEADINGS[0], HEADINGS[2], "md:### 2 · Not one") == [
        "heading 2 is numbered 3: a heading is missing, or numbered wrongly"
    ]


def test_notebook_may_leave_its_sections_without_numbers():
    assert faults(text.sections_are_numbered, "md:## One", "md:## Two") == []


@pytest.mark.parametrize(
    ("prose", "count"),
    [
        ("one two three", 3),
        ("a [link of four words](https://example.org/a b)", 5),
        ("```python\nx = 1\n```\nword", 1),
        ("<details><summary>Hint</summary>\nword</details>", 2),
        ("| a | b |\n|---|---|\n| 1 | 2 |", 4),
        ("word 中文 中文导读", 1),
        ("`trt.Builder` – a class", 3),
    ],
)
def test_words_are_those_that_are_read(prose, count):
    assert text.words(prose) == count


def test_long_texts_are_seen():
    short, long, longer = ("word " * count for count in (200, 260, 261))
    assert faults(text.texts_are_short, "md:" + short, "md:a " + short) == []
    assert faults(text.texts_are_short, "md:" + long) == []
    assert faults(text.texts_are_short, "md:" + longer) == [
        f"the text that starts {longer[:50]!r} has 261 words; 260 is the most"
    ]
    assert faults(text.texts_are_short, "md:a " + short, "md:b " + short) == [
        "2 texts have more than 200 words; one in ten may"
    ]
