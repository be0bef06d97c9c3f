"""Lesion-wise scores of BraTS 2023: every lesion of the reference counts alike, and so does every false alarm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tumorscope.core.image import Array
from tumorscope.metrics.counts import BoolArray, as_masks, bounding_box
from tumorscope.metrics.empty import BRATS_2023_PENALTY_MM
from tumorscope.metrics.metric import FloatArray, Metric

#: BraTS 2023 challenge → dilation of the reference in voxels, and volume (mm³) that a reference lesion must exceed.
RULES: dict[str, tuple[int, float]] = {
    "GLI": (3, 50.0),
    "SSA": (3, 50.0),
    "PED": (3, 50.0),
    "MEN": (1, 50.0),
    "MET": (1, 2.0),
}
_SOURCE = "Saluja et al., BraTS 2023 (github.com/rachitsaluja/BraTS-2023-Metrics)"


@dataclass(frozen=True)
class LesionMatch:
    """The lesions of one region of one case.

    Attributes:
        volume: Of each reference lesion above the volume limit, mm³.
        dice: Of each: Dice with all predicted components that touch it or its surroundings.
        hd95: The same for HD95; infinite where nothing was predicted there.
        detected: Of each: whether anything was.
        false_alarms: Predicted components that touch no reference lesion, however small.
    """

    volume: FloatArray
    dice: FloatArray
    hd95: FloatArray
    detected: BoolArray
    false_alarms: int

    @property
    def unpredicted(self) -> LesionMatch:
        """The same reference with nothing predicted."""
        n = len(self.dice)
        return replace(
            self, dice=np.zeros(n), hd95=np.full(n, math.inf), detected=np.zeros(n, np.bool_), false_alarms=0
        )

    def to_json(self) -> dict[str, int]:
        """Return the numbers of lesions found, missed and invented."""
        found = int(self.detected.sum())
        return {"tp": found, "fn": len(self.detected) - found, "fp": self.false_alarms}


def match_lesions(
    pred: Array, ref: Array, spacing: Sequence[float] = (1.0, 1.0, 1.0), challenge: str = "GLI"
) -> LesionMatch:
    """Compare the lesions of two masks as BraTS 2023 does.

    Lesions of the reference are the connected components (26 neighbours) of its dilation (18 neighbours, some voxels,
    by challenge), so that satellites belong to their lesion; the masks themselves are not dilated. Predicted
    components that meet a dilated lesion are compared with it together, one component with several lesions if need be.

    Args:
        pred: Predicted mask, shape (x, y, z).
        ref: Reference mask, same shape.
        spacing: Voxel size per axis, mm.
        challenge: Key of :data:`RULES`.

    Raises:
        GeometryError: if the shapes differ.
        InputError: if a mask is not of 0 and 1.
    """
    from scipy.ndimage import binary_dilation, find_objects, generate_binary_structure, label

    pred, ref = as_masks(pred, ref)
    steps, limit = RULES[challenge]
    box = bounding_box(pred | ref)
    pred, ref = (np.pad(mask[box], steps + 1) for mask in (pred, ref))
    touching = np.ones((3, 3, 3), dtype=bool)
    parts, count = label(pred, touching)
    wide = binary_dilation(ref, generate_binary_structure(3, 2), iterations=steps)
    lesions, _ = label(wide, touching)
    known: set[int] = set()
    rows: list[tuple[float, float, float, bool]] = []
    for number, place in enumerate(find_objects(lesions), 1):
        around = lesions[place] == number
        met = [int(part) for part in np.unique(parts[place][around]) if part]
        known.update(met)
        lesion = np.where(lesions == number, ref, False)
        volume = float(lesion.sum()) * math.prod(spacing)
        if volume > limit:
            rows.append((volume, *_compare(np.isin(parts, met), lesion, spacing), bool(met)))
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return LesionMatch(table[:, 0], table[:, 1], table[:, 2], table[:, 3].astype(np.bool_), count - len(known))


def _compare(pred: BoolArray, ref: BoolArray, spacing: Sequence[float]) -> tuple[float, float]:
    """Return Dice and HD95 of a lesion and what was predicted there."""
    if not pred.any():
        return 0.0, math.inf
    box = bounding_box(pred | ref)
    pred, ref = np.pad(pred[box], 1), np.pad(ref[box], 1)
    dice = 2 * np.count_nonzero(pred & ref) / (np.count_nonzero(pred) + np.count_nonzero(ref))
    return dice, area_hd95(pred, ref, spacing)


def area_hd95(pred: BoolArray, ref: BoolArray, spacing: Sequence[float]) -> float:
    """Return HD95 with surfaces between voxels, weighted by area (DeepMind's surface-distance, which BraTS 2023 uses).

    Args:
        pred: Predicted mask, not empty, not touching the array's edge.
        ref: Reference mask, likewise.
        spacing: Voxel size per axis, mm.
    """
    import torch
    from monai.metrics.utils import get_mask_edges, get_surface_distance

    size = tuple(float(v) for v in spacing)
    both = (torch.from_numpy(np.ascontiguousarray(mask)) for mask in (pred, ref))
    edges_pred, edges_ref, areas_pred, areas_ref = (
        np.asarray(part) for part in get_mask_edges(*both, crop=False, spacing=size)
    )

    def directed(one: Array, other: Array, areas: Array) -> float:
        distances = np.asarray(get_surface_distance(one, other, spacing=size), dtype=np.float64)
        order = np.argsort(distances, kind="stable")
        share = np.cumsum(np.asarray(areas, dtype=np.float64)[one.astype(bool)][order])
        index = int(np.searchsorted(share / share[-1], 0.95))
        return float(distances[order][min(index, len(order) - 1)])

    return max(directed(edges_pred, edges_ref, areas_pred), directed(edges_ref, edges_pred, areas_ref))


def _mean(values: FloatArray, false_alarms: int, worst: float, none: float) -> float:
    """Return the mean over lesions and false alarms; ``none`` where there are neither."""
    n = len(values) + false_alarms
    return float((values.sum() + false_alarms * worst) / n) if n else none


def _dice(match: LesionMatch) -> float:
    return _mean(match.dice, match.false_alarms, 0.0, 1.0)


def _hd95(match: LesionMatch) -> float:
    capped = np.where(np.isinf(match.hd95), BRATS_2023_PENALTY_MM, match.hd95)
    return _mean(capped, match.false_alarms, BRATS_2023_PENALTY_MM, 0.0)


def _f1(match: LesionMatch) -> float:
    found, missed = int(match.detected.sum()), int((~match.detected).sum())
    total = 2 * found + missed + match.false_alarms
    return 2 * found / total if total else 1.0


LESIONWISE_DICE = Metric(
    name="lesionwise_dice",
    title="Lesion-wise Dice (BraTS 2023)",
    formula="sum of Dice over reference lesions above 50 mm³ / (those lesions + false alarms); no lesion at all 1",
    source=_SOURCE,
    policy_decides=False,
    from_lesions=_dice,
)
LESIONWISE_HD95 = Metric(
    name="lesionwise_hd95",
    title="Lesion-wise HD95 (BraTS 2023)",
    formula="mean HD95 over reference lesions above 50 mm³ and false alarms, 374 mm for missed and invented ones",
    source=_SOURCE,
    high=math.inf,
    higher_is_better=False,
    policy_decides=False,
    from_lesions=_hd95,
)
LESION_F1 = Metric(
    name="lesion_f1",
    title="F1 of lesions",
    formula="2·found / (2·found + missed + false alarms), lesions as for lesion-wise Dice; no lesion at all 1",
    source=_SOURCE,
    policy_decides=False,
    from_lesions=_f1,
)
