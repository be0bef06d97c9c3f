"""Every metric by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from tumorscope.core.errors import UsageError
from tumorscope.metrics import boundary, class_set, lesionwise, overlap, probability, surface
from tumorscope.metrics.metric import Metric

#: Name → definition. A new metric is one new file (its :class:`Metric`) and one line here.
METRICS: dict[str, Metric] = {
    "dice": overlap.DICE,
    "iou": overlap.IOU,
    "precision": overlap.PRECISION,
    "sensitivity": overlap.SENSITIVITY,
    "specificity": overlap.SPECIFICITY,
    "accuracy": overlap.ACCURACY,
    "f1": overlap.F1,
    "hausdorff": surface.HAUSDORFF,
    "hd95": surface.HD95,
    "surface_dice": surface.SURFACE_DICE,
    "bf_score": boundary.BF_SCORE,
    "mean_dice": class_set.MEAN_DICE,
    "mean_iou": class_set.MEAN_IOU,
    "mean_dice_with_background": class_set.MEAN_DICE_WITH_BACKGROUND,
    "mean_iou_with_background": class_set.MEAN_IOU_WITH_BACKGROUND,
    "fw_iou": class_set.FW_IOU,
    "mean_accuracy": class_set.MEAN_ACCURACY,
    "global_accuracy": class_set.GLOBAL_ACCURACY,
    "micro_precision": class_set.MICRO_PRECISION,
    "micro_sensitivity": class_set.MICRO_SENSITIVITY,
    "micro_specificity": class_set.MICRO_SPECIFICITY,
    "lesionwise_dice": lesionwise.LESIONWISE_DICE,
    "lesionwise_hd95": lesionwise.LESIONWISE_HD95,
    "lesion_f1": lesionwise.LESION_F1,
    "mse": probability.MSE,
    "rounded_precision": probability.ROUNDED_PRECISION,
    "rounded_sensitivity": probability.ROUNDED_SENSITIVITY,
    "rounded_specificity": probability.ROUNDED_SPECIFICITY,
}

#: What evaluation computes when nothing else is asked for.
DEFAULT_METRICS = ("dice", "iou", "precision", "sensitivity", "specificity", "accuracy", "hd95", "surface_dice")
#: Those and everything the judged papers print (S1-16 to S1-23, S2-47 to S2-50, S3-34, S4-53 to S4-59).
PAPER_METRICS = tuple(name for name, metric in METRICS.items() if metric.from_lesions is None)
#: What BraTS 2023 prints: lesion-wise scores beside those over the whole region.
LESION_METRICS = ("lesionwise_dice", "lesionwise_hd95", "lesion_f1", "dice", "hd95", "sensitivity", "specificity")
#: Class-wise scores that always stand beside accuracy and whatever else counts the background.
COMPANIONS = ("dice", "sensitivity", "specificity")


def find_metrics(names: Iterable[str]) -> list[Metric]:
    """Return the metrics called ``names``, each once; those that count the background bring :data:`COMPANIONS` along.

    Raises:
        UsageError: if a name is unknown; the message gives the nearest one.
    """
    wanted: dict[str, Metric] = {}
    for name in names:
        if name not in METRICS:
            near = difflib.get_close_matches(name, METRICS, n=1)
            fix = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(METRICS)}"
            raise UsageError(expected="a known metric", found=f"'{name}'", fix=fix)
        for needed in (*COMPANIONS, name) if counts_background(METRICS[name]) else (name,):
            wanted.setdefault(needed, METRICS[needed])
    return list(wanted.values())


def counts_background(metric: Metric) -> bool:
    """Whether right background raises the score, so that it says little without class-wise scores (S2-40)."""
    over = metric.over_classes
    return metric.name == "accuracy" or metric.from_probabilities is not None or (over is not None and over.background)
