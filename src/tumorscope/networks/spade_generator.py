"""From a label map and a latent to slices: spatially adaptive normalisation (Park et al., CVPR 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional


class SpadeGenerator(nn.Module):
    """An encoder that gives an image's style as a latent, and a decoder that paints a label map in that style.

    Args:
        in_channels: Channels of the images.
        out_channels: The same number.
        condition: Channels of the label map: the brain, then one per class.
        latent: Length of the style.
        filters: Width per level of the decoder, coarsest first; the image has 4·2^(levels - 1) pixels a side.
        hidden: Width inside the normalisation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        condition: int = 4,
        latent: int = 64,
        filters: Sequence[int] = (128, 128, 96, 64, 48, 32),
        hidden: int = 24,
    ) -> None:
        super().__init__()
        self.latent_shape = (latent,)
        self.condition = condition
        self.size = 4 * 2 ** (len(filters) - 1)
        down = [in_channels, *filters[:0:-1]]
        self.encoder = nn.ModuleList(nn.Conv2d(i, o, 4, stride=2, padding=1) for i, o in pairwise(down))
        self.style = nn.Linear(16 * down[-1], 2 * latent)
        self.start = nn.Linear(latent, 16 * filters[0])
        inputs = [filters[0], *filters[:-1]]
        self.levels = nn.ModuleList(_SpadeBlock(i, o, condition, hidden) for i, o in zip(inputs, filters, strict=True))
        self.head = nn.Conv2d(filters[-1], out_channels, 3, padding=1)

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the style of images (B, C, size, size), each (B, latent)."""
        x = image
        for conv in self.encoder:
            x = functional.leaky_relu(conv(x), 0.2)
        mean, log_variance = self.style(x.flatten(1)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def decode(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Paint label maps (B, condition, size, size): images (B, C, size, size) in [-1, 1], -1 outside the brain."""
        x = self.start(latent).view(len(latent), -1, 4, 4)
        for index, level in enumerate(self.levels):
            if index:
                x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = level(x, functional.adaptive_avg_pool2d(condition, x.shape[-1]))
        brain = condition[:, :1]
        return (torch.tanh(self.head(functional.leaky_relu(x, 0.2))) + 1) * brain - 1

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Return :meth:`decode`."""
        return self.decode(latent, condition)

    def draw(self, count: int, rng: Generator) -> Tensor:
        """Draw styles (count, latent)."""
        return torch.randn(count, *self.latent_shape, generator=rng)


class _SpadeBlock(nn.Module):
    """Normalise by the label map, activate, convolve; twice, with a shortcut."""

    def __init__(self, inputs: int, outputs: int, condition: int, hidden: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(_Spade(n, condition, hidden) for n in (inputs, outputs))
        self.convs = nn.ModuleList(nn.Conv2d(i, outputs, 3, padding=1) for i in (inputs, outputs))
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        y = x
        for norm, conv in zip(self.norms, self.convs, strict=True):
            y = conv(functional.leaky_relu(norm(y, condition), 0.2))
        return self.shortcut(x) + y  # type: ignore[no-any-return]


class _Spade(nn.Module):
    """Batch normalisation whose scale and shift are painted by the label map.

    MONAI's normalises per sample, which takes the style away, and normalises scale and shift themselves, which turns
    what is painted evenly into a grid.
    """

    def __init__(self, channels: int, condition: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.shared = nn.Conv2d(condition, hidden, 3, padding=1)
        self.painted = nn.Conv2d(hidden, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.painted(functional.leaky_relu(self.shared(condition), 0.2)).chunk(2, dim=1)
        return self.norm(x) * (1 + scale) + shift  # type: ignore[no-any-return]
