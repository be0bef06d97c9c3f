"""The 3D U-Net (Çiçek et al., MICCAI 2016; S2-52, S4-23, S4-88), from MONAI's blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from monai.networks.blocks.convolutions import Convolution
from torch import Tensor, nn

from tumorscope.networks.build import check_input


def _convolution(inputs: int, outputs: int, norm: str, dropout: float) -> Convolution:
    """Return 3×3×3 convolution, normalisation, dropout, ReLU."""
    return Convolution(
        3,
        inputs,
        outputs,
        kernel_size=3,
        norm=(norm, {"affine": True}),
        dropout=dropout or None,
        act=("relu", {"inplace": True}),
        bias=False,
    )


class UNet3D(nn.Module):
    """U-Net over volumes: max-pooling down, 2×2×2 transposed convolutions up, two convolutions per level.

    As in the paper the first convolution of a level on the way down has half of its filters, so that channels double
    before each pooling, and the transposed convolutions keep the number of channels. Convolutions are padded here
    (the paper's are not), so that the output has the size of the input.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        filters: Width per level, even numbers (paper: 64 … 512).
        norm: Before each ReLU: ``batch`` (paper), or ``instance``, which does not depend on the batch's size.
        dropout: After each normalisation (paper: none).

    ``forward`` maps (B, C, D, H, W), all three multiples of 2^(levels - 1), to logits (B, out_channels, D, H, W).
    """

    #: Sees volumes.
    spatial_dims = 3

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        filters: Sequence[int] = (64, 128, 256, 512),
        norm: Literal["batch", "instance"] = "batch",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(filters) < 2 or any(f < 2 or f % 2 for f in filters):
            raise ValueError(f"filters needs at least 2 levels of even numbers, not {list(filters)}")
        if norm not in ("batch", "instance"):
            raise ValueError(f"norm is 'batch' or 'instance', not '{norm}'")
        #: Depth, height and width of the input are multiples of this.
        self.multiple = 2 ** (len(filters) - 1)
        inputs = [in_channels, *filters[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(i, o // 2, norm, dropout), _convolution(o // 2, o, norm, dropout))
            for i, o in zip(inputs, filters, strict=True)
        )
        self.pool = nn.MaxPool3d(2)
        pairs = list(zip(filters[:0:-1], filters[-2::-1], strict=True))
        self.lift = nn.ModuleList(nn.ConvTranspose3d(deep, deep, 2, stride=2, bias=False) for deep, _ in pairs)
        self.up = nn.ModuleList(
            nn.Sequential(_convolution(d + s, s, norm, dropout), _convolution(s, s, norm, dropout)) for d, s in pairs
        )
        self.head = nn.Conv3d(filters[0], out_channels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits at the input's size.

        Raises:
            UsageError: if depth, height or width is not a multiple of 2^(levels - 1).
        """
        check_input(x, self.multiple, self.spatial_dims)
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for lift, block in zip(self.lift, self.up, strict=True):
            x = block(torch.cat([lift(x), skips.pop()], dim=1))
        return self.head(x)  # type: ignore[no-any-return]
