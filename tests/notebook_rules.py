"""The rules that every notebook of the course keeps; ``--fix`` mends what is mechanical.

    python -m tests.notebook_rules [--fix] [--sizes] [NOTEBOOK …]

Prints what is broken, without those faults that ``tests/still_allowed.py`` lets pass for now.
--sizes prints how long cells and texts are, instead. The rules themselves are in ``tests/rules``:
those of what is written, which the tests ask of the files as they are, and those of what was
recorded, which they may ask of git's version (``tests/rules/records.py`` says why)."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat

from cookbook.course.recording import code_cells
from cookbook.paths import ROOT
from tests.rules import code, names, records, text
from tests.rules.reading import course, texts
from tests.still_allowed import FINDINGS

Rule = Callable[[Path, Any], Iterator[str]]

OF_SOURCES: list[Rule] = [
    text.name_and_folder,
    text.opening,
    text.closing,
    text.no_measured_figure_in_prose,
    text.links_lead_somewhere,
    text.sections_are_numbered,
    text.texts_are_short,
    code.cell_sizes,
    code.checks,
    code.no_forbidden_code,
    code.no_programs_as_strings,
    names.names_need_no_skipped_cell,
]
OF_RECORDS: list[Rule] = [
    records.outputs_are_explained,
    records.outputs_hold_nothing_private,
    records.shows_a_figure,
    records.recorded,
    records.tidy,
]
RULES = OF_SOURCES + OF_RECORDS


def read(path: Path) -> Any:
    """The notebook in a file."""
    return nbformat.read(path, as_version=4)


def committed(path: Path, root: Path = ROOT) -> Any | None:
    """The notebook that git has in place of the file; None for a new one.

    Raises: FileNotFoundError where there is no git, or no repository.
    """
    command = ["git", "-C", str(root)]
    head = subprocess.run([*command, "rev-parse", "HEAD"], capture_output=True)
    if head.returncode:
        raise FileNotFoundError(f"{root} is no git repository")
    name = path.resolve().relative_to(root.resolve()).as_posix()
    shown = subprocess.run([*command, "show", f"HEAD:{name}"], capture_output=True)
    if shown.returncode:
        return None
    return nbformat.reads(shown.stdout.decode(), as_version=4)


def allowed(rule: Rule, path: Path) -> int:
    """How many faults of this kind the notebook may have for now."""
    return FINDINGS.get(rule.__name__, {}).get(path.stem, 0)


def shipped_faults(rule: Rule, path: Path, notebook: Any, root: Path = ROOT) -> list[str]:
    """What the tests hold against a notebook: of what was recorded, git's version decides, too.

    Raises: FileNotFoundError where the file breaks a rule of records and there is no git to ask.
    """
    found = list(rule(path, notebook))
    if not found or rule in OF_SOURCES:
        return found
    from_git = committed(path, root)
    if from_git is None:
        return found
    return list(rule(path, from_git))


def broken(path: Path) -> list[str]:
    """What a notebook breaks of all rules, as readable lines."""
    notebook = read(path)
    found: list[str] = []
    for rule in RULES:
        faults = list(rule(path, notebook))
        if len(faults) > allowed(rule, path):
            found.extend(f"{rule.__name__}: {fault}" for fault in faults)
    return found


def print_sizes(paths: list[Path]) -> None:
    """Print how long code cells and texts are."""
    print(f"{'notebook':32}  median  longest  over {code.LINES_WANTED}  most words  texts over")
    for path in paths:
        notebook = read(path)
        lengths = [code.lines(cell.source) for cell in code_cells(notebook)]
        counts = [text.words(one) for one in texts(notebook)]
        long = sum(length > code.LINES_WANTED for length in lengths)
        wordy = sum(count > text.WORDS_WANTED for count in counts)
        print(
            f"{path.stem:32}  {statistics.median(lengths):6g}  {max(lengths):7}  {long:7}  "
            f"{max(counts):10}  {wordy:10}"
        )


def main(arguments: list[str]) -> int:
    """Print what is broken, or mend it with --fix. Returns 1 if anything is left."""
    chosen = [Path(name).resolve() for name in arguments if not name.startswith("--")]
    if not chosen:
        chosen = course()
    if "--sizes" in arguments:
        print_sizes(chosen)
        return 0
    if "--fix" in arguments:
        for path in chosen:
            nbformat.write(records.fix(read(path)), path)
    code_of_exit = 0
    for path in chosen:
        faults = broken(path)
        if faults:
            print(path.name, *faults, sep="\n  ")
            code_of_exit = 1
    return code_of_exit


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
