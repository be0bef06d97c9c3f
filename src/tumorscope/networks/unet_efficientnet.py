"""U-Net decoder over an EfficientNet encoder: full-resolution detail on transferred features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.networks.build import check_input
from tumorscope.networks.encoders import build_encoder


class _Up(nn.Module):
    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (inputs + skip, outputs):
            layers += [nn.Conv2d(width, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        return self.body(x if skip is None else torch.cat([x, skip], dim=1))  # type: ignore[no-any-return]


class UNetEfficientNet(nn.Module):
    """U-Net (Ronneberger 2015) whose contracting path is an EfficientNet; 4.5 million parameters with Lite0.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        encoder: ``efficientnet-lite0..2`` or ``efficientnet-b0..b8``.
        encoder_weights: ``auto``, ``none`` or a file (see :func:`build_encoder`).
        decoder_channels: Widths at strides 16, 8, 4, 2, 1.
        dropout: Spatial dropout before the last convolution.

    ``forward`` maps (B, C, H, W), H and W multiples of 32, to logits (B, out_channels, H, W).
    """

    #: Height and width of the input are multiples of this.
    multiple = 32

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        encoder: str = "efficientnet-lite0",
        encoder_weights: str = "auto",
        decoder_channels: Sequence[int] = (192, 96, 64, 32, 16),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if len(decoder_channels) != 5:
            raise ValueError(f"decoder_channels needs 5 widths, not {len(decoder_channels)}")
        self.encoder: Any = build_encoder(encoder, in_channels, encoder_weights)
        skips = [*reversed(self.encoder.channels[:-1]), 0]
        inputs = [self.encoder.channels[-1], *decoder_channels[:-1]]
        self.ups = nn.ModuleList(_Up(i, s, o) for i, s, o in zip(inputs, skips, decoder_channels, strict=True))
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(decoder_channels[-1], out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits at the input's size.

        Raises:
            UsageError: if H or W is not a multiple of 32.
        """
        check_input(x, self.multiple)
        *skips, x = self.encoder(x)
        for up, skip in zip(self.ups, [*reversed(skips), None], strict=True):
            x = up(x, skip)
        return self.head(self.dropout(x))  # type: ignore[no-any-return]
