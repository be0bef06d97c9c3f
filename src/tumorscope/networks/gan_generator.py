"""The generator of a GAN (Goodfellow et al., NeurIPS 2014): from noise to slices, with nearest upsampling."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional


class GanGenerator(nn.Module):
    """A dense layer to 4×4 pixels, then per level: twice the size, two convolutions with batch normalisation.

    Args:
        in_channels: Channels of the images; not used, a generator has no image to start from.
        out_channels: Channels of the images.
        latent: Length of the noise.
        filters: Width per level, coarsest first; the image has 4·2^(levels - 1) pixels a side.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        latent: int = 128,
        filters: Sequence[int] = (192, 160, 128, 96, 48, 24),
    ) -> None:
        super().__init__()
        self.latent_shape = (latent,)
        self.size = 4 * 2 ** (len(filters) - 1)
        self.start = nn.Linear(latent, 16 * filters[0])
        self.levels = nn.ModuleList(_level(i, o) for i, o in pairwise(filters))
        self.head = nn.Conv2d(filters[-1], out_channels, 3, padding=1)

    def decode(self, latent: Tensor) -> Tensor:
        """Map noise (B, latent) to images (B, C, size, size) in [-1, 1]."""
        x = self.start(latent).view(len(latent), -1, 4, 4)
        for level in self.levels:
            x = level(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return torch.tanh(self.head(x))

    def forward(self, latent: Tensor) -> Tensor:
        """Return :meth:`decode`."""
        return self.decode(latent)

    def draw(self, count: int, rng: Generator) -> Tensor:
        """Draw noise (count, latent)."""
        return torch.randn(count, *self.latent_shape, generator=rng)


def _level(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
