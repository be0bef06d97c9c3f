"""Whole tumour, core and enhancing tumour on each sequence (S4-72)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading, put
from tumorscope.figures.colours import Palette, long_name, target_colour
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PlaneName, oriented
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def regions_figure(
    study: Study,
    *,
    slice_number: int | None = None,
    plane: PlaneName = "axial",
    palette: Palette = "papers",
) -> Figure:
    """Draw one row per region and one column per sequence: outline and thin fill of the region on the scan.

    Args:
        study: The case; the expert's map is shown, else the model's.
        slice_number: From 1 along the file's own axis; default the largest tumour area.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        palette: Colours; a region has that of the class which makes it larger than the next smaller one.

    Raises:
        InputError: if there is no label map.
        GeometryError: if the plane cannot be shown.
        UsageError: if there is no such slice.
    """
    marked = study.marked
    stage = Stage(study.images, marked)
    view = stage.view(plane, slice_number)
    labels = view.cut(oriented(marked.labels))
    shown = [s for s in Sequence if s in study.images]
    names = list(marked.scheme.regions) or [x.name for x in marked.scheme.labels]
    legend = [(target_colour(marked.scheme, name, palette), long_name(name)) for name in names]
    title = f"{study.id}, {study.marked_by}: regions on each sequence, {view.name(stage.reference)}"
    figure, grid = canvas(len(names), [stage.size(view)] * len(shown), title=title, legend=legend, row_inches=2.05)
    for row, name in enumerate(names):
        mask = marked.scheme.mask(labels, name)
        for column, sequence in enumerate(shown):
            axes = figure.add_subplot(grid[row, column])
            stage.scan(axes, view, sequence)
            stage.mask_of(axes, view, mask, legend[row][0], 0.25)
            stage.outline(axes, view, mask, legend[row][0], 1.3)
            heading(axes, sequence if row == 0 else "")
            put(axes, 0.98, 0.985, name if column == 0 else "", fontsize=11, weight="bold", color=legend[row][0])
            stage.marks(axes, view, caption=False)
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study()}}


ENTRY = FigureEntry(
    title="WT, TC and ET on each sequence",
    section="pictures",
    draw=regions_figure,
    examples=_examples,
    caption="Whole tumour, tumour core and enhancing tumour of the phantom on its four sequences.",
)
