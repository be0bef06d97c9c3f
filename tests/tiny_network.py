"""A network of two layers, registered as ``tiny`` by :func:`tiny_bundles.manifest`."""

from torch import Tensor, nn
from torch.nn import functional


class TinyNetwork(nn.Module):
    """Convolution at half size, convolution, back to full size."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(in_channels, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Conv2d(8, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, out_channels, H, W)."""
        x = self.head(functional.relu(self.norm(self.down(x))))
        return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
