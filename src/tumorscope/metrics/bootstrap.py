"""Resampling with replacement."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from tumorscope.metrics.metric import FloatArray

#: Rows drawn at a time; bounds memory.
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
    step = max(1, _CHUNK // n_rows)
    sums = np.empty((n_boot, n_columns))
    for chunk, start in enumerate(range(0, n_boot, step)):
        rows = min(step, n_boot - start)
        sums[start : start + rows] = _weights(n_rows, rows, seed, chunk) @ table
    return sums


@lru_cache(maxsize=8)
def _weights(n_rows: int, n_draws: int, seed: int, chunk: int) -> npt.NDArray[np.uint16]:
    """How often each row is drawn, shape (n_draws, n_rows); kept, because every metric of a table needs the same."""
    drawn = np.random.default_rng([seed, chunk]).integers(0, n_rows, size=(n_draws, n_rows))
    drawn += n_rows * np.arange(n_draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=n_draws * n_rows).reshape(n_draws, n_rows).astype(np.uint16)


def percentile_interval(statistics: FloatArray) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of resampled statistics, NaN left out (Efron, 1979)."""
    low, high = np.nanquantile(statistics, [0.025, 0.975])
    return float(low), float(high)
