"""DeepLabV3+ over an EfficientNet encoder (Chen et al. 2018; S3-42)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.networks.build import check_input
from tumorscope.networks.dilate import keep_stride_16
from tumorscope.networks.dropout import Dropout
from tumorscope.networks.encoders import build_encoder


def _conv_norm_relu(inputs: int, outputs: int) -> nn.Sequential:
    """Return a 1×1 convolution with batch normalisation and ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True))


def _separable(inputs: int, outputs: int, rate: int = 1) -> nn.Sequential:
    """Return a depthwise 3×3 convolution dilated by ``rate`` and a 1×1 one, each normalised, with ReLU."""
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=rate, dilation=rate, groups=inputs, bias=False)
    return nn.Sequential(depthwise, nn.BatchNorm2d(inputs), nn.ReLU(True), *_conv_norm_relu(inputs, outputs))


class _ASPP(nn.Module):
    """À trous spatial pyramid pooling: a pixel, its surroundings at several rates, and the whole picture."""

    def __init__(self, inputs: int, outputs: int, rates: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [_conv_norm_relu(inputs, outputs), *(_separable(inputs, outputs, rate) for rate in rates)]
        )
        self.pooled = nn.Conv2d(inputs, outputs, 1)  # no batch normalisation: a batch of one picture has one value
        self.merge = nn.Sequential(_conv_norm_relu(outputs * (len(rates) + 2), outputs), Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        whole = functional.relu(self.pooled(x.mean(dim=(2, 3), keepdim=True))).expand(-1, -1, *x.shape[2:])
        return self.merge(torch.cat([*(branch(x) for branch in self.branches), whole], dim=1))  # type: ignore[no-any-return]


class DeepLabV3Plus(nn.Module):
    """Encoder at output stride 16, à trous spatial pyramid pooling, and a decoder with features at stride 4.

    3.9 million parameters with EfficientNet-Lite0 (its encoder has 3.0 million).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        encoder: ``efficientnet-lite0..2`` or ``efficientnet-b0..b8``.
        encoder_weights: ``auto``, ``none`` or a file (see :func:`build_encoder`).
        channels: Width of pyramid pooling and decoder.
        low_level_channels: Width to which the features at stride 4 are reduced.
        rates: Dilations of the pyramid pooling; the paper's 6, 12, 18 are for pictures of 513 pixels.
        dropout: After the pyramid pooling.

    ``forward`` maps (B, C, H, W), H and W multiples of 16, to logits (B, out_channels, H, W).
    """

    #: Height and width of the input are multiples of this.
    multiple = 16

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        encoder: str = "efficientnet-lite0",
        encoder_weights: str = "auto",
        channels: int = 256,
        low_level_channels: int = 48,
        rates: Sequence[int] = (3, 6, 9),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if not rates or min(rates) < 1:
            raise ValueError(f"rates needs dilations of at least 1, not {tuple(rates)}")
        self.encoder: Any = build_encoder(encoder, in_channels, encoder_weights)
        keep_stride_16(self.encoder)
        self.pyramid = _ASPP(self.encoder.channels[-1], channels, rates, dropout)
        self.low_level = _conv_norm_relu(self.encoder.channels[1], low_level_channels)
        self.decoder = nn.Sequential(
            _separable(channels + low_level_channels, channels), _separable(channels, channels)
        )
        self.head = nn.Conv2d(channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits at the input's size.

        Raises:
            UsageError: if H or W is not a multiple of 16.
        """
        check_input(x, self.multiple)
        features = self.encoder(x)
        deep = functional.interpolate(
            self.pyramid(features[-1]), scale_factor=4.0, mode="bilinear", align_corners=False
        )
        logits = self.head(self.decoder(torch.cat([deep, self.low_level(features[1])], dim=1)))
        return functional.interpolate(logits, scale_factor=4.0, mode="bilinear", align_corners=False)
