"""A head around a brain: fluid, skull with marrow, scalp and noise in air, so that raw scans can be imitated."""

from __future__ import annotations

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence

#: Signal relative to the brain's median: fluid, bone, fat.
_LOOK = {
    Sequence.T1: (0.35, 0.12, 1.6),
    Sequence.T1CE: (0.4, 0.12, 1.6),
    Sequence.T2: (2.2, 0.15, 1.2),
    Sequence.FLAIR: (0.35, 0.12, 1.0),
}
#: Distances from the brain in mm where fluid, outer bone, marrow, inner bone and scalp end.
_FLUID, _BONE, _MARROW, _TABLE, _SCALP = 2.5, 4.5, 6.0, 8.0, 15.0
_PAD_MM = 26.0


def with_skull(image: Image, sequence: Sequence, seed: int = 0) -> tuple[Image, Array]:
    """Put a skull-stripped scan into a head.

    Args:
        image: Exactly 0 outside the brain.
        sequence: What it shows.
        seed: Of noise and of the layers' uneven thickness.

    Returns:
        The head, float32, on a grid 26 mm wider on every side; and where the brain is in it (bool).
    """
    from scipy.ndimage import binary_closing, binary_fill_holes, distance_transform_edt, gaussian_filter

    rng = np.random.default_rng(seed)
    pad = [round(_PAD_MM / s) for s in image.spacing]
    data = np.pad(image.data.astype(np.float32), [(p, p) for p in pad])
    brain = data > 0
    fluid, bone, fat = (v * float(np.median(data[brain])) for v in _LOOK[sequence])
    smooth = max(1, round(6.0 / min(image.spacing)))
    inner = binary_fill_holes(binary_closing(brain, iterations=smooth)) | brain
    distance = distance_transform_edt(~inner, sampling=image.spacing)
    uneven = gaussian_filter(rng.standard_normal(data.shape, dtype=np.float32), [8.0 / s for s in image.spacing])
    distance = np.where(inner, 0, distance + 0.8 * uneven / uneven.std())
    layers = [(_FLUID, fluid), (_BONE, bone), (_MARROW, 0.8 * fat), (_TABLE, bone), (_SCALP, fat)]
    edges = np.array([edge for edge, _ in layers])
    values = np.array([*(value for _, value in layers), 0.0], dtype=np.float32)
    head = np.where(brain, data, values[np.searchsorted(edges, distance)])
    head = np.where(brain, head, gaussian_filter(head, [0.6 / s for s in image.spacing]))
    noise = 0.02 * float(np.median(data[brain]))
    real, imaginary = (rng.standard_normal(data.shape, dtype=np.float32) * np.float32(noise) for _ in range(2))
    affine = image.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ np.array(pad)
    return Image(np.hypot(head + real, imaginary).astype(np.float32), affine), brain
