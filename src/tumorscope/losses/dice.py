"""Soft Dice loss (S1-07: 1 - (2 Σ ŷy + smooth) / (Σ ŷ + Σ y + smooth))."""

from __future__ import annotations

from monai.losses.dice import DiceLoss as MonaiDiceLoss
from torch import Tensor, nn


class DiceLoss(nn.Module):
    """Soft Dice over the whole batch, mean over channels; the background channel of a softmax does not count.

    Args:
        exclusive: Softmax over the channels instead of one sigmoid each.
        smooth: Added above and below the fraction line.
        batch: Sum over the batch before dividing (steadier when many slices are empty) or per sample.
    """

    def __init__(self, exclusive: bool, smooth: float = 1.0, batch: bool = True) -> None:
        super().__init__()
        self.exclusive = exclusive
        self.loss = MonaiDiceLoss(include_background=not exclusive, smooth_nr=smooth, smooth_dr=smooth, batch=batch)

    def forward(self, logits: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
        """Return a scalar from logits and 0/1 targets, both (B, K, …), over the ``known`` pixels (B, 1, …)."""
        probability = logits.softmax(dim=1) if self.exclusive else logits.sigmoid()
        if known is not None:
            probability, target = probability * known, target * known
        return self.loss(probability, target)  # type: ignore[no-any-return]
