"""A critic that sees images through a frozen ImageNet encoder (Projected GAN; Sauer et al., NeurIPS 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from tumorscope.networks.encoders import pretrained_encoder


class ProjectedCritic(nn.Module):
    """One small critic per resolution of an encoder's features, which fixed random convolutions mix before.

    What is frozen is no part of the module's state: it is built again from the installed weights and a fixed seed.

    Args:
        in_channels: Channels of the images.
        encoder: Name of the encoder (see :func:`~tumorscope.networks.encoders.build_encoder`).
        filters: Width of the mixed features per resolution, finest first; the last is the encoder's coarsest.

    Raises:
        MissingDependencyError: if the encoder's weights are not installed.
        UsageError: if there is no such encoder.
    """

    def __init__(self, in_channels: int, encoder: str, filters: Sequence[int]) -> None:
        super().__init__()
        self._frozen = [_Projection(in_channels, encoder, filters)]  # in a list: it neither trains nor is saved
        self.heads = nn.ModuleList(_head(width, len(filters) - 1 - level) for level, width in enumerate(filters))

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the verdicts at all resolutions, (B, places), and the mixed features."""
        features = self._frozen[0].to(image.device)(image)
        verdicts = [head(f).flatten(1) for head, f in zip(self.heads, features, strict=True)]
        return torch.cat(verdicts, dim=1), features


class _Projection(nn.Module):
    """An encoder's features, mixed over channels and, from coarse to fine, over scales."""

    def __init__(self, in_channels: int, encoder: str, filters: Sequence[int]) -> None:
        super().__init__()
        self.encoder = pretrained_encoder(encoder, in_channels)
        widths = self.encoder.channels[-len(filters) :]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.within = nn.ModuleList(_random(i, o, 1) for i, o in zip(widths, filters, strict=True))
            self.across = nn.ModuleList(_random(i, o, 3) for i, o in zip(filters[1:], filters[:-1], strict=True))
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> list[Tensor]:
        features = self.encoder(image)[-len(self.within) :]
        mixed = [mix(f) for mix, f in zip(self.within, features, strict=True)]
        for level in reversed(range(len(mixed) - 1)):
            coarse = functional.interpolate(self.across[level](mixed[level + 1]), scale_factor=2.0, mode="bilinear")
            mixed[level] = (mixed[level] + coarse) * 0.5**0.5
        return mixed


def _random(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    return layer


def _head(width: int, halvings: int) -> nn.Sequential:
    """Halve the size so often (once looked at without halving, where there is none), then one number per place."""
    layers: list[nn.Module] = []
    for stride in [2] * halvings or [1]:
        layers += [
            spectral_norm(nn.Conv2d(width, width, 2 + stride, stride, padding=1, bias=False)),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, 1, 3, padding=1, bias=False)))
