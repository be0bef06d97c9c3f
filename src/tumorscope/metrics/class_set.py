"""Scores of a whole label map: its exclusive classes, background among them or not, made into one number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorscope.core.image import Array
from tumorscope.core.labels import LabelScheme
from tumorscope.metrics.counts import CountArray, count_slices
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.metric import FloatArray, Metric, OverClasses
from tumorscope.metrics.overlap import DICE, IOU, PRECISION, SENSITIVITY, SPECIFICITY
from tumorscope.metrics.trivial import empty_prediction

BACKGROUND = "background"


def count_classes(pred: Array, ref: Array, scheme: LabelScheme) -> CountArray:
    """Count agreement of every class in every slice, the background first.

    Args:
        pred: Predicted label map, shape (x, y, z), values of ``scheme``.
        ref: Reference label map, same shape and values.
        scheme: What the values mean.

    Returns:
        int64 array (z, 1 + number of classes, 4): tp, fp, fn, tn of the background and of each class.
    """
    masks = [(pred == 0, ref == 0), *((pred == v, ref == v) for v in scheme.values)]
    return np.stack([count_slices(*pair) for pair in masks], axis=1)


def foreground(counts: CountArray) -> CountArray:
    """Return the counts (..., 4) of all classes but the background taken as one, from counts (..., K, 4)."""
    return counts[..., 0, ::-1]


def class_values(metric: Metric, counts: CountArray, policy: EmptyPolicy) -> FloatArray:
    """Compute a metric over classes.

    Args:
        metric: With ``over_classes``.
        counts: (N, K, 4), the background first.
        policy: Decides classes that occur in one map or none, and which of the N count: those it would count with
            all foreground taken as one region.

    Returns:
        (N,), NaN where the policy leaves all out.
    """
    over = metric.over_classes
    assert over is not None and over.of.from_counts is not None
    chosen = counts if over.background else counts[:, 1:]
    if over.how == "micro":
        total = chosen.sum(axis=1)
        values = policy.apply(over.of, over.of.from_counts(total), total)
    else:
        flat = chosen.reshape(-1, 4)
        each = policy.apply(over.of, over.of.from_counts(flat), flat).reshape(chosen.shape[:2])
        weights = chosen[..., 0] + chosen[..., 2] if over.how == "frequency" else np.ones(chosen.shape[:2])
        weights = np.where(np.isnan(each), 0, weights)
        with np.errstate(invalid="ignore"):
            values = np.asarray((np.nan_to_num(each) * weights).sum(axis=1) / weights.sum(axis=1), dtype=np.float64)
    return np.where(policy.keeps(foreground(counts)), values, np.nan)


def empty_map(counts: CountArray) -> CountArray:
    """Return the counts (..., K, 4) of a label map that is background everywhere, against the same references."""
    tp, fp, fn, tn = np.moveaxis(counts[..., :1, :], -1, 0)
    zero = np.zeros_like(tp)
    everywhere = np.stack([tp + fn, fp + tn, zero, zero], axis=-1)
    return np.concatenate([everywhere, empty_prediction(counts[..., 1:, :])], axis=-2)


def set_name(classes: Sequence[str], background: bool) -> str:
    """Name the set of classes a score is over: "background + NCR/NET + ED + ET"."""
    return " + ".join([*([BACKGROUND] if background else []), *classes])


def reduction_text(metric: Metric) -> str:
    """Say how the classes became one number."""
    over = metric.over_classes
    if over is None:
        return "micro: all channels' voxels pooled"
    return {
        "micro": "micro: counts of all classes added up",
        "macro": "macro: mean over the classes",
        "frequency": "weighted: mean over the classes, each with its share of the reference",
    }[over.how]


_LONG = "Long et al., CVPR, 2015"
_MATLAB = "MATLAB evaluateSemanticSegmentation; "

MEAN_DICE = Metric(
    name="mean_dice",
    title="Mean Dice over classes",
    formula="mean over the classes without background of 2·tp / (2·tp + fp + fn)",
    source="Menze et al., IEEE TMI 34:1993, 2015",
    over_classes=OverClasses(DICE, "macro", background=False),
)
MEAN_IOU = Metric(
    name="mean_iou",
    title="Mean IoU over classes",
    formula="mean over the classes without background of tp / (tp + fp + fn)",
    source=_LONG,
    over_classes=OverClasses(IOU, "macro", background=False),
)
MEAN_DICE_WITH_BACKGROUND = Metric(
    name="mean_dice_with_background",
    title="Mean Dice (mean F-score) with background",
    formula="mean over the classes and the background of 2·tp / (2·tp + fp + fn)",
    source="S2-49, S4-53 (Keras notebooks)",
    over_classes=OverClasses(DICE, "macro"),
)
MEAN_IOU_WITH_BACKGROUND = Metric(
    name="mean_iou_with_background",
    title="Mean IoU with background",
    formula="mean over the classes and the background of tp / (tp + fp + fn)",
    source=_MATLAB + _LONG,
    over_classes=OverClasses(IOU, "macro"),
)
FW_IOU = Metric(
    name="fw_iou",
    title="Frequency-weighted IoU",
    formula="sum over the classes and the background of (tp + fn) / voxels · tp / (tp + fp + fn)",
    source=_MATLAB + _LONG,
    over_classes=OverClasses(IOU, "frequency"),
)
MEAN_ACCURACY = Metric(
    name="mean_accuracy",
    title="Mean class accuracy",
    formula="mean over the classes and the background of tp / (tp + fn)",
    source=_MATLAB + _LONG,
    over_classes=OverClasses(SENSITIVITY, "macro"),
)
GLOBAL_ACCURACY = Metric(
    name="global_accuracy",
    title="Global (pixel) accuracy",
    formula="voxels with the right label / all voxels",
    source=_MATLAB + _LONG,
    over_classes=OverClasses(SENSITIVITY, "micro"),
)
_KERAS = "S2-50, S4-57 (Keras: one-hot entries of all classes pooled)"
MICRO_PRECISION = Metric(
    name="micro_precision",
    title="Precision pooled with background",
    formula="tp / (tp + fp), summed over the classes and the background; equals the global accuracy",
    source=_KERAS,
    over_classes=OverClasses(PRECISION, "micro"),
)
MICRO_SENSITIVITY = Metric(
    name="micro_sensitivity",
    title="Sensitivity pooled with background",
    formula="tp / (tp + fn), summed over the classes and the background; equals the global accuracy",
    source=_KERAS,
    over_classes=OverClasses(SENSITIVITY, "micro"),
)
MICRO_SPECIFICITY = Metric(
    name="micro_specificity",
    title="Specificity pooled with background",
    formula="tn / (tn + fp), summed over K classes and the background; equals 1 - (1 - global accuracy) / K",
    source=_KERAS,
    over_classes=OverClasses(SPECIFICITY, "micro"),
)
