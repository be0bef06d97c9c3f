"""Overlap metrics: ratios of tp, fp, fn and tn."""

from __future__ import annotations

import numpy as np

from tumorscope.metrics.counts import CountArray
from tumorscope.metrics.metric import FloatArray, Metric


def _ratio(numerator: CountArray, denominator: CountArray) -> FloatArray:
    """Divide; 0/0 is NaN, for the empty-mask policy to decide."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(numerator / denominator, dtype=np.float64)


def _dice(c: CountArray) -> FloatArray:
    return _ratio(2 * c[..., 0], 2 * c[..., 0] + c[..., 1] + c[..., 2])


def _iou(c: CountArray) -> FloatArray:
    return _ratio(c[..., 0], c[..., 0] + c[..., 1] + c[..., 2])


def _precision(c: CountArray) -> FloatArray:
    return _ratio(c[..., 0], c[..., 0] + c[..., 1])


def _sensitivity(c: CountArray) -> FloatArray:
    return _ratio(c[..., 0], c[..., 0] + c[..., 2])


def _specificity(c: CountArray) -> FloatArray:
    return _ratio(c[..., 3], c[..., 3] + c[..., 1])


def _accuracy(c: CountArray) -> FloatArray:
    return _ratio(c[..., 0] + c[..., 3], c.sum(axis=-1))


_TAHA = "Taha & Hanbury, BMC Medical Imaging 15:29, 2015"

DICE = Metric(
    name="dice",
    title="Dice",
    formula="2·tp / (2·tp + fp + fn)",
    source="Dice, Ecology 26:297, 1945",
    from_counts=_dice,
)
IOU = Metric(
    name="iou",
    title="IoU (Jaccard)",
    formula="tp / (tp + fp + fn)",
    source="Jaccard, New Phytologist 11:37, 1912",
    from_counts=_iou,
)
PRECISION = Metric(name="precision", title="Precision", formula="tp / (tp + fp)", source=_TAHA, from_counts=_precision)
SENSITIVITY = Metric(
    name="sensitivity", title="Sensitivity (recall)", formula="tp / (tp + fn)", source=_TAHA, from_counts=_sensitivity
)
F1 = Metric(
    name="f1",
    title="F1",
    formula="2·precision·sensitivity / (precision + sensitivity) = 2·tp / (2·tp + fp + fn), the Dice of the counts",
    source="van Rijsbergen, Information Retrieval, 1979",
    from_counts=_dice,
)
SPECIFICITY = Metric(
    name="specificity",
    title="Specificity",
    formula="tn / (tn + fp)",
    source=_TAHA,
    policy_decides=False,
    from_counts=_specificity,
)
ACCURACY = Metric(
    name="accuracy",
    title="Accuracy",
    formula="(tp + tn) / (tp + fp + fn + tn)",
    source=_TAHA,
    policy_decides=False,
    from_counts=_accuracy,
)
