"""EfficientNet that decides from where it looks: features are pooled under an attention map instead of everywhere."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from tumorscope.networks.classifier import StagedClassifier
from tumorscope.networks.efficientnet_lite import VARIANTS
from tumorscope.networks.encoders import build_encoder

#: Stages of the encoder that are used: up to stride 16, which still tells places apart.
_STAGES = 4
#: Attention that counts as nothing: where there is less, the pooled features fade to zero.
_NOTHING = 0.3


class EfficientNetAttention(StagedClassifier):
    """An EfficientNet-Lite encoder up to stride 16, an attention map over its places, features pooled under it.

    The map can be taught with outlines of tumours (``loss.attention`` of a recipe). Nothing outside it reaches the
    answer but its own maximum, so the surroundings of a tumour and the source of a picture count little. Pooling under
    a gated map is that of Ilse et al. (2018) with a sigmoid, because a picture without tumour should have no weight.

    Args:
        in_channels: Channels of the picture.
        out_channels: Number of classes.
        encoder: ``efficientnet-lite0..2``.
        encoder_weights: See :func:`~tumorscope.networks.encoders.build_encoder`.
        hidden: Features per place.
        dropout: Before the last layer.

    Raises:
        ValueError: for another encoder.
    """

    multiple = 32
    stages = _STAGES

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        encoder: str = "efficientnet-lite0",
        encoder_weights: str = "auto",
        hidden: int = 256,
        dropout: float = 0.4,
    ) -> None:
        if encoder not in VARIANTS:
            raise ValueError(f"encoder is one of {', '.join(VARIANTS)}, not {encoder}")
        super().__init__(in_channels, out_channels, hidden + 1, 0, dropout)
        self.encoder: Any = build_encoder(encoder, self.base_channels(in_channels), encoder_weights)
        self.encoder.keep_stages(_STAGES)
        inputs = self.encoder.channels[-1]
        self.features = nn.Sequential(nn.Conv2d(inputs, hidden, 1), nn.ReLU(inplace=True))
        self.attention = nn.Sequential(nn.Conv2d(inputs, 64, 1), nn.ReLU(inplace=True), nn.Conv2d(64, 1, 3, padding=1))

    @property
    def explained(self) -> int:
        """Index of the stage whose places Grad-CAM weighs: the one at which the attention looks."""
        return self.stages - 1

    def stage(self, index: int, x: Tensor) -> Tensor:
        """Run one stage of the encoder."""
        return cast("Tensor", self.encoder.stage(index, x))

    def stage_modules(self, index: int) -> list[nn.Module]:
        """Return the modules of one stage."""
        return cast("list[nn.Module]", self.encoder.stage_modules(index))

    def pooled(self, x: Tensor, stages: int) -> Tensor:
        """Return the features (B, F) pooled under the attention, and its maximum."""
        return self._pooled(x, stages)[0]

    def after_with_attention(self, x: Tensor, stages: int) -> tuple[Tensor, Tensor]:
        """Run what follows the first ``stages`` stages: logits (B, K), and of the attention (B, 1, H/16, W/16)."""
        pooled, attention = self._pooled(x, stages)
        return self.head(pooled), attention

    def _pooled(self, x: Tensor, stages: int) -> tuple[Tensor, Tensor]:
        for index in range(stages, self.stages):
            x = self.stage(index, x)
        logits = self.attention(x)
        weight = torch.sigmoid(logits)
        found = (self.features(x) * weight).sum((2, 3)) / (weight.sum((2, 3)) + _NOTHING)
        return torch.cat([found, weight.amax((2, 3))], dim=1), logits

    def freeze(self, stages: int) -> None:
        """Take the first ``stages`` stages out of training; the last one, at which the attention looks, is trained.

        Raises:
            ValueError: if all are to be frozen, or more than there are.
        """
        if stages == self.stages:
            raise ValueError(f"the attention looks at the last stage, so frozen_stages is 0 to {self.stages - 1}")
        super().freeze(stages)
