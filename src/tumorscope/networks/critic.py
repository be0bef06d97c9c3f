"""The network that tells made from real images: residual levels, as in StyleGAN2 (Karras et al., CVPR 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm


class ImageCritic(nn.Module):
    """Residual levels, each halving the size, then one number per image or per patch.

    Args:
        in_channels: Channels of the images (and of what they are conditioned on).
        filters: Width per level.
        patch: One number per patch instead of per image; without it the spread within the batch is one more channel
            before the last layers (Karras et al., ICLR 2018).
        spectral: Bound every layer by its spectral norm (Miyato et al., ICLR 2018), for the hinge loss. With the
            gradient penalty it is not needed.
    """

    def __init__(self, in_channels: int, filters: Sequence[int], patch: bool = False, spectral: bool = False) -> None:
        super().__init__()
        self.start = nn.Conv2d(in_channels, filters[0], 3, padding=1)
        self.levels = nn.ModuleList(_Level(i, o) for i, o in pairwise([filters[0], *filters]))
        self.patch = patch
        self.last = nn.Conv2d(filters[-1] + (not patch), filters[-1], 3, padding=1)
        self.head = nn.Conv2d(filters[-1], 1, 1)
        for layer in [m for m in self.modules() if isinstance(m, nn.Conv2d)]:
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if spectral:
                spectral_norm(layer)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the verdict, (B,) or (B, 1, h, w), and the features of every level."""
        features = []
        x = functional.leaky_relu(self.start(image), 0.2)
        for level in self.levels:
            x = level(x)
            features.append(x)
        if not self.patch:
            spread = x.float().std(dim=0, correction=0).mean().to(x.dtype)
            x = torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], dim=1)
        verdict = self.head(functional.leaky_relu(self.last(x), 0.2))
        return verdict if self.patch else cast("Tensor", verdict.flatten(1).mean(dim=1)), features


class _Level(nn.Module):
    """Two convolutions and half the size, with a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, inputs, 3, padding=1)
        self.second = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.leaky_relu(self.first(x), 0.2)
        y = functional.avg_pool2d(functional.leaky_relu(self.second(y), 0.2), 2)
        return cast("Tensor", (y + self.shortcut(functional.avg_pool2d(x, 2))) * 0.5**0.5)
