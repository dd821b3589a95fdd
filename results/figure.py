"""Draw results/figure.png, the figure of the README, from what notebook 101 recorded.

    python results/figure.py

One panel for each recorded version of TensorRT. The picture's metadata holds the hash of the rows
that it was drawn from; a test compares it with the rows that are there.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from cookbook import plot
from cookbook.course import results

PICTURE = Path(__file__).with_name("figure.png")
KEY = "Data-SHA256"
STAMP = ["environment", "gpu", "tensorrt", "torch", "date"]
SHOWN = ["model", "batch", "name", "median_us", "ci_low_us", "ci_high_us", *STAMP]
COLORS = {
    "eager": plot.GREY,
    "compile": "#9cc3ea",
    "compile + graph": plot.BLUE,
    "ONNX Runtime": plot.ORANGE,
    "TensorRT": "#b9dd7a",
    "TensorRT + graph": plot.GREEN,
}
AXIS = "latency as a ratio to PyTorch eager: left is faster"


def rows() -> list[dict]:
    """What the figure shows: the newest rows of notebook 101 in each recorded environment."""
    return results.versions("101")[SHOWN].to_dict("records")


def digest(data: list[dict]) -> str:
    """SHA-256 of the rows, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def draw_panel(axes: Any, table: pd.DataFrame) -> None:
    """Draw one version: a line of dots for each model and batch, a color for each runtime."""
    eager = table[table["name"] == "eager"]
    cases = [f"{row.model}, batch {row.batch}" for row in eager.itertuples()]
    heights = range(len(cases))
    base = eager["median_us"].to_numpy()
    for way, color in COLORS.items():
        part = table[table["name"] == way]
        if part.empty:  # a way that was not installed where this was recorded
            continue
        low = part["ci_low_us"] / base
        high = part["ci_high_us"] / base
        axes.hlines(heights, low, high, color=color, lw=2)
        axes.plot(part["median_us"] / base, heights, "o", ms=7, color=color, label=way)
    first = table.iloc[0]
    title = f"{first['tensorrt']}, torch {first['torch']}, recorded {first['date']}"
    axes.set_title(title, fontsize=9)
    axes.set_yticks(heights, cases)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(f"{AXIS} (logarithmic; lines: 95 % intervals)", fontsize=8)


def main() -> None:
    """Write the picture."""
    data = rows()
    table = pd.DataFrame(data)
    environments = list(table["environment"].unique())
    title = f"Four models, six ways to run them in FP16 · {data[0]['gpu']}"
    figure, grid = plot.figure(9, 4, columns=len(environments), title=title, sharey=True)
    panels = [grid] if len(environments) == 1 else list(grid)
    for axes, environment in zip(panels, environments, strict=True):
        draw_panel(axes, table[table["environment"] == environment])
    panels[0].invert_yaxis()
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    figure.savefig(PICTURE, metadata={"Software": None, KEY: digest(data)})
    print(f"{PICTURE.name}: {len(data)} rows, {digest(data)[:10]}")


if __name__ == "__main__":
    main()
