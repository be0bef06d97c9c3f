"""Cleaning a label map with what is known about tumours; every step says what it did."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tumorscope.bundles.manifest import Postprocess
from tumorscope.core.image import Array, Image
from tumorscope.core.labels import LabelScheme
from tumorscope.core.orientation import io_orientation
from tumorscope.inference.decode import value_below


def postprocess(labels: Image, scheme: LabelScheme, rules: Postprocess) -> tuple[Image, list[str]]:
    """Apply a bundle's rules: fill holes, remove small components, demote small regions.

    Args:
        labels: uint8 label values of ``scheme``.
        scheme: What the values mean; regions are handled from the largest to the smallest, then classes.
        rules: See :class:`~tumorscope.bundles.manifest.Postprocess`. Rules in ml are skipped where spacing is unknown.

    Returns:
        The cleaned map and one sentence per change or skipped rule.
    """
    data, notes = labels.data.copy(), []
    in_ml = {n for r in (rules.min_ml, rules.demote_below_ml) for n, limit in r.items() if limit > 0}
    if in_ml and not labels.spacing_known:
        notes.append(f"Spacing is unknown: limits in ml for {', '.join(sorted(in_ml))} were not applied.")
    if rules.fill_holes:
        notes += fill_holes(data, axial_axis(labels))
    for name, limit in _component_limits(labels, scheme, rules):
        notes += _remove_small(data, scheme, name, limit)
    if labels.spacing_known:
        for name in (n for n in scheme.targets if n in rules.demote_below_ml):
            notes += _demote(data, scheme, name, rules.demote_below_ml[name], labels.voxel_ml)
    return labels.with_data(data), notes


def axial_axis(image: Image) -> int:
    """Return the voxel axis that runs closest to inferior-superior."""
    return int(np.flatnonzero(io_orientation(image.affine)[:, 0] == 2)[0])


def bounding_box(mask: Array) -> tuple[slice, slice, slice] | None:
    """Return the smallest box that holds every True voxel, or None if there is none."""
    box = []
    for axis in range(3):
        other = tuple(a for a in range(3) if a != axis)
        where = np.flatnonzero(mask.any(axis=other))
        if where.size == 0:
            return None
        box.append(slice(int(where[0]), int(where[-1]) + 1))
    return box[0], box[1], box[2]


def components(mask: Array) -> tuple[Array, int]:
    """Number the connected components (26 neighbours) of a boolean volume: int32 array of its shape, and how many."""
    from scipy.ndimage import label

    found, count = label(mask, structure=np.ones((3, 3, 3), dtype=bool))
    return found, int(count)


def fill_holes(data: Array, axis: int) -> list[str]:
    """Give background enclosed in a slice across ``axis`` the nearest label of that slice; changes ``data``."""
    from scipy.ndimage import binary_fill_holes, distance_transform_edt

    filled = 0
    for labels in np.moveaxis(data, axis, 0):
        mask = labels > 0
        if not mask.any():
            continue
        holes = binary_fill_holes(mask) & ~mask
        if holes.any():
            nearest = distance_transform_edt(~mask, return_distances=False, return_indices=True)
            labels[holes] = labels[tuple(index[holes] for index in nearest)]
            filled += int(holes.sum())
    return [f"Filled holes of {filled} voxels in all."] if filled else []


def _component_limits(labels: Image, scheme: LabelScheme, rules: Postprocess) -> Iterator[tuple[str, int]]:
    """Yield region or class and the number of voxels that a component of it must have."""
    for name in (n for n in scheme.targets if n in {*rules.min_voxels, *rules.min_ml}):
        limit = rules.min_voxels.get(name, 0)
        if labels.spacing_known:
            limit = max(limit, math.ceil(rules.min_ml.get(name, 0.0) / labels.voxel_ml - 1e-9))
        if limit > 1:
            yield name, limit


def _remove_small(data: Array, scheme: LabelScheme, name: str, limit: int) -> list[str]:
    mask = scheme.mask(data, name)
    box = bounding_box(mask)
    if box is None:
        return []
    found, count = components(mask[box])
    sizes = np.bincount(found.ravel(), minlength=count + 1)
    small = sizes < limit
    small[0] = False
    if not small.any():
        return []
    data[box][small[found]] = value_below(scheme, name)
    removed = int(sizes[small].sum())
    return [f"Removed {int(small.sum())} part(s) of {name} below {limit} voxels ({removed} voxels in all)."]


def _demote(data: Array, scheme: LabelScheme, name: str, limit_ml: float, voxel_ml: float) -> list[str]:
    mask = scheme.mask(data, name)
    volume = int(mask.sum()) * voxel_ml
    if volume == 0 or volume >= limit_ml:
        return []
    below = value_below(scheme, name)
    data[mask] = below
    becomes = next((x.name for x in scheme.labels if x.value == below), "background")
    return [f"{name} measured {volume:.3f} ml, less than {limit_ml:g} ml: counted as {becomes}."]
