"""Bars of latencies."""

import textwrap

from .look import (
    GREEN,
    GRID,
    NAME_WIDTH,
    SMALL,
    color_list,
    legend,
    plain_log,
    some,
    whisker,
    write_beside,
)


def timings(ax, rows, colors=None, *, meanings: dict[str, str] | None = None, log: bool = False):
    """The median of each row with its interval: bars, or on a logarithmic scale dots.

    A bar's length means nothing on a logarithmic scale, which has no zero.

    Args: rows – of ``Timing.row()`` or ``Repeats.row()``, drawn from top to bottom; colors – one
        for each row, all green if None; meanings – {meaning: colour} for a legend; log – for
        latencies of different orders of magnitude.
    Raises: CookbookError for no rows, or another number of colours.
    """
    rows = some(rows, "timings")
    shades = [GREEN] * len(rows) if colors is None else color_list(colors, len(rows))
    for place, (row, shade) in enumerate(zip(rows, shades, strict=True)):
        median = row["median_us"]
        if log:
            ax.plot(median, place, "o", color=shade, zorder=3)
        else:
            ax.barh(place, median, color=shade)
        end = whisker(ax, row, place)
        write_beside(ax, f"{median:,.1f} us", end, place)
    names = [textwrap.fill(row["name"], NAME_WIDTH) for row in rows]
    ax.set_yticks(range(len(rows)), names)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color=GRID)
    if log:
        ax.set_xscale("log")
        plain_log(ax.xaxis)
    else:
        ax.set_xlim(left=0)
    ax.set_xlabel(f"median, microseconds ({_kind(rows)})", fontsize=SMALL)
    if meanings:
        legend(ax, meanings)


def _kind(rows: list[dict]) -> str:
    """What the rows' intervals are, in words."""
    if any(row.get("builds", 1) > 1 for row in rows):
        return "95 % interval between builds"
    if any("sessions" in row for row in rows):
        return "95 % interval between sessions"
    return "95 % interval"
