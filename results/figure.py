"""Draw results/figure.png, the figure of the README, from what notebook 001 recorded: python results/figure.py

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
    """What the figure shows: the newest rows of notebook 001 in the environment that the course is recorded in."""
    found, stamp = load("001").query("environment == '8.6'"), ["gpu", "tensorrt", "date"]
    newest = found[stamp] == found.sort_values("date").iloc[-1][stamp]
    return found[newest.all(axis=1)][["name", "median_us", "ci_low_us", "ci_high_us", *stamp]].to_dict("records")


def digest(data: list[dict]) -> str:
    """SHA-256 of the rows, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def main() -> None:
    """Write the picture."""
    from cookbook import plot
    data = rows()
    title = "One 8×8 image through the digits CNN · {gpu} · {tensorrt} · recorded {date}".format(**data[0])
    figure, axes = plot.figure(8, 2, title=title)
    plot.timings(axes, data, colors=[plot.GREY] + [plot.GREEN] * (len(data) - 1))
    figure.savefig(PICTURE, metadata={"Software": None, KEY: digest(data)})
    print(f"{PICTURE.name}: {len(data)} rows, {digest(data)[:10]}")


if __name__ == "__main__":
    main()
