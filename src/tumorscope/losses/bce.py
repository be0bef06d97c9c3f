"""Binary cross-entropy (S1-08, S3-09)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from tumorscope.losses.known import mean_of_known


class BCELoss(nn.Module):
    """Mean binary cross-entropy over pixels and channels, on logits.

    Args:
        exclusive: Taken for a uniform interface; the channels are always judged one by one.
        positive_weight: Weight of tumour pixels.
    """

    def __init__(self, exclusive: bool, positive_weight: float = 1.0) -> None:
        super().__init__()
        self.exclusive, self.positive_weight = exclusive, positive_weight

    def forward(self, logits: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
        """Return a scalar from logits and 0/1 targets, both (B, K, …), over the ``known`` pixels (B, 1, …)."""
        weight = None if self.positive_weight == 1.0 else logits.new_tensor(self.positive_weight)
        entropy = functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight, reduction="none")
        return mean_of_known(entropy, known)
