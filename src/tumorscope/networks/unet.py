"""The 2D U-Net of papers S1, S2 and S4 (Ronneberger et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tumorscope.networks.build import check_input
from tumorscope.networks.dropout import Dropout


def _double_conv(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    """Return two 3×3 convolutions with ReLU and dropout between them."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
        Dropout(dropout),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        nn.ReLU(inplace=True),
    )


class UNet(nn.Module):
    """U-Net with max-pooling down and 2×2 transposed convolutions up; 7.8 million parameters.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        filters: Width per level (S4-87: 32 … 512).
        dropout: Between the two convolutions of a level (S4-87: 0.2).

    ``forward`` maps (B, C, H, W), H and W multiples of 2^(levels - 1), to logits (B, out_channels, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        filters: Sequence[int] = (32, 64, 128, 256, 512),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        if len(filters) < 2:
            raise ValueError(f"filters needs at least 2 levels, not {len(filters)}")
        #: Height and width of the input are multiples of this.
        self.multiple = 2 ** (len(filters) - 1)
        inputs = [in_channels, *filters[:-1]]
        self.down = nn.ModuleList(_double_conv(i, o, dropout) for i, o in zip(inputs, filters, strict=True))
        self.pool = nn.MaxPool2d(2)
        pairs = list(zip(filters[:0:-1], filters[-2::-1], strict=True))
        self.lift = nn.ModuleList(nn.ConvTranspose2d(deep, shallow, 2, stride=2) for deep, shallow in pairs)
        self.up = nn.ModuleList(_double_conv(2 * shallow, shallow, dropout) for _, shallow in pairs)
        self.head = nn.Conv2d(filters[0], out_channels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits at the input's size.

        Raises:
            UsageError: if H or W is not a multiple of 2^(levels - 1).
        """
        check_input(x, self.multiple)
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else self.pool(x))
            skips.append(x)
        skips.pop()
        for lift, block in zip(self.lift, self.up, strict=True):
            x = block(torch.cat([lift(x), skips.pop()], dim=1))
        return self.head(x)  # type: ignore[no-any-return]
