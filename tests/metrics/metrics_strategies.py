"""Random masks, counts and values for the metrics' property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tumorscope.metrics import Counts

counts = st.builds(Counts, *(st.integers(0, 5000) for _ in range(4))).filter(lambda c: c.size > 0)
values = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1, width=32))


@st.composite
def mask_pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Two boolean masks of one small shape; empty ones are likely."""
    shape = draw(hnp.array_shapes(min_dims=3, max_dims=3, max_side=5))
    density = draw(st.sampled_from((0.0, 0.1, 0.5)))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    return rng.random(shape) < density, rng.random(shape) < draw(st.sampled_from((0.0, 0.1, 0.5)))
