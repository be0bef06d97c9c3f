"""The two figures of the reproduction page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.figures.style import BLUE, GREEN, GREY, INK, ORANGE, PALE, frame, new_figure, style_axes
from tumorscope.metrics.consistency import dice_from_iou, iou_from_dice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Rounding of a printed number that has four decimals, with slack for those with two.
ROUNDING = 0.005
CAPTION = (
    "Lines: 95 % bootstrap intervals over patients, or blocks of them (S1, patients apart: three). Ours: the same "
    "quantity and part in each group; unit and empty-mask policy in the tables of the page."
)


def is_possible(dice: float, iou: float) -> bool:
    """Whether a Dice and an IoU can be averages over the same cases: D / (2 - D) ≤ IoU ≤ D, up to rounding."""
    return iou_from_dice(dice) - ROUNDING <= iou <= dice + 1e-9


def claimed_pairs_figure(pairs: Sequence[tuple[str, float, float]]) -> Figure:
    """Draw the Dice and IoU pairs that papers print beside those that can be.

    Args:
        pairs: (label, Dice, IoU) each.
    """
    figure = new_figure(7.2, 5.4)
    axes = figure.add_subplot()
    iou = np.linspace(0.4, 1, 200)
    axes.fill_betweenx(iou, iou, dice_from_iou_array(iou), color=PALE, label="possible as averages over cases")
    axes.plot(
        dice_from_iou_array(iou),
        iou,
        color=INK,
        lw=1.6,
        label="one mask, or all voxels pooled: Dice = 2·IoU / (1 + IoU)",
    )
    axes.plot(iou, iou, color=GREY, lw=1, ls="--", label="IoU = Dice; above it nothing is possible")
    for group, colour, marker in ((False, ORANGE, "X"), (True, GREEN, "o")):
        chosen = [p for p in pairs if is_possible(p[1], p[2]) == group]
        name = "printed, possible" if group else "printed, impossible"
        axes.scatter(
            [p[1] for p in chosen], [p[2] for p in chosen], s=70, c=colour, marker=marker, zorder=3, label=name
        )
    _label(axes, pairs)
    axes.set_xlim(0.55, 1.02)
    axes.set_ylim(0.42, 1.03)
    axes.legend(loc="lower right", fontsize=8, frameon=False)
    style_axes(axes, xlabel="Dice", ylabel="IoU", grid="both")
    frame(figure, "Claimed and possible: Dice and IoU as the papers print them", "Labels: row of the checklist.")
    return figure


def dice_from_iou_array(iou: np.ndarray) -> np.ndarray:
    """Apply :func:`~tumorscope.metrics.consistency.dice_from_iou` to every element."""
    return np.array([dice_from_iou(float(value)) for value in iou])


def _label(axes: Axes, pairs: Sequence[tuple[str, float, float]]) -> None:
    """Write the label of each pair beside its point, where the chart is free."""
    for label, dice, iou in pairs:
        curve = abs(iou - iou_from_dice(dice)) < ROUNDING
        offset = (-9, 8) if iou > dice > 0.95 else (9, -5) if curve or iou > dice else (-9, -3)
        axes.annotate(
            label,
            (dice, iou),
            xytext=offset,
            textcoords="offset points",
            fontsize=8,
            color=INK,
            ha="left" if offset[0] > 0 else "right",
        )


def published_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw each paper's headline number beside our run of its protocol and our run that keeps patients apart.

    Args:
        rows: ``title`` (of one group of bars), ``published``, and ``paper`` and ``ours``: (mean, low, high), None, or
            why there is none.
    """
    figure = new_figure(8.2, 0.9 + 0.85 * len(rows))
    axes = figure.add_subplot()
    height = 0.26
    series = (
        ("published", "published", GREY),
        ("paper", "ours, the paper's protocol", ORANGE),
        ("ours", "ours, patients kept apart", BLUE),
    )
    for index, row in enumerate(rows):
        for position, (key, _, colour) in enumerate(series):
            y = index + (position - 1) * height
            value = row[key]
            if value is None:
                value = "not measured yet"
            if isinstance(value, str):
                axes.text(0.01, y, value, va="center", fontsize=7, color=GREY, style="italic")
                continue
            mean, low, high = value if isinstance(value, tuple) else (value, None, None)
            axes.barh(y, mean, height * 0.9, color=colour)
            if low is not None:
                axes.plot([low, high], [y, y], color=INK, lw=1.2)
            axes.text(max(mean, high or 0) + 0.008, y, f"{mean:.3f}", va="center", fontsize=7.5, color=INK)
    axes.set_yticks(range(len(rows)), [row["title"] for row in rows], fontsize=8)
    axes.set_xlim(0, 1.1)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    handles = [axes.barh([0], [0], color=colour, label=name) for _, name, colour in series]
    figure.legend(handles=handles, loc="outside upper right", ncols=3, fontsize=8, frameon=False)
    style_axes(axes, xlabel="score", grid="x")
    frame(figure, "Published, and run again", CAPTION)
    return figure
