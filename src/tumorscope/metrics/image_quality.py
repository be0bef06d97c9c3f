"""How close a restored image comes to the true one, inside the brain: SSIM, MS-SSIM, PSNR, NMSE.

Intensities are divided by the brain's 99th percentile beforehand, so the range (peak) of every formula is 1.
"""

from __future__ import annotations

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.metrics.counts import BoolArray
from tumorscope.metrics.metric import FloatArray

#: Weight of each scale, finest first (Wang, Simoncelli & Bovik, Asilomar 2003).
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
#: Name → words, and whether more is better.
QUALITIES = {
    "ssim": ("SSIM", True),
    "ms_ssim": ("MS-SSIM", True),
    "psnr": ("PSNR (dB)", True),
    "nmse": ("NMSE", False),
}
#: PSNR of equal images, in place of infinity.
_BEST_PSNR = 100.0


def image_quality(found: FloatArray, truth: FloatArray, inside: BoolArray) -> dict[str, float]:
    """Compare a slice with the true one where ``inside`` is set.

    SSIM (Wang et al., IEEE TIP 13:600, 2004) is scikit-image's map with a Gaussian window, averaged inside; MS-SSIM the
    product over five scales of such averages; NMSE is the squared error over the squared truth.

    Args:
        found: (H, W), 1 at the brain's 99th percentile.
        truth: (H, W).
        inside: Where it counts.

    Returns:
        A value per key of :data:`QUALITIES`.

    Raises:
        InputError: if shapes differ, nothing is inside, or a side is below 16 pixels.
    """
    from skimage.metrics import structural_similarity

    if found.shape != truth.shape or found.shape != inside.shape or not inside.any() or min(found.shape) < 16:
        raise InputError(
            expected="two slices of one shape of at least 16×16 pixels, and a brain",
            found=f"shapes {found.shape}, {truth.shape} and {int(inside.sum())} pixels of brain",
            fix="Compare slices on one grid that show brain",
        )
    found, truth = found.astype(np.float64), truth.astype(np.float64)
    error = (found - truth)[inside]
    mean_square = float((error**2).mean())
    _, similar = structural_similarity(
        found, truth, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    return {
        "ssim": float(similar[inside].mean()),
        "ms_ssim": _multi_scale(found, truth, inside),
        "psnr": min(_BEST_PSNR, -10 * np.log10(max(mean_square, 1e-12))),
        "nmse": mean_square / max(float((truth[inside] ** 2).mean()), 1e-12),
    }


def _multi_scale(found: FloatArray, truth: FloatArray, inside: BoolArray) -> float:
    """Multiply the averages inside of contrast·structure over the scales, and of SSIM at the last."""
    import torch
    from monai.metrics.regression import compute_ssim_and_cs
    from torch.nn import functional

    pair = [torch.from_numpy(x)[None, None] for x in (found, truth)]
    mask = torch.from_numpy(inside.astype(np.float64))[None, None]
    product = 1.0
    for scale, weight in enumerate(SCALE_WEIGHTS):
        side = min(7, *(n - (n + 1) % 2 for n in pair[0].shape[-2:]))
        similar, contrast = compute_ssim_and_cs(*pair, 2, (side, side), (1.5, 1.5))
        maps = similar if scale == len(SCALE_WEIGHTS) - 1 else contrast
        margin = side // 2  # MONAI's maps lack the border that the window does not cover
        counted = mask[..., margin : margin + maps.shape[-2], margin : margin + maps.shape[-1]]
        value = float((maps * counted).sum() / counted.sum().clamp_min(1e-6))
        product *= max(value, 0.0) ** weight
        pair, mask = [functional.avg_pool2d(x, 2) for x in pair], functional.avg_pool2d(mask, 2)
    return product
