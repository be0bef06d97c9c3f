"""Copy from the training slice that looks most alike: 48×48 pixels, Euclidean distance, no learning."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tumorscope.baselines.slice_set import SliceSet, Source

#: Distances held at a time; bounds memory to about 32 MB.
_BLOCK = 8_000_000


def nearest_neighbour(test: SliceSet, train: SliceSet) -> Source:
    """Find the training slice whose small picture is nearest to each test slice's.

    Returns:
        Index into ``train``, shape (N,); -1 where there is no training slice.
    """
    return nearest(test.pixels, train.pixels)


def nearest(queries: npt.NDArray[np.uint8], known: npt.NDArray[np.uint8]) -> Source:
    """Find the nearest of ``known`` for each query; of equally near ones the first.

    Args:
        queries: Pictures (N, H, W).
        known: Pictures (M, H, W) of the same size.

    Returns:
        Index into ``known``, shape (N,); -1 everywhere when M is 0.
    """
    found = np.full(len(queries), -1, dtype=np.int64)
    if not len(known) or not len(queries):
        return found
    rows = max(1, _BLOCK // len(known))
    columns = _as_rows(known)
    squared = (columns**2).sum(axis=1)
    for start in range(0, len(queries), rows):
        block = _as_rows(queries[start : start + rows])
        found[start : start + len(block)] = np.argmin(squared - 2 * (block @ columns.T), axis=1)
    return found


def _as_rows(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return np.asarray(pictures.reshape(len(pictures), -1), dtype=np.float32) / np.float32(255)
