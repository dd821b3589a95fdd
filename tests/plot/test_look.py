"""The look of figures: colours, axes, legends, logarithmic scales."""

import numpy as np
import pytest

from cookbook import plot
from cookbook.errors import CookbookError
from cookbook.plot import look
from tests.plot.drawn import legend_of, tick_names


def test_one_axes():
    fig, ax = plot.figure(6, 2, title="a title")
    assert fig.get_size_inches().tolist() == [6, 2]
    assert fig.dpi == 110
    assert [text.get_text() for text in fig.texts] == ["a title"]
    assert fig.get_layout_engine().__class__.__name__ == "ConstrainedLayoutEngine"
    assert not ax.spines["top"].get_visible()
    assert not ax.spines["right"].get_visible()
    assert ax.spines["left"].get_visible()
    assert ax.get_axisbelow() is True
    assert ax.yaxis.get_gridlines()[0].get_visible()
    assert not ax.xaxis.get_gridlines()[0].get_visible()
    assert ax.plot([1, 2])[0].get_color() == plot.GREEN
    assert ax.plot([1, 2])[0].get_color() == plot.GREY


def test_defaults():
    fig, _ = plot.figure()
    assert fig.get_size_inches().tolist() == [7, 3.2]
    assert fig.texts == []


def test_several_axes():
    _, axes = plot.figure(columns=3, sharey=True, width_ratios=[2, 1, 1])
    assert len(axes) == 3
    assert not any(ax.spines["top"].get_visible() for ax in axes)
    axes[0].set_ylim(0, 5)
    assert axes[2].get_ylim() == (0, 5)


def test_the_courses_colours_are_different():
    assert plot.COLORS == [plot.GREEN, plot.GREY, plot.BLUE, plot.ORANGE, plot.RED]
    assert len(set(plot.COLORS)) == 5
    assert plot.plt.__name__ == "matplotlib.pyplot"
    assert all(hasattr(plot, name) for name in plot.__all__)


def test_a_legend_of_colours():
    _, ax = plot.figure()
    plot.legend(ax, {"TensorRT": plot.GREEN, "PyTorch": plot.GREY})
    assert legend_of(ax) == {"TensorRT": plot.GREEN, "PyTorch": plot.GREY}
    assert not ax.get_legend().get_frame_on()
    ax.figure.canvas.draw()
    first, second = [box.get_window_extent() for box in ax.get_legend().legend_handles]
    assert first.y0 == pytest.approx(second.y0)  # in one line
    assert ax.get_legend().get_window_extent().y0 >= ax.get_window_extent().y1 - 1


def test_a_logarithmic_axis_has_plain_numbers():
    fig, ax = plot.figure()
    ax.plot([1, 2, 8, 1024], [20, 30, 40, 90])
    ax.set_xscale("log")
    ax.set_yscale("log")
    plot.plain_log(ax.xaxis, [1, 2, 8, 1024])
    plot.plain_log(ax.yaxis)
    fig.canvas.draw()
    assert tick_names(ax.xaxis) == ["1", "2", "8", "1,024"]
    assert ax.xaxis.get_minorticklocs().tolist() == []
    assert {"20", "50"} <= set(tick_names(ax.yaxis))
    assert {label.get_text() for label in ax.yaxis.get_minorticklabels()} <= {""}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.05, "0.05"), (1, "1"), (999, "999"), (1000, "1,000"), (123456.7, "123,457")],
)
def test_numbers_as_people_write_them(value, text):
    _, ax = plot.figure()
    ax.set_xscale("log")
    plot.plain_log(ax.xaxis)
    assert ax.xaxis.get_major_formatter()(value) == text


def test_ink_can_be_read():
    assert look.ink("white") == "black"
    assert look.ink("black") == "white"
    assert look.ink(plot.BLUE) == "white"
    assert look.ink(plot.RED) == "white"
    assert look.ink(plot.GREEN) == "black"
    assert look.ink("#b9d0ea") == "black"
    assert look.ink("blue") == "white"  # the eye hardly sees it
    assert look.ink("lime") == "black"


def test_lists_of_colours():
    assert look.color_list(None, 2) == [plot.GREEN, plot.GREY]
    assert look.color_list(None, 6) == [*plot.COLORS, plot.GREEN]
    assert look.color_list(iter(["red", "blue"]), 2) == ["red", "blue"]
    with pytest.raises(CookbookError, match="1 colours for 2 things: give one for each"):
        look.color_list(["red"], 2)


def test_there_must_be_something_to_draw():
    assert look.some(iter([1, 2]), "bars") == [1, 2]
    with pytest.raises(CookbookError, match="bars: there are no rows to draw"):
        look.some(iter([]), "bars")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (8, 13, (2, 3)),
        (None, None, None),
        (8, None, (2, 0)),
        (None, 13, (0, 3)),
        (11, 9, (0, 0)),
    ],
)
def test_how_far_an_interval_reaches(low, high, expected):
    row = {"y": 10, "a": low, "b": high}
    assert look.whiskers(row, "y", "a", "b") == expected
    assert look.whiskers({"y": 10}, "y", "a", "b") is None


def test_the_axes_of_one_figure_are_no_array():
    _, ax = plot.figure()
    assert not isinstance(ax, np.ndarray)
