"""``python -m cookbook``: doctor · run · record · coverage."""

import argparse
import os
import sys

from . import paths
from .course import coverage, execution
from .course.execution import table
from .course.recording import code_cells
from .doctor import doctor
from .errors import CookbookError


def print_coverage() -> None:
    """Print how many code cells each environment ran of each notebook, and those that none did."""
    seen = coverage.ran()
    environments = sorted(seen)
    rows = []
    nowhere = []
    for path in execution.find_notebooks([]):
        name = path.relative_to(paths.NOTEBOOKS).as_posix()
        notebook = execution.read(path)
        cells = coverage.of_notebook(name, notebook, seen)
        counts = [sum(one in cell for cell in cells) for one in environments]
        rows.append((name, len(cells), *counts, cells.count(set())))
        for cell, found in zip(code_cells(notebook), cells, strict=True):
            if not found:
                nowhere.append((name, cell.source.split("\n")[0]))
    table(("notebook", "cells", *environments, "nowhere"), rows)
    if nowhere:
        print("\nRun in no environment yet:")
        table(("notebook", "first line of the cell"), nowhere)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="python -m cookbook", description="The TensorRT course from the command line."
    )
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "doctor", help="what is on this machine, what will be skipped, and what to install"
    )
    running = {
        "run": "execute notebooks into build/",
        "record": "execute notebooks in place and stamp them",
    }
    for name, text in running.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("notebooks", nargs="*", help="default: the whole course")
        command.add_argument(
            "--workers",
            type=int,
            default=1,
            help="notebooks at a time (default 1: more of them spoil each other's measurements)",
        )
    commands.add_parser("coverage", help="which cells ran in which environment")
    return top


def main() -> int:
    """Entry of ``python -m cookbook``.

    Returns: the exit code: 0 done, 1 a cell failed, 2 something to put right first.
    """
    arguments = parser().parse_args()
    try:
        if arguments.command == "doctor":
            table(("topic", "found", "to do"), doctor())
        elif arguments.command == "coverage":
            print_coverage()
        else:
            record = arguments.command == "record"
            outcomes = execution.run(arguments.notebooks, record, arguments.workers)
            return execution.report(outcomes)
    except CookbookError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read it, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
