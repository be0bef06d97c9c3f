"""Scores of probabilities, before they become labels (S2-50, S4-56)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tumorscope.core.errors import GeometryError
from tumorscope.core.image import Array
from tumorscope.metrics.class_set import BACKGROUND
from tumorscope.metrics.metric import FloatArray, Metric
from tumorscope.metrics.overlap import PRECISION, SENSITIVITY, SPECIFICITY


@dataclass(frozen=True)
class ProbabilitySums:
    """What is summed over the voxels and channels of each slice.

    Attributes:
        channels: Names, background first where it is a channel.
        slices: Shape (z, 5): sum of (p - y)², then tp, fp, fn, tn of p ≥ 0.5, each channel by itself.
    """

    channels: tuple[str, ...]
    slices: FloatArray


def probability_sums(
    maps: Mapping[str, Array], masks: Mapping[str, Array], *, exclusive: bool, known: Array | None = None
) -> ProbabilitySums:
    """Compare probability maps with reference masks.

    Args:
        maps: Channel → probabilities (x, y, z).
        masks: Channel → boolean reference (x, y, z); the same channels.
        exclusive: Whether the channels are exclusive classes (softmax, or one sigmoid): then the background, with
            what they leave of 1, is one more channel, as in Keras' one-hot masks.
        known: Where the reference is labelled (x, y, z); other voxels are in no sum, slices without any have none.
            None: everywhere.

    Raises:
        GeometryError: if channels or shapes differ.
    """
    if set(maps) != set(masks) or any(maps[name].shape != masks[name].shape for name in maps):
        raise GeometryError(
            expected=f"one reference mask of the same shape per channel ({', '.join(maps)})",
            found=", ".join(f"{name} {mask.shape}" for name, mask in masks.items()) or "none",
            fix="Bring the probabilities into the reference's grid first",
        )
    sums = [_sums(maps[name], masks[name], known) for name in maps]
    names = tuple(maps)
    if exclusive:
        rest = np.asarray(1 - np.sum(list(maps.values()), axis=0, dtype=np.float32))
        sums.insert(0, _sums(rest, ~np.logical_or.reduce(list(masks.values())), known))
        names = (BACKGROUND, *names)
    labelled = slice(None) if known is None else known.any(axis=(0, 1))
    return ProbabilitySums(names, np.sum(sums, axis=0)[labelled])


def _sums(probability: Array, mask: Array, known: Array | None) -> FloatArray:
    if known is not None:  # outside, agree on 0, and take these voxels from the true negatives
        probability, mask = np.where(known, probability, 0), mask & known
    squared = np.square(probability - mask, dtype=np.float32).sum(axis=(0, 1), dtype=np.float64)
    rounded = probability >= 0.5
    tp, n_pred, n_ref = (np.count_nonzero(m, axis=(0, 1)) for m in (rounded & mask, rounded, mask))
    size = mask.shape[0] * mask.shape[1] if known is None else np.count_nonzero(known, axis=(0, 1))
    tn = size - n_pred - n_ref + tp
    return np.stack([squared, tp, n_pred - tp, n_ref - tp, tn], axis=-1).astype(np.float64)


def _mse(sums: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums[..., 0] / sums[..., 1:].sum(axis=-1), dtype=np.float64)


def _rounded(metric: Metric, sums: FloatArray) -> FloatArray:
    assert metric.from_counts is not None
    return metric.from_counts(np.rint(sums[..., 1:]).astype(np.int64))


MSE = Metric(
    name="mse",
    title="Mean squared error of probabilities",
    formula="mean over voxels and channels of (p - y)²",
    source="Brier, Monthly Weather Review 78:1, 1950",
    higher_is_better=False,
    policy_decides=False,
    from_probabilities=_mse,
)
_KERAS = "S2-50, S4-57 (Keras: each one-hot channel's probability rounded by itself, all voxels and channels pooled)"
ROUNDED_PRECISION = Metric(
    name="rounded_precision",
    title="Precision of rounded probabilities, channels pooled",
    formula="tp / (tp + fp) of p ≥ 0.5, summed over all channels",
    source=_KERAS,
    policy_decides=False,
    from_probabilities=lambda sums: _rounded(PRECISION, sums),
)
ROUNDED_SENSITIVITY = Metric(
    name="rounded_sensitivity",
    title="Sensitivity of rounded probabilities, channels pooled",
    formula="tp / (tp + fn) of p ≥ 0.5, summed over all channels",
    source=_KERAS,
    policy_decides=False,
    from_probabilities=lambda sums: _rounded(SENSITIVITY, sums),
)
ROUNDED_SPECIFICITY = Metric(
    name="rounded_specificity",
    title="Specificity of rounded probabilities, channels pooled",
    formula="tn / (tn + fp) of p ≥ 0.5, summed over all channels",
    source=_KERAS,
    policy_decides=False,
    from_probabilities=lambda sums: _rounded(SPECIFICITY, sums),
)
