"""How well a result agrees with the reference that came with the case: the whole case and every slice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

from tumorscope.core.image import Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.metrics import METRICS, EmptyPolicy
from tumorscope.metrics.counts import CountArray
from tumorscope.workflows.label_pairs import regions_of
from tumorscope.workflows.scoring import score_masks, without_unlabelled
from tumorscope.workflows.segment import CaseResult

#: Of the values over the whole case.
POLICY = EmptyPolicy.BRATS
#: Metrics of the table, besides the counts; distances are left to ``evaluate``, which takes longer.
SHOWN = ("dice", "iou", "sensitivity", "precision")


@dataclass(frozen=True, eq=False)
class RegionAgreement:
    """One region of a case against its reference.

    Attributes:
        name: Region or class.
        found: Label values of the region in the result.
        truth: Label values of the region in the reference.
        values: Metric → value under :data:`POLICY`; None where it leaves one out.
        counts: Voxels found, missed and invented.
        slice_dice: Dice of every slice along the file's third axis; None where both are empty.
    """

    name: str
    found: tuple[int, ...]
    truth: tuple[int, ...]
    values: dict[str, float | None]
    counts: tuple[int, int, int]
    slice_dice: tuple[float | None, ...]


@dataclass(frozen=True, eq=False)
class Agreement:
    """A result against the reference of its case.

    Attributes:
        reference: The expert's map on the result's grid.
        regions: What both know.
    """

    reference: Segmentation
    regions: tuple[RegionAgreement, ...]


def agreement(result: CaseResult) -> Agreement | None:
    """Score a result against its case's reference; None where there is none.

    Raises:
        TumorscopeError: if the two lie on different grids or share no region.
    """
    case, segmentation = result.case, result.segmentation
    if not isinstance(case.label, Image) or case.scheme is None or not case.label.same_grid(segmentation.labels):
        return None
    truth, known = without_unlabelled(case.label, case.scheme, case.ignore_value)
    schemes = segmentation.scheme, case.scheme
    score = score_masks(case.id, case.patient, segmentation.labels.data, truth, schemes, SHOWN, known)
    row = score.row(POLICY, SHOWN)
    regions = []
    for name, (mine, theirs) in regions_of(*schemes).items():
        found, counts = cast(dict[str, Any], row[name]), score.regions[name].counts
        values = {metric: found[metric] for metric in SHOWN}
        regions.append(
            RegionAgreement(
                name,
                segmentation.scheme.values_of(mine),
                case.scheme.values_of(theirs),
                values,
                (counts.tp, counts.fn, counts.fp),
                tuple(None if math.isnan(v) else float(v) for v in _dice(score.regions[name].slices)),
            )
        )
    return Agreement(Segmentation(truth, case.scheme), tuple(regions))


def _dice(slices: CountArray) -> list[float]:
    compute = METRICS["dice"].from_counts
    assert compute is not None
    return [float(v) for v in compute(slices)]
