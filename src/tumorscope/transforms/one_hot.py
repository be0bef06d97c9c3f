"""Label maps as one 0/1 map per class, and back (S2-35, S4-26)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorscope.core.errors import LabelError
from tumorscope.core.image import Array


def one_hot(labels: Array, values: Sequence[int], axis: int = 0) -> Array:
    """Return uint8 0/1 maps: background first, then one per value, stacked along a new ``axis``.

    >>> import numpy as np
    >>> one_hot(np.array([[0, 1], [2, 4]]), (1, 2, 4)).tolist()  # a 2 × 2 BraTS slice → (4, 2, 2)
    [[[1, 0], [0, 0]], [[0, 1], [0, 0]], [[0, 0], [1, 0]], [[0, 0], [0, 1]]]

    Args:
        labels: Integer label values of any shape; slices (Z, H, W) with ``axis=1`` give (Z, K + 1, H, W).
        values: Label values in channel order, without 0 (``scheme.values``).
        axis: Where the channels go.

    Raises:
        LabelError: if a value occurs that is neither 0 nor in ``values``.
    """
    maps = np.stack([labels == value for value in (0, *values)], axis=axis)
    if not maps.any(axis=axis).all():
        unknown = sorted({int(v) for v in np.unique(labels)} - {0, *values})
        raise LabelError(
            expected=f"label values 0, {', '.join(map(str, values))}",
            found=", ".join(map(str, unknown)),
            fix="Convert the labels to this scheme first",
        )
    return maps.astype(np.uint8)


def from_one_hot(maps: Array, values: Sequence[int], axis: int = 0) -> Array:
    """Return the uint8 label values of 0/1 maps or class probabilities: per voxel the largest channel (argmax).

    Args:
        maps: Background first, then one channel per value along ``axis``.
        values: As for :func:`one_hot`.
        axis: Where the channels are.
    """
    return np.asarray(np.array([0, *values], dtype=np.uint8)[np.argmax(maps, axis=axis)])
