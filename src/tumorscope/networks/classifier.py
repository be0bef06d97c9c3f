"""What every picture classifier has in common: stages that can be frozen one by one, pooling, a dense head."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from tumorscope.networks.dropout import Dropout


class StagedClassifier(nn.Module):
    """A base of stages, global average pooling and a dense head (S3-03).

    A subclass sets :attr:`stages` (how many there are) and :meth:`stage`. Pictures come in [0, 1] and go into the base
    as three equal channels in [-1, 1], as ImageNet weights expect; pictures of several sequences keep their channels.

    Args:
        in_channels: Channels of the picture.
        out_channels: Number of classes.
        features: Channels of the last stage.
        hidden: Units of the dense layer; 0 for none.
        dropout: Before the last layer.
    """

    stages: int = 0

    def __init__(self, in_channels: int, out_channels: int, features: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.pool = nn.AdaptiveAvgPool2d(1)
        dense: list[nn.Module] = [nn.Linear(features, hidden), nn.ReLU(inplace=True)] if hidden else []
        self.head = nn.Sequential(*dense, Dropout(dropout), nn.Linear(hidden or features, out_channels))

    @property
    def explained(self) -> int:
        """Index of the stage whose places Grad-CAM weighs: the last but one (stride 16)."""
        return max(0, self.stages - 2)

    @staticmethod
    def base_channels(in_channels: int) -> int:
        """Return the channels that the base sees."""
        return 3 if in_channels == 1 else in_channels

    def stage(self, index: int, x: Tensor) -> Tensor:
        """Run one stage: 0 takes the scaled picture, each other the features of the one before."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures (B, C, H, W) in [0, 1] to logits (B, K)."""
        return self.after(self.before(x, 0), 0)

    def before(self, x: Tensor, stages: int) -> Tensor:
        """Run the first ``stages`` stages on pictures (B, C, H, W)."""
        x = x * 2 - 1
        if self.in_channels == 1:
            x = x.expand(-1, 3, -1, -1)
        for index in range(stages):
            x = self.stage(index, x)
        return x

    def after(self, x: Tensor, stages: int) -> Tensor:
        """Run what follows the first ``stages`` stages: logits (B, K)."""
        return cast("Tensor", self.head(self.pooled(x, stages)))

    def after_with_attention(self, x: Tensor, stages: int) -> tuple[Tensor, Tensor | None]:
        """Run what follows the first ``stages`` stages: logits (B, K), and those of an attention map if it has one."""
        return self.after(x, stages), None

    def pooled(self, x: Tensor, stages: int) -> Tensor:
        """Return the pooled features (B, F) of what the first ``stages`` stages gave."""
        for index in range(stages, self.stages):
            x = self.stage(index, x)
        return torch.flatten(self.pool(x), 1)

    def stage_modules(self, index: int) -> list[nn.Module]:
        """Return the modules of one stage."""
        raise NotImplementedError

    def freeze(self, stages: int) -> None:
        """Take the first ``stages`` stages out of training: no gradients, and normalisation as it was learned.

        Raises:
            ValueError: if there are not that many.
        """
        if not 0 <= stages <= self.stages:
            raise ValueError(f"this network has {self.stages} stages, so frozen_stages is 0 to {self.stages}")
        for index in range(stages):
            for module in self.stage_modules(index):
                module.requires_grad_(False).eval()
