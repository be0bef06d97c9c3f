"""SegResNet (Myronenko, BraTS 2018) with guided decoder levels, from MONAI's residual blocks, made for CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from monai.networks.nets.segresnet_ds import SegResBlock
from torch import Tensor, nn

from tumorscope.networks.build import check_input

#: Channels per group of the normalisation are a level's filters divided by this.
_GROUPS = 8


class SegResNet(nn.Module):
    """Residual encoder and a slighter decoder over volumes, with group normalisation.

    The input is folded first: cubes of ``fold``³ voxels become channels, and the logits are unfolded again, so that the
    wide levels work on an eighth of the voxels while input and output keep their resolution. Which sequences are
    there (a channel with anything but zeros) is told to every voxel behind the first convolution.

    Args:
        in_channels: Channels of the input, one per sequence.
        out_channels: Channels of the logits.
        filters: Width per level, multiples of 8.
        blocks: Residual blocks per level on the way down; one per level on the way up.
        fold: Edge of the cubes that become channels; 1 folds nothing.
        guided: Decoder levels with a loss of their own, the finest included.

    ``forward`` maps (B, C, D, H, W), all three multiples of fold · 2^(levels - 1), to logits (B, out_channels, D, H,
    W); in training mode, if ``guided`` is more than 1, to a list of them, finest first, each half the size of the one
    before.
    """

    #: Sees volumes.
    spatial_dims = 3

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        filters: Sequence[int] = (32, 64, 128, 160),
        blocks: Sequence[int] = (1, 2, 2, 2),
        fold: int = 2,
        guided: int = 2,
    ) -> None:
        super().__init__()
        if len(filters) < 2 or len(blocks) != len(filters) or any(f < _GROUPS or f % _GROUPS for f in filters):
            raise ValueError(
                f"filters needs at least 2 levels of multiples of {_GROUPS}, and blocks one number for each"
            )
        if fold < 1 or not 1 <= guided < len(filters):
            raise ValueError("fold is at least 1, and guided at least 1 and less than the number of levels")
        #: Depth, height and width of the input are multiples of this.
        self.multiple = fold * 2 ** (len(filters) - 1)
        self.fold = fold
        self.stem = nn.Conv3d(in_channels * fold**3, filters[0], 3, padding=1, bias=False)
        self.presence = nn.Linear(in_channels, filters[0])
        self.down = nn.ModuleList(
            nn.Sequential(*(_block(width) for _ in range(count))) for width, count in zip(filters, blocks, strict=True)
        )
        pairs = list(pairwise(filters))
        self.shrink = nn.ModuleList(nn.Conv3d(a, b, 3, stride=2, padding=1, bias=False) for a, b in pairs)
        self.lift = nn.ModuleList(nn.ConvTranspose3d(b, a, 2, stride=2, bias=False) for a, b in reversed(pairs))
        self.up = nn.ModuleList(_block(a) for a, _ in reversed(pairs))
        #: Of the coarsest guided level first.
        self.heads = nn.ModuleList(nn.Conv3d(a, out_channels * fold**3, 1) for a in reversed(filters[:guided]))

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits at the input's size; see the class.

        Raises:
            UsageError: if depth, height or width is not a multiple of fold · 2^(levels - 1).
        """
        check_input(x, self.multiple, self.spatial_dims)
        there = (x.abs().amax(dim=(2, 3, 4)) > 0).to(x.dtype)
        x = self.stem(_folded(x, self.fold)) + self.presence(there)[:, :, None, None, None]
        skips = []
        for level, blocks in enumerate(self.down):
            x = blocks(x if level == 0 else self.shrink[level - 1](x))
            skips.append(x)
        skips.pop()
        levels = []
        for lift, block in zip(self.lift, self.up, strict=True):
            x = block(lift(x) + skips.pop())
            levels.append(x)
        if not self.training or len(self.heads) == 1:
            return _unfolded(self.heads[-1](x), self.fold)
        guided = zip(reversed(self.heads), reversed(levels), strict=False)
        return [_unfolded(head(level), self.fold) for head, level in guided]


def _block(width: int) -> SegResBlock:
    return SegResBlock(3, width, norm=("group", {"num_groups": _GROUPS}), act=("relu", {"inplace": True}))


def _folded(x: Tensor, edge: int) -> Tensor:
    """Return (B, C·edge³, D/edge, H/edge, W/edge) of (B, C, D, H, W)."""
    if edge == 1:
        return x
    batch, channels, depth, height, width = x.shape
    cubes = x.reshape(batch, channels, depth // edge, edge, height // edge, edge, width // edge, edge)
    order = cubes.permute(0, 1, 3, 5, 7, 2, 4, 6)
    return order.reshape(batch, channels * edge**3, depth // edge, height // edge, width // edge)


def _unfolded(x: Tensor, edge: int) -> Tensor:
    """Undo :func:`_folded`."""
    if edge == 1:
        return x
    batch, channels, depth, height, width = x.shape
    cubes = x.reshape(batch, channels // edge**3, edge, edge, edge, depth, height, width)
    return cubes.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(batch, -1, depth * edge, height * edge, width * edge)
