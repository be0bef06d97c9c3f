"""How unsure a model's probabilities are, voxel by voxel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, colour_bar, heading
from tumorscope.figures.colours import Palette, legend_of
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PlaneName, oriented
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study, warning_of
from tumorscope.inference.uncertainty import entropy_maps

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


def uncertainty_figure(
    study: Study,
    *,
    sequence: Sequence | None = None,
    slice_number: int | None = None,
    plane: PlaneName = "axial",
    palette: Palette = "papers",
) -> Figure:
    """Draw the model's label map, and the entropy of its probabilities on the scan.

    Regions: one map each, the binary entropy of its probability. Exclusive classes: one map, the entropy over the
    classes and the background. In bits: 0 is sure, 1 is a coin's toss between two answers.

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
    entropies = entropy_maps({n: view.cut(oriented(image)) for n, image in maps.items()}, found.scheme)
    top = 1.0 if len(entropies) == len(maps) else float(np.log2(len(maps) + 1))
    title = f"{study.id}, {study.model}: entropy of the probabilities on {shown}"
    note = "Entropy says how near to undecided the model's own numbers are, not how often it is wrong."
    note = f"{note} {warning_of([study])}".strip()
    sizes = [stage.size(view)] * (1 + len(entropies))
    figure, grid = canvas(1, sizes, title=title, legend=legend_of(found, palette), note=note, right=0.85)
    axes = figure.add_subplot(grid[0, 0])
    stage.scan(axes, view, shown)
    stage.labels(axes, view, found, palette)
    heading(axes, "label map")
    stage.marks(axes, view)
    stage.bar(axes)
    drawn: AxesImage | None = None
    for column, (name, values) in enumerate(entropies.items(), 1):
        axes = figure.add_subplot(grid[0, column])
        stage.scan(axes, view, shown, dim=0.6)
        drawn = stage.heat(axes, view, values, top, "inferno", clear=True)
        heading(axes, name)
        stage.marks(axes, view, caption=False)
    assert drawn is not None
    colour_bar(figure, drawn, "entropy in bits", np.arange(0, top + 1e-6, 0.5).tolist(), 0.85)
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {kind: {"study": sample_study(kind)} for kind in ("classes", "regions")}


ENTRY = FigureEntry(
    title="Uncertainty",
    section="pictures",
    draw=uncertainty_figure,
    examples=_examples,
    caption="Entropy of a stand-in's probabilities of exclusive classes and of nested regions.",
)
