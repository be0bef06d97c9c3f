"""The V-Net (Milletari et al., 3DV 2016), MONAI's implementation."""

from __future__ import annotations

from monai.networks.nets.vnet import VNet as MonaiVNet
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.networks.build import check_input

#: Filters of the first level; MONAI repeats the input's channels until there are as many.
_FIRST = 16


class VNet(nn.Module):
    """V-Net over volumes: residual stages of 5×5×5 convolutions, strided convolutions down, 16 to 256 filters.

    MONAI takes 1, 2, 4, 8 or 16 input channels; others are filled up with channels of zeros.

    Args:
        in_channels: Channels of the input, at most 16.
        out_channels: Channels of the logits.
        dropout: Of whole channels, in the two deepest stages and on all skip connections (MONAI: 0.5).

    ``forward`` maps (B, C, D, H, W), all three multiples of 16, to logits (B, out_channels, D, H, W).
    """

    #: Sees volumes.
    spatial_dims = 3
    #: Depth, height and width of the input are multiples of this.
    multiple = 16

    def __init__(self, in_channels: int, out_channels: int, dropout: float = 0.5) -> None:
        super().__init__()
        if not 1 <= in_channels <= _FIRST:
            raise ValueError(f"in_channels is 1 to {_FIRST}, not {in_channels}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is at least 0 and below 1, not {dropout}")
        taken = 1 << (in_channels - 1).bit_length()
        self.padding = taken - in_channels
        self.body = MonaiVNet(spatial_dims=3, in_channels=taken, out_channels=out_channels)
        for module in self.body.modules():
            if isinstance(module, nn.Dropout3d):  # MONAI's own arguments do not reach all of them
                module.p = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Return logits at the input's size.

        Raises:
            UsageError: if depth, height or width is not a multiple of 16.
        """
        check_input(x, self.multiple, self.spatial_dims)
        if self.padding:
            x = functional.pad(x, (0, 0, 0, 0, 0, 0, 0, self.padding))
        return self.body(x)  # type: ignore[no-any-return]
