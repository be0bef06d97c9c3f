"""The model's pixel grid over a volume, and the exact way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.orientation import apply_orientation, axcodes2ornt, io_orientation, ornt_transform

#: The order slices are shown and fed in: columns to the patient's left, rows to posterior, slices upwards.
MODEL_ORIENTATION = "LPS"


def to_model_orientation(image: Image) -> Array:
    """Return ``image.data`` with axes permuted and flipped to L, P, S; a view where possible."""
    return _reorient(image.data, io_orientation(image.affine), axcodes2ornt(MODEL_ORIENTATION))


def from_model_orientation(data: Array, affine: Array) -> Array:
    """Return ``data`` (L, P, S) in the axis order and directions of ``affine``; a view."""
    return _reorient(data, axcodes2ornt(MODEL_ORIENTATION), io_orientation(affine))


def oriented_shape(affine: Array, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return the number of voxels along L, P, S."""
    oriented = [0, 0, 0]
    for axis, world in enumerate(io_orientation(affine)[:, 0].astype(int)):
        oriented[world] = shape[axis]
    return oriented[0], oriented[1], oriented[2]


def _reorient(data: Array, start: Array, end: Array) -> Array:
    return np.asarray(apply_orientation(data, ornt_transform(start, end)))


def model_spacing(image: Image) -> tuple[float, float, float]:
    """Return the voxel size along L, P, S in mm."""
    order = io_orientation(image.affine)[:, 0].astype(int)
    spacing = [0.0, 0.0, 0.0]
    for axis, world in enumerate(order):
        spacing[world] = image.spacing[axis]
    return spacing[0], spacing[1], spacing[2]


def linear_weights(targets: int, sources: int, scale: float, offset: float) -> Array:
    """Return the (targets, sources) matrix of linear interpolation at ``source = target · scale + offset``.

    For ``scale`` > 1 the triangle is widened to ``scale`` so that shrinking averages instead of skipping pixels.
    Positions outside the source weigh nothing (zeros there).
    """
    positions = np.arange(targets, dtype=np.float64)[:, None] * scale + offset
    width = max(scale, 1.0)
    weights = np.maximum(0.0, 1.0 - np.abs(positions - np.arange(sources)[None, :]) / width)
    total = weights.sum(axis=1, keepdims=True)
    inside = (positions >= -0.5) & (positions <= sources - 0.5)
    return np.where(inside & (total > 0), weights / np.maximum(total, 1e-12), 0.0).astype(np.float32)


@dataclass(frozen=True)
class SliceGrid:
    """Rows and columns of the model over the (L, P) plane of a volume; slices are the volume's own.

    Attributes:
        affine: Of the input image.
        shape: Of the input image (x, y, z).
        size: (H, W) of the model.
        scale: Input pixels per model pixel along (rows, columns).
        offset: Input position of model pixel (0, 0) along (rows, columns).
    """

    affine: Array
    shape: tuple[int, int, int]
    size: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float]

    @property
    def voxels(self) -> float:
        """Input pixels per model pixel."""
        return self.scale[0] * self.scale[1]

    def sample(self, data: Array) -> Array:
        """Bring an oriented volume (L, P, S) onto the model's pixels: float32 (S, H, W), linear."""
        rows = linear_weights(self.size[0], data.shape[1], self.scale[0], self.offset[0])
        columns = linear_weights(self.size[1], data.shape[0], self.scale[1], self.offset[1])
        slices = data.transpose(2, 1, 0)
        if self.whole_voxels:  # nothing to interpolate
            return _cut(slices, self.size, (round(self.offset[0]), round(self.offset[1])))
        return np.asarray(rows @ np.ascontiguousarray(slices, dtype=np.float32) @ columns.T)

    @property
    def whole_voxels(self) -> bool:
        """Whether the model's pixels are the input's own."""
        return self.scale == (1.0, 1.0) and all(float(v).is_integer() for v in self.offset)

    def sample_labels(self, data: Array) -> Array:
        """Bring an oriented label volume (L, P, S) onto the model's pixels: uint8 (S, H, W), nearest."""
        rows = np.rint(np.arange(self.size[0]) * self.scale[0] + self.offset[0]).astype(int)
        columns = np.rint(np.arange(self.size[1]) * self.scale[1] + self.offset[1]).astype(int)
        slices = data.transpose(2, 1, 0)
        out = np.zeros((slices.shape[0], *self.size), dtype=np.uint8)
        r_in = (rows >= 0) & (rows < slices.shape[1])
        c_in = (columns >= 0) & (columns < slices.shape[2])
        out[:, np.ix_(r_in, c_in)[0], np.ix_(r_in, c_in)[1]] = slices[:, rows[r_in]][:, :, columns[c_in]]
        return out

    def restore(self, volume: Array) -> Array:
        """Put model outputs (S, K, H, W) back into the input's grid: float32 (K, x, y, z), linear, 0 out of view."""
        left, posterior, _ = oriented_shape(self.affine, self.shape)
        rows = linear_weights(posterior, self.size[0], 1 / self.scale[0], -self.offset[0] / self.scale[0])
        columns = linear_weights(left, self.size[1], 1 / self.scale[1], -self.offset[1] / self.scale[1])
        start = -round(self.offset[0]), -round(self.offset[1])
        restored = np.empty((volume.shape[1], *self.shape), dtype=np.float32)
        for channel, out in enumerate(restored):
            if self.whole_voxels:
                slices = _cut(volume[:, channel], (posterior, left), start)
            else:
                slices = rows @ volume[:, channel].astype(np.float32) @ columns.T
            out[:] = from_model_orientation(slices.transpose(2, 1, 0), self.affine)
        return restored


def _cut(slices: Array, size: tuple[int, int], start: tuple[int, int]) -> Array:
    """Return ``size`` rows and columns of each slice from ``start`` on, 0 outside: float32 (S, H, W)."""
    out = np.zeros((slices.shape[0], *size), dtype=np.float32)
    ranges = [(max(0, s), min(n, s + m)) for s, n, m in zip(start, slices.shape[1:], size, strict=True)]
    (top, bottom), (first, last) = ranges
    if top < bottom and first < last:
        here = slice(top - start[0], bottom - start[0]), slice(first - start[1], last - start[1])
        out[:, here[0], here[1]] = slices[:, top:bottom, first:last]
    return out
