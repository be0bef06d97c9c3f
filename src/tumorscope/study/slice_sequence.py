"""Which sequence does a single slice show? A small convolutional network, run with NumPy in a few milliseconds.

It sees the head alone, at one size and brightness. Trained by ``benchmarks/slice_sequence.py``, which also says on whom
and how well it does; made of ordinary arrays (``slice_sequence.npz``), independent of any bundle's weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tumorscope.core.image import Array
from tumorscope.core.sequence import Sequence
from tumorscope.transforms.grid import linear_weights
from tumorscope.transforms.head import head_box

Floats = npt.NDArray[np.float32]
WEIGHTS = Path(__file__).with_name("slice_sequence.npz")
#: Side of the picture that is looked at.
SIDE = 96
#: Below this share of the brain's brightest values a pixel counts as air.
_AIR = 0.08
#: Of the disc in which the brain's brightness is looked for; 1 reaches the edge of the picture.
_RADIUS = 0.7
#: Strides of the network's convolutions.
STRIDES = (2, 2, 2, 1)


def standard_view(pictures: Array) -> Floats:
    """Crop pictures (N, H, W) to the head, bring it to :data:`SIDE` pixels and one brightness: float32 (N, SIDE, SIDE).

    Values are 0 to 1, air is 0; how bright and how large a picture was, and how wide its margin, is lost.
    """
    return np.stack([_standard(np.asarray(picture, dtype=np.float32)) for picture in pictures])


def _standard(picture: Floats) -> Floats:
    head = picture[head_box(picture)]
    rows, columns = (_weights(n) for n in head.shape)
    small = np.asarray(rows @ head @ columns.T)
    middle = small[_middle()]
    high = float(np.percentile(middle[middle > 0], 98)) if (middle > 0).any() else 0.0
    if high <= 0:
        return np.zeros((SIDE, SIDE), np.float32)
    return np.clip((small / high - _AIR) / (1 - _AIR), 0, 1).astype(np.float32)


@lru_cache(maxsize=1)
def _middle() -> npt.NDArray[np.bool_]:
    """Return where brain and little else is: the skull's fat may be brighter, and would leave the brain dark."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    return np.asarray(np.hypot(x, y) < _RADIUS)


@lru_cache(maxsize=256)
def _weights(sources: int) -> Floats:
    return linear_weights(SIDE, sources, sources / SIDE, (sources / SIDE - 1) / 2).astype(np.float32)


def sequence_probabilities(pictures: Array) -> Floats:
    """Return the probabilities of T1, T1CE, T2 and FLAIR of pictures (N, H, W): float32 (N, 4).

    Args:
        pictures: Single slices, bright on dark, in any orientation and size.
    """
    return view_probabilities(standard_view(pictures), _stored())


def view_probabilities(views: Array, weights: Mapping[str, Array]) -> Floats:
    """Return the same of :func:`standard_view` (N, SIDE, SIDE), by these weights."""
    x = np.asarray(views, dtype=np.float32)[..., None]
    for number, stride in enumerate(STRIDES):
        x = _convolved(x, weights[f"kernel{number}"], weights[f"bias{number}"], stride)
    pooled = np.concatenate([x.mean(axis=(1, 2)), x.max(axis=(1, 2))], axis=1)
    logits = pooled @ weights["kernel"] + weights["bias"]
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(chance / chance.sum(axis=1, keepdims=True), dtype=np.float32)


def usual_surprise() -> float:
    """Return the surprise that at least 96 % of T1CE slices of unseen patients stay below, in each data set."""
    return float(_stored()["limit"])


def surprise(chance: Array, sequence: Sequence) -> Floats:
    """Return how surprising slices are where ``sequence`` is expected: minus the log of its probability, (N,).

    T1 and T1CE differ in vessels and enhancing tissue only, of which a slice may show none: either counts for both.

    Args:
        chance: From :func:`sequence_probabilities`, (N, 4).
        sequence: Expected.
    """
    return np.asarray(-np.log(np.maximum(chance[:, _passes(sequence)].sum(axis=1), 1e-12)), dtype=np.float32)


def other_sequence(chance: Array, sequence: Sequence) -> Sequence:
    """Return the sequence that slices show most probably of those that do not pass for ``sequence``."""
    others = np.where(_passes(sequence), -1, chance.mean(axis=0))
    return list(Sequence)[int(others.argmax())]


def _passes(sequence: Sequence) -> npt.NDArray[np.bool_]:
    alike = {Sequence.T1, Sequence.T1CE} if sequence in (Sequence.T1, Sequence.T1CE) else {sequence}
    return np.array([s in alike for s in Sequence])


def _convolved(x: Floats, kernel: Floats, bias: Floats, stride: int) -> Floats:
    """Convolve (N, H, W, C) with a kernel (k, k, C, K), zeros around, and drop what is negative."""
    size = kernel.shape[0]
    padded = np.pad(x, ((0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, kernel[..., 0].size)
    found = columns @ kernel.reshape(-1, kernel.shape[-1]) + bias
    return np.asarray(np.maximum(found, 0).reshape(*windows.shape[:3], -1), dtype=np.float32)


@lru_cache(maxsize=1)
def _stored() -> dict[str, Floats]:
    with np.load(WEIGHTS) as found:
        return {name: found[name].astype(np.float32) for name in found.files}
