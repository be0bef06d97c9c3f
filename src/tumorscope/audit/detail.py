"""How alike the inside of two heads is, silhouettes left out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

#: Side of the box whose mean is taken away: what is smoother than this does not count.
_BOX = 7
#: A pixel belongs to the inside when its whole 3 × 3 neighbourhood is brighter than this share of the brightest.
_INSIDE = 0.15
_LEAST_PIXELS = 60


def detail_correlation(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> Floats:
    """Correlate what remains of two small pictures after their smooth part, inside both heads.

    Brains registered to one atlas have nearly the same silhouette and shading; their gyri, ventricles and tumours
    differ. Two pictures of one slice agree in these, whatever their size, compression and brightness.

    Args:
        a: Small pictures (N, S, S).
        b: As many others.

    Returns:
        float32 (N,) in [-1, 1]; 0 where the heads share too few pixels.
    """
    first, second = _scaled(a), _scaled(b)
    inside = (_least_around(first) > _INSIDE) & (_least_around(second) > _INSIDE)
    size = inside.sum(axis=(1, 2))
    x, y = _detail(first, inside, size), _detail(second, inside, size)
    norm = np.sqrt((x * x).sum(axis=(1, 2)) * (y * y).sum(axis=(1, 2)))
    value = (x * y).sum(axis=(1, 2)) / np.maximum(norm, 1e-9)
    return np.where(size >= _LEAST_PIXELS, value, 0).astype(np.float32)


def _scaled(pictures: npt.NDArray[np.uint8]) -> Floats:
    top = np.percentile(pictures.reshape(len(pictures), -1), 98, axis=1).astype(np.float32)
    return np.asarray(pictures / np.maximum(top, 1)[:, None, None], dtype=np.float32)


def _detail(pictures: Floats, inside: npt.NDArray[np.bool_], size: npt.NDArray[np.int64]) -> Floats:
    rough = np.where(inside, pictures - _smooth(pictures), 0)
    mean = rough.sum(axis=(1, 2)) / np.maximum(size, 1)
    return np.where(inside, rough - mean[:, None, None], 0).astype(np.float32)


def _smooth(pictures: Floats) -> Floats:
    """Return the mean over a box of :data:`_BOX` × :data:`_BOX` pixels; edges repeat."""
    margin = _BOX // 2
    padded = np.pad(pictures.astype(np.float64), ((0, 0), (margin, margin), (margin, margin)), mode="edge")
    sums = np.pad(padded.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
    box = sums[:, _BOX:, _BOX:] - sums[:, :-_BOX, _BOX:] - sums[:, _BOX:, :-_BOX] + sums[:, :-_BOX, :-_BOX]
    return np.asarray(box / _BOX**2, dtype=np.float32)


def _least_around(pictures: Floats) -> Floats:
    """Return the least value in the 3 × 3 pixels around each pixel."""
    side = pictures.shape[1]
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    shifted = [padded[:, i : i + side, j : j + side] for i in range(3) for j in range(3)]
    return np.asarray(np.minimum.reduce(shifted))
