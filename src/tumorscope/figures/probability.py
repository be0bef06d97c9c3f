"""Truth and prediction per class before a decision is made (S1-25, S2-44), and probabilities on the scan (S4-83)."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Several
from typing import TYPE_CHECKING

from tumorscope.core.image import Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, colour_bar, heading, put
from tumorscope.figures.colours import Palette, legend_of, target_colour
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PlaneName, View, oriented
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study, models_of, warning_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def before_decision_figure(
    studies: Several[Study],
    *,
    sequence: Sequence | None = None,
    slice_number: int | None = None,
    plane: PlaneName = "axial",
    palette: Palette = "papers",
) -> Figure:
    """Draw two rows per case: the expert's mask of each class or region, and below it the model's probability of it.

    This is what the network says before the arg-max (exclusive classes) or the threshold (regions).

    Args:
        studies: Cases with a reference and probabilities of the same classes or regions.
        sequence: What the scan shows; default the best for glioma.
        slice_number: From 1 along the file's own axis; default the largest tumour area of each case.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        palette: Colours of the masks.

    Raises:
        InputError: if a reference or probabilities are missing.
        LabelError: if reference and model mean different things.
        GeometryError: if the plane cannot be shown.
        UsageError: if a study lacks the sequence or the slice, or there is no study.
    """
    pairs = [study.pair() for study in studies]
    names = list(_maps(studies[0], pairs[0][1]))
    stages = [Stage(s.images, truth) for s, (truth, _) in zip(studies, pairs, strict=True)]
    views = [stage.view(plane, slice_number) for stage in stages]
    size = max((stage.size(view) for stage, view in zip(stages, views, strict=True)), key=lambda s: s[1] / s[0])
    title = f"Truth and probability per class before the decision ({models_of(studies)})"
    legend = [(target_colour(pairs[0][0].scheme, n, palette), f"reference {n}") for n in names]
    note = warning_of(studies)
    rows, columns = 2 * len(studies), [size] * (1 + len(names))
    figure, grid = canvas(rows, columns, title=title, legend=legend, note=note, row_inches=2.7, right=0.85)
    drawn = None
    for number, (study, stage, view) in enumerate(zip(studies, stages, views, strict=True)):
        truth, found = pairs[number]
        panels = [[figure.add_subplot(grid[2 * number + r, c]) for c in range(len(columns))] for r in (0, 1)]
        _scans(panels, stage, view, study, study.sequence(sequence), (truth, found), palette)
        for column, name in enumerate(names, 1):
            mask = truth.scheme.mask(view.cut(oriented(truth.labels)), name)
            above, below = panels[0][column], panels[1][column]
            stage.blank(above, view)
            stage.mask_of(above, view, mask, target_colour(truth.scheme, name, palette))
            drawn = stage.heat(below, view, view.cut(oriented(_maps(study, found)[name])))
            stage.outline(below, view, mask, (1.0, 1.0, 1.0), 0.7)
            heading(above, name)
            heading(below, f"p({name})")
            stage.marks(above, view, caption=False)
    assert drawn is not None
    colour_bar(figure, drawn, "probability (white line: reference)", _TICKS, 0.85)
    return figure


def _maps(study: Study, found: Segmentation) -> Mapping[str, Image]:
    """Return the probabilities in the scheme of :meth:`Study.pair`; an InputError tells that there are none."""
    return found.probabilities or study.probabilities


def _scans(
    panels: list[list[Axes]],
    stage: Stage,
    view: View,
    study: Study,
    shown: Sequence,
    pair: tuple[Segmentation, Segmentation],
    palette: Palette,
) -> None:
    for row, (segmentation, who) in enumerate(zip(pair, ("reference", "prediction"), strict=True)):
        axes = panels[row][0]
        stage.scan(axes, view, shown)
        stage.labels(axes, view, segmentation, palette, fill=0.15)
        heading(axes, who, fontsize=10)
        put(axes, 0.02, 0.91, study.id if row == 0 else "", fontsize=7)
        put(axes, 0.98, 0.015, shown, fontsize=8)
        stage.marks(axes, view)


def probability_map_figure(
    study: Study,
    *,
    sequence: Sequence | None = None,
    slice_number: int | None = None,
    plane: PlaneName = "axial",
    palette: Palette = "papers",
) -> Figure:
    """Draw the model's label map on the scan, and beside it the probability of each region or class on the scan.

    Args:
        study: A case with probabilities.
        sequence: What the scan shows; default the best for glioma.
        slice_number: From 1 along the file's own axis; default the largest tumour area.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        palette: Colours of the label map.

    Raises:
        InputError: if there are no probabilities.
        GeometryError: if the plane cannot be shown.
        UsageError: if the study lacks the sequence or the slice.
    """
    maps, found, shown = study.probabilities, study.prediction, study.sequence(sequence)
    stage = Stage(study.images, found)
    view = stage.view(plane, slice_number)
    sizes = [stage.size(view)] * (1 + len(maps))
    title = f"{study.id}, {study.model}: label map and probability on {shown}"
    legend = legend_of(found, palette)
    note = " ".join([*([] if legend else ["Nothing was segmented."]), warning_of([study])])
    figure, grid = canvas(1, sizes, title=title, legend=legend, note=note, right=0.85)
    axes = figure.add_subplot(grid[0, 0])
    stage.scan(axes, view, shown)
    stage.labels(axes, view, found, palette)
    heading(axes, shown)
    stage.marks(axes, view)
    stage.bar(axes)
    drawn: AxesImage | None = None
    for column, (name, image) in enumerate(maps.items(), 1):
        axes = figure.add_subplot(grid[0, column])
        stage.scan(axes, view, shown, dim=0.8)
        drawn = stage.heat(axes, view, view.cut(oriented(image)), clear=True)
        heading(axes, f"p({name})")
        stage.marks(axes, view, caption=False)
    assert drawn is not None
    colour_bar(figure, drawn, "probability", _TICKS, 0.85)
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {kind: {"studies": [sample_study(kind)]} for kind in ("classes", "regions")}


def _map_examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study("regions")}}


BEFORE = FigureEntry(
    title="Truth and probability per class, before the decision",
    section="pictures",
    draw=before_decision_figure,
    examples=_examples,
    caption="Exclusive classes (before arg-max) and nested regions (before the threshold). The stand-in is no model.",
)
MAP = FigureEntry(
    title="Probability per region on the scan",
    section="pictures",
    draw=probability_map_figure,
    examples=_map_examples,
    caption="A stand-in's label map and its probability of WT, TC and ET on the phantom's FLAIR.",
)
