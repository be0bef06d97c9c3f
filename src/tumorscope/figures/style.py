"""One look for all charts and diagrams: Okabe-Ito colours, thin axes, a title and a caption that always fit."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colours that colour-blind readers tell apart (Okabe & Ito 2008), by what they stand for in every chart.
BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
#: Fixed order where colours only tell series apart.
SERIES = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY)
#: Part of a split → its colour.
PART_COLOURS = {"train": BLUE, "val": ORANGE, "test": GREEN}
INK, GREY, PALE = "#222222", "#666666", "#DDDDDD"
#: Dots per inch of a chart.
DPI = 110
_TITLE, _TEXT, _SMALL = 11.0, 9.0, 8.0


def new_figure(width: float, height: float) -> Figure:
    """Return an empty white figure of ``width`` × ``height`` inches with its own canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def style_axes(axes: Axes, *, xlabel: str = "", ylabel: str = "", title: str = "", grid: str = "y") -> None:
    """Give ``axes`` the common look and its names; ``grid`` is ``x``, ``y``, ``both`` or empty."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(labelsize=_TEXT, color=GREY, labelcolor=INK)
    axes.set_xlabel(xlabel, fontsize=_TEXT, color=INK)
    axes.set_ylabel(ylabel, fontsize=_TEXT, color=INK)
    axes.set_title(title, fontsize=_TEXT, color=INK, loc="left", weight="bold")
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=PALE, linewidth=0.7)  # type: ignore[arg-type]


def whole_numbers(axes: Axes) -> None:
    """Let the horizontal axis show whole numbers only (epochs, counts)."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def frame(figure: Figure, title: str, caption: str = "") -> None:
    """Put the title above and the caption below everything else, both at the left, broken to the figure's width."""
    width = figure.get_figwidth()
    if title:
        lines = textwrap.fill(title, max(20, int(width * 13.5)))
        figure.suptitle(lines, x=0.012, ha="left", fontsize=_TITLE, color=INK, weight="bold")
    if caption:
        lines = "\n".join(textwrap.fill(part, max(30, int(width * 15.0))) for part in caption.split("\n"))
        figure.supxlabel(lines, x=0.012, ha="left", fontsize=_SMALL, color=GREY)
