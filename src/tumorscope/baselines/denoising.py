"""Denoising without a network: non-local means and total variation by scikit-image, the noise level being known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tumorscope.core.image import Array

#: Method → parameter → values that are tried on validation slices. ``strength`` is in units of the noise.
GRIDS: dict[str, dict[str, tuple[float, ...]]] = {
    "non-local means": {"strength": (0.4, 0.6, 0.8, 1.0, 1.2), "unbias": (0.0, 1.0)},
    "total variation": {"strength": (0.4, 0.7, 1.0, 1.4, 1.8), "unbias": (0.0, 1.0)},
}


def non_local_means(image: Array, sigma: float, strength: float = 0.8, unbias: float = 1.0) -> Array:
    """Average each pixel with those whose 5×5 surroundings look alike (Buades et al., CVPR 2005; Manjón et al. 2008).

    Args:
        image: float (H, W).
        sigma: Standard deviation of the noise per channel of the complex image.
        strength: Filter parameter h in units of ``sigma``.
        unbias: 1 takes off the noise's share of the intensity that a magnitude keeps, 0 does not.
    """
    from skimage.restoration import denoise_nl_means

    found = denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=strength * sigma, sigma=sigma, fast_mode=True, preserve_range=True
    )
    return _unbiased(found, sigma, unbias)


def total_variation(image: Array, sigma: float, strength: float = 1.0, unbias: float = 1.0) -> Array:
    """Flatten the image by total variation (Chambolle, JMIV 20:89, 2004); arguments as :func:`non_local_means`."""
    from skimage.restoration import denoise_tv_chambolle

    return _unbiased(denoise_tv_chambolle(image, weight=strength * sigma), sigma, unbias)


def estimate_noise(image: Array) -> float:
    """Return the standard deviation of the noise in a slice (H, W), by its finest wavelet coefficients."""
    from skimage.restoration import estimate_sigma

    return float(estimate_sigma(image))


def _unbiased(image: Array, sigma: float, unbias: float) -> Array:
    return np.sqrt(np.maximum(image**2 - unbias * sigma**2, 0))


#: Method → function ``(image, sigma, **parameters) -> image``.
DENOISERS: dict[str, Callable[..., Array]] = {
    "non-local means": non_local_means,
    "total variation": total_variation,
}


def combinations(grid: Mapping[str, tuple[float, ...]]) -> list[dict[str, float]]:
    """Return every combination of a grid's values."""
    found: list[dict[str, float]] = [{}]
    for name, values in grid.items():
        found = [{**one, name: value} for one in found for value in values]
    return found
