"""Timelines."""

import pytest
from matplotlib.colors import to_hex

from cookbook import plot
from cookbook.errors import CookbookError
from tests.plot.drawn import legend_of, texts, tick_names

CALL = "#2f6fb3"
LANES = {
    "host": [(0, 4, "launch", "call"), (10, 30, "wait", "wait")],
    "stream 7": [plot.Span(6, 10, "conv", "kernel"), (18, 1, "a long name", "kernel")],
}


def boxes(ax):
    """(start, duration, y of the middle, colour) of the bars of a timeline."""
    found = []
    for collection in ax.collections:
        for path in collection.get_paths():
            (left, bottom), (right, top) = path.get_extents().get_points().tolist()
            color = to_hex(collection.get_facecolor()[0])
            found.append((left, right - left, round((bottom + top) / 2, 6), color))
    return found


def test_lanes_from_top_to_bottom():
    _, ax = plot.figure(9, 2)
    colors = {"call": CALL, "wait": plot.GREY, "kernel": plot.GREEN}
    plot.timeline(ax, LANES, colors)
    assert boxes(ax) == [
        (0, 4, 0, CALL),
        (10, 30, 0, plot.GREY),
        (6, 10, 1, plot.GREEN),
        (18, 1, 1, plot.GREEN),
    ]
    assert tick_names(ax.yaxis) == ["host", "stream 7"]
    assert ax.get_yticks().tolist() == [0, 1]
    assert ax.get_ylim() == (1.6, -0.6)
    assert ax.get_xlim() == pytest.approx((-0.4, 40.4))
    assert ax.get_xlabel() == "microseconds"
    assert legend_of(ax) == {"call": CALL, "wait": plot.GREY, "kernel": plot.GREEN}


def test_a_label_is_written_where_it_fits_and_left_out_where_not():
    _, ax = plot.figure(9, 2)
    plot.timeline(ax, LANES)
    assert texts(ax) == ["launch", "wait", "conv"]
    assert [text.get_position() for text in ax.texts] == [(2, 0), (25, 0), (11, 1)]
    assert {text.get_ha() for text in ax.texts} == {"center"}
    for text, box in zip(ax.texts, [boxes(ax)[k] for k in (0, 1, 2)], strict=True):
        ax.figure.canvas.draw()
        extent = text.get_window_extent().transformed(ax.transData.inverted())
        assert box[0] <= extent.x0
        assert extent.x1 <= box[0] + box[1]


def test_labels_can_be_read_on_their_bars():
    _, ax = plot.figure(9, 2)
    plot.timeline(ax, LANES, {"call": "black", "wait": "white", "kernel": "white"})
    assert [text.get_color() for text in ax.texts] == ["white", "black", "black"]


def test_kinds_without_a_colour_get_one():
    _, ax = plot.figure()
    plot.timeline(ax, LANES, {"wait": "#123456"})
    assert legend_of(ax) == {"call": plot.GREEN, "wait": "#123456", "kernel": plot.BLUE}


def test_lanes_that_need_no_legend():
    _, ax = plot.figure()
    plot.timeline(ax, {"a": [(0, 1), (1, 1, "x")], "b": [(0, 2, "y")]}, unit="ms")
    assert [box[3] for box in boxes(ax)] == [plot.GREEN, plot.GREEN, plot.GREY]
    assert ax.get_legend() is None
    assert ax.get_xlabel() == "ms"


def test_two_drawings_compare():
    _, ax = plot.figure()
    plot.timeline(ax, LANES, span=100)
    assert ax.get_xlim() == pytest.approx((-1, 101))
    assert "launch" not in texts(ax)  # no room at this scale


def test_idle_times_are_marked():
    _, ax = plot.figure(9, 2)
    plot.timeline(ax, {"a": [(0, 10)], "b": [(20, 10)]}, idle=[(10, 20), (30, 30.2)])
    spans = [(patch.get_x(), patch.get_width(), to_hex(patch.get_facecolor()))
             for patch in ax.patches]  # fmt: skip
    assert spans == [(10, 10, plot.RED), (30, pytest.approx(0.2), plot.RED)]
    assert texts(ax) == ["10"]
    assert ax.texts[0].get_position() == (15, 1.5)
    assert ax.texts[0].get_color() == plot.RED
    assert legend_of(ax) == {"idle": plot.RED}
    _, ax = plot.figure(9, 2)
    plot.timeline(ax, LANES, idle=iter([(4, 6)]))
    assert list(legend_of(ax)) == ["call", "wait", "kernel", "idle"]


def test_what_cannot_be_drawn_is_refused():
    _, ax = plot.figure()
    with pytest.raises(CookbookError, match="timeline, lanes: there are no rows"):
        plot.timeline(ax, {})
    with pytest.raises(CookbookError, match="timeline, spans: there are no rows"):
        plot.timeline(ax, {"a": []})
