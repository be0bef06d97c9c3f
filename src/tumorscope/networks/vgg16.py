"""VGG-16 with global average pooling and a dense head, a baseline of S3 (S3-07)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from tumorscope.networks.classifier import StagedClassifier

#: Convolutions of 3×3 per stage (Simonyan & Zisserman, 2015, configuration D).
_REPEATS = (2, 2, 3, 3, 3)


class VGG16(StagedClassifier):
    """Five stages of 3×3 convolutions, each ending in a 2×2 maximum.

    The paper's three dense layers of 4096 units are replaced by the head that all classifiers here share. No ImageNet
    weights come with it.

    Args:
        in_channels: Channels of the picture.
        out_channels: Number of classes.
        filters: Of each stage.
        hidden: Units of the dense layer.
        dropout: After it.
        norm: Batch normalisation after each convolution (the paper has none; from random weights it needs it).
    """

    multiple = 32
    stages = len(_REPEATS)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        filters: tuple[int, ...] = (64, 128, 256, 512, 512),
        hidden: int = 512,
        dropout: float = 0.4,
        norm: bool = True,
    ) -> None:
        if len(filters) != len(_REPEATS):
            raise ValueError(f"filters: one number per stage ({len(_REPEATS)})")
        super().__init__(in_channels, out_channels, filters[-1], hidden, dropout)
        inputs, blocks = self.base_channels(in_channels), []
        for outputs, repeats in zip(filters, _REPEATS, strict=True):
            layers: list[nn.Module] = []
            for _ in range(repeats):
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=not norm)]
                layers += [nn.BatchNorm2d(outputs)] if norm else []
                layers += [nn.ReLU(inplace=True)]
                inputs = outputs
            blocks.append(nn.Sequential(*layers, nn.MaxPool2d(2)))
        self.blocks = nn.ModuleList(blocks)

    def stage(self, index: int, x: Tensor) -> Tensor:
        """Run one stage."""
        return cast("Tensor", self.blocks[index](x))

    def stage_modules(self, index: int) -> list[nn.Module]:
        """Return the modules of one stage."""
        return [self.blocks[index]]
