"""A weighted sum of losses (S1-10)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from tumorscope.core.errors import UsageError
from tumorscope.losses import LOSSES


class LossTerm(BaseModel):
    """One loss of the sum."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float = Field(default=1.0, gt=0)
    args: dict[str, Any] = Field(default_factory=dict)


class WeightedLoss(nn.Module):
    """Σ weight · loss.

    Args:
        terms: Loss name → weight and keyword arguments.
        exclusive: Whether the output channels share one softmax.

    Raises:
        UsageError: for an unknown loss or argument.
    """

    def __init__(self, terms: dict[str, LossTerm], exclusive: bool) -> None:
        super().__init__()
        self.weights = [term.weight for term in terms.values()]
        self.losses = nn.ModuleList(_build(name, term, exclusive) for name, term in terms.items())

    def forward(self, logits: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
        """Return a scalar from logits and 0/1 targets, both (B, K, …), over the ``known`` pixels (B, 1, …)."""
        total = logits.new_zeros(())
        for weight, loss in zip(self.weights, self.losses, strict=True):
            total = total + weight * loss(logits, target, known)
        return total


def _build(name: str, term: LossTerm, exclusive: bool) -> nn.Module:
    try:
        loss: nn.Module = LOSSES.load(name)(exclusive, **term.args)
    except (TypeError, ValueError) as error:
        raise UsageError(
            expected=f"arguments of loss '{name}'", found=str(error), fix=f"Correct loss.{name}.args"
        ) from error
    return loss
