"""A U-Net that learns what to add to a spoilt image (residual learning: Zhang et al., IEEE TIP 26:3142, 2017)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from tumorscope.networks.unet import UNet


class RestorationUNet(nn.Module):
    """Image + U-Net(image), for any height and width; blind to how much the image was spoilt.

    Args:
        in_channels: Channels of the image.
        out_channels: The same number.
        filters: Width per level.

    ``forward`` maps (B, C, H, W) to (B, C, H, W); further arguments, which other restorers need, are not looked at.
    """

    def __init__(self, in_channels: int, out_channels: int, filters: Sequence[int] = (24, 48, 96, 192)) -> None:
        super().__init__()
        if in_channels != out_channels:
            raise ValueError(f"an image of {in_channels} channels cannot become one of {out_channels}")
        self.body = UNet(in_channels, out_channels, filters, dropout=0.0)
        nn.init.zeros_(self.body.head.weight)

    def forward(self, image: Tensor, *context: Tensor) -> Tensor:
        """Return the restored image."""
        height, width = image.shape[-2:]
        multiple = self.body.multiple
        below, right = -height % multiple, -width % multiple
        padded = functional.pad(image, (0, right, 0, below), mode="replicate") if below or right else image
        found: Tensor = image + self.body(padded)[..., :height, :width].to(image.dtype)
        return found
