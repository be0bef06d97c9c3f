"""The grid of a model that sees volumes: isotropic voxels over the brain, and the exact way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tumorscope.core.errors import GeometryError
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.transforms.grid import from_model_orientation, linear_weights, model_spacing, oriented_shape

_T = TypeVar("_T", int, float)
#: No head is larger, in mm; a header with wrong units would otherwise ask for any amount of memory.
_LARGEST_MM = 500.0


@dataclass(frozen=True)
class VolumeGrid:
    """Depth, rows and columns of the model over the (S, P, L) axes of a volume.

    Attributes:
        affine: Of the input image.
        shape: Of the input image (x, y, z).
        size: (D, H, W) of the model's volume.
        scale: Input voxels per model voxel along (slices, rows, columns).
        offset: Input position of model voxel (0, 0, 0) along (slices, rows, columns).
    """

    affine: Array
    shape: tuple[int, int, int]
    size: tuple[int, int, int]
    scale: tuple[float, float, float]
    offset: tuple[float, float, float]

    @property
    def voxels(self) -> float:
        """Input voxels per model voxel."""
        return self.scale[0] * self.scale[1] * self.scale[2]

    def sample(self, data: Array) -> Array:
        """Bring an oriented volume (L, P, S) onto the model's voxels: float32 (D, H, W), linear."""
        slices, rows, columns = (
            linear_weights(n, m, scale, offset)
            for n, m, scale, offset in zip(self.size, data.shape[::-1], self.scale, self.offset, strict=True)
        )
        volume = np.ascontiguousarray(data.transpose(2, 1, 0), dtype=np.float32)
        stacked = np.tensordot(slices, volume, axes=1)
        return np.asarray(rows @ stacked @ columns.T)

    def sample_labels(self, data: Array) -> Array:
        """Bring an oriented label volume (L, P, S) onto the model's voxels: uint8 (D, H, W), nearest."""
        volume = data.transpose(2, 1, 0)
        indices, inside = [], []
        for n, m, scale, offset in zip(self.size, volume.shape, self.scale, self.offset, strict=True):
            nearest = np.rint(np.arange(n) * scale + offset).astype(int)
            within = np.flatnonzero((nearest >= 0) & (nearest < m))
            indices.append(nearest[within])
            inside.append(within)
        out = np.zeros(self.size, dtype=np.uint8)
        out[np.ix_(*inside)] = volume[np.ix_(*indices)]
        return out

    def restore(self, volume: Array) -> Array:
        """Put model outputs (D, K, H, W) back into the input's grid: float32 (K, x, y, z), linear, 0 out of view."""
        left, posterior, superior = oriented_shape(self.affine, self.shape)
        slices, rows, columns = (
            linear_weights(n, m, 1 / scale, -offset / scale)
            for n, m, scale, offset in zip((superior, posterior, left), self.size, self.scale, self.offset, strict=True)
        )
        restored = np.empty((volume.shape[1], *self.shape), dtype=np.float32)
        for channel in range(volume.shape[1]):
            planes = rows @ volume[:, channel].astype(np.float32, copy=False) @ columns.T
            restored[channel] = from_model_orientation(np.tensordot(slices, planes, axes=1).T, self.affine)
        return restored


def volume_grid(image: Image, oriented: Mapping[Sequence, Array], spacing_mm: float) -> VolumeGrid:
    """Return the grid of ``spacing_mm`` that covers every non-zero voxel.

    Where a model voxel is a whole number of input voxels along an axis, its centre is an input voxel's centre: labels
    are then taken over without a shift, and at the native resolution images are not interpolated at all.

    Args:
        image: Any of the sequences, for its geometry.
        oriented: The sequences as (L, P, S).
        spacing_mm: Edge of a model voxel.

    Raises:
        GeometryError: if the image is a single slice, its voxel size is unknown, or it is larger than a head.
    """
    spacing = model_spacing(image)[::-1]
    _check(image, spacing)
    boxes = _boxes(oriented)[::-1]
    scales, offsets, size = [], [], []
    for step, (first, last) in zip(spacing, boxes, strict=True):
        scale = spacing_mm / step
        scale = float(round(scale)) if abs(scale - round(scale)) < 1e-3 and scale > 0.5 else scale
        count = int(np.ceil(round((last - first) / scale, 3)))
        offset = (first + last - 1) / 2 - scale * (count - 1) / 2
        scales.append(scale)
        offsets.append(float(np.floor(offset)) if scale == round(scale) else offset)
        size.append(count)
    return VolumeGrid(image.affine, image.shape, _three(size), _three(scales), _three(offsets))


def _three(values: list[_T]) -> tuple[_T, _T, _T]:
    first, second, third = values
    return first, second, third


def _check(image: Image, spacing: tuple[float, float, float]) -> None:
    shape = "×".join(map(str, image.shape))
    if min(image.shape) == 1:
        raise GeometryError(
            expected="a volume of several slices for a model that sees volumes",
            found=f"a single slice ({shape}){_where(image)}",
            fix="Give the whole volume, or choose a bundle for slices",
        )
    if not image.spacing_known:
        raise GeometryError(
            expected="a known voxel size for a model that sees volumes",
            found=f"a volume without one ({shape}){_where(image)}",
            fix="State it with --spacing X,Y,Z in mm, or choose a bundle for slices",
            option="--spacing X,Y,Z in mm",
        )
    extent = [n * step for n, step in zip(oriented_shape(image.affine, image.shape)[::-1], spacing, strict=True)]
    if max(extent) > _LARGEST_MM:
        raise GeometryError(
            expected=f"a head, at most {_LARGEST_MM:.0f} mm along each axis",
            found=f"{max(extent):.0f} mm{_where(image)}",
            fix="Correct the voxel size in the file's header",
        )


def _where(image: Image) -> str:
    return f" in {image.source}" if image.source else ""


def _boxes(oriented: Mapping[Sequence, Array]) -> list[tuple[int, int]]:
    """Return the [first, last) index along L, P and S that holds any non-zero voxel of any sequence."""
    boxes = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        used = np.flatnonzero(np.any([(data != 0).any(axis=others) for data in oriented.values()], axis=0))
        whole = next(iter(oriented.values())).shape[axis]
        boxes.append((int(used[0]), int(used[-1]) + 1) if used.size else (0, whole))
    return boxes
