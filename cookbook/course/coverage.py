"""Which cells ran in which environment: kept in results/coverage/ENVIRONMENT.json."""

import json
import sys
from pathlib import Path
from typing import Any

from .. import backend, paths
from .recording import code_cells, digest
from .results import write_text


def remember(folder: Path, path: Path, notebook: Any, statuses: list[str]) -> None:
    """Keep what became of each cell of a notebook in this environment."""
    file = folder / f"{backend.environment_name()}.json"
    known = read(file)
    cells = {}
    for cell, status in zip(code_cells(notebook), statuses, strict=True):
        cells[digest(cell.source)] = status
    name = path.relative_to(paths.NOTEBOOKS).as_posix()
    known[name] = {**backend.stamp(), "cells": cells}
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def read(file: Path) -> dict[str, dict]:
    """{notebook: stamp and cells} of one environment; a damaged file is named, and empty."""
    if not file.is_file():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        print(
            f"{file.name} in {file.parent.name}/ is damaged and is made anew: {error}",
            file=sys.stderr,
        )
        return {}


def ran() -> dict[str, dict[str, set[str]]]:
    """{environment: {notebook: digests of cells that ran there}}, of the course and of build/."""
    found: dict[str, dict[str, set[str]]] = {}
    files = [
        *(paths.RESULTS / "coverage").glob("*.json"),
        *(paths.BUILD / "coverage").glob("*.json"),
    ]
    for file in files:
        notebooks = found.setdefault(file.stem, {})
        for name, entry in read(file).items():
            digests = {one for one, status in entry["cells"].items() if status == "ran"}
            notebooks.setdefault(name, set()).update(digests)
    return found


def of_notebook(name: str, notebook: Any, seen: dict[str, dict[str, set[str]]]) -> list[set[str]]:
    """For each code cell the environments that ran it."""
    cells = []
    for cell in code_cells(notebook):
        key = digest(cell.source)
        cells.append(
            {environment for environment in seen if key in seen[environment].get(name, ())}
        )
    return cells
