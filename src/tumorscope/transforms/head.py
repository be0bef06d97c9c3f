"""Where the head is in a picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def head_box(pixels: Floats) -> tuple[slice, slice]:
    """Return rows and columns of the head: those with at least 2 % of pixels above Otsu's threshold (Otsu, 1979)."""
    mask = pixels > otsu(pixels[::2, ::2])
    rows, columns = (np.flatnonzero(mask.mean(axis=axis) > 0.02) for axis in (1, 0))
    if rows.size < 8 or columns.size < 8:
        return slice(None), slice(None)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def otsu(pixels: Floats) -> float:
    """Return the threshold that divides the values of ``pixels`` best into dark and bright (Otsu, 1979).

    Where several divide them alike, as in a gap between dark and bright, it is the middle one.
    """
    low, high = float(pixels.min()), float(pixels.max())
    if not high > low:
        return high
    numbers, edges = np.histogram(pixels, bins=64, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(numbers)[:-1].astype(np.float64)
    total, moment = float(numbers.sum()), np.cumsum(numbers * centres)
    above = total - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (moment[:-1] / below - (moment[-1] - moment[:-1]) / above) ** 2
    between = np.nan_to_num(between)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(edges[1:-1][best[len(best) // 2]])
