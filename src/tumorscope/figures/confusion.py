"""Which class is taken for which (S3-25)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import INK, frame, new_figure, style_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def count_confusion(reference: Array, prediction: Array, values: Sequence[int]) -> Array:
    """Count voxels by true class (rows) and predicted class (columns).

    Args:
        reference: Label map of any shape.
        prediction: Label map of the same shape.
        values: Label values in the order of rows and columns.

    Returns:
        int64 (K, K).

    Raises:
        InputError: if the shapes differ, or a map holds another value.
    """
    if reference.shape != prediction.shape:
        found = f"{reference.shape} and {prediction.shape}"
        raise InputError(expected="two label maps of one shape", found=found, fix="Bring them to one grid first")
    order = np.asarray(values)
    sorter = np.argsort(order)
    rows, columns = (
        sorter[np.searchsorted(order, m.ravel(), sorter=sorter) % len(order)] for m in (reference, prediction)
    )
    if not (np.array_equal(order[rows], reference.ravel()) and np.array_equal(order[columns], prediction.ravel())):
        raise InputError(expected=f"label values {list(values)}", found="others", fix="Convert the label maps first")
    counts: Array = np.bincount(rows * len(order) + columns, minlength=len(order) ** 2).reshape(len(order), -1)
    return counts


def confusion_figure(
    counts: Array, classes: Sequence[str], *, unit: str = "cases", title: str = "Confusion matrix"
) -> Figure:
    """Draw counts with their share of the true class; the colour is that share (sensitivity on the diagonal).

    Args:
        counts: (K, K): true class by row, predicted class by column.
        classes: K names.
        unit: What is counted.
        title: Line above.

    Raises:
        InputError: if the counts are no square of that size, or negative.
    """
    counts = np.asarray(counts)
    if counts.shape != (len(classes),) * 2 or (counts < 0).any():
        raise InputError(
            expected=f"counts of shape {(len(classes),) * 2}, none negative",
            found=f"shape {counts.shape}",
            fix="Count with the same classes in rows and columns",
        )
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    figure = new_figure(1.6 + 1.05 * len(classes), 1.5 + 0.72 * len(classes))
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(*counts.shape):
        colour = "white" if share[row, column] > 0.55 else INK
        text = f"{counts[row, column]:,}\n{share[row, column]:.1%}" if totals[row] else "0\n–"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    style_axes(axes, xlabel="predicted class", ylabel="true class", grid="")
    axes.tick_params(length=0)
    right = int(np.trace(counts))
    total = int(counts.sum())
    accuracy = f"accuracy {right / total:.3f}" if total else "nothing counted"
    frame(figure, title, f"n = {total:,} {unit}; {accuracy}. Percentages: share of the true class (row).")
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    truth, found = sample_study().pair()
    values = (0, *truth.scheme.values)
    return {
        "": {
            "counts": count_confusion(truth.labels.data, found.labels.data, values),
            "classes": ["background", *(x.name for x in truth.scheme.labels)],
            "unit": "voxels of 1 case",
            "title": "Voxels by true and predicted class",
        }
    }


ENTRY = FigureEntry(
    title="Confusion matrix",
    section="charts",
    draw=confusion_figure,
    examples=_examples,
    caption=(
        "The phantom and its stand-in for a prediction: accuracy is high because background fills the scan; the rows "
        "of the classes tell what was found."
    ),
)
