"""Truth and prediction after the decision, in the same colours, and where they differ (S2-11, S2-45, S4-63)."""

from __future__ import annotations

from collections.abc import Sequence as Several
from typing import TYPE_CHECKING

from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading, put
from tumorscope.figures.colours import RGB, Palette, scheme_legend
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PlaneName, oriented
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study, models_of, warning_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: What differs → colour; none of them is a class's in either palette.
DIFFERENCES: dict[str, RGB] = {
    "missed": (0.80, 0.47, 0.65),
    "false alarm": (1.0, 1.0, 1.0),
    "other class": (0.0, 0.45, 0.70),
}


def after_decision_figure(
    studies: Several[Study],
    *,
    sequence: Sequence | None = None,
    slice_number: int | None = None,
    plane: PlaneName = "axial",
    palette: Palette = "papers",
) -> Figure:
    """Draw one row per case: scan, the expert's label map, the model's in the same colours, and where they differ.

    Args:
        studies: Cases with a reference and a prediction.
        sequence: What the scan shows; default the best for glioma.
        slice_number: From 1 along the file's own axis; default the largest reference area of each case.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        palette: Colours of the classes.

    Raises:
        InputError: if a reference or prediction is missing.
        LabelError: if reference and model mean different things.
        GeometryError: if the plane cannot be shown.
        UsageError: if a study lacks the sequence or the slice.
    """
    pairs = [study.pair() for study in studies]
    stages = [Stage(s.images, truth) for s, (truth, _) in zip(studies, pairs, strict=True)]
    views = [stage.view(plane, slice_number) for stage in stages]
    size = max((stage.size(view) for stage, view in zip(stages, views, strict=True)), key=lambda s: s[1] / s[0])
    title = f"Reference and prediction after the decision ({models_of(studies)})"
    scheme = pairs[0][0].scheme
    kinds = list(DIFFERENCES.items())[: 2 if len(scheme.labels) == 1 else 3]
    legend = [*scheme_legend(scheme, palette), *((rgb, name) for name, rgb in kinds)]
    figure, grid = canvas(
        len(studies), [size] * 4, title=title, legend=legend, note=warning_of(studies), row_inches=2.9
    )
    for row, (study, stage, view) in enumerate(zip(studies, stages, views, strict=True)):
        truth, found = pairs[row]
        shown = study.sequence(sequence)
        panels = [figure.add_subplot(grid[row, column]) for column in range(4)]
        for axes in panels:
            stage.scan(axes, view, shown, dim=1.0 if axes is panels[0] else 0.6)
        stage.labels(panels[1], view, truth, palette, fill=0.85, lines=False)
        stage.labels(panels[2], view, found, palette, fill=0.85, lines=False)
        expert, model = view.cut(oriented(truth.labels)), view.cut(oriented(found.labels))
        wrong = (
            (expert > 0) & (model == 0),
            (expert == 0) & (model > 0),
            (expert > 0) & (model > 0) & (expert != model),
        )
        for mask, rgb in zip(wrong, DIFFERENCES.values(), strict=True):
            stage.mask_of(panels[3], view, mask, rgb)
        put(panels[0], 0.02, 0.91, study.id, fontsize=7)
        for axes, text in zip(panels, (shown, "reference", "prediction", "difference"), strict=True):
            heading(axes, text, fontsize=10)
            stage.marks(axes, view, caption=axes is panels[0])
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {palette: {"studies": [sample_study()], "palette": palette} for palette in ("papers", "safe")}


ENTRY = FigureEntry(
    title="Reference and prediction, after the decision",
    section="pictures",
    draw=after_decision_figure,
    examples=_examples,
    caption="The stand-in's most probable class per voxel beside the phantom's true map, in both sets of colours.",
)
