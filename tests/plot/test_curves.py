"""Curves with their intervals."""

import numpy as np
import pytest

from cookbook import plot
from cookbook.errors import CookbookError
from tests.plot.drawn import row, tick_names

BATCHES = [
    row("TensorRT", 30.0, 28.0, 33.0, batch=8),
    row("TensorRT", 10.0, 9.0, 12.0, batch=1),
    row("PyTorch", 50.0, batch=1),
    row("PyTorch", 60.0, 55.0, None, batch=8),
    row("PyTorch", None, batch=64),
]


def curve(ax, name):
    """(x, y, colour) of a curve, and its error bars as (x, low, high)."""
    (found,) = [c for c in ax.containers if c.get_label() == name]
    line, _, (segments,) = found
    spans = []
    for segment in segments.get_segments():
        (x, low), (_, high) = np.asarray(segment).tolist()
        spans.append((x, low, high))
    return list(line.get_xdata()), list(line.get_ydata()), line.get_color(), spans, line


def test_a_curve_for_each_name_in_order_of_x():
    _, ax = plot.figure()
    plot.curves(ax, BATCHES, "batch")
    xs, ys, color, spans, line = curve(ax, "TensorRT")
    assert (xs, ys, color) == ([1, 8], [10, 30], plot.GREEN)
    assert spans == [(1, 9, 12), (8, 28, 33)]
    assert (line.get_marker(), line.get_linestyle()) == ("o", "-")
    xs, ys, color, spans, _ = curve(ax, "PyTorch")
    assert (xs, ys, color) == ([1, 8], [50, 60], plot.GREY)  # a row without value is left out
    assert spans == [(1, 50, 50), (8, 55, 60)]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["TensorRT", "PyTorch"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("batch", "median_us")
    assert ax.get_ylim()[0] == 0
    assert ax.get_xscale() == ax.get_yscale() == "linear"


def test_logarithmic_axes_have_the_measured_places():
    fig, ax = plot.figure()
    plot.curves(ax, BATCHES, "batch", log_x=True, log_y=True)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    fig.canvas.draw()
    assert tick_names(ax.xaxis) == ["1", "8", "64"]
    assert ax.get_ylim()[0] > 0
    assert {"10", "20", "50"} <= set(tick_names(ax.yaxis))


@pytest.mark.parametrize(("count", "own"), [(10, True), (11, False)])
def test_too_many_places_are_left_to_the_axis(count, own):
    _, ax = plot.figure()
    rows = [row("a", 1.0, batch=3 + k) for k in range(count)]
    plot.curves(ax, rows, "batch", log_x=True)
    assert (ax.get_xticks().tolist() == list(range(3, 3 + count))) is own


def test_other_columns_labels_and_colours():
    _, ax = plot.figure()
    rows = [
        {"level": 1, "kind": 5, "seconds": 2.0, "from": 1.0, "to": 4.0},
        {"level": 2, "kind": 5, "seconds": 3.0, "from": 2.5, "to": 3.5},
        {"level": 1, "kind": 6, "seconds": 1.0},
    ]
    plot.curves(
        ax,
        rows,
        "level",
        y="seconds",
        low="from",
        high="to",
        by="kind",
        colors={"5": plot.RED},
        x_label="builder level",
        y_label="seconds",
    )
    xs, ys, color, spans, _ = curve(ax, "5")
    assert (xs, ys, color, spans) == ([1, 2], [2, 3], plot.RED, [(1, 1, 4), (2, 2.5, 3.5)])
    assert curve(ax, "6")[2] == plot.GREY
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("builder level", "seconds")


def test_no_rows_are_refused():
    _, ax = plot.figure()
    with pytest.raises(CookbookError, match="curves: there are no rows"):
        plot.curves(ax, [], "batch")
