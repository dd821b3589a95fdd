"""Ladders of an optimisation."""

import pytest

from cookbook import plot
from cookbook.errors import CookbookError
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

STEPS = [
    row("baseline", 1000.0, 990.0, 1020.0),
    row("FP16", 400.0, 395.0, 410.0, predicted_us=500.0),
    row("plugin", 250.0, predicted_us=200.0),
]


def test_steps_with_results_and_predictions():
    fig, ax = plot.figure(7, 2)
    plot.ladder(ax, STEPS)
    assert bars(ax) == [(0, 1000, plot.GREEN), (1, 400, plot.GREEN), (2, 250, plot.GREEN)]
    assert whiskers(ax) == [(990, 1020, 0), (395, 410, 1)]
    assert dots(ax) == [(500, 1, plot.ORANGE), (200, 2, plot.ORANGE)]
    assert texts(ax) == [
        "1,000.0 us",
        "400.0 us, 2.50 × as fast as at first",
        "250.0 us, 4.00 × as fast as at first",
    ]
    # Beside whatever reaches furthest: the whisker, the prediction, the bar.
    assert [text.xy for text in ax.texts] == [(1020, 0), (500, 1), (250, 2)]
    assert tick_names(ax.yaxis) == ["baseline", "FP16", "plugin"]
    assert ax.get_ylim() == (2.6, -0.6)
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlabel() == "median, microseconds (95 % interval)"
    assert legend_of(ax) == {"measured": plot.GREEN, "predicted": plot.ORANGE}
    assert everything_is_inside(fig)


def test_without_predictions_there_is_no_legend():
    _, ax = plot.figure()
    plot.ladder(ax, STEPS[:1])
    assert dots(ax) == []
    assert ax.get_legend() is None


def test_another_column_of_predictions():
    _, ax = plot.figure()
    plot.ladder(ax, [row("a", 10.0, roofline_us=0.0), row("b", 5.0)], predicted="roofline_us")
    assert dots(ax) == [(0, 0, plot.ORANGE)]
    assert legend_of(ax) == {"measured": plot.GREEN, "predicted": plot.ORANGE}


def test_no_name_is_cut_off():
    name = "attention fused by graph surgery and by a plugin of our own"
    fig, ax = plot.figure(6, 1.5)
    plot.ladder(ax, [row(name, 1000.0), row("b", 990.0, predicted_us=1200.0)])
    assert tick_names(ax.yaxis)[0].replace("\n", " ") == name
    assert everything_is_inside(fig)


def test_no_steps_are_refused():
    _, ax = plot.figure()
    with pytest.raises(CookbookError, match="ladder: there are no rows"):
        plot.ladder(ax, [])
