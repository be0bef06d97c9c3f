"""One loss for every level of a guided decoder (Maji et al. 2022; S1-03)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class DeepSupervision(nn.Module):
    """The weighted mean of a loss over all decoder levels: 1 for the finest, half as much for each coarser one.

    Args:
        loss: Takes logits, targets and known pixels.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor | Sequence[Tensor], target: Tensor, known: Tensor | None = None) -> Tensor:
        """Return a scalar.

        Args:
            logits: (B, K, …), or one such per decoder level, finest first; coarser ones are enlarged linearly.
            target: 0/1 (B, K, …).
            known: (B, 1, …), 1 where the label is known; None: everywhere.
        """
        levels = [logits] if isinstance(logits, Tensor) else list(logits)
        weights = [0.5**level for level in range(len(levels))]
        total = target.new_zeros(())
        for weight, level in zip(weights, levels, strict=True):
            total = total + weight / sum(weights) * self.loss(_enlarged(level, target), target, known)
        return total


def _enlarged(logits: Tensor, target: Tensor) -> Tensor:
    """Return ``logits`` at the size of ``target``."""
    if logits.shape[2:] == target.shape[2:]:
        return logits
    mode = "bilinear" if target.ndim == 4 else "trilinear"
    return functional.interpolate(logits, size=target.shape[2:], mode=mode, align_corners=False)
