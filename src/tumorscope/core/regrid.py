"""Putting a label map into a scan's grid without interpolation: cut-outs, and axes stored in another order."""

from __future__ import annotations

import numpy as np

from tumorscope.core.errors import GeometryError
from tumorscope.core.image import Image


def on_grid_of(labels: Image, reference: Image, tolerance_mm: float = 0.05) -> Image:
    """Return ``labels`` in the grid of ``reference``; voxels must be the same voxels.

    Programs store a segmentation cut to what is segmented (3D Slicer, DICOM-SEG) or with other axes; both are undone.
    Nothing is interpolated.

    Args:
        labels: Label map.
        reference: The scan.
        tolerance_mm: How far centres of voxels may lie apart: rounding of headers.

    Raises:
        GeometryError: saying how the grids differ; or if labelled voxels lie outside the scan.
    """
    if labels.same_grid(reference):
        return reference.with_data(labels.data)
    to_reference = np.linalg.inv(reference.affine) @ labels.affine
    step, start = np.rint(to_reference[:3, :3]).astype(int), np.rint(to_reference[:3, 3]).astype(int)
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in labels.shape])).reshape(3, -1)
    off = to_reference[:3, :3] @ ends + to_reference[:3, 3:] - (step @ ends + start[:, None])
    apart = float(np.abs(reference.affine[:3, :3] @ off).max())
    if (np.abs(step).sum(axis=0) != 1).any() or (np.abs(step).sum(axis=1) != 1).any() or apart > tolerance_mm:
        raise GeometryError(
            expected=f"a label map on the scan's voxels ({_words(reference)})", found=_words(labels), fix=_FIX
        )
    voxels = np.argwhere(labels.data)
    placed = voxels @ step.T + start
    inside = ((placed >= 0) & (placed < reference.shape)).all(axis=1)
    if not inside.all():
        raise GeometryError(
            expected="everything segmented to lie within the scan",
            found=f"{int((~inside).sum())} of {len(voxels)} labelled voxels outside of it",
            fix="Give the scan that the mask was drawn on",
        )
    data = np.zeros(reference.shape, dtype=labels.data.dtype)
    data[tuple(placed.T)] = labels.data[tuple(voxels.T)]
    return reference.with_data(data)


_FIX = "Give the scan that the mask was drawn on; or resample the mask to it with nearest neighbours, e.g. in 3D Slicer"


def _words(image: Image) -> str:
    spacing = " × ".join(f"{v:.3g}" for v in image.spacing)
    first = ", ".join(f"{v:.1f}" for v in image.affine[:3, 3])
    return f"{' × '.join(map(str, image.shape))} voxels of {spacing} mm, {image.orientation}, first at ({first}) mm"
