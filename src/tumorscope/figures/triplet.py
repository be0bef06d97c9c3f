"""Input, true mask and predicted mask with the score of this one case (S0-39, S0-40)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.image import Array
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading
from tumorscope.figures.colours import Palette, legend_of
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PlaneName, oriented
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study, warning_of
from tumorscope.metrics import check_pair, count
from tumorscope.metrics.overlap import DICE, IOU

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def triplet_figure(
    study: Study,
    *,
    sequence: Sequence | None = None,
    slice_number: int | None = None,
    plane: PlaneName = "axial",
    palette: Palette = "papers",
) -> Figure:
    """Draw input, true mask and predicted mask of one slice; the title tells Dice and IoU and that n is 1.

    Scores are those of the largest region (WT, or any class where there are no regions), of the slice shown and of
    the whole case. Where neither map holds any, that is said instead of a number.

    Args:
        study: A case with a reference and a prediction.
        sequence: What the scan shows; default the best for glioma.
        slice_number: From 1 along the file's own axis; default the largest reference area.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        palette: Colours of the classes.

    Raises:
        InputError: if a reference or prediction is missing.
        LabelError: if reference and model mean different things.
        GeometryError: if the plane cannot be shown.
        UsageError: if the study lacks the sequence or the slice.
    """
    truth, found = study.pair()
    shown = study.sequence(sequence)
    stage = Stage(study.images, truth)
    view = stage.view(plane, slice_number)
    name = next(iter(truth.scheme.regions), "")
    masks = [s.region(name) if name else s.labels.data > 0 for s in (found, truth)]
    here = [view.cut(oriented(truth.labels.with_data(mask))) for mask in masks]
    what = name or "any class"
    scores = f"{what} in this slice: {score_text(*here)}"
    if masks[0].shape[2] > 1:
        scores += f"; whole case: {score_text(*masks)}"
    title = f"{study.id}, {study.model}. {scores}. n = 1: one case says nothing about the next."
    legend = legend_of(truth, palette) or legend_of(found, palette)
    figure, grid = canvas(
        1, [stage.size(view)] * 3, title=title, legend=legend, note=warning_of([study]), row_inches=4.0
    )
    for column, (segmentation, text) in enumerate(
        ((None, f"input ({shown})"), (truth, "true mask"), (found, "predicted"))
    ):
        axes = figure.add_subplot(grid[0, column])
        stage.scan(axes, view, shown, dim=1.0 if segmentation is None else 0.7)
        if segmentation is not None:
            stage.labels(axes, view, segmentation, palette, fill=0.7)
        heading(axes, text)
        stage.marks(axes, view)
        if column == 0:
            stage.bar(axes)
    return figure


def score_text(pred: Array, ref: Array) -> str:
    """Return "Dice 0.91, IoU 0.83" of two masks, or in words that both are empty."""
    counts = count(np.asarray(pred), np.asarray(ref)).to_array()[None]
    assert DICE.from_counts is not None and IOU.from_counts is not None
    dice, iou = float(DICE.from_counts(counts)[0]), float(IOU.from_counts(counts)[0])
    if np.isnan(dice):
        return "both empty, no score"
    check_pair(dice=dice, iou=iou)
    return f"Dice {dice:.3f}, IoU {iou:.3f}"


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study("regions"), "sequence": Sequence.FLAIR}}


ENTRY = FigureEntry(
    title="Input, truth and prediction of one case",
    section="pictures",
    draw=triplet_figure,
    examples=_examples,
    caption="The score of one case is an anecdote, and the figure says so. The stand-in is no model.",
)
