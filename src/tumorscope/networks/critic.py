"""The network that tells made from real images: spectral normalisation (Miyato et al., ICLR 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm


class ImageCritic(nn.Module):
    """Strided convolutions, each halving the size, then one number per image or per patch.

    Args:
        in_channels: Channels of the images (and of what they are conditioned on).
        filters: Width per level.
        patch: One number per patch instead of per image; without it the spread within the batch is one more channel
            before the last layer (Karras et al., ICLR 2018).
    """

    def __init__(self, in_channels: int, filters: Sequence[int], patch: bool = False) -> None:
        super().__init__()
        inputs = [in_channels, *filters[:-1]]
        self.levels = nn.ModuleList(
            spectral_norm(nn.Conv2d(i, o, 4, stride=2, padding=1)) for i, o in zip(inputs, filters, strict=True)
        )
        self.patch = patch
        self.head = spectral_norm(nn.Conv2d(filters[-1] + (not patch), 1, 3, padding=1))

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the verdict, (B,) or (B, 1, h, w), and the features of every level."""
        features = []
        x = image
        for level in self.levels:
            x = functional.leaky_relu(level(x), 0.2)
            features.append(x)
        if self.patch:
            return self.head(x), features
        spread = x.float().std(dim=0, correction=0).mean().to(x.dtype)
        x = torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], dim=1)
        return cast("Tensor", self.head(x).flatten(1).mean(dim=1)), features
