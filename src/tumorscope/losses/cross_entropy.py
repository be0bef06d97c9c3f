"""Categorical cross-entropy (S2-39, S4-45)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.core.errors import UsageError

#: Label index that PyTorch's cross-entropy leaves out.
_UNKNOWN = -100


class CrossEntropyLoss(nn.Module):
    """Mean categorical cross-entropy over pixels; with class weights, the weighted mean.

    Args:
        exclusive: Must be True: the channels share one softmax.
        class_weights: One weight per channel, background first; or None; or ``balanced``, which training replaces by
            the weights of its own pixels before the first step.
    """

    class_weights: Tensor | None

    def __init__(self, exclusive: bool, class_weights: list[float] | Literal["balanced"] | None = None) -> None:
        super().__init__()
        if not exclusive:
            raise UsageError(
                expected="outputs.kind 'classes' for cross_entropy", found="sigmoid outputs", fix="Use bce"
            )
        if isinstance(class_weights, str) and class_weights != "balanced":
            raise ValueError(f"class_weights is a list of numbers or 'balanced', not '{class_weights}'")
        self.open = class_weights == "balanced"
        numbers = class_weights if isinstance(class_weights, list | tuple) else None
        self.register_buffer("class_weights", None if numbers is None else torch.tensor(numbers, dtype=torch.float32))

    def forward(self, logits: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
        """Return a scalar from logits and one-hot targets, both (B, K, …), over the ``known`` pixels (B, 1, …).

        Raises:
            UsageError: if there are not as many class weights as channels, or they are still to be found.
        """
        weights, found = self.class_weights, "'balanced', which only training can fill in" if self.open else None
        if weights is not None and len(weights) != logits.shape[1]:
            found = str(len(weights))
        if found is not None:
            raise UsageError(
                expected=f"{logits.shape[1]} class weights, background first",
                found=found,
                fix="Correct loss.cross_entropy.args.class_weights",
            )
        index = target.argmax(dim=1)
        if known is None:
            return functional.cross_entropy(logits, index, weight=weights)
        index = index.masked_fill(known[:, 0] == 0, _UNKNOWN)
        total = functional.cross_entropy(logits, index, weight=weights, ignore_index=_UNKNOWN, reduction="sum")
        share = (target * known).sum(dim=[0, *range(2, target.ndim)])
        return total / (share if weights is None else share * weights).sum().clamp_min(1e-6)
