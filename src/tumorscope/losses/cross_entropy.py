"""Categorical cross-entropy (S2-39, S4-45)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.core.errors import UsageError


class CrossEntropyLoss(nn.Module):
    """Mean categorical cross-entropy over pixels.

    Args:
        exclusive: Must be True: the channels share one softmax.
        class_weights: One weight per channel, background first, or None.
    """

    class_weights: Tensor | None

    def __init__(self, exclusive: bool, class_weights: list[float] | None = None) -> None:
        super().__init__()
        if not exclusive:
            raise UsageError(
                expected="outputs.kind 'classes' for cross_entropy", found="sigmoid outputs", fix="Use bce"
            )
        self.register_buffer(
            "class_weights", None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        )

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return a scalar from logits and one-hot targets, both (B, K, …).

        Raises:
            UsageError: if there are not as many class weights as channels.
        """
        if self.class_weights is not None and len(self.class_weights) != logits.shape[1]:
            raise UsageError(
                expected=f"{logits.shape[1]} class weights, background first",
                found=f"{len(self.class_weights)}",
                fix="Correct loss.cross_entropy.args.class_weights",
            )
        return functional.cross_entropy(logits, target.argmax(dim=1), weight=self.class_weights)
