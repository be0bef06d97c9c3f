"""A dark figure with rows and columns of panels, a title, a legend and the line of caution."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec
    from matplotlib.image import AxesImage

    from tumorscope.figures.colours import RGB

INK, PAPER = "#e8e8e8", "black"
CAUTION = "Research use only"
#: Height of one line of text, and width of one letter of the title and of a note, in inches (generous).
_LINE, _TITLE_LETTER, _NOTE_LETTER = 0.19, 0.093, 0.076
_GAP = 0.012


def canvas(
    rows: int,
    sizes: Sequence[tuple[float, float]],
    *,
    title: str = "",
    legend: Sequence[tuple[RGB, str]] = (),
    note: str = "",
    row_inches: float = 3.3,
    right: float = 0.0,
) -> tuple[Figure, GridSpec]:
    """Return a figure with everything but its panels, and the grid that they go into.

    Args:
        rows: Rows of panels, all of one height.
        sizes: (width, height) of each column's panels in one unit (mm); all panels have one scale.
        title: Above the panels; long ones are wrapped.
        legend: Colour and meaning, below the panels.
        note: Sentence below the panels.
        row_inches: Height of a row.
        right: Inches kept free on the right (for a colour bar).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scale = row_inches / max(height for _, height in sizes)
    widths = [width * scale for width, _ in sizes]
    width = sum(widths) + right
    titles = _wrapped(title, width, _TITLE_LETTER)
    notes = _wrapped(note, width - 1.3, _NOTE_LETTER)
    columns = _columns([text for _, text in legend], width - 1.3)
    legend_rows = -(-len(legend) // columns)
    top = 0.12 + _LINE * max(1, len(titles))
    below = len(notes)
    if legend and not notes and _entry(max((text for _, text in legend), key=len)) > width - 1.3:
        below = 1  # the line of caution has a line of its own
    bottom = 0.12 + _LINE * max(1, below + legend_rows)
    height = row_inches * rows + top + bottom
    figure = Figure(figsize=(width, height), facecolor=PAPER)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        rows,
        len(sizes),
        width_ratios=widths,
        left=0,
        right=1 - right / width,
        top=1 - top / height,
        bottom=bottom / height,
        wspace=_GAP,
        hspace=_GAP,
    )
    margin = 0.07 / width
    figure.text(margin, 1 - 0.07 / height, "\n".join(titles), color=INK, fontsize=11, va="top", ha="left")
    figure.text(1 - margin, 0.07 / height, CAUTION, color=INK, fontsize=8, va="bottom", ha="right")
    figure.text(margin, 0.07 / height, "\n".join(notes), color=INK, fontsize=9, va="bottom", ha="left")
    if legend:
        _legend(figure, legend, columns, (0.03 + _LINE * below) / height)
    return figure, grid


def _wrapped(text: str, width: float, letter: float) -> list[str]:
    return textwrap.wrap(text, max(16, int(width / letter)))


def _entry(text: str) -> float:
    """Return the width of an entry of the legend in inches."""
    return len(text) * _NOTE_LETTER + 0.45


def _columns(texts: list[str], width: float) -> int:
    """Return into how many columns legend entries of these texts fit."""
    longest = max(map(_entry, texts), default=_entry(""))
    total = sum(map(_entry, texts))
    return max(1, len(texts) if total <= width else int(width / longest))


def _legend(figure: Figure, entries: Sequence[tuple[RGB, str]], columns: int, bottom: float) -> None:
    from matplotlib.patches import Patch

    figure.legend(
        handles=[Patch(color=colour, label=text) for colour, text in entries],
        loc="lower left",
        bbox_to_anchor=(0.0, bottom),
        ncols=columns,
        frameon=False,
        labelcolor=INK,
        fontsize=9,
        borderaxespad=0.1,
        handlelength=1.1,
        labelspacing=0.25,
    )


def put(axes: Axes, x: float, y: float, text: str, **style: object) -> None:
    """Write ``text`` into a panel at (x, y) in 0-1 from its lower left corner, readable on any ground."""
    from matplotlib.patheffects import withStroke

    across = "left" if x < 0.3 else "right" if x > 0.7 else "center"
    along = "bottom" if y < 0.3 else "top" if y > 0.7 else "center"
    defaults: dict[str, object] = {
        "color": INK,
        "fontsize": 9,
        "ha": across,
        "va": along,
        "transform": axes.transAxes,
        "path_effects": [withStroke(linewidth=2, foreground=PAPER)],
    }
    axes.text(x, y, text, **{**defaults, **style})  # type: ignore[arg-type]


def heading(axes: Axes, text: str, **style: object) -> None:
    """Write what a panel shows into its upper left corner."""
    put(axes, 0.02, 0.985, text, **{"fontsize": 11, "weight": "bold", **style})


def colour_bar(figure: Figure, mappable: AxesImage, title: str, ticks: Sequence[float], inches: float = 0.75) -> None:
    """Draw the scale of ``mappable`` into the ``inches`` that :func:`canvas` kept free on the right."""
    width = figure.get_figwidth()
    height = min(0.6, 2.2 / figure.get_figheight())
    axes = figure.add_axes((1 - (inches - 0.1) / width, 0.5 - height / 2, 0.14 / width, height))
    bar = figure.colorbar(mappable, cax=axes, ticks=list(ticks))
    bar.set_label(title, color=INK, fontsize=9)
    bar.outline.set_edgecolor(INK)
    axes.tick_params(colors=INK, labelsize=8)
