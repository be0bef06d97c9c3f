"""Is a picture of the kind a classifier was trained on? Photographs, text, noise, inverted slices are not.

A softmax answers with certainty whatever it is shown. Pictures are therefore described without the network, by their
intensities, their edges at three scales, their brightness from the middle outwards and a thumbnail; the descriptions
of the training pictures of each type are summed up as a Gaussian in their principal components, and what those
components cannot express is a second distance (Lee et al., 2018, use such distances on a network's features).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorscope.core.image import Array
from tumorscope.transforms.grid import linear_weights

Floats = npt.NDArray[np.float32]
#: Side of the picture that is described.
_SIDE = 80
_EDGES = np.array([0, 0.01, 0.02, 0.04, 0.06, 0.09, 0.13, 0.2, 0.3, 0.5, 2])
_RINGS = np.arange(0, 1.41, 0.14)


def describe_picture(pictures: Array) -> Floats:
    """Describe pictures (N, H, W) with values in [0, 1]: float32 (N, D)."""
    full = _resized(np.asarray(pictures, dtype=np.float32), _SIDE)
    half, quarter = _resized(full, _SIDE // 2), _resized(full, _SIDE // 4)
    parts = [
        _shares(full, np.linspace(0, 1, 17)),
        *(_shares(_steepness(view), _EDGES) for view in (full, half, quarter)),
        *_rings(full),
        0.5 * _resized(full, _SIDE // 10).reshape(len(full), -1),
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _resized(pictures: Floats, side: int) -> Floats:
    rows, columns = (_weights(side, n) for n in pictures.shape[1:])
    return np.asarray(rows @ pictures @ columns.T)


@lru_cache
def _weights(targets: int, sources: int) -> Floats:
    found = linear_weights(targets, sources, sources / targets, (sources / targets - 1) / 2)
    return found.astype(np.float32)


def _steepness(pictures: Floats) -> Floats:
    down = pictures[:, 2:, 1:-1] - pictures[:, :-2, 1:-1]
    across = pictures[:, 1:-1, 2:] - pictures[:, 1:-1, :-2]
    return np.asarray(np.sqrt(down * down + across * across))


def _shares(values: Floats, edges: Array) -> Floats:
    """Return the square root of the share of values in each bin, (N, bins)."""
    flat = np.sort(values.reshape(len(values), -1), axis=1)
    inner = edges[1:-1].astype(np.float32)
    below = np.stack([np.searchsorted(row, inner) for row in flat])
    ends = np.full((len(flat), 1), flat.shape[1])
    shares = np.diff(below, axis=1, prepend=0, append=ends) / flat.shape[1]
    return np.asarray(np.sqrt(shares), dtype=np.float32)


@lru_cache
def _ring_means() -> Floats:
    """Return the matrix (pixels, rings) that averages over rings around the middle."""
    y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
    number = np.digitize(np.hypot(x, y), _RINGS).ravel() - 1
    matrix = (number[:, None] == np.arange(len(_RINGS))).astype(np.float32)
    return np.asarray(matrix / np.maximum(matrix.sum(axis=0), 1), dtype=np.float32)


def _rings(pictures: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation in each ring, (N, rings) each."""
    flat = pictures.reshape(len(pictures), -1)
    mean, square = flat @ _ring_means(), (flat * flat) @ _ring_means()
    return mean, np.sqrt(np.maximum(square - mean * mean, 0))


@dataclass(frozen=True, eq=False)
class Novelty:
    """What the pictures a classifier was trained on look like.

    Attributes:
        mean: Of the descriptions, (D,).
        scale: Their standard deviation, (D,).
        basis: Principal components, (D, P).
        centres: Of each type in their space, (K, P).
        precision: Inverse covariance of each type there, (K, P, P).
        limits: Distance to the nearest type, and to the space, beyond which a picture is foreign, (2,).
    """

    mean: Floats
    scale: Floats
    basis: Floats
    centres: Floats
    precision: Floats
    limits: Floats

    def distances(self, described: Array) -> Floats:
        """Return both distances of descriptions (N, D): (N, 2)."""
        z = (described - self.mean) / self.scale
        inside = z @ self.basis
        rest = np.sqrt(np.square(z - inside @ self.basis.T).mean(axis=1))
        away = inside[:, None] - self.centres[None]
        squared = np.einsum("nkp,kpq,nkq->nk", away, self.precision, away)
        nearest = np.sqrt(np.maximum(squared, 0).min(axis=1) / inside.shape[1])
        return np.stack([nearest, rest], axis=1).astype(np.float32)

    def score(self, pictures: Array) -> Floats:
        """Return how foreign pictures (N, H, W) in [0, 1] are: above 1 is beyond the limit, (N,)."""
        return np.asarray((self.distances(describe_picture(pictures)) / self.limits).max(axis=1))

    def save(self, path: Path) -> None:
        """Write it as safetensors."""
        from safetensors.numpy import save_file

        save_file({f.name: np.ascontiguousarray(getattr(self, f.name)) for f in fields(self)}, path)

    @classmethod
    def load(cls, path: Path) -> Novelty:
        """Read what :meth:`save` wrote."""
        from safetensors.numpy import load_file

        return cls(**load_file(path))


def fit_novelty(train: Array, types: Array, validation: Array, *, components: int = 80, share: float = 0.99) -> Novelty:
    """Sum up training pictures and set the limits on validation pictures.

    Args:
        train: Descriptions of training pictures, (N, D).
        types: Type of each, (N,).
        validation: Descriptions of validation pictures, (M, D).
        components: Principal components kept, at most half the number of training pictures.
        share: Of validation pictures that each of the two limits lets pass.
    """
    mean, scale = train.mean(axis=0), train.std(axis=0) + 1e-3
    z = (train - mean) / scale
    kept = max(1, min(components, len(train) // 2, train.shape[1]))
    basis = np.linalg.svd(z, full_matrices=False)[2][:kept].T
    inside = z @ basis
    centres, precision = [], []
    for number in np.unique(types):
        own = inside[types == number]
        covariance = np.cov(own.T).reshape(kept, kept) if len(own) > 1 else np.eye(kept)
        ridge = 0.1 * np.trace(covariance) / kept + 1e-6
        centres.append(own.mean(axis=0))
        precision.append(np.linalg.inv(covariance + ridge * np.eye(kept)))
    parts = [np.asarray(a, dtype=np.float32) for a in (mean, scale, basis, centres, precision, [1, 1])]
    made = Novelty(*parts)
    limits = np.quantile(made.distances(validation), share, axis=0).astype(np.float32)
    return replace(made, limits=limits)
