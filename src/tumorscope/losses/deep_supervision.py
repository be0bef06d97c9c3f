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
            logits: (B, K, …), or one such per decoder level, finest first. Where a coarser one's pixels are whole
                squares (cubes) of the target's, their mean is its target; else it is enlarged linearly.
            target: 0/1 (B, K, …).
            known: (B, 1, …), 1 where the label is known; None: everywhere.
        """
        levels = [logits] if isinstance(logits, Tensor) else list(logits)
        weights = [0.5**level for level in range(len(levels))]
        total = target.new_zeros(())
        for weight, level in zip(weights, levels, strict=True):
            matched = _matched(level, target, known)
            total = total + weight / sum(weights) * self.loss(*matched)
        return total


def _matched(logits: Tensor, target: Tensor, known: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return logits, target and known pixels of one size."""
    if logits.shape[2:] == target.shape[2:]:
        return logits, target, known
    factor, rest = divmod(target.shape[-1], logits.shape[-1])
    whole = rest == 0 and all(n == factor * m for n, m in zip(target.shape[2:], logits.shape[2:], strict=True))
    if whole and known is None:
        pool = functional.avg_pool2d if target.ndim == 4 else functional.avg_pool3d
        return logits, pool(target, factor), None
    mode = "bilinear" if target.ndim == 4 else "trilinear"
    return functional.interpolate(logits, size=target.shape[2:], mode=mode, align_corners=False), target, known
