"""Curves over a range: batch sizes, rates, levels."""

from .look import GRID, SMALL, color_list, plain_log, some, whiskers


def curves(
    ax,
    rows,
    x: str,
    *,
    y: str = "median_us",
    low: str = "ci_low_us",
    high: str = "ci_high_us",
    by: str = "name",
    colors: dict[str, str] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    x_label: str = "",
    y_label: str = "",
) -> None:
    """A curve for each name: dots with their intervals, joined in order of x.

    Args: rows – dicts; x, y – the columns that are drawn; low, high – those of the interval of y,
        which may be missing; by – the column that tells the curves apart; colors – {name: colour};
        log_x, log_y – logarithmic scales; labels – of the axes, the columns' names if empty.
    Raises: CookbookError for no rows.
    """
    rows = some(rows, "curves")
    groups: dict[str, list[dict]] = {}
    for row in rows:
        if row[y] is not None:
            groups.setdefault(str(row[by]), []).append(row)
    shades = dict(zip(groups, color_list(None, len(groups)), strict=True))
    shades.update(colors or {})
    for name, members in groups.items():
        _curve(ax, sorted(members, key=lambda row: row[x]), (x, y, low, high), name, shades[name])
    if log_x:
        ax.set_xscale("log")
        plain_log(ax.xaxis, _ticks(rows, x))
    if log_y:
        ax.set_yscale("log")
        plain_log(ax.yaxis)
    else:
        ax.set_ylim(bottom=0)
    ax.grid(axis="both", color=GRID)
    ax.set_xlabel(x_label or x, fontsize=SMALL)
    ax.set_ylabel(y_label or y, fontsize=SMALL)
    ax.legend(fontsize=SMALL, frameon=False)


def _curve(ax, members: list[dict], columns: tuple, name: str, shade: str) -> None:
    """One curve."""
    x, y, low, high = columns
    below = []
    above = []
    for row in members:
        down, up = whiskers(row, y, low, high) or (0.0, 0.0)
        below.append(down)
        above.append(up)
    ax.errorbar(
        [row[x] for row in members],
        [row[y] for row in members],
        yerr=[below, above],
        fmt="o-",
        ms=4,
        lw=1.2,
        capsize=2,
        color=shade,
        label=name,
    )


def _ticks(rows: list[dict], x: str) -> list[float]:
    """The places of a logarithmic x axis: the measured ones, unless there are too many."""
    places = sorted({row[x] for row in rows})
    if len(places) > 10:
        return []
    return places
