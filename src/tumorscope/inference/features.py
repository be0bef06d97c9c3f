"""Features of slices by which sets of images are compared: EfficientNet-Lite0's, offline, or Inception's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array
from tumorscope.networks.encoders import pretrained_encoder
from tumorscope.transforms.image_range import TOP

#: Goes into the name of every distance: "FID (EfficientNet-lite0)" is not the FID of papers, which is Inception's.
EXTRACTOR = "EfficientNet-lite0"


class FeatureExtractor:
    """Pooled features of the last stage (320 numbers) of slices of one to three sequences.

    Each slice is seen as one colour picture: its sequences are red, green and blue; one sequence is grey, and of two
    the third colour is their mean.

    Args:
        weights: ``auto`` (the installed package) or a file, as for encoders.

    Raises:
        MissingDependencyError: if the weights are not installed.
    """

    name = EXTRACTOR

    def __init__(self, weights: str = "auto") -> None:
        self.network = pretrained_encoder("efficientnet-lite0", 3, weights)

    @torch.no_grad()
    def __call__(self, images: Tensor, batch: int = 32) -> Array:
        """Return features float64 (B, 320) of intensities (B, C, H, W), C from 1 to 3."""
        found = []
        for part in torch.split(images.float(), batch):
            coloured = _coloured(part.clamp(0, TOP) * (2 / TOP) - 1)
            found.append(functional.adaptive_avg_pool2d(self.network(coloured)[-1], 1).flatten(1))
        return np.asarray(torch.cat(found).double().numpy())


class InceptionFeatures:
    """Pooled features (2048 numbers) of the Inception-v3 network by which papers give FID.

    Args:
        weights: The TorchScript file ``inception-2015-12-05.pt`` of StyleGAN's metrics; not part of this package.

    Raises:
        InputError: if the file is no such network.
    """

    name = "Inception"

    def __init__(self, weights: str | Path) -> None:
        try:
            self.network: Any = torch.jit.load(str(weights), map_location="cpu").eval()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError) as error:
            raise InputError(
                expected="the TorchScript file of Inception (inception-2015-12-05.pt)",
                found=f"another file ({weights})",
                fix="Download it from NVIDIA's StyleGAN pages",
            ) from error

    @torch.no_grad()
    def __call__(self, images: Tensor, batch: int = 16) -> Array:
        """Return features float64 (B, 2048) of intensities (B, C, H, W), C from 1 to 3."""
        found = []
        for part in torch.split(images.float(), batch):
            bytes_ = (_coloured(part.clamp(0, TOP)) * (255 / TOP)).round().to(torch.uint8)
            found.append(self.network(bytes_, return_features=True))
        return np.asarray(torch.cat(found).double().numpy())


def _coloured(images: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return images.expand(-1, 3, -1, -1)
    if images.shape[1] == 2:
        return torch.cat([images, images.mean(dim=1, keepdim=True)], dim=1)
    return images[:, :3]
