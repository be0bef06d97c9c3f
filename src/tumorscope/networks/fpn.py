"""Feature Pyramid Network for segmentation over an EfficientNet encoder (paper S0; Kirillov et al. 2019)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.networks.build import check_input
from tumorscope.networks.encoders import build_encoder


def _norm_relu_conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.GroupNorm(32, outputs), nn.ReLU(inplace=True)
    )


class _Branch(nn.Module):
    """Brings one pyramid level to stride 4 by ``doublings`` of (convolution, ×2)."""

    def __init__(self, inputs: int, outputs: int, doublings: int) -> None:
        super().__init__()
        widths = [inputs, *[outputs] * max(1, doublings)]
        self.convs = nn.ModuleList(_norm_relu_conv(a, b) for a, b in pairwise(widths))
        self.doublings = doublings

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = conv(x)
            if self.doublings:
                x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        return x


class FPN(nn.Module):
    """Encoder, top-down pyramid, and a segmentation head at stride 4 enlarged to full size.

    4.7 million parameters with EfficientNet-Lite0, 64.0 million with the paper's EfficientNet-B7.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        encoder: ``efficientnet-lite0..2`` or ``efficientnet-b0..b8``.
        encoder_weights: ``auto``, ``none`` or a file (see :func:`build_encoder`).
        pyramid_channels: Width of the pyramid (smp's default 256).
        segmentation_channels: Width of the head, a multiple of 32 (smp's default 128).
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
        pyramid_channels: int = 256,
        segmentation_channels: int = 128,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.encoder: Any = build_encoder(encoder, in_channels, encoder_weights)
        levels = self.encoder.channels[1:]
        self.lateral = nn.ModuleList(nn.Conv2d(c, pyramid_channels, 1) for c in levels)
        self.branches = nn.ModuleList(
            _Branch(pyramid_channels, segmentation_channels, doublings) for doublings in range(len(levels))
        )
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(segmentation_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits at the input's size.

        Raises:
            UsageError: if H or W is not a multiple of 32.
        """
        check_input(x, self.multiple)
        features = self.encoder(x)[1:]
        top = self.lateral[-1](features[-1])
        pyramid = [top]
        for lateral, feature in zip(reversed(self.lateral[:-1]), reversed(features[:-1]), strict=True):
            top = functional.interpolate(top, scale_factor=2.0, mode="nearest") + lateral(feature)
            pyramid.insert(0, top)
        merged = torch.stack([branch(level) for branch, level in zip(self.branches, pyramid, strict=True)]).sum(dim=0)
        logits = self.head(self.dropout(merged))
        return functional.interpolate(logits, scale_factor=4.0, mode="bilinear", align_corners=False)
