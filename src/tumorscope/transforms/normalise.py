"""Intensity normalisation of one sequence of one study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from tumorscope.core.image import Array

Normalisation = Literal["zscore_nonzero", "clip_minmax", "unit", "brain_p99"]


def foreground(data: Array, fraction: float) -> Array:
    """Return the mask of voxels above ``fraction`` of the positive voxels' 99.5th percentile (0: simply non-zero)."""
    if fraction <= 0:
        return np.asarray(data != 0)
    positive = data[data > 0]
    return np.asarray(data > fraction * float(np.percentile(positive, 99.5))) if positive.size else data > 0


def zscore_nonzero(data: Array, fraction: float) -> Array:
    """Zero mean and unit SD over the foreground, clipped to ±5; background becomes 0 (S4-33)."""
    mask = foreground(data, fraction)
    values = data[mask].astype(np.float64)
    if values.size == 0:
        return np.zeros(data.shape, dtype=np.float32)
    scaled = np.zeros(data.shape, dtype=np.float32)
    deviation = np.float32(max(float(values.std()), 1e-6))
    scaled[mask] = np.clip((data[mask].astype(np.float32) - np.float32(values.mean())) / deviation, -5.0, 5.0)
    return scaled


def clip_minmax(data: Array, fraction: float) -> Array:
    """Clip to the 0.5th-99.5th percentile of the foreground and scale to [0, 1] (S4-33)."""
    values = data[foreground(data, fraction)]
    if values.size == 0:
        return np.zeros(data.shape, dtype=np.float32)
    low, high = (np.float32(v) for v in np.percentile(values, (0.5, 99.5)))
    scaled = np.clip((data.astype(np.float32) - low) / max(high - low, np.float32(1e-6)), 0.0, 1.0)
    return np.where(data != 0, scaled, np.float32(0))


def unit(data: Array, fraction: float) -> Array:
    """Divide by the largest value (8-bit pictures: [0, 1] as in S3-12); ``fraction`` is not used."""
    return data.astype(np.float32) / np.float32(max(float(data.max()), 1e-6))


def scale_of_brain(data: Array, fraction: float = 0.0) -> float:
    """Return the 99th percentile of the foreground: the 1 of :func:`brain_p99`."""
    values = data[foreground(data, fraction)]
    return max(float(np.percentile(values, 99)), 1e-6) if values.size else 1.0


def brain_p99(data: Array, fraction: float) -> Array:
    """Divide by the 99th percentile of the foreground, so that noise of 3 % is a standard deviation of 0.03."""
    return data.astype(np.float32) / np.float32(scale_of_brain(data, fraction))


#: Name → function ``(data, foreground_fraction) -> float32 array`` of the same shape.
NORMALISATIONS: dict[str, Callable[[Array, float], Array]] = {
    "zscore_nonzero": zscore_nonzero,
    "clip_minmax": clip_minmax,
    "unit": unit,
    "brain_p99": brain_p99,
}
