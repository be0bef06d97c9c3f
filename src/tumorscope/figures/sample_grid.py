"""Cases of a data set in a grid, each plain and with its label map (S0-15, S3-19)."""

from __future__ import annotations

import math
from collections.abc import Sequence as Several
from typing import TYPE_CHECKING

from tumorscope.core.errors import UsageError
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, heading
from tumorscope.figures.colours import RGB, Palette, long_name, scheme_legend
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.planes import View, slices_through
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Width to height that the grid aims at.
_RATIO = 1.6


def samples_figure(
    studies: Several[Study],
    *,
    sequence: Sequence | None = None,
    slices: int = 1,
    palette: Palette = "papers",
    title: str = "",
) -> Figure:
    """Draw every case (plain, and beside it with its label map where it has one) in a grid.

    Args:
        studies: The cases, in the order of the grid.
        sequence: What to show; default the best for glioma that a case has.
        slices: Axial slices per case: one, the largest tumour area; more are spread over the tumour.
        palette: Colours of the classes.
        title: Of the figure; default how many cases there are.

    Raises:
        UsageError: if a study lacks the sequence, or ``slices`` is below 1.
    """
    if slices < 1:
        raise UsageError(expected="--slices of 1 or more", found=f"{slices}", fix="Give a positive number")
    cells = [cell for study in studies for cell in _cells(study, slices)]
    pairs = any(study.truth is not None for study in studies)
    sizes = [stage.size(view) for _, stage, view in cells]
    size = max(s[0] for s in sizes), max(s[1] for s in sizes)
    per_cell = 2 if pairs else 1
    across = max(1, min(len(cells), round(math.sqrt(len(cells) * _RATIO * size[1] / (size[0] * per_cell)))))
    columns, rows = across * per_cell, -(-len(cells) // across)
    legend = _legend(studies, palette)
    many = f", {slices} slices each" if slices > 1 else ""
    title = title or f"{len(studies)} case{'s' * (len(studies) > 1)}{many}"
    note = "Left plain, right with the reference label map; each case has a scale and a grey window of its own."
    inches = min(2.3, max(1.5, 13.0 / columns * size[1] / size[0]))
    figure, grid = canvas(
        rows, [size] * columns, title=title, legend=legend, note=note if pairs else "", row_inches=inches
    )
    for position, (study, stage, view) in enumerate(cells):
        row, column = divmod(position, across)
        shown = study.sequence(sequence)
        for side in range(per_cell):
            if side and study.truth is None:
                continue
            axes = figure.add_subplot(grid[row, column * per_cell + side])
            stage.scan(axes, view, shown)
            if side and study.truth is not None:
                stage.labels(axes, view, study.truth, palette)
            heading(axes, f"{shown}\n{study.id[-24:]}" if side == 0 else "", fontsize=6 if inches < 2 else 7)
            stage.marks(axes, view, caption=side == 0 and inches > 1.9, letters=inches > 1.9)
    return figure


def _cells(study: Study, slices: int) -> list[tuple[Study, Stage, View]]:
    stage = Stage(study.images, *([] if study.truth is None else [study.truth]))
    if slices == 1 or stage.mask.shape[2] == 1:
        return [(study, stage, stage.view())]
    return [(study, stage, View("axial", z)) for z in sorted(set(slices_through(stage.mask, slices)))]


def _legend(studies: Several[Study], palette: Palette) -> list[tuple[RGB, str]]:
    schemes = [study.truth.scheme for study in studies if study.truth is not None]
    entries = [entry for scheme in schemes for entry in scheme_legend(scheme, palette)]
    return list(dict.fromkeys((rgb, text if ":" in text else long_name(text)) for rgb, text in entries))


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.core.image import Image
    from tumorscope.core.segmentation import Segmentation
    from tumorscope.datasets.phantom import PhantomSpec, make_phantom

    studies = []
    for seed in range(4):
        case = make_phantom(PhantomSpec(seed=seed), spacing=3.0)
        assert isinstance(case.label, Image) and case.scheme is not None
        images = {s: image for s, image in case.images.items() if isinstance(image, Image)}
        studies.append(Study(case.id, images, Segmentation(case.label, case.scheme)))
    return {"": {"studies": studies}}


ENTRY = FigureEntry(
    title="Samples of a data set",
    section="pictures",
    draw=samples_figure,
    examples=_examples,
    caption="Four phantoms of consecutive seeds, voxels of 3 mm.",
)
