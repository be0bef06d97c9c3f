"""Dice and IoU as areas, drawn to scale (S0-32)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tumorscope.core.errors import InputError
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import BLUE, GREY, INK, ORANGE, frame, new_figure
from tumorscope.metrics.consistency import check_pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def overlap_diagram(tp: int, fp: int, fn: int) -> Figure:
    """Draw truth and prediction as two discs whose areas and overlap are to scale, with Dice and IoU worked out.

    Args:
        tp: Voxels that both marked.
        fp: Voxels that only the prediction marked.
        fn: Voxels that only the truth marked.

    Raises:
        InputError: if a count is negative, or truth or prediction is empty (there is nothing to draw).
    """
    if min(tp, fp, fn) < 0 or tp + fn == 0 or tp + fp == 0:
        found = f"tp {tp}, fp {fp}, fn {fn}"
        raise InputError(
            expected="a truth and a prediction of at least one voxel", found=found, fix="Give other counts"
        )
    dice, iou = 2 * tp / (2 * tp + fp + fn), tp / (tp + fp + fn)
    check_pair(dice=dice, iou=iou)
    figure = new_figure(7.6, 3.9)
    panels = figure.subplots(1, 2)
    rows = {
        "Dice": (f"2 · overlap / (truth + prediction)\n2 · {tp} / ({tp + fn} + {tp + fp}) = {dice:.3f}", False),
        "IoU": (f"overlap / union\n{tp} / {tp + fp + fn} = {iou:.3f}", True),
    }
    for axes, (name, (formula, union)) in zip(panels, rows.items(), strict=True):
        _discs(axes, tp, fp, fn, union)
        axes.set_title(f"{name}\n{formula}", fontsize=9, color=INK)
    caption = (
        f"Truth (blue) {tp + fn} voxels, prediction (orange) {tp + fp}, overlap (dark) {tp}; areas are to scale. "
        "For the same masks IoU = Dice / (2 - Dice), so IoU is never above Dice."
    )
    frame(figure, "Dice and IoU of the same two masks", caption)
    return figure


def _discs(axes: Axes, tp: int, fp: int, fn: int, union: bool) -> None:
    """Draw the two discs; with ``union`` their common outline is stressed, else the discs' own ones."""
    from matplotlib.patches import Circle

    radii = math.sqrt((tp + fn) / math.pi), math.sqrt((tp + fp) / math.pi)
    distance = disc_distance(radii[0], radii[1], tp)
    truth, pred = Circle((0, 0), radii[0]), Circle((distance, 0), radii[1])
    for circle, colour in ((truth, BLUE), (pred, ORANGE)):
        circle.set(facecolor=colour, edgecolor="none", alpha=0.45)
        axes.add_patch(circle)
    if tp:
        shared = Circle((0, 0), radii[0], facecolor=INK, alpha=0.65, edgecolor="none")
        axes.add_patch(shared)
        shared.set_clip_path(pred)
        middle = (distance - radii[1] + radii[0]) / 2 if distance > abs(radii[0] - radii[1]) else distance / 2
        axes.text(middle, 0, f"{tp}", ha="center", va="center", fontsize=9, color="white")
    for circle, colour in ((truth, BLUE), (pred, ORANGE)):
        line = Circle(
            circle.center, circle.radius, facecolor="none", edgecolor=GREY if union else colour, linewidth=1.8
        )
        axes.add_patch(line)
    largest = max(radii)
    axes.set_xlim(-radii[0] - 0.12 * largest, distance + radii[1] + 0.12 * largest)
    axes.set_ylim(-1.12 * largest, 1.12 * largest)
    axes.set_aspect("equal")
    axes.set_axis_off()


def disc_distance(first: float, second: float, shared: float) -> float:
    """Return the distance of the centres of two discs, given their radii and the area they share."""
    low, high = abs(first - second), first + second
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if shared_area(first, second, middle) > shared else (low, middle)
    return (low + high) / 2


def shared_area(first: float, second: float, distance: float) -> float:
    """Return the area that two discs share, given their radii and the distance of their centres."""
    if distance >= first + second:
        return 0.0
    if distance <= abs(first - second):
        return math.pi * min(first, second) ** 2
    total = 0.0
    for r, other in ((first, second), (second, first)):
        cosine = (distance**2 + r**2 - other**2) / (2 * distance * r)
        angle = math.acos(max(-1.0, min(1.0, cosine)))
        total += r**2 * (angle - math.sin(2 * angle) / 2)
    return total


ENTRY = FigureEntry(
    title="Dice and IoU",
    section="diagrams",
    draw=overlap_diagram,
    examples=lambda: {"": {"tp": 600, "fp": 150, "fn": 250}},
    caption="Counts chosen for the drawing.",
)
