"""The way of a scan through the program (S0-14, S4-24)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import BLUE, GREEN, GREY, INK, ORANGE, frame, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Step = tuple[str, str, str]
#: Room → what happens there → what it hands on.
PREDICTION: tuple[_Step, ...] = (
    ("formats", "read NIfTI,\npictures; keep\nthe geometry", "Image"),
    ("datasets", "which file is\nwhich sequence\nof which patient", "Case"),
    ("transforms", "one orientation,\none pixel size,\nnormalised", "array"),
    ("networks", "logits of each\nregion or class", "logits"),
    ("inference", "probabilities back\nin the scan's grid,\nlabels, volumes", "Segmentation"),
    ("report", "maps, figures,\nHTML, JSON, CSV", ""),
)
TRAINING: tuple[_Step, ...] = (
    ("datasets", "split by patient,\nfixed test list", "Split"),
    ("audit", "leaks, duplicates,\nlabels, geometry", "verdict"),
    ("transforms", "the same steps,\nthen augmentation", "batches"),
    ("training", "network, loss,\nvalidation on\nwhole cases", "weights"),
    ("bundles", "weights, recipe,\nhashes of the\ntraining cases", "Bundle"),
    ("metrics", "scores with n and\ninterval on cases\nnever trained on", ""),
)
_WIDTH, _HEIGHT, _STEP = 1.36, 1.12, 1.95


def pipeline_diagram(rows: tuple[tuple[str, tuple[_Step, ...]], ...] | None = None) -> Figure:
    """Draw the rooms of the program in the order in which a scan passes them, and what they hand on.

    Args:
        rows: Heading and steps (room, what happens, what it hands on) of each row; default prediction and training.
    """
    rows = rows or (("From a scan to a report", PREDICTION), ("From labelled cases to a tested model", TRAINING))
    longest = max(len(steps) for _, steps in rows)
    figure = new_figure(_STEP * longest * 0.86, 2.05 * len(rows) + 0.7)
    axes = figure.subplots()
    for index, (heading, steps) in enumerate(rows):
        y = -2.05 * index
        axes.text(-_WIDTH / 2, y + 0.86, heading, fontsize=10, weight="bold", color=INK, va="center")
        for column, step in enumerate(steps):
            _step(axes, column * _STEP, y, step, (BLUE, ORANGE, GREEN)[index % 3], column + 1 < len(steps))
    axes.set(xlim=(-0.8, (longest - 1) * _STEP + 0.8), ylim=(-2.05 * (len(rows) - 1) - 0.7, 1.1))
    axes.set_axis_off()
    caption = (
        "Boxes: folders of the program. Words on arrows: what one hands to the next. Both rows share the first steps."
    )
    frame(figure, "", caption)
    return figure


def _step(axes: Axes, x: float, y: float, step: _Step, colour: str, arrow: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    room, what, handed = step
    box = FancyBboxPatch(
        (x - _WIDTH / 2, y - _HEIGHT / 2),
        _WIDTH,
        _HEIGHT,
        boxstyle="round,pad=0,rounding_size=0.07",
        facecolor="white",
        edgecolor=colour,
        linewidth=1.5,
    )
    axes.add_patch(box)
    axes.text(x, y + 0.38, room, ha="center", va="center", fontsize=9.5, weight="bold", color=colour)
    axes.text(x, y - 0.12, what, ha="center", va="center", fontsize=8, color=INK, linespacing=1.3)
    if not arrow:
        return
    start, end = x + _WIDTH / 2, x + _STEP - _WIDTH / 2
    axes.annotate("", xy=(end, y), xytext=(start, y), arrowprops={"arrowstyle": "-|>", "color": GREY, "shrinkA": 0})
    axes.text((start + end) / 2, y + 0.62, handed, ha="center", va="bottom", fontsize=8, style="italic", color=GREY)


ENTRY = FigureEntry(
    title="Pipeline",
    section="diagrams",
    draw=pipeline_diagram,
    examples=lambda: {"": {}},
    caption="The way of a scan, and of the data a model is trained on.",
)
