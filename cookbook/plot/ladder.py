"""A ladder: the steps of an optimisation, what each was expected to bring, and what it brought."""

import textwrap

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from .look import (
    GREEN,
    GRID,
    NAME_WIDTH,
    ORANGE,
    SMALL,
    legend_above,
    some,
    whisker,
    write_beside,
)


def ladder(ax, steps, *, predicted: str = "predicted_us") -> None:
    """A bar for each step from top to bottom, its prediction as a diamond, its gain in words.

    Args: steps – rows of ``Timing.row()`` or ``Repeats.row()``, the first is the baseline; each may
        have what was expected beforehand, microseconds, in the column ``predicted``.
    Raises: CookbookError for no steps.
    """
    steps = some(steps, "ladder")
    baseline = steps[0]["median_us"]
    for place, step in enumerate(steps):
        median = step["median_us"]
        ax.barh(place, median, color=GREEN)
        end = whisker(ax, step, place)
        expected = step.get(predicted)
        if expected is not None:
            ax.plot(expected, place, "D", color=ORANGE, markeredgecolor="black", ms=7)
            end = max(end, expected)
        write_beside(ax, _gain(median, baseline, place), end, place)
    names = [textwrap.fill(step["name"], NAME_WIDTH) for step in steps]
    ax.set_yticks(range(len(steps)), names)
    ax.set_ylim(len(steps) - 0.4, -0.6)
    ax.set_xlim(left=0)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=GRID)
    ax.set_xlabel("median, microseconds (95 % interval)", fontsize=SMALL)
    if any(step.get(predicted) is not None for step in steps):
        legend_above(ax, _handles())


def _gain(median: float, baseline: float, place: int) -> str:
    """A step's latency and, but for the first, how it stands to the baseline."""
    if place == 0:
        return f"{median:,.1f} us"
    return f"{median:,.1f} us, {baseline / median:.2f} × as fast as at first"


def _handles() -> list:
    """What bar and diamond mean."""
    diamond = Line2D(
        [], [], marker="D", color="none", markerfacecolor=ORANGE, markeredgecolor="black"
    )
    diamond.set_label("predicted")
    return [Patch(facecolor=GREEN, label="measured"), diamond]
