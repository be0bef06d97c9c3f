"""All slices of a volume, plain or with the label map (S2-20, S2-22, S4-73)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import UsageError
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, put
from tumorscope.figures.colours import Palette, legend_of
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PLANES, PlaneName, View, sides_known
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Least and largest height of one slice in inches; width to height that the montage aims at.
_LEAST, _LARGEST, _RATIO = 0.6, 2.6, 1.35


def montage_figure(
    study: Study, *, sequence: Sequence | None = None, plane: PlaneName = "axial", every: int = 1, inches: float = 11.5
) -> Figure:
    """Draw every slice that holds brain, from the lowest (most anterior, most right) on.

    Args:
        study: The case.
        sequence: What to show; default the best for glioma.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        every: Show each ``every``-th slice only.
        inches: Width of the figure.

    Raises:
        GeometryError: if the plane cannot be shown.
        UsageError: if the study lacks the sequence, or ``every`` is below 1.
    """
    shown = study.sequence(sequence)
    stage = Stage({shown: study.images[shown]})
    stage.view(plane)
    low, high = stage.extent(PLANES[plane][0])
    views = [View(plane, index) for index in range(low, high, _step(every))]
    return _montage(study, stage, views, shown, f"{study.id}, {shown}", None, inches)


def segmentation_montage_figure(
    study: Study,
    *,
    sequence: Sequence | None = None,
    plane: PlaneName = "axial",
    every: int = 1,
    palette: Palette = "papers",
    inches: float = 11.5,
) -> Figure:
    """Draw every slice with tumour, the label map on the darkened scan; the expert's map, else the model's.

    Args:
        study: The case.
        sequence: What lies below; default the best for glioma.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        every: Show each ``every``-th slice only.
        palette: Colours of the classes.
        inches: Width of the figure.

    Raises:
        InputError: if there is no label map.
        GeometryError: if the plane cannot be shown.
        UsageError: if the study lacks the sequence, or ``every`` is below 1.
    """
    shown = study.sequence(sequence)
    stage = Stage({shown: study.images[shown]}, study.marked)
    axis = PLANES[plane][0]
    first = stage.view(plane)
    where = np.flatnonzero(stage.mask.any(axis=tuple(a for a in range(3) if a != axis)))
    views = [View(plane, int(index)) for index in where[:: _step(every)]] or [first]
    known = f"{plane} " if sides_known(stage.reference) else ""
    title = f"{study.id}, {study.marked_by} on {shown}: {len(where)} {known}slices with tumour"
    return _montage(study, stage, views, shown, title, palette, inches)


def _step(every: int) -> int:
    if every < 1:
        raise UsageError(expected="--every of 1 or more", found=f"{every}", fix="Give a positive number")
    return every


def _montage(
    study: Study,
    stage: Stage,
    views: list[View],
    shown: Sequence,
    title: str,
    palette: Palette | None,
    width_inches: float,
) -> Figure:
    """Draw the slices; with ``palette`` the label map too."""
    width, height = stage.size(views[0])
    columns = max(1, min(len(views), round(math.sqrt(len(views) * _RATIO * height / width))))
    rows = -(-len(views) // columns)
    inches = min(_LARGEST, max(_LEAST, width_inches / columns * height / width))
    legend = legend_of(study.marked, palette) if palette else []
    side = (
        "The patient's right is on the left." if sides_known(stage.reference) and views[0].plane != "sagittal" else ""
    )
    note = f"{side} Numbers: slice in the file.".strip()
    if palette and not legend:
        note = f"Nothing was segmented. {note}"
    figure, grid = canvas(rows, [(width, height)] * columns, title=title, legend=legend, note=note, row_inches=inches)
    for position, view in enumerate(views):
        axes = figure.add_subplot(grid[divmod(position, columns)])
        stage.scan(axes, view, shown, dim=0.7 if palette else 1.0)
        if palette:
            stage.labels(axes, view, study.marked, palette, fill=0.85, lines=False)
        number = view.name(stage.reference).rpartition("/")[0].rpartition(" ")[2]
        put(axes, 0.03, 0.02, number, fontsize=min(9.0, 7 * inches + 1))
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study(), "sequence": Sequence.T1, "every": 2, "inches": 8.0}}


def _segmentation_examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study(), "every": 2, "inches": 7.7}}


MONTAGE = FigureEntry(
    title="Montage of a volume",
    section="pictures",
    draw=montage_figure,
    examples=_examples,
    caption="Every second axial slice of the phantom's T1; by default every slice is shown.",
)
SEGMENTATION_MONTAGE = FigureEntry(
    title="Montage of a segmentation",
    section="pictures",
    draw=segmentation_montage_figure,
    examples=_segmentation_examples,
    caption="Every second axial slice with tumour, the phantom's true map on FLAIR.",
)
