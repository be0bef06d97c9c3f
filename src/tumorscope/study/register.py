"""Rigid registration of one sequence to another: Mattes mutual information, coarse to fine (SimpleITK)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.study.resample import is_sheared, isotropic_grid, resample, to_sitk

_BINS = 32
_SEED = 1
#: Head centre to scalp, mm: where a rotation moves tissue most.
_RADIUS_MM = 80.0


@dataclass(frozen=True)
class _Level:
    """How images are compared: voxel size in mm, voxels looked at, first step of the search in mm."""

    spacing: float
    samples: int
    step: float


_LEVELS = (_Level(4.0, 8_000, 2.0), _Level(2.0, 15_000, 0.5))


@dataclass(frozen=True)
class Move:
    """A rigid move.

    Attributes:
        matrix: 4×4, RAS mm of the fixed image → RAS mm of the moving one.
        gain: Mutual information gained over the starting position.
        information: Mutual information reached (nats).
    """

    matrix: Array
    gain: float = 0.0
    information: float = 0.0

    @property
    def rotation_deg(self) -> float:
        """Angle of the rotation."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.matrix[:3, :3]) - 1) / 2, -1, 1))))

    def shift_mm(self, centre: Array) -> float:
        """How far it moves the point ``centre``."""
        return float(np.linalg.norm(self.matrix[:3, :3] @ centre + self.matrix[:3, 3] - centre))

    def largest_mm(self, centre: Array) -> float:
        """An upper bound of how far it moves tissue of a head around ``centre``."""
        return self.shift_mm(centre) + 2 * _RADIUS_MM * float(np.sin(np.radians(self.rotation_deg) / 2))


def register(fixed: Image, moving: Image, mask: Image | None = None) -> Move:
    """Find the rigid move that lays ``moving`` over ``fixed``.

    Two starting positions are tried, scanner coordinates as they are and centres of mass laid over one another; the
    better one is refined at about 4 and 2 mm (Powell's method). Sampling is seeded: equal input gives equal output.

    Args:
        fixed: Reference.
        moving: Another sequence of the same head.
        mask: Where ``fixed`` is compared (its own grid or any other, > 0.5); default the whole image.

    Raises:
        RuntimeError: from SimpleITK, if the images do not overlap at all.
    """
    return Fixed(fixed, mask).register(moving)


class Fixed:
    """A reference that several sequences are registered to; its coarse versions are made once."""

    def __init__(self, image: Image, mask: Image | None = None) -> None:
        self.levels = [_Side(image, level.spacing, mask) for level in _LEVELS]

    def register(self, moving: Image) -> Move:
        """Find the rigid move of ``moving``; see :func:`register`."""
        pairs = [
            _Pair(side, _Side(moving, level.spacing), level) for side, level in zip(self.levels, _LEVELS, strict=True)
        ]
        first = pairs[0]
        stay = _euler(first.fixed.centre, np.zeros(3))
        found = max((stay, _euler(first.fixed.centre, first.moving.centre - first.fixed.centre)), key=first.information)
        for pair in pairs:
            found = pair.optimise(found)
        before, reached = pairs[-1].information(stay), pairs[-1].information(found)
        if reached <= before:  # never worse than leaving it alone
            return Move(np.eye(4), 0.0, before)
        return Move(_matrix(found), reached - before, reached)


class _Side:
    """One image at one resolution."""

    def __init__(self, image: Image, spacing: float, mask: Image | None = None) -> None:
        import SimpleITK as sitk

        self.image = coarse(image, spacing)
        self.mask = None
        if mask is not None:
            inside = coarse(mask.with_data(mask.data.astype(np.float32)), spacing)
            inside = sitk.Resample(inside, self.image, sitk.Transform(), sitk.sitkLinear, 0.0)
            self.mask = sitk.Cast(inside > 0.5, sitk.sitkUInt8)
        self.centre = _mass_centre(self.image)

    @property
    def voxels(self) -> int:
        """Voxels that are compared."""
        import SimpleITK as sitk

        return int(sitk.GetArrayViewFromImage(self.mask).sum()) if self.mask else int(self.image.GetNumberOfPixels())


