"""What is on a figure, for tests that look at it."""

import numpy as np
from matplotlib.colors import to_hex


def row(name, median, low=None, high=None, **more):
    """A row as Timing.row() makes it."""
    return {"name": name, "median_us": median, "ci_low_us": low, "ci_high_us": high, **more}


def texts(ax):
    """The texts inside the axes, in order."""
    return [text.get_text() for text in ax.texts]


def tick_names(axis):
    """The labels of an axis."""
    return [label.get_text() for label in axis.get_ticklabels()]


def legend_of(ax):
    """{label: colour} of the legend; None where there is none."""
    found = ax.get_legend()
    if found is None:
        return None
    labels = [text.get_text() for text in found.get_texts()]
    return dict(zip(labels, [color_of(handle) for handle in found.legend_handles], strict=True))


def color_of(artist):
    """The colour of a patch, or of a line or its marker."""
    if hasattr(artist, "get_facecolor"):
        return to_hex(artist.get_facecolor())
    if hasattr(artist, "get_markerfacecolor"):
        return to_hex(artist.get_markerfacecolor())
    return to_hex(artist[0].get_color())


def bars(ax):
    """(y of the middle, length, colour) of the horizontal bars."""
    found = []
    for bar in ax.patches:
        middle = bar.get_y() + bar.get_height() / 2
        found.append((round(middle, 6), bar.get_width(), color_of(bar)))
    return found


def whiskers(ax):
    """(left, right, y) of the horizontal whiskers."""
    found = []
    for lines in ax.collections:
        for segment in lines.get_segments():
            (left, y), (right, _) = np.asarray(segment).tolist()
            found.append((left, right, y))
    return found


def dots(ax):
    """(x, y, colour) of the lines that are drawn as single dots."""
    found = []
    for line in ax.lines:
        if line.get_marker() in ("o", "D", "s", "^", "v", "P", "X") and len(line.get_xdata()) == 1:
            found.append((line.get_xdata()[0], line.get_ydata()[0], color_of(line)))
    return found


def everything_is_inside(fig):
    """Whether nothing reaches over the edge of the figure, once it is laid out."""
    fig.canvas.draw()
    drawn = fig.get_tightbbox()
    width, height = fig.get_size_inches()
    edge = 0.02  # inches
    sides = -edge <= drawn.x0 and drawn.x1 <= width + edge
    return bool(sides and -edge <= drawn.y0 and drawn.y1 <= height + edge)
