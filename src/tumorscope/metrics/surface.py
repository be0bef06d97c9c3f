"""Surface metrics: Hausdorff distance, HD95 and surface Dice, on MONAI's surface distances."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array
from tumorscope.metrics.counts import BoolArray, as_masks, bounding_box
from tumorscope.metrics.metric import FloatArray, Metric, SurfaceDistances

#: A surface voxel counts as right within this distance (mm; pixels where the spacing is unknown).
DEFAULT_TOLERANCE = 1.0
#: Spacing and distances pass through float32: 1 mm voxels must lie within a tolerance of 1 mm.
ROUNDING = 1e-5


def surface_distances(pred: Array, ref: Array, spacing: Sequence[float] = (1.0, 1.0, 1.0)) -> SurfaceDistances:
    """Measure the distances between the surfaces of two non-empty masks.

    The surface of a mask is its voxels that touch the outside through a face; beyond the image's edge is outside. An
    image with a single slice is measured in its plane (in 3D each of its voxels would be surface).

    Args:
        pred: Predicted mask, shape (x, y, z).
        ref: Reference mask, same shape.
        spacing: Voxel size per axis; its unit is the unit of the distances.

    Raises:
        GeometryError: if the shapes differ.
        InputError: if a mask is empty or not of 0 and 1, or the spacing does not fit.
    """
    from monai.metrics.utils import get_mask_edges, get_surface_distance

    pred, ref = as_masks(pred, ref)
    spacing = _checked_spacing(spacing, pred.ndim)
    if not pred.any() or not ref.any():
        raise InputError(
            expected="two masks with voxels in them", found="an empty mask", fix="Let the empty-mask policy decide"
        )
    pred, ref, spacing = _in_plane(pred, ref, spacing)
    box = bounding_box(pred | ref)
    edges = get_mask_edges(pred[box], ref[box], crop=False)
    forth, back = (get_surface_distance(a, b, spacing=spacing) for a, b in (edges, edges[::-1]))
    return SurfaceDistances(np.asarray(forth, dtype=np.float64), np.asarray(back, dtype=np.float64))


def _checked_spacing(spacing: Sequence[float], ndim: int) -> tuple[float, ...]:
    values = tuple(float(v) for v in spacing)
    if len(values) != ndim or not all(math.isfinite(v) and v > 0 for v in values):
        raise InputError(
            expected=f"{ndim} positive voxel sizes", found=f"{values}", fix="Take the spacing from the image"
        )
    return values


def _in_plane(
    pred: BoolArray, ref: BoolArray, spacing: tuple[float, ...]
) -> tuple[BoolArray, BoolArray, tuple[float, ...]]:
    """Drop axes of length one, keeping at least two."""
    for axis in reversed(range(pred.ndim)):
        if pred.shape[axis] == 1 and pred.ndim > 2:
            pred, ref = pred.squeeze(axis), ref.squeeze(axis)
            spacing = spacing[:axis] + spacing[axis + 1 :]
    return pred, ref, spacing


def image_diagonal(shape: Sequence[int], spacing: Sequence[float]) -> float:
    """Return the diagonal of the image: no two of its voxels are further apart.

    Axes of length one do not count. 240×240×155 voxels of 1 mm give 373.13 mm, the BraTS penalty.
    """
    return math.sqrt(sum((n * s) ** 2 for n, s in zip(shape, spacing, strict=True) if n > 1))


def _percentile(distances: SurfaceDistances, q: float) -> float:
    """Larger of both directions' percentiles (the BraTS and MONAI definition of HD95)."""
    return float(max(np.percentile(distances.pred_to_ref, q), np.percentile(distances.ref_to_pred, q)))


def _hausdorff(distances: SurfaceDistances, tolerance: float) -> float:
    return _percentile(distances, 100)


def _hd95(distances: SurfaceDistances, tolerance: float) -> float:
    return _percentile(distances, 95)


def _surface_dice(distances: SurfaceDistances, tolerance: float) -> float:
    both: FloatArray = np.concatenate([distances.pred_to_ref, distances.ref_to_pred])
    return float(np.mean(both <= tolerance * (1 + ROUNDING)))


HAUSDORFF = Metric(
    name="hausdorff",
    title="Hausdorff distance",
    formula="max over both directions of the largest distance from a surface voxel to the other surface",
    source="Huttenlocher et al., IEEE TPAMI 15:850, 1993",
    high=math.inf,
    higher_is_better=False,
    from_surface=_hausdorff,
)
HD95 = Metric(
    name="hd95",
    title="HD95",
    formula="max over both directions of the 95th percentile of surface distances",
    source="Bakas et al., arXiv:1811.02629, 2018",
    high=math.inf,
    higher_is_better=False,
    from_surface=_hd95,
)
SURFACE_DICE = Metric(
    name="surface_dice",
    title="Surface Dice",
    formula="share of surface voxels of both masks within the tolerance of the other surface",
    source="Nikolov et al., arXiv:1809.04430, 2018; counted per surface voxel, Seidlitz et al., arXiv:2111.05408",
    from_surface=_surface_dice,
    uses_tolerance=True,
)


def surface_values(
    pred: Array,
    ref: Array,
    metrics: Sequence[Metric],
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    tolerance: float = DEFAULT_TOLERANCE,
) -> dict[str, float]:
    """Compute surface metrics of one region; the surfaces are measured once for all of them.

    Args:
        pred: Predicted mask, shape (x, y, z).
        ref: Reference mask, same shape.
        metrics: Those wanted, each with ``needs == "surface"``.
        spacing: Voxel size per axis, mm (1 where unknown: then lengths are in pixels).
        tolerance: For surface Dice, in the unit of the spacing.

    Returns:
        Metric name → value; all NaN when a mask is empty (the empty-mask policy decides later).

    Raises:
        GeometryError: if the shapes differ.
        InputError: if a mask is not of 0 and 1, or the spacing or tolerance does not fit.
    """
    if not math.isfinite(tolerance) or tolerance < 0:
        raise InputError(expected="a tolerance of 0 or more", found=f"{tolerance}", fix="Give it in mm")
    pred, ref = as_masks(pred, ref)
    if not pred.any() or not ref.any():
        return {m.name: math.nan for m in metrics}
    distances = surface_distances(pred, ref, spacing)
    return {m.name: m.from_surface(distances, tolerance) for m in metrics if m.from_surface is not None}
