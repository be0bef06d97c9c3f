"""The guided filter (He, Sun & Tang, IEEE TPAMI 2013): a map smoothed but for the edges of a picture."""

from __future__ import annotations

import numpy as np

from tumorscope.core.image import Array


def guided_filter(maps: Array, guide: Array, radius: int, contrast: float) -> Array:
    """Fit every map locally as a linear function of the guide, slice by slice.

    Args:
        maps: float32 (K, x, y, z), filtered one by one.
        guide: float32 (x, y, z), scaled to about [0, 1].
        radius: Windows are (2 · radius + 1)² pixels in x and y.
        contrast: Windows whose guide varies less than this (SD) are averaged, those that vary more keep its edges.

    Returns:
        float32 (K, x, y, z), not clipped.
    """
    from scipy.ndimage import uniform_filter

    size = (2 * radius + 1, 2 * radius + 1, 1)

    def mean(values: Array) -> Array:
        return np.asarray(uniform_filter(values.astype(np.float64), size, mode="nearest"))

    centre = mean(guide)
    variance = np.maximum(mean(np.square(guide, dtype=np.float64)) - centre**2, 0.0)
    filtered = np.empty_like(maps)
    for channel, values in enumerate(maps):
        average = mean(values)
        slope = (mean(guide.astype(np.float64) * values) - centre * average) / (variance + contrast**2)
        filtered[channel] = mean(slope) * guide + mean(average - slope * centre)
    return filtered
