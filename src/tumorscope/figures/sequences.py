"""The sequences of a study side by side (S4-31, S4-68, S4-75)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PlaneName
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sequences_figure(study: Study, *, slice_number: int | None = None, plane: PlaneName = "axial") -> Figure:
    """Draw one slice of every sequence: T1, T1CE, T2, FLAIR.

    Each sequence has its own grey window (0.5th to 99.7th percentile of what is not background).

    Args:
        study: The case; sequences it lacks are named below the panels.
        slice_number: From 1 along the file's own axis; default the largest tumour area, else mid-brain.
        plane: ``axial``, ``coronal`` or ``sagittal``.

    Raises:
        GeometryError: if the plane cannot be shown.
        UsageError: if there is no such slice.
    """
    shown = [s for s in Sequence if s in study.images]
    stage = Stage(study.images, *([] if study.truth is None else [study.truth]))
    view = stage.view(plane, slice_number)
    absent = [str(s) for s in Sequence if s not in study.images]
    note = f"Not in this study: {', '.join(absent)}." if absent else ""
    figure, grid = canvas(1, [stage.size(view)] * len(shown), title=study.id, note=note)
    for column, sequence in enumerate(shown):
        axes = figure.add_subplot(grid[0, column])
        stage.scan(axes, view, sequence)
        heading(axes, sequence)
        stage.marks(axes, view)
        if column == 0:
            stage.bar(axes)
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study()}}


ENTRY = FigureEntry(
    title="Four sequences side by side",
    section="pictures",
    draw=sequences_figure,
    examples=_examples,
    caption="One axial slice of the phantom; each sequence has its own grey window.",
)
