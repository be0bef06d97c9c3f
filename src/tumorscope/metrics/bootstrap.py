"""Resampling with replacement."""

from __future__ import annotations

import numpy as np

from tumorscope.metrics.metric import FloatArray

#: Indices drawn at a time; bounds memory.
_CHUNK = 2_000_000


def resampled_sums(table: FloatArray, *, seed: int, n_boot: int) -> FloatArray:
    """Draw the rows of ``table`` with replacement, as many as it has, and add them up; ``n_boot`` times.

    A ratio of two columns' sums (sum of values over number of values) is a resampled mean; when a row holds the sums
    of one patient, it is the mean of a cluster bootstrap. Rows are sorted first: their order changes nothing.

    Args:
        table: One row per resampled thing (patient), shape (G, K).
        seed: Of the random draw.
        n_boot: Number of resamples.

    Returns:
        Array of shape (n_boot, K).
    """
    n_rows, n_columns = table.shape
    table = table[np.lexsort(table.T)]
    rng = np.random.default_rng(seed)
    sums = np.empty((n_boot, n_columns))
    step = max(1, _CHUNK // n_rows)
    for start in range(0, n_boot, step):
        rows = min(step, n_boot - start)
        drawn = rng.integers(0, n_rows, size=(rows, n_rows)) + n_rows * np.arange(rows)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=rows * n_rows).reshape(rows, n_rows)
        sums[start : start + rows] = weights @ table
    return sums


def percentile_interval(statistics: FloatArray) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of resampled statistics, NaN left out (Efron, 1979)."""
    low, high = np.nanquantile(statistics, [0.025, 0.975])
    return float(low), float(high)
