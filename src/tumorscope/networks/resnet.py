"""MONAI's ResNet with a dense head, a baseline of S3 (S3-07; He et al., 2016)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from tumorscope.networks.classifier import StagedClassifier

#: Depth → (kind of block, blocks per stage).
_DEPTHS = {
    18: ("basic", [2, 2, 2, 2]),
    34: ("basic", [3, 4, 6, 3]),
    50: ("bottleneck", [3, 4, 6, 3]),
    101: ("bottleneck", [3, 4, 23, 3]),
}


class ResNet(StagedClassifier):
    """ResNet of 18 to 101 layers: a stem and four stages. No ImageNet weights come with it.

    Args:
        in_channels: Channels of the picture.
        out_channels: Number of classes.
        depth: 18, 34, 50 or 101.
        width: Filters of the first stage; each other has twice those of the one before.
        hidden: Units of the dense layer.
        dropout: After it.
    """

    multiple = 32
    stages = 5

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        depth: int = 18,
        width: int = 64,
        hidden: int = 512,
        dropout: float = 0.4,
    ) -> None:
        from monai.networks.nets import ResNet as MonaiResNet

        if depth not in _DEPTHS:
            raise ValueError(f"depth: one of {', '.join(map(str, _DEPTHS))}")
        block, layers = _DEPTHS[depth]
        expansion = 4 if block == "bottleneck" else 1
        super().__init__(in_channels, out_channels, 8 * width * expansion, hidden, dropout)
        self.body = MonaiResNet(
            block=block,
            layers=layers,
            block_inplanes=[width * factor for factor in (1, 2, 4, 8)],
            spatial_dims=2,
            n_input_channels=self.base_channels(in_channels),
            conv1_t_stride=2,
            num_classes=1,
            feed_forward=False,
        )

    def stage(self, index: int, x: Tensor) -> Tensor:
        """Run one stage: 0 is the stem."""
        body = self.body
        if index == 0:
            return cast("Tensor", body.maxpool(body.act(body.bn1(body.conv1(x)))))
        return cast("Tensor", getattr(body, f"layer{index}")(x))

    def stage_modules(self, index: int) -> list[nn.Module]:
        """Return the modules of one stage."""
        return [self.body.conv1, self.body.bn1] if index == 0 else [getattr(self.body, f"layer{index}")]
