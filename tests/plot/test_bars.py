"""Bars of latencies."""

import pytest

from cookbook import plot
from cookbook.errors import CookbookError
from cookbook.measure import Timing
from tests.plot.drawn import (
    bars,
    dots,
    everything_is_inside,
    legend_of,
    row,
    texts,
    tick_names,
    whiskers,
)

ROWS = [row("eager", 1000.0, 900.0, 1200.0), row("TensorRT", 50.25, 49.0, 52.0), row("few", 20.0)]


def test_bars_from_top_to_bottom_with_their_intervals():
    fig, ax = plot.figure()
    plot.timings(ax, ROWS, colors=[plot.GREY, plot.GREEN, plot.BLUE])
    assert bars(ax) == [(0, 1000, plot.GREY), (1, 50.25, plot.GREEN), (2, 20, plot.BLUE)]
    assert whiskers(ax) == [(900, 1200, 0), (49, 52, 1)]  # no whisker where nothing is known
    assert tick_names(ax.yaxis) == ["eager", "TensorRT", "few"]
    assert ax.get_yticks().tolist() == [0, 1, 2]
    assert ax.get_ylim() == (2.6, -0.6)
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] >= 1200
    assert texts(ax) == ["1,000.0 us", "50.2 us", "20.0 us"]
    assert [text.xy for text in ax.texts] == [(1200, 0), (52, 1), (20, 2)]
    assert all(text.xyann[0] > 0 for text in ax.texts)
    assert ax.get_xlabel() == "median, microseconds (95 % interval)"
    assert ax.get_legend() is None
    assert everything_is_inside(fig)


def test_green_is_the_default():
    _, ax = plot.figure()
    plot.timings(ax, ROWS)
    assert [color for _, _, color in bars(ax)] == [plot.GREEN] * 3


def test_rows_of_one_name_stay_apart():
    _, ax = plot.figure()
    plot.timings(ax, [row("a", 1.0), row("a", 2.0)])
    assert [(y, length) for y, length, _ in bars(ax)] == [(0, 1), (1, 2)]
    assert tick_names(ax.yaxis) == ["a", "a"]


def test_a_legend_says_what_the_colours_mean():
    _, ax = plot.figure()
    plot.timings(ax, ROWS, meanings={"PyTorch": plot.GREY, "TensorRT": plot.GREEN})
    assert legend_of(ax) == {"PyTorch": plot.GREY, "TensorRT": plot.GREEN}


def test_on_a_logarithmic_scale_there_are_dots():
    fig, ax = plot.figure()
    plot.timings(ax, ROWS, colors=[plot.GREY, plot.GREEN, plot.BLUE], log=True)
    assert bars(ax) == []
    assert dots(ax) == [(1000, 0, plot.GREY), (50.25, 1, plot.GREEN), (20, 2, plot.BLUE)]
    assert whiskers(ax) == [(900, 1200, 0), (49, 52, 1)]
    assert ax.get_xscale() == "log"
    fig.canvas.draw()
    assert {"50", "100", "1,000"} <= set(tick_names(ax.xaxis))


def test_no_name_is_cut_off():
    name = "TensorRT 8.6.1 with FP16 inputs and one CUDA graph for each of the shapes"
    fig, ax = plot.figure(5, 1.5)
    plot.timings(ax, [row(name, 1013.25, 1000.0, 1500.0), row("b", 1.0)])
    (label, _) = tick_names(ax.yaxis)
    assert label.replace("\n", " ") == name
    assert max(len(line) for line in label.splitlines()) <= 40
    assert everything_is_inside(fig)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sessions": 5, "builds": 1}, "between sessions"),
        ({"sessions": 6, "builds": 3}, "between builds"),
    ],
)
def test_what_the_interval_is(more, words):
    _, ax = plot.figure()
    plot.timings(ax, [row("a", 1.0), row("b", 1.0, **more)])
    assert ax.get_xlabel() == f"median, microseconds (95 % interval {words})"


def test_rows_of_timing_are_drawn():
    _, ax = plot.figure()
    plot.timings(ax, [Timing([1.0, 2.0, 3.0], "a").row()])
    assert [length for _, length, _ in bars(ax)] == [2]


def test_what_cannot_be_drawn_is_refused():
    _, ax = plot.figure()
    with pytest.raises(CookbookError, match="timings: there are no rows"):
        plot.timings(ax, [])
    with pytest.raises(CookbookError, match="1 colours for 3 things"):
        plot.timings(ax, ROWS, colors=[plot.GREY])
