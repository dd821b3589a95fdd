"""Measurements that notebooks keep: ``record`` writes them, ``load`` reads them back from results/.

One folder a machine and version, one file a notebook, as in
``results/nvidia-h200-tensorrt-8.6.1/101.json``.
"""

import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import backend, paths
from ..errors import CookbookError

if TYPE_CHECKING:
    import pandas


def record(number: str, rows: Any) -> None:
    """Keep the rows that a notebook measured, with the machine's stamp.

    They go to results/MACHINE/NUMBER.json while the notebook is recorded (``make record``), else to
    build/results/.

    Args: ``number`` – the notebook's, perhaps with a word, as in ``"104-roads"``; ``rows`` – dicts
        or a DataFrame, of plain numbers and strings.
    Raises: CookbookError for no rows, or rows that JSON cannot hold (NaN and infinity among them).
    """
    kept = _plain_rows(number, rows)
    text = _text(number, {"stamp": backend.stamp(), "rows": kept})
    folder = paths.BUILD / "results"
    if os.environ.get("COOKBOOK_RECORD"):
        folder = paths.RESULTS
    path = folder / machine_name(backend.stamp()) / f"{number}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def machine_name(stamp: Mapping[str, str]) -> str:
    """The folder of a machine and version: ``nvidia-h200-tensorrt-8.6.1``."""
    words = f"{stamp['gpu']}-{stamp['tensorrt']}".lower()
    return re.sub(r"[^\w.]+", "-", words)


def _plain_rows(number: str, rows: Any) -> list[dict]:
    """The rows as a list of dicts. Raises: CookbookError for anything else."""
    if hasattr(rows, "to_dict"):
        rows = rows.to_dict("records")
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        kind = type(rows).__name__
        raise CookbookError(
            f"record({number!r}): rows must be a list of dicts or a DataFrame, not a {kind}; "
            "put a single row into a list: [row]"
        )
    kept = list(rows)
    if not kept:
        raise CookbookError(f"record({number!r}): no rows to keep")
    for k, row in enumerate(kept):
        if not isinstance(row, Mapping):
            raise CookbookError(
                f"record({number!r}): row {k} is {row!r}, a {type(row).__name__}; "
                "each row must be a dict"
            )
        for column, value in row.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise CookbookError(
                    f"record({number!r}): row {k} has {column!r} = {value}, which JSON cannot "
                    "hold; leave the column out of this row, or store None"
                )
    return [dict(row) for row in kept]


def _text(number: str, content: dict) -> str:
    try:
        return json.dumps(content, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise CookbookError(
            f"record({number!r}): {error}; use plain numbers and strings, as in float(x)"
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: no reader sees half of it, a failure keeps the old one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def load(number: str) -> "pandas.DataFrame":
    """All machines' recorded rows of a notebook, with the columns of their stamps.

    Raises: CookbookError where nothing is recorded under that number.
    """
    import pandas as pd

    files = sorted(paths.RESULTS.glob(f"*/{number}.json"))
    if not files:
        known = sorted({path.stem for path in paths.RESULTS.glob("*/*.json")})
        raise CookbookError(
            f"results/ has nothing of {number!r}; it has {', '.join(known) or 'nothing'}"
        )
    parts = []
    for path in files:
        content = json.loads(path.read_text(encoding="utf-8"))
        parts.append(pd.DataFrame(content["rows"]).assign(**content["stamp"]))
    return pd.concat(parts, ignore_index=True)


def versions(number: str, environments: Iterable[str] = ("8.6", "10")) -> "pandas.DataFrame":
    """The newest recorded rows of a notebook for each environment, to lay versions side by side.

    Returns: a DataFrame as ``load`` gives it, with only the newest date of each environment; an
    environment that nothing is recorded in has no rows.
    Raises: CookbookError where nothing is recorded under that number at all.
    """
    rows = load(number)
    wanted = rows[rows["environment"].isin(list(environments))]
    newest = wanted.groupby("environment")["date"].transform("max")
    return wanted[wanted["date"] == newest].reset_index(drop=True)
