"""One sequence in axial, coronal and sagittal slices through one point (S2-18, S4-69)."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading
from tumorscope.figures.colours import Palette, legend_of
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PLANES, PlaneName, View
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def planes_figure(
    study: Study,
    *,
    sequence: Sequence | None = None,
    slice_number: int | None = None,
    palette: Palette = "papers",
) -> Figure:
    """Draw three planes of one scale, thin lines showing where they cross; a second row shows the label map on them.

    The patient's right is on the left of the screen, anterior is up in axial and left in sagittal slices.

    Args:
        study: A volume of known voxel size.
        sequence: What to show; default the best for glioma.
        slice_number: Of the axial slice, from 1 along the file's own axis; default the largest tumour area.
        palette: Colours of the classes.

    Raises:
        GeometryError: if there is one slice only, or the voxel size is not known.
        UsageError: if the study lacks the sequence or the slice.
    """
    shown = study.sequence(sequence)
    marked = None if study.truth is None and study.predict is None else study.marked
    stage = Stage(study.images, *([] if marked is None else [marked]))
    stage.need_depth("three planes")
    axial = stage.view("axial", slice_number)
    point = (*stage.centre()[:2], axial.index)
    views = [View(plane, point[PLANES[plane][0]]) for plane in get_args(PlaneName)]
    rows = 1 if marked is None else 2
    who = "" if marked is None else f"; below with the label map ({study.marked_by})"
    legend = [] if marked is None else legend_of(marked, palette)
    figure, grid = canvas(rows, [stage.size(v) for v in views], title=f"{study.id}, {shown}{who}", legend=legend)
    for row in range(rows):
        for column, view in enumerate(views):
            axes = figure.add_subplot(grid[row, column])
            stage.scan(axes, view, shown)
            if row and marked is not None:
                stage.labels(axes, view, marked, palette)
            else:
                _cross(axes, view, point, stage)
            heading(axes, view.plane if row == 0 else "")
            stage.marks(axes, view)
            if row == column == 0:
                stage.bar(axes)
    return figure


def _cross(axes: object, view: View, point: tuple[int, int, int], stage: Stage) -> None:
    """Draw where the other two planes cut this one."""
    x, y = stage.place(view, point)
    axes.axvline(x, color="#f0e442", linewidth=0.6, alpha=0.7)  # type: ignore[attr-defined]
    axes.axhline(y, color="#f0e442", linewidth=0.6, alpha=0.7)  # type: ignore[attr-defined]


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study(), "sequence": Sequence.T1CE}}


ENTRY = FigureEntry(
    title="Three planes",
    section="pictures",
    draw=planes_figure,
    examples=_examples,
    caption="T1CE of the phantom through its tumour; the yellow lines are the other two planes.",
)
