"""From tissue signal to scanner voxels: blur, slices, bias field, Rician noise, integers."""

from __future__ import annotations

import numpy as np

from tumorscope.core.image import Array
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom.grid import Grid, Noise
from tumorscope.datasets.phantom.signal import CONTRASTS
from tumorscope.datasets.phantom.spec import PhantomSpec

_PSF_MM = 0.55  # Gaussian sigma in plane


def acquire(sequence: Sequence, values: Array, inside: Array, grid: Grid, noise: Noise, spec: PhantomSpec) -> Array:
    """Image the signal ``values`` (n,) of the voxels ``inside``.

    Thick slices are averaged, get their noise, and are interpolated back to the grid, as in the releases.

    Returns:
        int16 of the grid's shape; exactly 0 outside the brain, at least 1 inside.
    """
    look = CONTRASTS[sequence]
    weight = inside.astype(np.float32)
    volume: Array = np.zeros(grid.shape, dtype=np.float32)
    volume[inside] = values
    volume = _blur(volume, grid.step) / (_blur(weight, grid.step) + np.float32(1e-6))
    volume *= np.exp(spec.bias * noise.field(f"bias-{sequence}", 75))
    thick = max(1, round(look.slice_mm / grid.step))
    average, back = _slice_matrices(grid.shape[2], thick)
    if thick > 1:
        volume = ((volume * weight) @ average) / np.maximum(weight @ average, np.float32(1e-3))
    sigma = np.float32(spec.noise * look.noise)
    random = noise.generator(f"noise-{sequence}")
    real, imaginary = (random.standard_normal(volume.shape, dtype=np.float32) * sigma for _ in range(2))
    volume = np.hypot(volume + real, imaginary)
    if thick > 1:
        volume = volume @ back
    return np.where(inside, np.clip(np.rint(volume * look.white), 1, 32000), 0).astype(np.int16)


def _blur(volume: Array, step: float) -> Array:
    from scipy.ndimage import gaussian_filter

    if step > 2 * _PSF_MM:
        return volume
    return np.asarray(gaussian_filter(volume, _PSF_MM / step, truncate=3.0))


def _slice_matrices(n: int, thick: int) -> tuple[Array, Array]:
    """Return (n, slices) that averages ``thick`` neighbours and (slices, n) that interpolates back linearly."""
    centres = np.arange(-(-n // thick)) * thick + (thick - 1) / 2
    away = np.abs(np.arange(n)[:, None] - centres[None, :])
    average = np.maximum(0, 1 - away / (0.75 * thick))
    back = np.maximum(0, 1 - away.T / thick)
    return (
        (average / average.sum(axis=0, keepdims=True)).astype(np.float32),
        (back / back.sum(axis=0, keepdims=True)).astype(np.float32),
    )
