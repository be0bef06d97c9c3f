"""Means over the pixels whose label is known (sparse labels; S4-23)."""

from __future__ import annotations

from torch import Tensor


def mean_of_known(values: Tensor, known: Tensor | None) -> Tensor:
    """Return the mean of ``values`` over known pixels; 0 where none is known.

    Args:
        values: (B, K, …), finite.
        known: (B, 1, …), 1 where the label is known and 0 where not; None: everywhere. Values of other pixels
            contribute neither to the mean nor to its gradient.
    """
    if known is None:
        return values.mean()
    return (values * known).sum() / (known.sum() * values.shape[1]).clamp_min(1)
