"""The roofline: how fast a kernel could be, by what limits it."""

import numpy as np

from .look import BLUE, GRID, ORANGE, RED, SMALL, color_list, some

# GREEN and GREY stay free: the roofs are grey.
POINT_COLORS = [BLUE, ORANGE, RED, "#76b900", "black", "#7b4fa3"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
STYLES = ["-", "--", ":", "-."]


def attainable(intensity, bandwidth: float, roof: float):
    """The most FLOP/s that a kernel can reach: what the memory feeds, at most what the units do.

    Args: intensity – FLOPs for each byte from memory, a number or an array; bandwidth – bytes a
        second; roof – FLOP/s of the units.
    """
    return np.minimum(roof, bandwidth * np.asarray(intensity))


def roofline(ax, bandwidth: float, roofs: dict[str, float], points, colors=None) -> None:
    """A logarithmic roofline with kernels as dots, and a legend that names them.

    Args: bandwidth – bytes a second; roofs – {name: FLOP/s}; points – dicts with ``name``,
        ``intensity`` (FLOP/byte) and ``achieved`` (FLOP/s); colors – one for each point.
    Raises: CookbookError for no roofs or no points.
    """
    points = some(points, "roofline, points")
    some(roofs, "roofline, roofs")
    places = [point["intensity"] for point in points]
    places += [roof / bandwidth for roof in roofs.values()]  # the ridges
    x = np.geomspace(min(places) / 6, max(places) * 6, 200)
    for number, (name, roof) in enumerate(roofs.items()):
        style = STYLES[number % len(STYLES)]
        ax.plot(x, attainable(x, bandwidth, roof), color="#6b6b6b", lw=1.2, ls=style)
        ax.annotate(
            name,
            (x[-1], roof),
            (-2, 3),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=SMALL,
            color="#444444",
        )
    _draw_points(ax, points, colors)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(x[0], x[-1])
    ax.grid(axis="both", color=GRID)
    ax.set_xlabel("FLOPs for each byte of DRAM", fontsize=SMALL)
    ax.set_ylabel("FLOP/s", fontsize=SMALL)
    ax.legend(
        fontsize=SMALL, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5), borderaxespad=0.5
    )


def _draw_points(ax, points: list[dict], colors) -> None:
    """The kernels, each with a colour and a marker of its own."""
    if colors is None:
        shades = [POINT_COLORS[k % len(POINT_COLORS)] for k in range(len(points))]
    else:
        shades = color_list(colors, len(points))
    for number, (point, shade) in enumerate(zip(points, shades, strict=True)):
        ax.plot(
            point["intensity"],
            point["achieved"],
            MARKERS[number % len(MARKERS)],
            color=shade,
            ms=7,
            label=point["name"],
        )
