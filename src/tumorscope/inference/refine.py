"""Sharpening probabilities by the edges of the picture (S2-54, S4-22, S4-90)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tumorscope.bundles.manifest import Refine
from tumorscope.core.image import Array, Image
from tumorscope.inference.crf import mean_field
from tumorscope.inference.guided_filter import guided_filter
from tumorscope.inference.postprocess import axial_axis, bounding_box

#: Where no map reaches this, nothing is changed.
_FLOOR = 0.01


def refine(maps: Mapping[str, Array], guide: Image, rule: Refine, exclusive: bool) -> dict[str, Array]:
    """Move the borders of probability maps to edges of a picture, one axial slice at a time.

    Args:
        maps: Output name → float32 (x, y, z) in [0, 1]; for exclusive classes without the background.
        guide: The picture, on the same grid.
        rule: What to do.
        exclusive: Whether the maps share one softmax.

    Returns:
        New maps of the same names and shapes; those of exclusive classes still sum to 1 at most.
    """
    axis = axial_axis(guide)
    stacked = np.stack([np.moveaxis(values, axis, 2) for values in maps.values()]).astype(np.float32)
    box = _roi(stacked.max(axis=0), 2 * rule.radius)
    if box is None:
        return dict(maps)
    edges = np.moveaxis(_scaled(guide.data), axis, 2)[box]
    part = stacked[(slice(None), *box)]
    if exclusive:
        part = np.concatenate([np.clip(1 - part.sum(axis=0, keepdims=True), 0, 1), part])
    if rule.name == "guided":
        found = np.clip(guided_filter(part, edges, rule.radius, rule.contrast), 0, 1)
        if exclusive:
            found = found / np.maximum(found.sum(axis=0), 1e-6)
    else:
        found = mean_field(part, edges, rule.radius, rule.contrast, rule.strength, rule.iterations, exclusive)
    stacked[(slice(None), *box)] = found[1:] if exclusive else found
    return {name: np.moveaxis(values, 2, axis) for name, values in zip(maps, stacked, strict=True)}


def _roi(highest: Array, margin: int) -> tuple[slice, slice, slice] | None:
    """Return the box of voxels with any probability worth a look, with a margin in plane."""
    box = bounding_box(highest > _FLOOR)
    if box is None:
        return None
    x, y = (
        slice(max(0, side.start - margin), min(size, side.stop + margin))
        for side, size in zip(box[:2], highest.shape[:2], strict=True)
    )
    return x, y, box[2]


def _scaled(data: Array) -> Array:
    """Return intensities as float32, 0.5th-99.5th percentile of the non-zero voxels at 0 and 1."""
    values = data[data != 0]
    if values.size == 0:
        return np.zeros(data.shape, dtype=np.float32)
    low, high = (float(v) for v in np.percentile(values, (0.5, 99.5)))
    return np.asarray(np.clip((data - low) / max(high - low, 1e-6), 0, 1), dtype=np.float32)
