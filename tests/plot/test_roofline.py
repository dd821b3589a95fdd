"""The roofline."""

import numpy as np
import pytest

from cookbook import plot
from cookbook.errors import CookbookError
from tests.plot.drawn import color_of, dots, everything_is_inside, legend_of, texts

ROOFS = {"FP32": 1e13, "FP16": 1e14}
POINTS = [
    {"name": "mul", "intensity": 0.125, "achieved": 1e11},
    {"name": "gemm", "intensity": 500.0, "achieved": 8e13},
]


def test_attainable_is_bound_by_memory_and_then_by_the_units():
    assert plot.attainable(2.0, 1e12, 1e13) == 2e12
    assert plot.attainable(10.0, 1e12, 1e13) == 1e13
    assert plot.attainable([1, 100], 1e12, 1e13).tolist() == [1e12, 1e13]


def test_roofs_and_kernels():
    fig, ax = plot.figure()
    plot.roofline(ax, 1e12, ROOFS, POINTS)
    roofs = [line for line in ax.lines if len(line.get_xdata()) > 1]
    for line, roof in zip(roofs, ROOFS.values(), strict=True):
        x = line.get_xdata()
        assert np.allclose(line.get_ydata(), np.minimum(roof, 1e12 * x))
        assert x[0] == pytest.approx(0.125 / 6)
        assert x[-1] == pytest.approx(500 * 6)
    assert roofs[0].get_linestyle() != roofs[1].get_linestyle()
    assert texts(ax) == ["FP32", "FP16"]
    assert [text.xy[1] for text in ax.texts] == [1e13, 1e14]
    assert {text.get_ha() for text in ax.texts} == {"right"}  # inside, at the end of its line
    assert [dot[:2] for dot in dots(ax)] == [(0.125, 1e11), (500, 8e13)]
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_xlim() == pytest.approx((0.125 / 6, 3000))
    assert ax.get_xlabel() == "FLOPs for each byte of DRAM"
    assert ax.get_ylabel() == "FLOP/s"
    assert everything_is_inside(fig)


def test_the_ridges_are_in_the_drawing_even_where_all_kernels_are_left_of_them():
    _, ax = plot.figure()
    plot.roofline(ax, 1e12, ROOFS, POINTS[:1])
    assert ax.get_xlim() == pytest.approx((0.125 / 6, 100 * 6))


def test_a_legend_names_the_kernels():
    _, ax = plot.figure()
    plot.roofline(ax, 1e12, ROOFS, POINTS)
    assert legend_of(ax) == {"mul": plot.BLUE, "gemm": plot.ORANGE}
    _, ax = plot.figure()
    plot.roofline(ax, 1e12, ROOFS, POINTS, colors=[plot.RED, plot.GREEN])
    assert legend_of(ax) == {"mul": plot.RED, "gemm": plot.GREEN}


def test_many_kernels_and_roofs_can_be_told_apart():
    _, ax = plot.figure()
    points = [{"name": f"k{k}", "intensity": 1.0 + k, "achieved": 1e12} for k in range(9)]
    plot.roofline(ax, 1e12, {f"roof {k}": 1e13 * (k + 1) for k in range(5)}, points)
    drawn = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert len({(color_of(line), line.get_marker()) for line in drawn}) == 9
    assert len({line.get_linestyle() for line in ax.lines if len(line.get_xdata()) > 1}) == 4


def test_what_cannot_be_drawn_is_refused():
    _, ax = plot.figure()
    with pytest.raises(CookbookError, match="roofline, points: there are no rows"):
        plot.roofline(ax, 1e12, ROOFS, [])
    with pytest.raises(CookbookError, match="roofline, roofs: there are no rows"):
        plot.roofline(ax, 1e12, {}, POINTS)
    with pytest.raises(CookbookError, match="1 colours for 2 things"):
        plot.roofline(ax, 1e12, ROOFS, POINTS, colors=[plot.RED])
