"""One look for every figure, and the figures that the course draws again and again."""

import matplotlib.pyplot as plt

from .bars import timings
from .curves import curves
from .ladder import ladder
from .look import BLUE, COLORS, GREEN, GREY, ORANGE, RED, figure, legend, plain_log
from .roofline import attainable, roofline
from .timeline import Span, timeline

__all__ = [
    "BLUE",
    "COLORS",
    "GREEN",
    "GREY",
    "ORANGE",
    "RED",
    "Span",
    "attainable",
    "curves",
    "figure",
    "ladder",
    "legend",
    "plain_log",
    "plt",
    "roofline",
    "timeline",
    "timings",
]
