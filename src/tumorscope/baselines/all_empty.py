"""Mark nothing anywhere."""

from __future__ import annotations

import numpy as np

from tumorscope.baselines.slice_set import SliceSet, Source


def all_empty(test: SliceSet, train: SliceSet) -> Source:
    """Give every test slice an empty mask: -1 for each."""
    return np.full(len(test), -1, dtype=np.int64)
