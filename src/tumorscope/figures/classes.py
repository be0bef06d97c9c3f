"""Each class of a label map alone, in colour (S2-27) and as one-hot maps (S2-35)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading, put
from tumorscope.figures.colours import Palette, class_colours, scheme_legend
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import PlaneName, oriented
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study
from tumorscope.transforms.one_hot import one_hot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Of a mask's 1, and of text that is read on it and on black.
_WHITE, _ON_WHITE = (1.0, 1.0, 1.0), "#f0e442"


def classes_figure(
    study: Study,
    *,
    sequence: Sequence | None = None,
    slice_number: int | None = None,
    plane: PlaneName = "axial",
    palette: Palette = "papers",
) -> Figure:
    """Draw one slice: the scan, all classes, and each class alone on the darkened scan with its area.

    Args:
        study: The case; the expert's map is shown, else the model's.
        sequence: What lies below; default the best for glioma.
        slice_number: From 1 along the file's own axis; default the largest tumour area.
        plane: ``axial``, ``coronal`` or ``sagittal``.
        palette: Colours of the classes.

    Raises:
        InputError: if there is no label map.
        GeometryError: if the plane cannot be shown.
        UsageError: if the study lacks the sequence or the slice.
    """
    shown, marked = study.sequence(sequence), study.marked
    stage = Stage(study.images, marked)
    view = stage.view(plane, slice_number)
    labels = view.cut(oriented(marked.labels))
    colours = class_colours(marked.scheme, palette)
    panels = [(None, shown), (None, "all classes"), *((x.value, x.name) for x in marked.scheme.labels)]
    title = f"{study.id}, {study.marked_by}: each class alone"
    legend = scheme_legend(marked.scheme, palette)
    figure, grid = canvas(1, [stage.size(view)] * len(panels), title=title, legend=legend)
    for column, (value, name) in enumerate(panels):
        axes = figure.add_subplot(grid[0, column])
        stage.scan(axes, view, shown, dim=1.0 if column == 0 else 0.5)
        for one, rgb in colours.items():
            if column and value in (None, one):
                stage.mask_of(axes, view, labels == one, rgb)
        heading(axes, name)
        stage.marks(axes, view, caption=column < 2)
        if value is not None:
            put(axes, 0.02, 0.015, _area(int((labels == value).sum()), stage, view.pixel(stage.spacing)))
    return figure


def _area(pixels: int, stage: Stage, size: tuple[float, float]) -> str:
    if not pixels:
        return "not in this slice"
    return f"{pixels * size[0] * size[1] / 100:.2f} cm²" if stage.reference.spacing_known else f"{pixels} px"


def one_hot_figure(study: Study, *, slice_number: int | None = None, plane: PlaneName = "axial") -> Figure:
    """Draw the 0/1 maps a network with exclusive classes is trained on: background first, exactly one map is 1.

    Args:
        study: The case; the expert's map is shown, else the model's.
        slice_number: From 1 along the file's own axis; default the largest tumour area.
        plane: ``axial``, ``coronal`` or ``sagittal``.

    Raises:
        InputError: if there is no label map.
        GeometryError: if the plane cannot be shown.
        UsageError: if there is no such slice.
    """
    marked = study.marked
    stage = Stage(study.images, marked)
    view = stage.view(plane, slice_number)
    maps = one_hot(view.cut(oriented(marked.labels)), marked.scheme.values)
    names = [("background", 0), *((x.name, x.value) for x in marked.scheme.labels)]
    title = f"{study.id}, {study.marked_by}: one-hot, {len(names)} channels"
    note = f"White is 1. The channels of each of the {maps[0].size} pixels of the slice sum to 1."
    figure, grid = canvas(1, [stage.size(view)] * len(names), title=title, note=note)
    for column, (name, value) in enumerate(names):
        axes = figure.add_subplot(grid[0, column])
        stage.blank(axes, view)
        stage.mask_of(axes, view, maps[column] == 1, _WHITE)
        heading(axes, f"{column} {name}", color=_ON_WHITE)
        put(axes, 0.02, 0.015, f"label {value}: {int(maps[column].sum())} px", color=_ON_WHITE)
        stage.marks(axes, view, caption=False)
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study(), "sequence": Sequence.T1CE}}


def _one_hot_examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study()}}


CLASSES = FigureEntry(
    title="Each class alone",
    section="pictures",
    draw=classes_figure,
    examples=_examples,
    caption="The phantom's true map in one axial slice, with the area of each class in it.",
)
ONE_HOT = FigureEntry(
    title="One-hot maps",
    section="pictures",
    draw=one_hot_figure,
    examples=_one_hot_examples,
    caption="The same slice as four 0/1 channels; label 4 becomes channel 3.",
)
