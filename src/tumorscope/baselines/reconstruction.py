"""Reconstruction without a network: zeros for the lines not measured, and compressed sensing by total variation."""

from __future__ import annotations

import numpy as np

from tumorscope.core.image import Array

#: Parameter → values that are tried on validation slices.
TV_GRID: dict[str, tuple[float, ...]] = {"weight": (0.002, 0.005, 0.01, 0.02, 0.04)}


def zero_filled(kspace: Array) -> Array:
    """Return the magnitude (H, W) of k-space with zeros where nothing was measured (lowest frequency first)."""
    return np.abs(np.fft.ifft2(kspace, norm="ortho"))


def total_variation_reconstruction(kspace: Array, mask: Array, weight: float = 0.01, iterations: int = 40) -> Array:
    """Alternate between flattening the image and restoring the measured lines (Lustig et al., MRM 58:1182, 2007).

    Args:
        kspace: Complex (H, W), zeros where nothing was measured, lowest frequency first.
        mask: Measured lines, bool (W,).
        weight: Of the total variation.
        iterations: Turns.

    Returns:
        Magnitude (H, W).
    """
    from skimage.restoration import denoise_tv_chambolle

    image = np.fft.ifft2(kspace, norm="ortho")
    for _ in range(iterations):
        parts = [denoise_tv_chambolle(part, weight=weight, max_num_iter=10) for part in (image.real, image.imag)]
        spectrum = np.fft.fft2(parts[0] + 1j * parts[1], norm="ortho")
        image = np.fft.ifft2(np.where(mask, kspace, spectrum), norm="ortho")
    return np.abs(image)
