"""A variational autoencoder of slices (Kingma & Welling, ICLR 2014): MONAI's, with a prior fitted afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

import torch
from torch import Generator, Tensor, nn


class Autoencoder(nn.Module):
    """MONAI's AutoencoderKL without attention.

    Samples come from a normal distribution fitted to the latents of the training slices (Ghosh et al., ICLR 2020): so
    little weight lies on the divergence that the standard normal of the training objective is not where latents lie.

    Args:
        in_channels: Channels of the images.
        out_channels: The same number.
        size: Height and width of the images.
        channels: Width per level; all but the first halve the size. Multiples of 8.
        latent_channels: Channels of the latent.
        res_blocks: Residual blocks per level.
        components: Principal components of the fitted prior.
    """

    prior_mean: Tensor
    prior_basis: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        size: Sequence[int] = (128, 128),
        channels: Sequence[int] = (16, 32, 64, 64),
        latent_channels: int = 8,
        res_blocks: int = 1,
        components: int = 256,
    ) -> None:
        super().__init__()
        from monai.networks.nets import AutoencoderKL

        flat = [False] * len(channels)
        self.body = AutoencoderKL(
            2,
            in_channels,
            out_channels,
            num_res_blocks=[res_blocks] * len(channels),
            channels=tuple(channels),
            attention_levels=flat,
            latent_channels=latent_channels,
            norm_num_groups=8,
            with_encoder_nonlocal_attn=False,
            with_decoder_nonlocal_attn=False,
        )
        factor = 2 ** (len(channels) - 1)
        self.multiple = factor
        self.latent_shape = (latent_channels, size[0] // factor, size[1] // factor)
        #: Numbers of an image per number of its latent.
        self.compression = in_channels * size[0] * size[1] / prod(self.latent_shape)
        self.register_buffer("prior_mean", torch.zeros(prod(self.latent_shape)))
        self.register_buffer("prior_basis", torch.zeros(components, prod(self.latent_shape)))

    def encode(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the latent, each (B, *latent_shape)."""
        mean, sigma = self.body.encode(image)
        return mean, sigma

    def decode(self, latent: Tensor) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1]."""
        return cast("Tensor", self.body.decode(latent))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the reconstruction, and mean and standard deviation of the latent it comes from.

        In training the latent is drawn, else it is the mean.
        """
        mean, sigma = self.encode(image)
        latent = mean + sigma * torch.randn_like(sigma) if self.training else mean
        return self.decode(latent), mean, sigma

    def fit_prior(self, latents: Tensor) -> None:
        """Fit the prior to latents (N, *latent_shape) of training slices: their mean and principal components."""
        flat = latents.flatten(1).float()
        mean = flat.mean(dim=0)
        _, spread, axes = torch.linalg.svd(flat - mean, full_matrices=False)
        kept = min(len(self.prior_basis), len(spread))
        self.prior_mean.copy_(mean)
        self.prior_basis.zero_()
        self.prior_basis[:kept] = axes[:kept] * (spread[:kept, None] / max(1.0, (len(flat) - 1) ** 0.5))

    def draw(self, count: int, rng: Generator) -> Tensor:
        """Draw latents (count, *latent_shape) from the fitted prior, or the standard normal before there is one."""
        if not self.prior_basis.any():
            return torch.randn(count, *self.latent_shape, generator=rng)
        weights = torch.randn(count, len(self.prior_basis), generator=rng)
        return (self.prior_mean + weights @ self.prior_basis).view(count, *self.latent_shape)
