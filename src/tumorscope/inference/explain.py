"""Where a classifier looked: Grad-CAM (Selvaraju et al., 2017; MONAI's), and how much of it lies in the tumour."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.image import Array
from tumorscope.networks.classifier import StagedClassifier


class Explainer:
    """Grad-CAM of a classifier's members, averaged.

    The map is that of the last stage that still tells places apart (:attr:`StagedClassifier.explained`, stride 16).

    Args:
        bundle: Of a classifier.

    Raises:
        InputError: if the weights are damaged.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.networks = [cast("StagedClassifier", network) for network in bundle.load_networks()]

    def map(self, picture: Array, answer: int) -> Array:
        """Return what spoke for an answer.

        Args:
            picture: Prepared, float32 (C, H, W).
            answer: Index of the type.

        Returns:
            float32 (H, W), none negative; sums to 1, or all 0 where nothing spoke for it.
        """
        maps = [self._one(network, picture, answer) for network in self.networks]
        mean = np.mean(maps, axis=0, dtype=np.float32)
        total = float(mean.sum())
        return np.asarray(mean / total if total > 0 else mean, dtype=np.float32)

    def _one(self, network: StagedClassifier, picture: Array, answer: int) -> Array:
        from monai.visualize import GradCAM

        last = network.stage_modules(network.explained)[-1]
        layer = next(name for name, module in network.named_modules() if module is last)
        x = torch.from_numpy(np.ascontiguousarray(picture[None])).requires_grad_(True)
        with torch.enable_grad():
            found = GradCAM(network, layer, postprocessing=_positive)(x, class_idx=answer)
        map_ = found[0, 0].detach().numpy()
        total = float(map_.sum())
        return np.asarray(map_ / total if total > 0 else map_)


def _positive(x: torch.Tensor) -> torch.Tensor:
    """Keep what speaks for the class; MONAI's own scaling to [0, 1] would turn an empty map into noise."""
    return x.clamp_min(0)


def share_inside(cam: Array, mask: Array) -> float | None:
    """Return the share of a map (H, W) that lies inside a mask of the same shape; None where either is empty."""
    total = float(cam.sum())
    return float(cam[mask].sum()) / total if total > 0 and mask.any() else None
