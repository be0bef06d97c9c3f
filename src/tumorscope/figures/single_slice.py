"""One slice by its number: scan, label map, and the map on the scan (S2-19, S4-70, S4-71)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading
from tumorscope.figures.colours import Palette, scheme_legend
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PlaneName
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def slice_figure(
    study: Study,
    *,
    sequence: Sequence | None = None,
    slice_number: int | None = None,
    plane: PlaneName = "axial",
    palette: Palette = "papers",
) -> Figure:
    """Draw one slice plain, and where there is a label map, the map alone and on the scan.

    Args:
        study: The case; the expert's map is shown, else the model's.
        sequence: What to show; default the best for glioma.
        slice_number: From 1 along the file's own axis; default the largest tumour area, else mid-brain.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        palette: Colours of the classes.

    Raises:
        GeometryError: if the plane cannot be shown.
        UsageError: if the study lacks the sequence or the slice.
    """
    shown = study.sequence(sequence)
    marked = None if study.truth is None and study.predict is None else study.marked
    stage = Stage(study.images, *([] if marked is None else [marked]))
    view = stage.view(plane, slice_number)
    legend = [] if marked is None else scheme_legend(marked.scheme, palette)
    panels = 1 if marked is None else 3
    figure, grid = canvas(1, [stage.size(view)] * panels, title=study.id, legend=legend, row_inches=4.2)
    for column in range(panels):
        axes = figure.add_subplot(grid[0, column])
        if column == 1:
            stage.blank(axes, view)
        else:
            stage.scan(axes, view, shown)
        if column and marked is not None:
            stage.labels(axes, view, marked, palette, *((1.0, False) if column == 1 else ()))
        heading(axes, (shown, study.marked_by, f"on {shown}")[column] if marked else shown)
        stage.marks(axes, view)
        if column == 0:
            stage.bar(axes)
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    common = {"study": sample_study(), "slice_number": 50}
    return {
        "papers": {**common, "sequence": Sequence.T1CE, "palette": "papers"},
        "safe": {**common, "sequence": Sequence.T1CE, "palette": "safe"},
    }


ENTRY = FigureEntry(
    title="One slice and its label map",
    section="pictures",
    draw=slice_figure,
    examples=_examples,
    caption=(
        "Slice 50 of the phantom, in the papers' colours (purple core, green oedema, blue enhancement) and in "
        "colour-blind-safe ones."
    ),
)
