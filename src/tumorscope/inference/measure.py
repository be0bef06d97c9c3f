"""Sizes of what was segmented: volumes, areas, diameters, lesions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.labels import LabelScheme
from tumorscope.core.segmentation import Segmentation
from tumorscope.inference.lesions import find_lesions, lesion_sizes, lesion_table
from tumorscope.inference.postprocess import axial_axis, bounding_box

#: Regions whose lesions are listed one by one; schemes without regions list all classes.
LISTED = ("WT", "ET")


def measure(segmentation: Segmentation, diameters: bool = True) -> dict[str, Any]:
    """Measure every region and class over the whole volume, in the grid the segmentation is stored in.

    Args:
        segmentation: The label map.
        diameters: Also give diameters and the table of lesions.

    Returns:
        ``spacing_known``; ``spacing_mm`` (None where unknown); ``slice_axis``: the voxel axis closest to
        inferior-superior, which slices are counted along; ``plane``: see :func:`axial_plane`; and ``regions``: name →
        ``voxels``, ``ml`` (None where spacing is unknown), ``lesions`` (components of 26 neighbours, however
        small), ``largest_slice`` (index; None if empty), ``areas`` (one number per slice), ``largest_area``, ``unit``
        of lengths ("mm", areas in mm²; "px" where spacing is unknown), and of the largest component
        ``longest_axial_diameter``, ``perpendicular_diameter``, ``bidimensional_product`` and, in volumes of known
        spacing, ``longest_3d_diameter`` (:func:`~tumorscope.inference.lesions.lesion_sizes`); ``at_edge``:
        regions that reach the edge of the scan; with diameters also
        ``lesions``: region → :func:`~tumorscope.inference.lesions.lesion_table`.
    """
    labels = segmentation.labels
    axis = axial_axis(labels)
    regions, tables, at_edge = {}, {}, []
    box = bounding_box(labels.data > 0) or (slice(0, 1),) * 3
    for name in segmentation.scheme.targets:
        mask = segmentation.scheme.mask(labels.data[box], name)
        found = find_lesions(mask)
        if found is not None:
            a, b, c = (slice(i.start + o.start, i.stop + o.start) for i, o in zip(found[2], box, strict=True))
            found = found[0], found[1], (a, b, c)
        sizes = lesion_sizes(found[0] == 1, found[2], labels) if diameters and found is not None else None
        lengths = _told(sizes) if diameters else {}
        regions[name] = _measure_region(mask, box[axis].start, found, labels, axis, lengths)
        if diameters and name in listed(segmentation.scheme):
            tables[name] = lesion_table(found, labels, sizes)
        if found is not None and _at_edge(found[2], labels.shape):
            at_edge.append(name)
    return {
        "spacing_known": labels.spacing_known,
        "spacing_mm": [round(v, 6) for v in labels.spacing] if labels.spacing_known else None,
        "slice_axis": "xyz"[axis],
        "plane": axial_plane(labels),
        "regions": regions,
        "at_edge": at_edge,
        **({"lesions": tables} if diameters else {}),
    }


def listed(scheme: LabelScheme) -> tuple[str, ...]:
    """Return the regions or classes whose lesions are listed one by one."""
    return tuple(name for name in scheme.targets if name in LISTED or not set(LISTED) & set(scheme.regions))


def axial_plane(image: Image) -> dict[str, Any]:
    """Say in which plane axial diameters are measured: across the voxel axis closest to inferior-superior.

    Returns:
        ``axis`` ("x", "y" or "z"), ``normal`` (RAS+ unit vector) and ``tilt_deg``, its angle to the scanner's
        inferior-superior axis; ``pixel_mm`` and ``slice_mm`` (None where spacing is unknown).
    """
    axis = axial_axis(image)
    step = _in_plane(image, axis)
    normal = np.cross(step[:, 0], step[:, 1])
    normal = normal / np.linalg.norm(normal) * (np.sign(normal[2]) or 1.0)
    spacing = [round(v, 6) for v in image.spacing]
    known = image.spacing_known
    return {
        "axis": "xyz"[axis],
        "normal": [round(float(v) + 0.0, 6) for v in normal],
        "tilt_deg": round(float(np.degrees(np.arccos(np.clip(abs(normal[2]), 0, 1)))), 2),
        "pixel_mm": [s for a, s in enumerate(spacing) if a != axis] if known else None,
        "slice_mm": spacing[axis] if known else None,
    }


def _measure_region(
    mask: Array,
    start: int,
    found: tuple[Array, Array, tuple[slice, slice, slice]] | None,
    image: Image,
    axis: int,
    lengths: Mapping[str, Any],
) -> dict[str, Any]:
    """Put together what is known of a region: ``mask`` is a box of ``image`` that begins at slice ``start``."""
    inside = mask.sum(axis=tuple(a for a in range(3) if a != axis))
    counts = np.zeros(image.shape[axis], dtype=np.int64)
    counts[start : start + len(inside)] = inside
    voxels = int(counts.sum())
    step = _in_plane(image, axis)
    pixel = float(np.linalg.norm(np.cross(step[:, 0], step[:, 1])))
    areas = [round(float(n) * pixel, 3) for n in counts]
    return {
        "voxels": voxels,
        "ml": round(voxels * image.voxel_ml, 6) if image.spacing_known else None,
        "lesions": 0 if found is None else len(found[1]),
        "largest_slice": int(counts.argmax()) if voxels else None,
        "largest_area": max(areas),
        **lengths,
        "areas": areas,
        "unit": "mm" if image.spacing_known else "px",
    }


_NO_DIAMETERS: dict[str, Any] = {
    "longest_axial_diameter": 0.0,
    "perpendicular_diameter": 0.0,
    "bidimensional_product": 0.0,
    "longest_3d_diameter": 0.0,
}


def _told(sizes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the diameters of a region's largest component; zeros where there is none."""
    return dict(_NO_DIAMETERS) if sizes is None else {k: v for k, v in sizes.items() if k not in ("lines", "slice")}


def _at_edge(box: tuple[slice, slice, slice], shape: tuple[int, int, int]) -> bool:
    """Whether a box touches the first or last slice of any axis of more than one slice."""
    return any(n > 1 and (side.start == 0 or side.stop == n) for side, n in zip(box, shape, strict=True))


def _in_plane(image: Image, axis: int) -> Array:
    """Return the two in-plane voxel steps as columns, (3, 2), in mm (pixels where spacing is unknown)."""
    return np.asarray(image.affine[:3, [a for a in range(3) if a != axis]])
