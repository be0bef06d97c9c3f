"""Focal loss as paper S1 prints it: α (1 - p)^γ BCE with p = exp(-BCE) (S1-09; Lin et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.losses.known import mean_of_known


class FocalLoss(nn.Module):
    """Mean focal loss over pixels and channels.

    Args:
        exclusive: Cross-entropy over a softmax instead of one binary cross-entropy per channel.
        alpha: Overall weight.
        gamma: How strongly easy pixels are played down.
    """

    def __init__(self, exclusive: bool, alpha: float = 0.8, gamma: float = 2.0) -> None:
        super().__init__()
        self.exclusive, self.alpha, self.gamma = exclusive, alpha, gamma

    def forward(self, logits: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
        """Return a scalar from logits and 0/1 targets, both (B, K, …), over the ``known`` pixels (B, 1, …)."""
        if self.exclusive:
            entropy = functional.cross_entropy(logits, target.argmax(dim=1), reduction="none")[:, None]
        else:
            entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
        missed = (-torch.expm1(-entropy)).clamp_min(1e-12)  # 1 - p; the clamp keeps gradients finite for gamma < 1
        return mean_of_known(self.alpha * missed**self.gamma * entropy, known)
