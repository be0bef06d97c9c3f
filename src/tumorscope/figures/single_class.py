"""One class alone: where the model found it, missed it and invented it (S4-65)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import LabelError
from tumorscope.core.image import Array
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading, put
from tumorscope.figures.colours import RGB, Palette, class_colours, long_name
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PlaneName, oriented
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study
from tumorscope.figures.triplet import score_text
from tumorscope.inference.decode import own_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Found, missed and invented voxels: blue, orange and yellow of Okabe & Ito.
HIT, MISS, FALSE = (0.34, 0.71, 0.91), (0.84, 0.37, 0.0), (0.94, 0.89, 0.26)


def single_class_figure(
    study: Study,
    *,
    name: str = "ED",
    sequence: Sequence | None = None,
    slice_number: int | None = None,
    plane: PlaneName = "axial",
    palette: Palette = "papers",
) -> Figure:
    """Draw one class or region: scan, truth, prediction, and where the two agree and differ.

    Args:
        study: A case with a reference and a prediction.
        name: Class or region of the reference's scheme, e.g. ``ED`` (oedema).
        sequence: What lies below; default the best for glioma.
        slice_number: From 1 along the file's own axis; default the largest area of the class.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        palette: Colour of the class.

    Raises:
        InputError: if a reference or prediction is missing.
        LabelError: if the scheme has no such class, or reference and model mean different things.
        GeometryError: if the plane cannot be shown.
        UsageError: if the study lacks the sequence or the slice.
    """
    truth, found = study.pair()
    shown = study.sequence(sequence)
    masks = [s.region(name) for s in (truth, found)]
    stage = Stage(study.images, truth)
    view = stage.view(plane, slice_number)
    if slice_number is None and plane == "axial" and masks[0].any():
        areas = oriented(truth.labels.with_data(masks[0])).sum(axis=(0, 1))
        view = type(view)("axial", int(areas.argmax()))
    true, pred = (view.cut(oriented(truth.labels.with_data(mask))) for mask in masks)
    colour = _colour(study, name, palette)
    scores = f"This slice: {score_text(pred, true)}; whole case: {score_text(masks[1], masks[0])}"
    title = f"{study.id}, {study.model}. {long_name(name)}. {scores}. n = 1."
    legend = [(colour, name), (HIT, "found"), (MISS, "missed"), (FALSE, "invented")]
    figure, grid = canvas(1, [stage.size(view)] * 4, title=title, legend=legend)
    layers: list[tuple[str, list[tuple[Array, RGB]]]] = [
        (str(shown), []),
        ("truth", [(true, colour)]),
        ("predicted", [(pred, colour)]),
        ("difference", [(true & pred, HIT), (true & ~pred, MISS), (pred & ~true, FALSE)]),
    ]
    for column, (text, parts) in enumerate(layers):
        axes = figure.add_subplot(grid[0, column])
        stage.scan(axes, view, shown, dim=1.0 if column == 0 else 0.6)
        for mask, rgb in parts:
            stage.mask_of(axes, view, mask, rgb, fill=0.9)
        heading(axes, text)
        stage.marks(axes, view, caption=column == 0)
        if column == 3:
            counts = [int(np.count_nonzero(mask)) for mask, _ in parts]
            put(axes, 0.02, 0.015, f"{counts[0]} / {counts[1]} / {counts[2]} px", fontsize=9)
    return figure


def _colour(study: Study, name: str, palette: Palette) -> RGB:
    """Return the colour of a class, or of a region's own class."""
    scheme = study.pair()[0].scheme
    value = {x.name: x.value for x in scheme.labels}.get(name)
    if value is None and name not in scheme.regions:
        raise LabelError(
            expected=f"one of {', '.join(scheme.targets)}", found=f"'{name}'", fix="Choose a class of this case"
        )
    return class_colours(scheme, palette)[own_value(scheme, name) if value is None else value]


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study(), "name": "ED", "sequence": Sequence.FLAIR}}


ENTRY = FigureEntry(
    title="One class: truth and prediction",
    section="pictures",
    draw=single_class_figure,
    examples=_examples,
    caption="Oedema of the phantom. The stand-in for a prediction is no model.",
)
