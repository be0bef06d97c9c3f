"""Whole volumes through a network that sees patches: MONAI's sliding windows, blended with Gaussian weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.image import Array

if TYPE_CHECKING:
    from torch import Tensor

#: Share by which neighbouring windows overlap (nnU-Net's choice).
OVERLAP = 0.5


def blend_windows(volumes: Tensor, patch: tuple[int, int, int], run: Callable[[Tensor], Tensor], batch: int) -> Tensor:
    """Run overlapping patches of whole volumes and blend what comes out.

    A voxel is the mean over the windows that see it, weighted by a Gaussian around each window's centre (SD an eighth
    of its length). Volumes smaller than a patch are padded with zeros on both sides and cut back.

    Args:
        volumes: (B, C, D, H, W), any size.
        patch: Depth, height and width of a window.
        run: Maps (N, C, *patch) to (N, K, *patch).
        batch: Windows per call, N at most.

    Returns:
        (B, K, D, H, W).
    """
    from monai.inferers.utils import sliding_window_inference

    return sliding_window_inference(volumes, patch, batch, run, overlap=OVERLAP, mode="gaussian")  # type: ignore


def window_count(size: tuple[int, int, int], patch: tuple[int, int, int]) -> int:
    """Return the number of windows over a volume of ``size``."""
    steps = [max(1, int(p * (1 - OVERLAP))) for p in patch]
    return math.prod(1 + max(0, -(-(n - p) // step)) for n, p, step in zip(size, patch, steps, strict=True))


def predict_volume(
    array: Array, patch: tuple[int, int, int], run: Callable[[Array], Array], outputs: int, batch: int = 1
) -> Array:
    """Run a prepared study through a network that sees patches.

    Windows without any signal are not run and count as 0.

    Args:
        array: float32 (Z, C, H, W), as :func:`~tumorscope.transforms.prepare.prepare` gives it.
        patch: Depth, height and width of a window.
        run: Maps float32 (N, C, *patch) to probabilities (N, K, *patch).
        outputs: K.
        batch: Windows per call.

    Returns:
        float32 probabilities (Z, K, H, W).
    """
    import torch

    def seen(windows: Tensor) -> Tensor:
        found = np.zeros((len(windows), outputs, *patch), dtype=np.float32)
        signal = windows.flatten(1).any(dim=1).numpy()
        if signal.any():
            found[signal] = run(np.ascontiguousarray(windows.numpy()[signal]))
        return torch.from_numpy(found)

    with torch.inference_mode():
        volume = torch.from_numpy(array).transpose(0, 1)[None]
        return np.asarray(blend_windows(volume, patch, seen, batch)[0].transpose(0, 1).numpy())
