"""The pictures of a case's report: planes through the tumour, every sequence, the diameters, the uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas, colour_bar, heading, put
from tumorscope.figures.colours import Palette
from tumorscope.figures.planes import PLANES, PlaneName, View, oriented
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import PREFERRED
from tumorscope.inference.postprocess import bounding_box
from tumorscope.inference.uncertainty import largest_entropy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colour-blind-safe colours are the report's.
PALETTE: Palette = "safe"
_FILL = 0.35
_LINES = {"longest_axial": "#ffffff", "perpendicular": "#f0e442"}
_OUTLINE = (0.34, 0.71, 0.91)


def planes_view(images: Mapping[Sequence, Image], segmentation: Segmentation, row_inches: float = 2.6) -> Figure:
    """Draw three planes through the centre of the tumour, outlined above and filled below.

    The upper row shows T1CE (else the best sequence there is), the lower FLAIR (else the same).

    Args:
        images: Sequences on the segmentation's grid, a volume of known spacing.
        segmentation: Label map; an empty one shows the middle of the head.
        row_inches: Height of a row.
    """
    above = Sequence.T1CE if Sequence.T1CE in images else next(s for s in PREFERRED if s in images)
    below = Sequence.FLAIR if Sequence.FLAIR in images else above
    stage = Stage(images, segmentation)
    views = _through(stage, tumour_centre(stage))
    figure, grid = canvas(2, [stage.size(v) for v in views], row_inches=row_inches)
    for row, sequence in enumerate((above, below)):
        for column, view in enumerate(views):
            axes = figure.add_subplot(grid[row, column])
            stage.scan(axes, view, sequence)
            stage.labels(axes, view, segmentation, PALETTE, fill=_FILL if row else 0.0, lines=not row)
            _finish(stage, axes, view, sequence if column == 0 else "", bar=column == 0)
    return figure


def sequences_view(images: Mapping[Sequence, Image], segmentation: Segmentation, row_inches: float = 2.2) -> Figure:
    """Draw the axial slice with the largest tumour area in every sequence, plain above and outlined below.

    Arguments as :func:`planes_view`; single slices and unknown spacing are fine.
    """
    shown = [s for s in Sequence if s in images]
    stage = Stage(images, segmentation)
    view = stage.view()
    figure, grid = canvas(2, [stage.size(view)] * len(shown), row_inches=row_inches)
    for column, sequence in enumerate(shown):
        for row in (0, 1):
            axes = figure.add_subplot(grid[row, column])
            stage.scan(axes, view, sequence)
            if row:
                stage.labels(axes, view, segmentation, PALETTE, fill=0.0)
            _finish(stage, axes, view, sequence if row == 0 else "", bar=row == column == 0)
    return figure


def diameters_view(
    images: Mapping[Sequence, Image], segmentation: Segmentation, lesion: Mapping[str, Any], region: str
) -> Figure:
    """Draw a lesion's diameters: in the axial slice of the longest one, and in both planes through their crossing.

    Args:
        images: Sequences on the segmentation's grid, a volume of known spacing.
        segmentation: Label map.
        lesion: Row of :func:`~tumorscope.inference.lesions.lesion_table`.
        region: Region the lesion belongs to.
    """
    best = Sequence.FLAIR if region == "WT" else Sequence.T1CE
    sequence = best if best in images else next(s for s in PREFERRED if s in images)
    stage = Stage(images, segmentation)
    lines = {name: _to_lps(segmentation.labels, np.array(ends)) for name, ends in lesion["lines"].items()}
    middle = np.rint(lines["longest_axial"].mean(axis=0)).astype(int)
    stage.zoom(lines["longest_axial"].mean(axis=0), 0.75 * lesion["longest_axial_diameter"] + 12)
    views = _through(stage, (int(middle[0]), int(middle[1]), int(middle[2])))
    figure, grid = canvas(1, [stage.size(v) for v in views], row_inches=2.9)
    for column, view in enumerate(views):
        axes = figure.add_subplot(grid[0, column])
        stage.scan(axes, view, sequence)
        mask = view.cut(oriented(segmentation.labels.with_data(segmentation.region(region))))
        stage.outline(axes, view, mask, _OUTLINE, 0.9)
        shown = ("longest_axial", "perpendicular") if view.plane == "axial" else ("longest_axial",)
        for row, name in enumerate(shown):
            _line(stage, axes, view, lines[name], _LINES[name])
            if view.plane == "axial":
                put(axes, 0.98, 0.985 - 0.065 * row, f"{lesion[f'{name}_diameter']:.1f} mm", color=_LINES[name])
        _finish(stage, axes, view, sequence if column == 0 else "", bar=column == 0)
    return figure


def uncertainty_view(images: Mapping[Sequence, Image], segmentation: Segmentation) -> Figure:
    """Draw the entropy of the probabilities in three planes through the centre of the tumour.

    Args:
        images: Sequences on the segmentation's grid, a volume of known spacing.
        segmentation: Label map with probabilities; see :func:`~tumorscope.inference.uncertainty.uncertainty_map`.
    """
    exclusive = not all(name in segmentation.scheme.regions for name in segmentation.probabilities)
    top = float(np.log2(len(segmentation.probabilities) + 1)) if exclusive else 1.0
    sequence = next(s for s in PREFERRED if s in images)
    stage = Stage(images, segmentation)
    views = _through(stage, tumour_centre(stage))
    volumes = {name: oriented(image) for name, image in segmentation.probabilities.items()}
    figure, grid = canvas(1, [stage.size(v) for v in views], row_inches=2.5, right=0.8)
    for column, view in enumerate(views):
        axes = figure.add_subplot(grid[0, column])
        stage.scan(axes, view, sequence, dim=0.6)
        entropy = largest_entropy({name: view.cut(volume) for name, volume in volumes.items()}, segmentation.scheme)
        drawn = stage.heat(axes, view, entropy, top, "inferno", clear=True)
        _finish(stage, axes, view, sequence if column == 0 else "", bar=column == 0)
    colour_bar(figure, drawn, "entropy in bits", np.arange(0, top + 1e-6, 0.5).tolist(), 0.8)
    return figure


def tumour_centre(stage: Stage) -> tuple[int, int, int]:
    """Return the tumour's voxel (L, P, S) nearest to its centre of mass; the middle of the head if there is none."""
    box = bounding_box(stage.mask)
    if box is None:
        return stage.centre()
    mask = stage.mask[box]
    away = np.zeros((1, 1, 1), dtype=np.float32)
    for axis, step in enumerate(stage.spacing):
        count = mask.sum(axis=tuple(a for a in range(3) if a != axis))
        place = np.arange(len(count), dtype=np.float32)
        shape = [len(count) if a == axis else 1 for a in range(3)]
        away = away + (((place - (count * place).sum() / count.sum()) * step) ** 2).reshape(shape)
    nearest = np.where(mask, away, np.inf).argmin()
    i, j, k = (int(n) + side.start for n, side in zip(np.unravel_index(int(nearest), mask.shape), box, strict=True))
    return i, j, k


