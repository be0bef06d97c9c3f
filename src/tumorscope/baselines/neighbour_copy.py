"""Copy the mask of the nearest slice of the same case that is in the training part."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tumorscope.baselines.slice_set import SliceSet, Source


def neighbour_copy(test: SliceSet, train: SliceSet) -> Source:
    """Find, for each test slice, the nearest training slice of its case; of two equally near, the lower one.

    Under a split by patient there is none, and the mask stays empty.

    Returns:
        Index into ``train``, shape (N,); -1 where the case has no training slice.
    """
    by_case: dict[str, list[int]] = defaultdict(list)
    for index, case in enumerate(train.cases):
        by_case[case].append(index)
    source = np.full(len(test), -1, dtype=np.int64)
    for position, (case, z) in enumerate(zip(test.cases, test.z, strict=True)):
        if case in by_case:
            near = np.array(sorted(by_case[case], key=lambda i: int(train.z[i])))
            source[position] = near[np.argmin(np.abs(train.z[near] - z))]
    return source
