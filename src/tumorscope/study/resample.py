"""Resampling by SimpleITK in voxel coordinates, so that any invertible affine (oblique, sheared) is exact."""

from __future__ import annotations

from typing import Any

import numpy as np

from tumorscope.core.image import Array, Image


def resample(image: Image, affine: Array, shape: tuple[int, int, int], move: Array | None = None) -> Image:
    """Bring an image onto another grid by linear interpolation; 0 outside it.

    Where the new voxels are larger than the old ones the image is smoothed first (Gaussian), so that nothing aliases.

    Args:
        image: Source.
        affine: Voxel → RAS mm of the new grid.
        shape: Of the new grid.
        move: 4×4, from the new grid's RAS mm to the source's; default identity.

    Returns:
        float32 Image on the new grid.
    """
    import SimpleITK as sitk

    world = np.linalg.inv(image.affine) @ (np.eye(4) if move is None else move) @ affine
    moving = _smoothed(to_voxel_grid(image.data), np.linalg.norm(world[:3, :3], axis=1))
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(world[:3, :3].ravel().tolist())
    transform.SetTranslation(world[:3, 3].tolist())
    found = sitk.Resample(
        moving, list(shape), transform, sitk.sitkLinear, [0.0] * 3, [1.0] * 3, np.eye(3).ravel().tolist(), 0.0
    )
    return Image(sitk.GetArrayFromImage(found).T, affine)


def to_voxel_grid(data: Array) -> Any:
    """Return a SimpleITK float image of ``data`` (x, y, z) whose physical points are voxel indices."""
    import SimpleITK as sitk

    return sitk.GetImageFromArray(np.ascontiguousarray(data.T, dtype=np.float32))


def to_sitk(image: Image) -> Any:
    """Return a SimpleITK float image with the geometry of ``image``, whose axes must be perpendicular."""
    import SimpleITK as sitk

    found = to_voxel_grid(image.data)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    found.SetSpacing(list(image.spacing))
    found.SetOrigin(lps[:3, 3].tolist())
    found.SetDirection((lps[:3, :3] / np.array(image.spacing)).ravel().tolist())
    return sitk.Cast(found, sitk.sitkFloat32)


def is_sheared(affine: Array) -> bool:
    """Whether the grid's axes are not perpendicular."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() > 1e-4)


def isotropic_grid(image: Image, spacing: float) -> tuple[Array, tuple[int, int, int]]:
    """Return affine and shape of a grid of ``spacing`` mm, along R, A, S, that covers ``image``."""
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in image.shape])).reshape(3, -1)
    points = image.affine[:3, :3] @ corners + image.affine[:3, 3:]
    low, high = points.min(axis=1), points.max(axis=1)
    size = np.maximum(np.ceil((high - low) / spacing - 1e-6), 1).astype(int)
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = (low + high) / 2 - spacing * (size - 1) / 2
    x, y, z = (int(n) for n in size)
    return affine, (x, y, z)


def _smoothed(moving: Any, steps: Array) -> Any:
    """Smooth along the axes that are sampled more coarsely than they were scanned; ``steps`` in source voxels."""
    import SimpleITK as sitk

    sigma = [0.4 * float(np.sqrt(max(s**2 - 1, 0))) for s in steps]
    if max(sigma) < 0.3:
        return moving
    return sitk.SmoothingRecursiveGaussian(moving, [max(s, 1e-3) for s in sigma])