class _Pair:
    """Both images at one resolution."""

    def __init__(self, fixed: _Side, moving: _Side, level: _Level) -> None:
        self.fixed, self.moving, self.level = fixed, moving, level

    def method(self) -> Any:
        """Return SimpleITK's registration with the metric set."""
        import SimpleITK as sitk

        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetMetricSamplingStrategy(method.RANDOM)
        method.SetMetricSamplingPercentage(min(1.0, self.level.samples / max(self.fixed.voxels, 1)), _SEED)
        if self.fixed.mask is not None:
            method.SetMetricFixedMask(self.fixed.mask)
        method.MetricUseFixedImageGradientFilterOff()  # Powell's method needs no gradient
        method.MetricUseMovingImageGradientFilterOff()
        method.SetInterpolator(sitk.sitkLinear)
        return method

    def information(self, transform: Any) -> float:
        """Mutual information in this position; 0 where the images hardly overlap."""
        method = self.method()
        method.SetInitialTransform(transform)
        try:
            return -float(method.MetricEvaluate(self.fixed.image, self.moving.image))
        except RuntimeError:
            return 0.0

    def optimise(self, start: Any) -> Any:
        """Climb from ``start``."""
        import SimpleITK as sitk

        transform = sitk.Euler3DTransform(start)
        method = self.method()
        method.SetOptimizerAsPowell(
            numberOfIterations=4,
            maximumLineIterations=15,
            stepLength=self.level.step,
            stepTolerance=0.02,
            valueTolerance=1e-5,
        )
        method.SetOptimizerScales([_RADIUS_MM] * 3 + [1.0] * 3)
        method.SetInitialTransform(transform, inPlace=True)
        method.Execute(self.fixed.image, self.moving.image)
        return transform


def coarse(image: Image, spacing: float) -> Any:
    """Return a SimpleITK image with voxels of about ``spacing`` mm on perpendicular axes; finer ones are averaged."""
    import SimpleITK as sitk

    if is_sheared(image.affine):
        image = resample(image, *isotropic_grid(image, spacing))
    factors = [max(1, round(spacing / s)) for s in image.spacing]
    return sitk.BinShrink(to_sitk(image), [min(f, n) for f, n in zip(factors, image.shape, strict=True)])


def _mass_centre(image: Any) -> Array:
    """Centre of mass in RAS mm; noise in air (below a tenth of the 99th percentile) weighs nothing."""
    import SimpleITK as sitk

    data = sitk.GetArrayViewFromImage(image).T
    data = np.where(data > 0.1 * np.percentile(data, 99), data, 0).astype(np.float64)
    total = data.sum()
    middle = (np.array(data.shape) - 1) / 2
    if total > 0:
        sums = (data.sum(axis=tuple(b for b in range(3) if b != a)) for a in range(3))
        middle = np.array([(line * np.arange(len(line))).sum() / total for line in sums])
    return np.asarray(_FLIP @ image.TransformContinuousIndexToPhysicalPoint(middle.tolist()))


_FLIP = np.diag([-1.0, -1.0, 1.0])


def _euler(centre: Array, offset: Array) -> Any:
    import SimpleITK as sitk

    transform = sitk.Euler3DTransform()
    transform.SetCenter((_FLIP @ centre).tolist())
    transform.SetTranslation((_FLIP @ offset).tolist())
    return transform


def _matrix(transform: Any) -> Array:
    """Return the 4×4 RAS matrix of an ITK transform (which works in LPS)."""
    rotation = np.array(transform.GetMatrix()).reshape(3, 3)
    centre = np.array(transform.GetCenter())
    lps = np.eye(4)
    lps[:3, :3] = rotation
    lps[:3, 3] = np.array(transform.GetTranslation()) + centre - rotation @ centre
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    return np.asarray(flip @ lps @ flip)
