"""A label map and the brain's outline as the channels that a synthesis starts from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tumorscope.core.errors import UsageError
from tumorscope.core.labels import LabelScheme


def condition_maps(labels: Tensor, brain: Tensor, scheme: LabelScheme, names: Sequence[str]) -> Tensor:
    """Return the brain and one map per class, 0 or 1.

    Args:
        labels: Label values (B, H, W).
        brain: Where the brain is, bool (B, H, W); labelled pixels always belong to it.
        scheme: What the values mean.
        names: Classes, in channel order.

    Returns:
        float32 (B, 1 + K, H, W).

    Raises:
        UsageError: for a class that the scheme does not have.
    """
    unknown = [n for n in names if n not in {label.name for label in scheme.labels}]
    if unknown:
        raise UsageError(
            expected=f"classes out of {', '.join(label.name for label in scheme.labels)}",
            found=f"'{unknown[0]}'",
            fix="Correct condition",
        )
    values = np.arange(256)
    table = torch.from_numpy(np.stack([scheme.mask(values, n) for n in names], axis=1).astype(np.float32))
    maps = table.to(labels.device)[labels.long()].movedim(-1, 1)
    inside = (brain | (maps > 0).any(dim=1))[:, None].float()
    return torch.cat([inside, maps], dim=1)
