"""Draw results/figure.png, the figure of the README, from what notebook 101 recorded: python results/figure.py

The picture's metadata holds the hash of the rows that it was drawn from. A test compares it with the rows that are there.
"""
import hashlib
import json
from pathlib import Path

import pandas as pd

PICTURE = Path(__file__).with_name("figure.png")
KEY = "Data-SHA256"


def load(number: str) -> pd.DataFrame:
    """All machines' recorded rows of a notebook, with the columns of their stamps."""
    loaded = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(PICTURE.parent.glob(f"*/{number}.json"))]
    return pd.concat([pd.DataFrame(one["rows"]).assign(**one["stamp"]) for one in loaded], ignore_index=True)


def rows() -> list[dict]:
    """What the figure shows: the newest rows of notebook 101 in the environment that the course is recorded in."""
    found, stamp = load("101").query("environment == '8.6'"), ["gpu", "tensorrt", "torch", "date"]
    newest = found[stamp] == found.sort_values("date").iloc[-1][stamp]
    return found[newest.all(axis=1)][["model", "batch", "name", "median_us", "ci_low_us", "ci_high_us", *stamp]].to_dict("records")


def digest(data: list[dict]) -> str:
    """SHA-256 of the rows, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def main() -> None:
    """Write the picture: for each model and batch, the latency of each way as a ratio to PyTorch eager."""
    from cookbook import plot
    data, table = rows(), pd.DataFrame(rows())
    title = "Four models, six ways to run them in FP16 · {gpu} · {tensorrt}, torch {torch} · recorded {date}".format(**data[0])
    figure, axes = plot.figure(9, 4, title=title)
    cases = [f"{row.model}, batch {row.batch}" for row in table[table.name == "eager"].itertuples()]
    base = table[table.name == "eager"]["median_us"].to_numpy()
    colors = [plot.GREY, "#9cc3ea", plot.BLUE, plot.ORANGE, "#b9dd7a", plot.GREEN]
    for (way, part), color in zip(table.groupby("name", sort=False), colors):
        axes.hlines(range(len(cases)), part["ci_low_us"] / base, part["ci_high_us"] / base, color=color, lw=2)
        axes.plot(part["median_us"] / base, range(len(cases)), "o", ms=7, color=color, label=way)
    axes.set_yticks(range(len(cases)), cases)
    axes.invert_yaxis()
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("median latency as a ratio to PyTorch eager, logarithmic: left is faster (lines: 95 % intervals)", fontsize=8)
    figure.legend(loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    figure.savefig(PICTURE, metadata={"Software": None, KEY: digest(data)})
    print(f"{PICTURE.name}: {len(data)} rows, {digest(data)[:10]}")


if __name__ == "__main__":
    main()
