"""One look for every figure."""
import matplotlib.pyplot as plt

GREEN, GREY, BLUE, ORANGE, RED = COLORS = ["#76b900", "#8a8a8a", "#2f6fb3", "#e08a1e", "#c0392b"]


def figure(width: float = 7, height: float = 3.2, columns: int = 1, title: str = "", **options):
    """A figure and its axes (one, or an array) in the look of the course; width and height in inches."""
    fig, axes = plt.subplots(1, columns, figsize=(width, height), dpi=110, layout="constrained", **options)
    for ax in [axes] if columns == 1 else axes:
        ax.set_prop_cycle(color=COLORS)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="#e6e6e6", linewidth=0.8)
        ax.set_axisbelow(True)
    if title:
        fig.suptitle(title, fontsize=11, x=0.01, ha="left")
    return fig, axes


def timings(ax, rows, colors=None) -> None:
    """Horizontal bars of ``Timing.row()`` rows: median in microseconds with its confidence interval."""
    rows, colors = list(rows)[::-1], (colors or [GREEN] * len(rows))[::-1]
    medians = [row["median_us"] for row in rows]
    errors = [[row["median_us"] - row["ci_low_us"] for row in rows], [row["ci_high_us"] - row["median_us"] for row in rows]]
    bars = ax.barh([row["name"] for row in rows], medians, xerr=errors, color=colors, error_kw={"capsize": 3, "lw": 1})
    ax.bar_label(bars, [f"{median:,.1f} us" for median in medians], padding=4, fontsize=8)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x", color="#e6e6e6")
    ax.set_xlim(0, max(medians) * 1.2)
    ax.set_xlabel("median latency, microseconds (95 % interval of the median)", fontsize=8)
