"""The generator of a GAN, after FastGAN (Liu et al., ICLR 2021): its skip-layer gates, plain convolutions else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional


class GanGenerator(nn.Module):
    """Noise to 4×4 pixels, then levels of twice the size; coarse levels gate the channels of fine ones.

    Args:
        in_channels: Channels of the images; not used, a generator has no image to start from.
        out_channels: Channels of the images.
        latent: Length of the noise.
        filters: Width per level, coarsest first; the image has 4·2^(levels - 1) pixels a side.
    """

    #: A level gates the channels of the one that is so many levels finer.
    REACH = 4

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        latent: int = 128,
        filters: Sequence[int] = (384, 320, 256, 160, 80, 40),
    ) -> None:
        super().__init__()
        self.latent_shape = (latent,)
        self.size = 4 * 2 ** (len(filters) - 1)
        start = nn.ConvTranspose2d(latent, filters[0], 4, bias=False)
        self.start = nn.Sequential(start, nn.BatchNorm2d(filters[0]), nn.LeakyReLU(0.2, inplace=True))
        self.levels = nn.ModuleList(_level(i, o) for i, o in pairwise(filters))
        self.gates = nn.ModuleList(_gate(i, o) for i, o in zip(filters, filters[self.REACH :], strict=False))
        self.head = nn.Conv2d(filters[-1], out_channels, 3, padding=1)

    def decode(self, latent: Tensor) -> Tensor:
        """Map noise (B, latent) to images (B, C, size, size) in [-1, 1]."""
        latent = latent * latent.square().mean(dim=1, keepdim=True).add(1e-8).rsqrt()
        x = self.start(latent[:, :, None, None])
        coarse = [x]
        for number, level in enumerate(self.levels, start=1):
            x = level(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
            if number >= self.REACH:
                x = x * self.gates[number - self.REACH](coarse[number - self.REACH])
            coarse.append(x)
        return torch.tanh(self.head(x))

    def forward(self, latent: Tensor) -> Tensor:
        """Return :meth:`decode`."""
        return self.decode(latent)

    def draw(self, count: int, rng: Generator) -> Tensor:
        """Draw noise (count, latent)."""
        return torch.randn(count, *self.latent_shape, generator=rng)


def _level(inputs: int, outputs: int) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True))


def _gate(inputs: int, outputs: int) -> nn.Sequential:
    """From a coarse map to a factor from 0 to 1 per channel of a fine one (skip-layer excitation)."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(4),
        nn.Conv2d(inputs, outputs, 4),
        nn.SiLU(),
        nn.Conv2d(outputs, outputs, 1),
        nn.Sigmoid(),
    )
