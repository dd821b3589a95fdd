"""The map of an engine as a figure: places, colours, frames, words, legend."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from cookbook import plot
from cookbook.inspect.engine_map import Box, curve, draw_engine_map
from tests.inspect.test_engine_map import LAYERS, layer


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def patches(figure, kind):
    return [patch for patch in figure.axes[0].patches if type(patch) is kind]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def extents(patch):
    """Left, top, width and height of a box, in columns and lines."""
    return [patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()]


class TestFigure:
    def test_without_more_words(self):
        figure = draw_engine_map(LAYERS)
        assert [text.get_text() for text in figure.texts] == ["engine layers"]
        assert figure.get_size_inches() == pytest.approx([9, 0.9 + 2 * 0.335])
        assert figure.axes[0].get_xlim() == (-0.01, 3)

    def test_a_box_is_around_its_line(self):
        figure = draw_engine_map(LAYERS, columns=2)
        found = patches(figure, FancyBboxPatch)
        assert extents(found[2]) == pytest.approx([0, 0.7, 0.82, 0.6])  # the copy
        assert extents(found[1]) == pytest.approx([1, -0.3, 0.4, 0.6])  # the constant
        assert extents(found[4]) == pytest.approx([1.42, -0.3, 0.4, 0.6])  # b, beside it

    def test_where_words_and_numbers_stand(self):
        figure = draw_engine_map(LAYERS, columns=1, times={"a": 8.04})
        at = {text.get_text(): text for text in figure.axes[0].texts}
        assert at["a"].get_position() == pytest.approx((0.012, 2))
        assert at["a"].get_horizontalalignment() == "left"
        assert at["8.0"].get_position() == pytest.approx((0.82 - 0.012, 2))
        assert at["8.0"].get_horizontalalignment() == "right"

    def test_wires_lie_below_boxes_and_words_above(self):
        figure = draw_engine_map(LAYERS, columns=1, times={"a": 1.0})
        kinds = (FancyArrowPatch, FancyBboxPatch, Rectangle)
        heights = [patches(figure, kind)[0].get_zorder() for kind in kinds]
        heights.append(min(text.get_zorder() for text in figure.axes[0].texts))
        assert heights == sorted(set(heights))

    def test_title_boxes_and_labels(self):
        figure = draw_engine_map(LAYERS, "an engine", columns=1)
        assert [text.get_text() for text in figure.texts] == ["an engine"]
        assert len(patches(figure, FancyBboxPatch)) == 7
        assert len(patches(figure, FancyArrowPatch)) == 7
        assert patches(figure, Rectangle) == []
        assert texts(figure) == [
            "x",
            "constant",
            "linear FP32 → NHWC8 FP16",
            "a",
            "b",
            "sum",
            "y",
        ]
        bold = [t.get_text() for t in figure.axes[0].texts if t.get_weight() == "bold"]
        assert bold == ["x", "y"]

    def test_size_and_limits(self):
        figure = draw_engine_map(LAYERS, columns=2, width=6)
        assert figure.get_size_inches() == pytest.approx([6, 0.9 + 3 * 0.335])
        assert figure.axes[0].get_xlim() == (-0.01, 2)
        assert figure.axes[0].get_ylim() == (2.6, -0.6)  # downwards
        assert not figure.axes[0].axison

    def test_frames_and_grounds(self):
        figure = draw_engine_map(LAYERS, columns=1)
        frames = [patch.get_edgecolor()[:3] for patch in patches(figure, FancyBboxPatch)]
        plain = to_rgb("#b0b0b0")
        assert frames == [
            plain,
            plain,
            to_rgb(plot.ORANGE),
            plain,
            plain,
            to_rgb("black"),
            plain,
        ]
        grounds = [patch.get_facecolor()[:3] for patch in patches(figure, FancyBboxPatch)]
        assert grounds[0] == grounds[1] == grounds[6] == (1, 1, 1)  # nothing is computed
        pale = [1 - 0.18 * (1 - value) for value in to_rgb(plot.GREEN)]
        assert grounds[3] == pytest.approx(pale)

    def test_bars_are_relative_to_the_slowest(self):
        figure = draw_engine_map(LAYERS, times={"a": 8.0, "b": 2.0}, columns=1)
        bars = patches(figure, Rectangle)
        assert [bar.get_height() for bar in bars] == pytest.approx([0.54, 0.54])
        assert [bar.get_width() for bar in bars] == pytest.approx([0.82, 0.4 / 4])
        assert [bar.get_y() for bar in bars] == pytest.approx([2 - 0.27, 3 - 0.27])
        strong = [1 - 0.65 * (1 - value) for value in to_rgb(plot.GREEN)]
        assert bars[0].get_facecolor()[:3] == pytest.approx(strong)
        assert {"8.0", "2.0"} <= set(texts(figure))

    def test_labels_are_cut_to_the_box(self):
        long = layer("n" * 200, ["x"], ["y"])
        figure = draw_engine_map([long], columns=1, width=4)
        room = int(0.82 * 4 * 16.3)
        assert texts(figure)[1] == "n" * (room - 1) + "…"
        figure = draw_engine_map([long], times={"n" * 200: 1.0}, columns=1, width=4)
        assert texts(figure)[1:3] == ["1.0", "n" * (room - 7) + "…"]
        tiny = draw_engine_map([long], columns=40, width=4)
        assert texts(tiny)[1] == "…" or texts(tiny)[1] == "n…"
        figure = draw_engine_map([long], columns=4, width=8)
        assert texts(figure)[1] == "n" * (int(0.82 * 2 * 16.3) - 1) + "…"
        fits = layer("n" * room, ["x"], ["y"])
        assert texts(draw_engine_map([fits], columns=1, width=4))[1] == "n" * room

    def test_the_legend_has_what_occurs(self):
        def legend(layers):
            figure = draw_engine_map(layers)
            return [text.get_text() for text in figure.legends[0].get_texts()]

        assert legend(LAYERS) == [
            "FP32",
            "FP16",
            "reformat",
            "Myelin",
            "no kernel",
            "in linear",
            "in NHWC8",
        ]
        assert legend([layer("a", ["x"], ["y"], phrase="N/A due to dynamic shapes")]) == [
            "type not said",
            "order not said",
        ]

    def test_an_engine_without_layers(self):
        assert texts(draw_engine_map([])) == []


class TestWires:
    UPPER = Box("upper", "other", (), (), x=0.1, y=2, width=0.4)

    def test_straight_to_the_next_line(self):
        below = Box("below", "other", (), (), x=0.5, y=3, width=0.2)
        points = curve(self.UPPER, below)
        assert points[0] == points[1] == pytest.approx((0.3, 2.3))
        assert points[2] == points[3] == pytest.approx((0.6, 2.7))

    @pytest.mark.parametrize(("y", "gutter"), [(4, 0.894), (7, 0.93), (30, 0.93)])
    def test_in_an_arc_to_a_later_line(self, y, gutter):
        later = Box("later", "other", (), (), x=0.0, y=y, width=0.3)
        points = curve(self.UPPER, later)
        assert points[0] == pytest.approx((0.5, 2))
        assert points[1] == pytest.approx((gutter, 2))
        assert points[2] == pytest.approx((gutter, y))
        assert points[3] == pytest.approx((0.3, y))

    def test_across_to_another_column(self):
        away = Box("away", "other", (), (), x=2.5, y=3, width=0.3)
        points = curve(self.UPPER, away)
        assert points == [
            pytest.approx((0.5, 2)),
            pytest.approx((1.98, 2)),
            pytest.approx((1.86, 3)),
            (2.5, 3),
        ]

    def test_they_are_drawn_in_the_colour_of_their_format(self):
        figure = draw_engine_map(LAYERS[1:3], columns=1)
        colors = [list(arrow.get_edgecolor()[:3]) for arrow in patches(figure, FancyArrowPatch)]
        styles = [arrow.get_linestyle() for arrow in patches(figure, FancyArrowPatch)]
        expected = [to_rgb("#555555"), to_rgb("#8e44ad"), to_rgb("#8e44ad")]
        assert colors == [pytest.approx(color) for color in expected]
        assert set(styles) == {"-"}
        odd = layer("a", ["x"], ["y"], phrase="Channel major FP16 format where channel % 4 == 0")
        arrows = patches(draw_engine_map([odd], columns=1), FancyArrowPatch)
        assert [arrow.get_linestyle() for arrow in arrows] == [":", ":"]
