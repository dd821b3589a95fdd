"""Rules of the texts: how a notebook opens and closes, headings, references, length, no typed
figures."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cookbook.course.recording import code_cells
from cookbook.paths import ROOT

from .reading import prose, solutions, texts

FIRST_CELL = "import cookbook\n\ncookbook.environment()"
HEAD = (
    "**What you will be able to do**",
    "**Prerequisites:**",
    "**Environments:**",
    "**中文导读**",
)
END = ("## Takeaways", "## Exercises", "**Read on** (official pages, read on ", "**Next:**")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
UNITS = (
    r"us|µs|ms|ns|GB/s|TB/s|GFLOP\S*|TFLOP\S*|fps|tokens/s|"
    r"×|x faster|times (?:faster|slower|as fast)"
)
MEASURED = re.compile(rf"(?<![\w.`])\d[\d,.]*\s?(?:{UNITS})(?![\w`])")
SECTION = re.compile(r"(?m)^## (\d+) · ")
REFERENCE = re.compile(r"\b[Ss]ections? (\d+)(?:(?:, | and | or | to )(\d+)\b(?! [A-Za-z]+s\b))*")
WORDS_WANTED = 200
WORDS_MOST = 260


def name_and_folder(path: Path, notebook: Any) -> Iterator[str]:
    good = re.fullmatch(r"\d{3}[a-z]?-[a-z0-9-]+\.ipynb", path.name)
    if not good or not path.parent.name.startswith(f"part{path.name[0]}-"):
        yield (
            "must be called partN-…/NNN-title.ipynb with N the first digit, "
            f"is {path.parent.name}/{path.name}"
        )


def opening(path: Path, notebook: Any) -> Iterator[str]:
    head = notebook.cells[0].source
    if not re.match(rf"# {path.name[:3]}[a-z]? · .+ · .*[\u4e00-\u9fff]", head):
        yield "the first cell must start with '# NNN · English title · 中文标题'"
    for part in HEAD:
        if part not in head:
            yield f"the first cell lacks {part}"
    verbs = re.findall(r"(?m)^- ", head)
    if not 3 <= len(verbs) <= 5:
        yield (
            f"the first cell lists {len(verbs)} things that you will be able to do, "
            "3 to 5 are asked for"
        )
    guide = head.partition("**中文导读**")[2].splitlines()
    lines = [line for line in guide if CHINESE.search(line)]
    if not 4 <= len(lines) <= 8:
        yield f"中文导读 has {len(lines)} lines, 4 to 8 are asked for"
    if code_cells(notebook)[0].source != FIRST_CELL:
        yield f"the first code cell must be {FIRST_CELL!r}"


def closing(path: Path, notebook: Any) -> Iterator[str]:
    text = prose(notebook)
    for part in END:
        if part not in text:
            yield f"the end lacks {part!r}"
    exercises = len(re.findall(r"\*\*Exercise \d · ", text))
    hints = text.count("<summary>Hint</summary>")
    solved = len(solutions(notebook))
    if not 2 <= exercises <= 3 or hints != exercises or solved != exercises:
        yield (
            f"{exercises} exercises with {hints} hints and {solved} solutions; "
            "2 to 3 of each are asked for"
        )


def no_measured_figure_in_prose(path: Path, notebook: Any) -> Iterator[str]:
    text = re.sub(r"```.*?```|`[^`]*`", "", prose(notebook), flags=re.DOTALL)
    for match in MEASURED.finditer(text):
        yield f"a measured figure in prose: {match[0]!r}; let a table or plot show it"


def links_lead_somewhere(path: Path, notebook: Any) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)#:\s]+\.(?:ipynb|md|py|cu))\)", prose(notebook)):
        if not (path.parent / target).is_file():
            yield f"a link to {target!r}, which is not there"


def sections_are_numbered(path: Path, notebook: Any) -> Iterator[str]:
    """Headings ``## N · …`` count from 1 without gaps; references name a section or notebook."""
    sections = [int(number) for number in SECTION.findall(prose(notebook))]
    for place, number in enumerate(sections, start=1):
        if number != place:
            yield f"heading {place} is numbered {number}: a heading is missing, or numbered wrongly"
            break
    everything = "\n".join(cell.source for cell in notebook.cells)
    for number in sorted(_referred(everything) - set(sections)):
        yield f"a reference to section {number}, which this notebook does not have"
    planned = set(re.findall(r"(?m)^\| (\d{3}) \|", (ROOT / "README.md").read_text("utf-8")))
    for match in re.finditer(r"\bnotebooks? (\d{3})(?: and (\d{3}))?\b", everything):
        for name in match.groups():
            if name and name not in planned:
                yield f"a reference to notebook {name}, which README's map does not have"
    for title, target in re.findall(r"\[(\d{3})\b[^\]]*\]\(([^)]*\.ipynb)\)", prose(notebook)):
        if not Path(target).name.startswith(title):
            yield f"the link {title!r} leads to {target!r}"


def _referred(text: str) -> set[int]:
    """Numbers of all sections that a text refers to."""
    found: set[int] = set()
    for match in REFERENCE.finditer(text):
        found.update(int(number) for number in re.findall(r"\d+", match[0]))
    return found


def words(text: str) -> int:
    """How many words of a text are to be read: code, tags, link targets and Chinese apart."""
    text = re.sub(r"```.*?```|<[^>]+>", " ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return len(re.findall(r"[^\s|]*[A-Za-z0-9][^\s|]*", text))


def texts_are_short(path: Path, notebook: Any) -> Iterator[str]:
    counts = {text.partition("\n")[0][:50]: words(text) for text in texts(notebook)}
    for first, count in counts.items():
        if count > WORDS_MOST:
            yield f"the text that starts {first!r} has {count} words; {WORDS_MOST} is the most"
    long = sum(count > WORDS_WANTED for count in counts.values())
    if long > max(1, len(counts) // 10):
        yield f"{long} texts have more than {WORDS_WANTED} words; one in ten may"
