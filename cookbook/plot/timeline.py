"""Timelines: what happens when, one lane for each actor."""

from collections.abc import Iterable
from typing import NamedTuple

from matplotlib.patches import Patch

from .look import RED, SMALL, color_list, ink, legend_above, some

LETTER_POINTS = 4.4  # width of a letter of a label, in points
LABEL_SIZE = 7


class Span(NamedTuple):
    """Something that takes time: start and duration in one unit, a label, and its kind, which
    chooses the colour (the lane's name if empty)."""

    start: float
    duration: float
    label: str = ""
    kind: str = ""


def timeline(
    ax,
    lanes: dict[str, Iterable],
    colors: dict[str, str] | None = None,
    *,
    unit: str = "microseconds",
    span: float | None = None,
    idle: Iterable[tuple[float, float]] = (),
) -> None:
    """Lanes of bars over time, the first lane on top.

    A label that does not fit into its bar is left out, never cut off. Where bars have kinds, a
    legend says what the colours mean.

    Args: lanes – {name: spans}, each a Span or a tuple (start, duration, label, kind) of which the
        last two may be left out; colors – {kind: colour}; unit – of the times, for the axis;
        span – where the axis ends, so that two drawings compare; None: at the last end;
        idle – (start, end) of times to mark in red.
    Raises: CookbookError for no lanes, or lanes without spans.
    """
    some(lanes, "timeline, lanes")
    drawn = {name: _spans(name, items) for name, items in lanes.items()}
    everything = some([one for spans in drawn.values() for one in spans], "timeline, spans")
    end = span or max(one.start + one.duration for one in everything)
    shades = _shades(everything, colors)
    for place, spans in enumerate(drawn.values()):
        for one in spans:
            bar = [(one.start, one.duration)]
            ax.broken_barh(
                bar, (place - 0.36, 0.72), facecolor=shades[one.kind], edgecolor="white", lw=0.3
            )
            _write(ax, one.label, one.start, one.duration, place, ink(shades[one.kind]), end)
    pauses = list(idle)
    for start, stop in pauses:
        ax.axvspan(start, stop, color=RED, alpha=0.13, lw=0, zorder=0)
        _write(ax, f"{stop - start:,.0f}", start, stop - start, len(drawn) - 0.5, RED, end)
    ax.set_yticks(range(len(drawn)), drawn)
    ax.set_ylim(len(drawn) - 0.4, -0.6)
    ax.set_xlim(-0.01 * end, 1.01 * end)
    ax.set_xlabel(unit, fontsize=SMALL)
    ax.grid(axis="y", visible=False)
    _explain(ax, shades, drawn, pauses)


def _spans(lane: str, items: Iterable) -> list[Span]:
    """The items of a lane as spans, each with a kind."""
    spans = []
    for item in items:
        one = Span(*item)
        if not one.kind:
            one = one._replace(kind=lane)
        spans.append(one)
    return spans


def _shades(spans: list[Span], colors: dict[str, str] | None) -> dict[str, str]:
    """{kind: colour} of the kinds that are there."""
    kinds = list(dict.fromkeys(one.kind for one in spans))
    given = colors or {}
    shades = {}
    for kind, shade in zip(kinds, color_list(None, len(kinds)), strict=True):
        shades[kind] = given.get(kind, shade)
    return shades


def _write(ax, text: str, start, duration, place, color, end) -> None:
    """Write into a bar, if the text fits."""
    box = ax.get_window_extent()
    points = 72 / ax.figure.dpi * box.width * duration / end
    if text and len(text) * LETTER_POINTS <= points:
        ax.text(
            start + duration / 2,
            place,
            text,
            ha="center",
            va="center",
            fontsize=LABEL_SIZE,
            color=color,
        )


def _explain(ax, shades: dict[str, str], lanes, idle: list) -> None:
    """The legend, unless the lanes' names say it all."""
    handles = []
    if set(shades) - set(lanes):
        handles = [Patch(facecolor=shade, label=kind) for kind, shade in shades.items()]
    if idle:
        handles.append(Patch(facecolor=RED, alpha=0.13, label="idle"))
    if handles:
        legend_above(ax, handles)
