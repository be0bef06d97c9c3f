"""The voxel grid of a phantom and smooth random fields on it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tumorscope.core.image import Array

#: Shape of a released BraTS volume.
BRATS_SHAPE = (240, 240, 155)
#: First and last + 1 index of the head inside that grid; everything outside is background.
HEAD = ((42, 198), (34, 224), (0, 155))


@dataclass(frozen=True)
class Grid:
    """An axis-parallel part of the BraTS grid; positions are BraTS voxel indices (mm; x to left, y to posterior, z up).

    Attributes:
        start: Position of the first voxel.
        step: Voxel size in mm (isotropic).
        shape: Number of voxels along x, y, z.
    """

    start: tuple[float, float, float] = (0.0, 0.0, 0.0)
    step: float = 1.0
    shape: tuple[int, int, int] = BRATS_SHAPE

    def axis(self, k: int) -> Array:
        """Positions of the voxels along axis ``k``, float32 (shape[k],)."""
        return (self.start[k] + self.step * np.arange(self.shape[k])).astype(np.float32)

    @cached_property
    def affine(self) -> Array:
        """Voxel index → RAS+ mm, as in the released files (orientation LPS, origin at y = 239)."""
        x, y, z = self.start
        s = self.step
        return np.array([[-s, 0, 0, -x], [0, -s, 0, 239 - y], [0, 0, s, z], [0, 0, 0, 1]], dtype=np.float64)

    def head(self) -> tuple[Grid, tuple[slice, slice, slice]]:
        """The part of this grid that can hold brain, and where it lies in this grid (may be empty)."""
        spans = []
        for k, (low, high) in enumerate(HEAD):
            inside = np.flatnonzero((self.axis(k) >= low) & (self.axis(k) < high))
            spans.append(slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0))
        a, b, c = spans
        x, y, z = (self.start[k] + self.step * s.start for k, s in enumerate(spans))
        part = Grid((x, y, z), self.step, (a.stop - a.start, b.stop - b.start, c.stop - c.start))
        return part, (a, b, c)


class Noise:
    """Smooth random fields anchored to the BraTS grid: one position has one value, whatever grid asks for it.

    Args:
        seed: Of the phantom. Every field has its own stream, so leaving one out changes no other.
        grid: Where the fields are evaluated.
    """

    def __init__(self, seed: int, grid: Grid) -> None:
        self.seed = seed
        self.grid = grid

    def generator(self, name: str) -> np.random.Generator:
        """Return the random generator of the stream ``name``."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])

    def field(self, name: str, scale: float) -> Array:
        """Return a field of zero mean and unit variance.

        Args:
            name: Its stream.
            scale: Distance of the cubic B-spline's knots in mm; structures are about twice as large.

        Returns:
            float32 of the grid's shape.
        """
        bases = [self._basis(k, scale) for k in range(3)]
        knots = self.generator(name).standard_normal([b.shape[1] for b in bases], dtype=np.float32)
        plane = np.matmul(bases[1], np.tensordot(bases[0], knots, axes=1))
        field: Array = np.matmul(plane, bases[2].T)
        return field

    def at(self, name: str, scale: float, position: Array) -> Array:
        """Evaluate a field of :meth:`field`'s kind at any BraTS positions (3, n). Returns float32 (n,)."""
        from scipy.ndimage import map_coordinates

        knots = self.generator(name).standard_normal([_knots(k, scale) for k in range(3)], dtype=np.float32)
        values: Array = map_coordinates(
            knots, position / np.float32(scale) + 1, order=3, mode="nearest", prefilter=False
        )
        return values * np.float32((315 / 151) ** 1.5)

    def _basis(self, k: int, scale: float) -> Array:
        """Cubic B-spline weights (voxels, knots) along axis ``k``, scaled so that the field has unit variance."""
        position = self.grid.axis(k) / scale
        cell = np.floor(position).astype(int)
        t = position - cell
        weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
        basis = np.zeros((len(cell), _knots(k, scale)), dtype=np.float32)
        for j in range(4):
            np.put_along_axis(basis, (cell + j)[:, None], weights[j][:, None], axis=1)
        return basis / np.float32(np.sqrt(151 / 315))


def _knots(k: int, scale: float) -> int:
    return int(BRATS_SHAPE[k] / scale) + 4
