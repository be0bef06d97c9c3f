"""The lesions of a region one by one: connected components with size, diameters and place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.inference.diameters import longest_3d, planar_diameters
from tumorscope.inference.postprocess import axial_axis, bounding_box, components

#: A component below this volume is counted but is no lesion of the table (the BraTS lesion-wise limit, 50 mm³).
MIN_ML = 0.05
#: The same where the size of a voxel is unknown.
MIN_VOXELS = 20
#: At most so many lesions are measured one by one (the largest); all are counted.
MAX_ROWS = 50
#: Both diameters of a lesion that RANO calls measurable are at least this long.
RANO_MM = 10.0


def find_lesions(mask: Array) -> tuple[Array, Array, tuple[slice, slice, slice]] | None:
    """Number the connected components (26 neighbours) of a region, the largest first.

    Returns:
        The components in the region's box (int32; 0 is outside), their sizes in voxels, and the box; None if empty.
    """
    box = bounding_box(mask)
    if box is None:
        return None
    found, count = components(mask[box])
    sizes = np.bincount(found.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable")
    rank = np.zeros(count + 1, dtype=np.int32)
    rank[order + 1] = np.arange(1, count + 1)
    return rank[found], sizes[order], box


def smallest_lesion(image: Image) -> int:
    """Return how many voxels a component must have to stand in the table."""
    return math.ceil(MIN_ML / image.voxel_ml - 1e-9) if image.spacing_known else MIN_VOXELS


def lesion_sizes(mask: Array, box: tuple[slice, slice, slice], image: Image) -> dict[str, Any]:
    """Measure the diameters of one lesion.

    Args:
        mask: The lesion within ``box``, boolean, not empty.
        box: Where it lies in ``image``.
        image: Its grid.

    Returns:
        ``longest_axial_diameter``, ``perpendicular_diameter``, ``bidimensional_product`` (mm or mm²; pixels where
        the spacing is unknown), ``slice`` (index) and the ``lines`` of both (two voxel indices each); in volumes of
        known spacing also ``longest_3d_diameter`` and its line.
    """
    axis = axial_axis(image)
    steps = image.affine[:3, :3]
    start = np.array([side.start for side in box], dtype=np.float64)
    planar = planar_diameters(mask, axis, steps[:, [a for a in range(3) if a != axis]])
    found: dict[str, Any] = {
        "slice": planar.slice + box[axis].start,
        "longest_axial_diameter": round(planar.longest.length, 3),
        "perpendicular_diameter": round(planar.perpendicular.length, 3),
        "bidimensional_product": round(planar.product, 2),
    }
    lines = {"longest_axial": planar.longest, "perpendicular": planar.perpendicular}
    if image.spacing_known and image.shape[axis] > 1:
        lines["longest_3d"] = longest_3d(mask, steps)
        found["longest_3d_diameter"] = round(lines["longest_3d"].length, 3)
    found["lines"] = {name: [[round(float(v), 3) for v in p] for p in ln.ends + start] for name, ln in lines.items()}
    return found


def lesion_table(
    found: tuple[Array, Array, tuple[slice, slice, slice]] | None,
    image: Image,
    largest: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure every lesion of a region.

    Args:
        found: From :func:`find_lesions`.
        image: Grid of the region.
        largest: :func:`lesion_sizes` of the first lesion, where they are known already.

    Returns:
        ``count`` and ``rows`` of lesions of at least ``min_ml`` (``min_voxels`` where spacing is unknown), largest
        first, at most 50; ``smaller`` components and their voxels. A row has ``number``, ``voxels``, ``ml``,
        ``centre_mm`` (RAS+, None where spacing is unknown), ``rano_measurable`` (both axial diameters at least
        10 mm) and :func:`lesion_sizes`.
    """
    least = smallest_lesion(image)
    from scipy.ndimage import find_objects

    limit = {"min_ml": MIN_ML if image.spacing_known else None, "min_voxels": least, "connectivity": 26}
    if found is None:
        return {**limit, "count": 0, "smaller": 0, "smaller_voxels": 0, "rows": []}
    parts, sizes, box = found
    count = int((sizes >= least).sum())
    rows = []
    for number, inner in enumerate(find_objects(parts)[: min(count, MAX_ROWS)], 1):
        mask = parts[inner] == number
        where = [slice(b.start + i.start, b.start + i.stop) for b, i in zip(box, inner, strict=True)]
        rows.append({"number": number, **_row(mask, (where[0], where[1], where[2]), image, largest)})
        largest = None
    small = sizes[count:]
    return {**limit, "count": count, "smaller": len(small), "smaller_voxels": int(small.sum()), "rows": rows}


def _row(mask: Array, box: tuple[slice, slice, slice], image: Image, sizes: dict[str, Any] | None) -> dict[str, Any]:
    voxels, known = int(mask.sum()), image.spacing_known
    centre = np.argwhere(mask).mean(axis=0) + [side.start for side in box]
    world = image.affine @ [*centre, 1.0]
    sizes = sizes or lesion_sizes(mask, box, image)
    shorter = min(sizes["longest_axial_diameter"], sizes["perpendicular_diameter"])
    return {
        "voxels": voxels,
        "ml": round(voxels * image.voxel_ml, 6) if known else None,
        "centre_mm": [round(float(v), 2) for v in world[:3]] if known else None,
        "rano_measurable": shorter >= RANO_MM - 1e-6 if known else None,
        **sizes,
    }