def _through(stage: Stage, point: tuple[int, int, int]) -> list[View]:
    stage.need_depth("three planes")
    return [View(plane, point[PLANES[plane][0]]) for plane in get_args(PlaneName)]


def _finish(stage: Stage, axes: Axes, view: View, title: str, bar: bool) -> None:
    heading(axes, title, fontsize=10)
    stage.marks(axes, view, caption=False)
    put(axes, 0.02, 0.015, view.name(stage.reference), fontsize=7)
    if bar:
        stage.bar(axes)


def _to_lps(image: Image, points: Array) -> Array:
    """Turn voxel indices of the file (n, 3) into indices along L, P, S."""
    from tumorscope.core.orientation import axcodes2ornt, io_orientation, ornt_transform

    turned = np.empty_like(points)
    for axis, (to, flip) in enumerate(ornt_transform(io_orientation(image.affine), axcodes2ornt("LPS"))):
        turned[:, int(to)] = points[:, axis] if flip > 0 else image.shape[axis] - 1 - points[:, axis]
    return turned


def _line(stage: Stage, axes: Axes, view: View, ends: Array, colour: str) -> None:
    """Draw a line with end marks."""
    places = [stage.place(view, (float(p[0]), float(p[1]), float(p[2]))) for p in ends]
    xs, ys = zip(*places, strict=True)
    axes.plot(xs, ys, color=colour, linewidth=1.3, marker="o", markersize=2.5)
    stage.clip(axes, view)
