"""Sizes of what was segmented: volumes, areas, diameters, lesions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.inference.postprocess import axial_axis, bounding_box, components


def measure(segmentation: Segmentation, diameters: bool = True) -> dict[str, Any]:
    """Measure every region and class over the whole volume, in the grid the segmentation is stored in.

    Args:
        segmentation: The label map.
        diameters: Also give the longest axial diameter.

    Returns:
        ``spacing_known``; ``spacing_mm`` (None where unknown); ``slice_axis``: the voxel axis closest to
        inferior-superior, which slices are counted along; and ``regions``: name → ``voxels``, ``ml`` (None where
        spacing is unknown), ``lesions`` (components of 26 neighbours), ``largest_slice`` (index; None if
        empty), ``areas`` (one number per slice), ``largest_area``, ``longest_axial_diameter`` and ``unit`` of the
        last three ("mm", areas in mm²; "px" where spacing is unknown). The diameter is the largest distance between
        two points of the outline of a region's largest component within one slice, pixels counted with their full size.
    """
    labels = segmentation.labels
    axis = axial_axis(labels)
    regions = {}
    for name in segmentation.scheme.targets:
        regions[name] = _measure_region(segmentation.region(name), labels, axis, diameters)
    return {
        "spacing_known": labels.spacing_known,
        "spacing_mm": [round(v, 6) for v in labels.spacing] if labels.spacing_known else None,
        "slice_axis": "xyz"[axis],
        "regions": regions,
    }


def _measure_region(mask: Array, image: Image, axis: int, diameters: bool) -> dict[str, Any]:
    counts = mask.sum(axis=tuple(a for a in range(3) if a != axis))
    voxels = int(counts.sum())
    step = _in_plane(image, axis)
    pixel = float(np.linalg.norm(np.cross(step[:, 0], step[:, 1])))
    areas = [round(float(n) * pixel, 3) for n in counts]
    box = bounding_box(mask)
    parts, lesions = (mask, 0) if box is None else components(mask[box])
    result: dict[str, Any] = {
        "voxels": voxels,
        "ml": round(voxels * image.voxel_ml, 6) if image.spacing_known else None,
        "lesions": lesions,
        "largest_slice": int(counts.argmax()) if voxels else None,
        "largest_area": max(areas),
    }
    if diameters:
        largest = parts == np.bincount(parts.ravel())[1:].argmax() + 1 if lesions else parts
        result["longest_axial_diameter"] = _longest_diameter(largest, axis, step) if lesions else 0.0
    return {**result, "areas": areas, "unit": "mm" if image.spacing_known else "px"}


def _in_plane(image: Image, axis: int) -> Array:
    """Return the two in-plane voxel steps as columns, (3, 2), in mm (pixels where spacing is unknown)."""
    return np.asarray(image.affine[:3, [a for a in range(3) if a != axis]])


def _longest_diameter(mask: Array, axis: int, step: Array) -> float:
    """Return the exact largest distance within one slice: between two corners of its outline's convex hull."""
    outlines = [_row_ends(plane) for plane in np.moveaxis(mask, axis, 0) if plane.any()]
    bounds = [float(np.linalg.norm(np.abs(step) @ np.ptp(points, axis=0))) for points in outlines]
    longest = 0.0
    for index in np.argsort(bounds)[::-1]:  # largest bounding box first; the rest cannot be longer than theirs
        if bounds[index] <= longest:
            break
        points = _hull(outlines[index]) @ step.T
        longest = max(longest, float(np.linalg.norm(points[:, None] - points[None], axis=2).max()))
    return round(longest, 3)


def _row_ends(plane: Array) -> Array:
    """Return the outer corners (n, 2) of the first and last True pixel of every row, in pixels."""
    rows = np.flatnonzero(plane.any(axis=1))
    first = plane[rows].argmax(axis=1) - 0.5
    last = plane.shape[1] - plane[rows, ::-1].argmax(axis=1) - 0.5
    return np.concatenate([np.column_stack([rows + up, ends]) for up in (-0.5, 0.5) for ends in (first, last)])


def _hull(points: Array) -> Array:
    """Return the corners of the convex hull of (n, 2) points (monotone chain, Andrew 1979)."""
    ordered = sorted({(float(x), float(y)) for x, y in points})
    halves: list[list[tuple[float, float]]] = []
    for sweep in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for x, y in sweep:
            while len(chain) >= 2:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        halves.append(chain[:-1])
    return np.array(halves[0] + halves[1])
