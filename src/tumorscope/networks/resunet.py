"""The residual U-Net of paper S3: 10 residual blocks, 23 convolutions, a bottleneck of 1024 filters (S3-29)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.networks.build import check_input
from tumorscope.networks.dropout import Dropout


def conv_norm(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Return a convolution without bias and its batch normalisation."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with batch normalisation and ReLU, plus a shortcut (He et al. 2016, basic block).

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output; where they differ, the shortcut is a 1×1 projection.
        dropout: Between the convolutions.
    """

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.first, self.second = conv_norm(inputs, outputs), conv_norm(outputs, outputs)
        self.shortcut = nn.Identity() if inputs == outputs else conv_norm(inputs, outputs, 1)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        inner = self.dropout(functional.relu(self.first(x), inplace=True))
        return functional.relu(self.second(inner) + self.shortcut(x))


class ResUNet(nn.Module):
    """U-Net of residual blocks: as many down as up, between them two plain convolutions (the bottleneck).

    The paper gives 10 residual blocks, 23 convolutional layers, 3×3 filters and 1024 filters in the bottleneck, but
    not how they add up nor the widths of the levels. Our reading: 5 blocks down and 5 up of two 3×3 convolutions (20),
    the bottleneck's two 3×3 convolutions (2) and the 1×1 output (1): 23. As in the names of ResNets, the 1×1
    projections of the shortcuts are not counted; max-pooling and bilinear enlargement hold no weights. The widths 16 to
    256 are ours, chosen for training without a GPU: 17.7 million parameters.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        filters: Width per level; one residual block down and one up each.
        bottleneck: Width of the two convolutions at the bottom.
        dropout: Inside the residual blocks.

    ``forward`` maps (B, C, H, W), H and W multiples of 2^levels, to logits (B, out_channels, H, W).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        filters: Sequence[int] = (16, 32, 64, 128, 256),
        bottleneck: int = 1024,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not filters:
            raise ValueError("filters needs at least 1 level")
        #: Height and width of the input are multiples of this.
        self.multiple = 2 ** len(filters)
        pairs = zip([in_channels, *filters[:-1]], filters, strict=True)
        self.down = nn.ModuleList(ResidualBlock(i, o, dropout) for i, o in pairs)
        self.bottleneck = nn.Sequential(
            conv_norm(filters[-1], bottleneck), nn.ReLU(True), conv_norm(bottleneck, bottleneck), nn.ReLU(True)
        )
        upwards = list(reversed(filters))
        pairs = zip([bottleneck, *upwards[:-1]], upwards, strict=True)
        self.up = nn.ModuleList(ResidualBlock(below + skip, skip, dropout) for below, skip in pairs)
        self.head = nn.Conv2d(filters[0], out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits at the input's size.

        Raises:
            UsageError: if H or W is not a multiple of 2^levels.
        """
        check_input(x, self.multiple)
        skips = []
        for block in self.down:
            x = block(x)
            skips.append(x)
            x = functional.max_pool2d(x, 2)
        x = self.bottleneck(x)
        for block in self.up:
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat([x, skips.pop()], dim=1))
        return self.head(x)  # type: ignore[no-any-return]
