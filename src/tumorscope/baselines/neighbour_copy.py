"""Copy the mask of the nearest slice of the same scan that is in the training part."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tumorscope.baselines.slice_set import SliceSet, Source


def neighbour_copy(test: SliceSet, train: SliceSet) -> Source:
    """Find, for each test slice, the nearest training slice of its series; of two equally near, the lower one.

    Under a split by patient there is none, and the mask stays empty.

    Returns:
        Index into ``train``, shape (N,); -1 where the series has no training slice.
    """
    by_series: dict[str, list[int]] = defaultdict(list)
    for index, series in enumerate(train.series):
        by_series[series].append(index)
    source = np.full(len(test), -1, dtype=np.int64)
    for position, (series, z) in enumerate(zip(test.series, test.z, strict=True)):
        if series in by_series:
            near = np.array(sorted(by_series[series], key=lambda i: int(train.z[i])))
            source[position] = near[np.argmin(np.abs(train.z[near] - z))]
    return source
