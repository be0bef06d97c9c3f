"""One 3D image with its place in the world."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumorscope.core.errors import GeometryError

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Image:
    """A 3D array in (x, y, z) order with a 4×4 affine.

    A 2D picture is an Image with one slice. Nothing here reorders voxels: index (i, j, k) of ``data`` is voxel
    (i, j, k) of the file.

    Attributes:
        data: Array of shape (x, y, z).
        affine: 4×4 matrix from voxel index to RAS+ millimetres (nibabel's convention).
        spacing_known: False when the file carries no physical size (PNG, JPEG, most TIFF); then sizes are pixels.
        source: The file it came from, if any.
        header: Format-specific header to write back (for NIfTI the nibabel header), if any.
    """

    data: Array
    affine: Array
    spacing_known: bool = True
    source: Path | None = None
    header: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check shape and affine.

        Raises:
            GeometryError: if ``data`` is not 3D or the affine is not an invertible 4×4 matrix.
        """
        where = f" in {self.source}" if self.source else ""
        if self.data.ndim != 3 or 0 in self.data.shape:
            raise GeometryError(
                expected="one 3D volume (x, y, z)",
                found=f"shape {self.data.shape}{where}",
                fix="Give one 3D file per sequence",
            )
        affine = np.asarray(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
            raise GeometryError(
                expected="an invertible 4×4 affine", found=f"{affine.tolist()}{where}", fix="Repair the file's header"
            )
        object.__setattr__(self, "affine", affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along x, y, z."""
        return self.data.shape

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size along x, y, z in millimetres (1 where unknown)."""
        lengths = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return tuple(float(v) for v in lengths)  # type: ignore[return-value]

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres, from the affine's determinant (exact for sheared grids too)."""
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000.0)

    @property
    def orientation(self) -> str:
        """Three letters: where each voxel axis points ("RAS" = right, anterior, superior)."""
        from tumorscope.core.orientation import aff2axcodes

        return "".join(aff2axcodes(self.affine))

    def with_data(self, data: Array) -> Image:
        """Return the same grid holding other voxels of the same shape.

        Raises:
            GeometryError: if the shape differs.
        """
        if data.shape != self.data.shape:
            raise GeometryError(
                expected=f"shape {self.data.shape}", found=f"shape {data.shape}", fix="Resample to this grid first"
            )
        return replace(self, data=data)

    def same_grid(self, other: Image, tolerance_mm: float = 1e-2) -> bool:
        """Whether ``other`` has this shape and its corners lie within ``tolerance_mm`` of this grid's."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1)
        corners = np.vstack([corners, np.ones(corners.shape[1])])
        return bool(np.abs((self.affine - other.affine) @ corners).max() <= tolerance_mm)
