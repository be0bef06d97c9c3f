"""Whether made images look like real ones (precision), and whether all kinds of real ones are made (recall)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from tumorscope.core.errors import InputError
from tumorscope.metrics.metric import FloatArray


def precision_recall(made: FloatArray, real: FloatArray, neighbours: int = 3) -> tuple[float, float]:
    """Return improved precision and recall (Kynkäänniemi et al., NeurIPS 2019).

    A set covers a ball around each of its rows that reaches to the ``neighbours``-th nearest other row. Precision is
    the share of made rows that real ones cover, recall the share of real rows that made ones cover. Both depend on n,
    and slices of one patient lie close together: compare them only beside two real sets of that n.

    Args:
        made: Features (N, D).
        real: Features (M, D).
        neighbours: k.

    Raises:
        InputError: if a set has no more than ``neighbours`` rows.
    """
    if min(len(made), len(real)) <= neighbours:
        raise InputError(
            expected=f"more than {neighbours} images on each side",
            found=f"{len(made)} and {len(real)}",
            fix="Give more images",
        )
    return _covered(made, real, neighbours), _covered(real, made, neighbours)


def _covered(rows: FloatArray, by: FloatArray, neighbours: int) -> float:
    """Return the share of rows inside a ball of another set."""
    radii = np.partition(cdist(by, by), neighbours, axis=1)[:, neighbours]  # the nearest is the row itself
    return float((cdist(rows, by) <= radii).any(axis=1).mean())
