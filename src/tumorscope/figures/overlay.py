"""The segmentation on the scan, as a radiologist looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tumorscope.core.image import Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading
from tumorscope.figures.colours import Palette, legend_of
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import View, slices_through
from tumorscope.figures.stage import FILL, Stage
from tumorscope.figures.study import PREFERRED, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: At most so many sequences are shown, in the order of :data:`~tumorscope.figures.study.PREFERRED`.
ROWS = 2


@dataclass(frozen=True)
class _Panel:
    view: View
    overlay: bool


def overlay_figure(
    images: Mapping[Sequence, Image],
    segmentation: Segmentation,
    *,
    title: str = "",
    palette: Palette = "papers",
    fill: float = FILL,
) -> Figure:
    """Draw the scan and the segmentation on it, patient's right on the left of the screen.

    One row per sequence (FLAIR and T1CE first, at most two). A volume of known spacing shows the axial slice with the
    largest tumour area, plain and with fill and outline, and the coronal and sagittal slice through it; a stack of
    unknown spacing shows its slices only; a single picture is shown plain and with the overlay. All panels of a row
    have one scale, and pixels their true proportions. A bar of 50 mm appears only where spacing is known, R and L only
    where the file tells them: never for pictures.

    Args:
        images: Sequences on the segmentation's grid.
        segmentation: Label map.
        title: Line above the panels.
        palette: ``papers`` (purple core, green oedema, blue enhancement) or ``safe`` for colour-blind readers.
        fill: Opacity of the fill, 0 to 1.

    Returns:
        A Figure with an Agg canvas.
    """
    shown = [s for s in PREFERRED if s in images][:ROWS]
    stage = Stage({s: images[s] for s in shown}, segmentation)
    panels = _panels(stage)
    legend = legend_of(segmentation, palette)
    note = "" if legend else "Nothing was segmented."
    sizes = [stage.size(panel.view) for panel in panels]
    figure, grid = canvas(len(shown), sizes, title=title, legend=legend, note=note)
    for row, sequence in enumerate(shown):
        for column, panel in enumerate(panels):
            axes = figure.add_subplot(grid[row, column])
            stage.scan(axes, panel.view, sequence)
            if panel.overlay:
                stage.labels(axes, panel.view, segmentation, palette, fill)
            heading(axes, sequence if column == 0 else "")
            stage.marks(axes, panel.view)
            if row == column == 0:
                stage.bar(axes)
    return figure


def _panels(stage: Stage) -> list[_Panel]:
    axial = stage.view()
    panels = [_Panel(axial, False), _Panel(axial, True)]
    if stage.mask.shape[2] == 1:
        return panels
    if stage.depth_known:
        return [*panels, _Panel(stage.view("coronal"), True), _Panel(stage.view("sagittal"), True)]
    return [*panels, *(_Panel(View("axial", z), True) for z in slices_through(stage.mask, 2))]


def study_overlay(study: Study, *, palette: Palette = "papers") -> Figure:
    """Draw :func:`overlay_figure` of a study: the expert's label map, else the model's.

    Args:
        study: The case.
        palette: Colours.

    Raises:
        InputError: if there is no label map.
    """
    return overlay_figure(study.images, study.marked, title=f"{study.id}, {study.marked_by}", palette=palette)


def _examples() -> dict[str, dict[str, object]]:
    from dataclasses import replace

    from tumorscope.figures.sample_study import sample_study

    study = sample_study()
    shown = replace(study, images={Sequence.T1CE: study.images[Sequence.T1CE]})
    return {palette: {"study": shown, "palette": palette} for palette in ("papers", "safe")}


ENTRY = FigureEntry(
    title="Segmentation on the scan",
    section="pictures",
    draw=study_overlay,
    examples=_examples,
    caption="The phantom's true map on T1CE in three planes, in the papers' colours and in colour-blind-safe ones.",
)
