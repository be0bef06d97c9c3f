"""The prediction every model must beat: nothing at all."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Numbers = TypeVar("Numbers", npt.NDArray[np.int64], npt.NDArray[np.float64])


def empty_prediction(counts: Numbers) -> Numbers:
    """Return the counts an all-empty prediction has against the same references.

    Args:
        counts: (tp, fp, fn, tn) of any prediction, shape (..., 4); only the reference's part is used.

    Returns:
        Array of the same shape with tp = fp = 0, every reference voxel missed and every other one right.
    """
    tp, fp, fn, tn = np.moveaxis(counts, -1, 0)
    zero = np.zeros_like(tp)
    return np.stack([zero, zero, tp + fn, tn + fp], axis=-1)
