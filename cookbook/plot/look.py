"""The look of every figure: colours, axes, legends, scales."""

from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colors as color_values
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..errors import CookbookError

GREEN = "#76b900"
GREY = "#8a8a8a"
BLUE = "#2f6fb3"
ORANGE = "#e08a1e"
RED = "#c0392b"
COLORS = [GREEN, GREY, BLUE, ORANGE, RED]
GRID = "#e6e6e6"
SMALL = 8  # points: labels and legends
NAME_WIDTH = 40  # characters after which a name goes on in the next line


def figure(width: float = 7, height: float = 3.2, columns: int = 1, title: str = "", **options):
    """A figure and its axes in the look of the course.

    Args: width and height in inches; columns – axes side by side; title – of the whole figure;
        options – for ``matplotlib.pyplot.subplots``, such as ``sharey=True``.
    Returns: (figure, axes): one, or an array of them for several columns.
    """
    fig, axes = plt.subplots(
        1, columns, figsize=(width, height), dpi=110, layout="constrained", **options
    )
    for ax in np.atleast_1d(axes):
        ax.set_prop_cycle(color=COLORS)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color=GRID, linewidth=0.8)
        ax.set_axisbelow(True)
    if title:
        fig.suptitle(title, fontsize=11, x=0.01, ha="left")
    return fig, axes


def legend(ax, colors: dict[str, str]) -> None:
    """What the colours mean, {meaning: colour}, in one line above the axes."""
    handles = [Patch(facecolor=color, label=meaning) for meaning, color in colors.items()]
    legend_above(ax, handles)


def legend_above(ax, handles: list) -> None:
    """A legend of these handles in one line above the axes."""
    ax.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=max(len(handles), 1),
        fontsize=SMALL,
        frameon=False,
        borderaxespad=0.3,
    )


def plain_log(axis, ticks: Iterable[float] = ()) -> None:
    """Write a logarithmic axis (``ax.xaxis``) in plain numbers, at these places if any are given.

    Call it after the scale was made logarithmic.
    """
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # else a range below ten has no numbers
    places = list(ticks)
    if places:
        axis.set_ticks(places)
        axis.set_ticks([], minor=True)
    axis.set_major_formatter(FuncFormatter(_plain))
    axis.set_minor_formatter(NullFormatter())


def _plain(value: float, _position=None) -> str:
    """A number as people write it: 0.05, 64, 1,024."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:g}"


def ink(color: str) -> str:
    """Black or white: what can be read on that colour."""
    red, green, blue = color_values.to_rgb(color)
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    return "black" if brightness > 0.55 else "white"


def color_list(colors, count: int) -> list:
    """Colours for ``count`` things: the given ones, or the course's, again from the first.

    Raises: CookbookError where the number of given colours is another.
    """
    if colors is None:
        return [COLORS[k % len(COLORS)] for k in range(count)]
    given = list(colors)
    if len(given) != count:
        raise CookbookError(f"{len(given)} colours for {count} things: give one for each")
    return given


def some(rows, what: str) -> list:
    """The rows as a list. Raises: CookbookError where there are none."""
    listed = list(rows)
    if not listed:
        raise CookbookError(f"{what}: there are no rows to draw")
    return listed


def whiskers(row: dict, value: str, low: str, high: str) -> tuple[float, float] | None:
    """How far a row's interval reaches below and above its value; None where none is known.

    A bound that is not known reaches nowhere.
    """
    bounds = row.get(low), row.get(high)
    if bounds == (None, None):
        return None
    middle = row[value]
    below = 0.0 if bounds[0] is None else max(middle - bounds[0], 0.0)
    above = 0.0 if bounds[1] is None else max(bounds[1] - middle, 0.0)
    return below, above


def whisker(ax, row: dict, place: float) -> float:
    """Draw the interval of a median across; returns where it ends on the right."""
    median = row["median_us"]
    reach = whiskers(row, "median_us", "ci_low_us", "ci_high_us")
    if reach is None:
        return median
    below, above = reach
    ax.errorbar(
        median,
        place,
        xerr=[[below], [above]],
        fmt="none",
        ecolor="black",
        capsize=3,
        elinewidth=1,
    )
    return median + above


def write_beside(ax, text: str, x: float, y: float) -> None:
    """Text to the right of a point."""
    ax.annotate(text, (x, y), (8, 0), textcoords="offset points", va="center", fontsize=SMALL)
