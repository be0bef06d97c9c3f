"""EfficientNet with a dense head: one tumour type per picture (S3-02, S3-03)."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from tumorscope.networks.classifier import StagedClassifier
from tumorscope.networks.encoders import build_encoder


class EfficientNetClassifier(StagedClassifier):
    """An EfficientNet encoder, global average pooling, a dense layer, dropout and the classes.

    Args:
        in_channels: Channels of the picture.
        out_channels: Number of classes.
        encoder: ``efficientnet-lite0..2`` (five stages) or ``efficientnet-b0..b8`` (one stage: frozen whole or not).
        encoder_weights: See :func:`~tumorscope.networks.encoders.build_encoder`.
        top: Keep the base's last 1×1 convolution (to 1280 channels in the small variants).
        hidden: Units of the dense layer.
        dropout: After it.
    """

    multiple = 32

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        encoder: str = "efficientnet-lite0",
        encoder_weights: str = "auto",
        top: bool = True,
        hidden: int = 512,
        dropout: float = 0.4,
    ) -> None:
        base = build_encoder(encoder, self.base_channels(in_channels), encoder_weights, top)
        super().__init__(in_channels, out_channels, base.channels[-1], hidden, dropout)
        self.encoder = base
        self.stages = len(base.channels) if hasattr(base, "stage") else 1

    def stage(self, index: int, x: Tensor) -> Tensor:
        """Run one stage of the encoder, or all of an encoder that is not divided."""
        return cast("Tensor", self.encoder.stage(index, x) if self.stages > 1 else self.encoder(x)[-1])

    def stage_modules(self, index: int) -> list[nn.Module]:
        """Return the modules of one stage."""
        return cast("list[nn.Module]", self.encoder.stage_modules(index) if self.stages > 1 else [self.encoder])
