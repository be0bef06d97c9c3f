"""Attention Res-UNet with guided decoder (Maji, Sigedar & Singh 2022; S1-03)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.networks.build import check_input
from tumorscope.networks.resunet import ResidualBlock, conv_norm


class AttentionGate(nn.Module):
    """Weighs every pixel of a skip connection by what the decoder looks for (Oktay et al. 2018, additive attention).

    Args:
        skip: Channels of the skip connection.
        gate: Channels of the decoder's features, at the same resolution.
        inner: Channels in which the two are compared.
    """

    def __init__(self, skip: int, gate: int, inner: int) -> None:
        super().__init__()
        self.skip, self.gate = conv_norm(skip, inner, 1), conv_norm(gate, inner, 1)
        self.weight = nn.Conv2d(inner, 1, 1)

    def forward(self, skip: Tensor, gate: Tensor) -> Tensor:
        """Map (B, skip, H, W) and (B, gate, H, W) to the weighed skip connection."""
        return skip * torch.sigmoid(self.weight(functional.relu(self.skip(skip) + self.gate(gate))))


class AttentionResUNet(nn.Module):
    """U-Net of residual blocks with attention gates, whose every decoder level is guided by a loss of its own.

    The abstract gives the parts (residual encoder, attention gates, one loss per decoder level), not the widths: these
    are ours. 8.4 million parameters.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        filters: Width per level.
        dropout: Inside the residual blocks.
        guided: In training, also return the logits of the coarser decoder levels.

    ``forward`` maps (B, C, H, W), H and W multiples of 2^(levels - 1), to logits (B, out_channels, H, W); in training
    mode, if ``guided``, to a list of them, one per decoder level, finest first, all enlarged to the size of the input.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        filters: Sequence[int] = (32, 64, 128, 256, 512),
        dropout: float = 0.1,
        guided: bool = True,
    ) -> None:
        super().__init__()
        if len(filters) < 2:
            raise ValueError(f"filters needs at least 2 levels, not {len(filters)}")
        #: Height and width of the input are multiples of this.
        self.multiple = 2 ** (len(filters) - 1)
        pairs = zip([in_channels, *filters[:-1]], filters, strict=True)
        self.down = nn.ModuleList(ResidualBlock(i, o, dropout) for i, o in pairs)
        upwards = list(zip(filters[:0:-1], filters[-2::-1], strict=True))
        self.gates = nn.ModuleList(AttentionGate(skip, deep, max(1, skip // 2)) for deep, skip in upwards)
        self.up = nn.ModuleList(ResidualBlock(deep + skip, skip, dropout) for deep, skip in upwards)
        heads = upwards if guided else upwards[-1:]
        self.heads = nn.ModuleList(nn.Conv2d(skip, out_channels, 1) for _, skip in heads)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits at the input's size; see the class.

        Raises:
            UsageError: if H or W is not a multiple of 2^(levels - 1).
        """
        check_input(x, self.multiple)
        skips, levels = [], []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for gate, block in zip(self.gates, self.up, strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = block(torch.cat([x, gate(skips.pop(), x)], dim=1))
            levels.append(x)
        if not self.training or len(self.heads) == 1:
            return self.heads[-1](x)  # type: ignore[no-any-return]
        return [
            functional.interpolate(head(y), scale_factor=2.0**coarser, mode="bilinear", align_corners=False)
            if coarser
            else head(y)
            for coarser, (head, y) in enumerate(zip(reversed(self.heads), reversed(levels), strict=True))
        ]
