"""How alike the inside of two heads is, silhouettes left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

#: Side of the box whose mean is taken away: what is smoother than this does not count.
_BOX = 7
#: A pixel belongs to the inside when its whole 3 × 3 neighbourhood is brighter than this share of the brightest.
_INSIDE = 0.15
_LEAST_PIXELS = 60
#: Pictures worked on at a time.
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Detail:
    """Small pictures less their smooth part, which a comparison with any other picture needs.

    Attributes:
        rough: float32 (N, S, S).
        inside: Where each head is, its edge left out, bool (N, S, S).
    """

    rough: Floats
    inside: npt.NDArray[np.bool_]

    def take(self, chosen: npt.NDArray[np.int64]) -> Detail:
        """Return the chosen ones."""
        return Detail(self.rough[chosen], self.inside[chosen])


def details(pictures: npt.NDArray[np.uint8]) -> Detail:
    """Take the smooth part away from small pictures (N, S, S)."""
    rough, inside = np.empty(pictures.shape, np.float32), np.empty(pictures.shape, np.bool_)
    for start in range(0, len(pictures), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        scaled = _scaled(pictures[some])
        rough[some], inside[some] = scaled - _smooth(scaled), _least_around(scaled) > _INSIDE
    return Detail(rough, inside)


def detail_correlation(a: Detail, b: Detail) -> Floats:
    """Correlate what remains of small pictures after their smooth part, inside both heads.

    Brains registered to one atlas have nearly the same silhouette and shading; their gyri, ventricles and tumours
    differ. Two pictures of one slice agree in these, whatever their size, compression and brightness.

    Args:
        a: Of N pictures.
        b: Of as many others.

    Returns:
        float32 (N,) in [-1, 1]; 0 where the heads share too few pixels.
    """
    inside = a.inside & b.inside
    size = inside.sum(axis=(1, 2))
    x, y = _centred(a.rough, inside, size), _centred(b.rough, inside, size)
    norm = np.sqrt((x * x).sum(axis=(1, 2)) * (y * y).sum(axis=(1, 2)))
    value = (x * y).sum(axis=(1, 2)) / np.maximum(norm, 1e-9)
    return np.where(size >= _LEAST_PIXELS, value, 0).astype(np.float32)


def _scaled(pictures: npt.NDArray[np.uint8]) -> Floats:
    top = np.percentile(pictures.reshape(len(pictures), -1), 98, axis=1).astype(np.float32)
    return np.asarray(pictures / np.maximum(top, 1)[:, None, None], dtype=np.float32)


def _centred(rough: Floats, inside: npt.NDArray[np.bool_], size: npt.NDArray[np.int64]) -> Floats:
    rough = np.where(inside, rough, 0)
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
