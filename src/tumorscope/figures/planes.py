"""Slices of a volume as a radiologist expects them on the screen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tumorscope.core.errors import UsageError
from tumorscope.core.image import Array, Image
from tumorscope.core.orientation import io_orientation
from tumorscope.formats.picture import RasterInfo
from tumorscope.transforms.grid import model_spacing, to_model_orientation

PlaneName = Literal["axial", "coronal", "sagittal"]
#: Plane → axis of an (L, P, S) volume that it cuts, and letters at the left, right, top and bottom edge.
PLANES: dict[PlaneName, tuple[int, str]] = {
    "axial": (2, "RLAP"),
    "coronal": (1, "RLSI"),
    "sagittal": (0, "APSI"),
}


@dataclass(frozen=True)
class View:
    """One slice to show.

    Attributes:
        plane: Which way it cuts.
        index: Position along L, P or S (counted from right, anterior, inferior).
    """

    plane: PlaneName
    index: int

    @property
    def marks(self) -> str:
        """Letters at the left, right, top and bottom edge: the patient's right is on the left of the screen."""
        return PLANES[self.plane][1]

    def cut(self, volume: Array) -> Array:
        """Return the slice of an (L, P, S) volume: rows downwards on the screen, columns to the right."""
        axis = PLANES[self.plane][0]
        plane: Array = volume[(slice(None),) * axis + (self.index,)].T
        return plane if self.plane == "axial" else plane[::-1]

    def pixel(self, spacing: tuple[float, float, float]) -> tuple[float, float]:
        """Return width and height of one pixel from the spacing along L, P, S."""
        left, posterior, superior = spacing
        widths = {"axial": (left, posterior), "coronal": (left, superior), "sagittal": (posterior, superior)}
        return widths[self.plane]

    def name(self, image: Image) -> str:
        """Return a caption with the slice's number in the file, counted from 1 along the file's own axis."""
        world = PLANES[self.plane][0]
        count, along = file_axis(image, self.plane)
        number = self.index + 1 if along else count - self.index
        if not sides_known(image):
            return f"slice {number}/{count}" if count > 1 and world == 2 else ""
        return f"{self.plane} {number}/{count}" if count > 1 else ""


def view_at(image: Image, plane: PlaneName, number: int) -> View:
    """Return slice ``number`` of a plane, counted as :meth:`View.name` counts.

    Raises:
        UsageError: if there is no such slice.
    """
    count, along = file_axis(image, plane)
    if not 1 <= number <= count:
        raise UsageError(
            expected=f"{'an' if plane == 'axial' else 'a'} {plane} slice from 1 to {count}",
            found=f"{number}",
            fix="Choose another slice",
        )
    return View(plane, number - 1 if along else count - number)


def file_axis(image: Image, plane: PlaneName) -> tuple[int, bool]:
    """Return the number of slices of a plane, and whether the file counts them from right, anterior or inferior."""
    world = PLANES[plane][0]
    orientation = io_orientation(image.affine)
    axis = int(np.flatnonzero(orientation[:, 0] == world)[0])
    toward = orientation[axis, 1] * (1 if world == 2 else -1)  # L and P run against RAS
    return image.shape[axis], bool(toward > 0)


def sides_known(image: Image) -> bool:
    """Whether the file tells left from right; a picture never does, whatever spacing was stated for it."""
    return image.spacing_known and not isinstance(image.header, RasterInfo)


def oriented(image: Image) -> Array:
    """Return the voxels as (L, P, S)."""
    return to_model_orientation(image)


def spacing_lps(image: Image) -> tuple[float, float, float]:
    """Return the voxel size along L, P, S."""
    return model_spacing(image)


def centre_of_interest(mask: Array) -> tuple[int, int, int]:
    """Return the voxel (L, P, S) that the three planes go through.

    The axial slice is the one with the largest area of ``mask``; the point in it is the voxel of the mask nearest to
    the centre of that area. An empty mask gives the middle of the volume.
    """
    areas = mask.sum(axis=(0, 1))
    if not areas.any():
        return mask.shape[0] // 2, mask.shape[1] // 2, mask.shape[2] // 2
    k = int(areas.argmax())
    points = np.argwhere(mask[:, :, k])
    i, j = points[((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return int(i), int(j), k


def slices_through(mask: Array, count: int) -> list[int]:
    """Return ``count`` axial slices spread over the extent of ``mask`` (of the volume if empty), lowest first."""
    where = np.flatnonzero(mask.any(axis=(0, 1)))
    low, high = (int(where[0]), int(where[-1])) if where.size else (0, mask.shape[2] - 1)
    return [round(low + (high - low) * (n + 1) / (count + 1)) for n in range(count)]
