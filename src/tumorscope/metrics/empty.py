"""What a score is worth where a mask is empty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tumorscope.metrics.counts import BoolArray, CountArray
from tumorscope.metrics.metric import FloatArray, Metric

#: HD95 of BraTS 2017-2022 where only one of the masks is empty: the diagonal of 240×240×155 voxels of 1 mm.
BRATS_PENALTY_MM = math.sqrt(240**2 + 240**2 + 155**2)
#: The same of BraTS 2023 and later (its public evaluation code replaces infinity by it).
BRATS_2023_PENALTY_MM = 374.0


class EmptyPolicy(StrEnum):
    """How cases with an empty mask count.

    In every policy, overlap is 0 where only one mask is empty (if that case counts), and every case left out is
    reported in ``n_excluded``. "Distance" means Hausdorff and HD95. Accuracy and specificity stay as the counts give
    them in all cases that count.

    Attributes:
        BOTH_EMPTY_ONE: Both empty: overlap 1, distance 0. One empty: overlap 0, distance the image's diagonal. For
            slices, most of which are empty; read it beside ``POSITIVES_ONLY``.
        BRATS: As the BraTS challenges until 2022: both empty 1 and 0 mm, one empty 0 and 373.13 mm.
        BRATS_2023: The same with 374 mm, the penalty of BraTS 2023 and later.
        SKIP_BOTH_EMPTY: The NaN convention: both empty is left out; one empty: overlap 0, distance undefined and left
            out. Distances then flatter a model that misses tumours: read them with ``n_excluded``.
        POSITIVES_ONLY: Cases with an empty reference are left out, so false alarms there go unseen; an empty
            prediction: overlap 0, distance the image's diagonal.
    """

    BOTH_EMPTY_ONE = "both-empty-one"
    BRATS = "brats"
    BRATS_2023 = "brats-2023"
    SKIP_BOTH_EMPTY = "skip-both-empty"
    POSITIVES_ONLY = "positives-only"

    @property
    def text(self) -> str:
        """The policy in one line, for tables."""
        return _RULES[self].text

    def keeps(self, counts: CountArray) -> BoolArray:
        """Return which cases count: (N, 4) counts → (N,) booleans."""
        rule = _RULES[self]
        ref, pred = _filled(counts)
        dropped = (rule.drop_empty_reference & ~ref) | (rule.drop_both_empty & ~ref & ~pred)
        return np.asarray(~dropped)

    def apply(
        self, metric: Metric, raw: FloatArray, counts: CountArray, diagonal: float | FloatArray = math.nan
    ) -> FloatArray:
        """Give cases with an empty mask the value this policy says.

        Args:
            metric: Whose values ``raw`` are.
            raw: Values of N cases, shape (N,); what stands at an empty mask does not matter.
            counts: (tp, fp, fn, tn) of the cases, shape (N, 4).
            diagonal: Of each case's image, in the unit of the distances.

        Returns:
            Values of shape (N,); NaN where a case is left out.
        """
        ref, pred = _filled(counts)
        values = np.array(raw, dtype=np.float64)
        if metric.policy_decides:
            penalty = _RULES[self].penalty
            worst = 0.0 if not metric.is_length else diagonal if penalty is None else penalty
            values = np.where(ref ^ pred, worst, values)
            values = np.where(~ref & ~pred, metric.perfect, values)
        return np.where(self.keeps(counts), values, np.nan)


@dataclass(frozen=True)
class _Rule:
    """``penalty``: the distance where one mask is empty; None is the image's diagonal, NaN leaves the case out."""

    text: str
    penalty: float | None
    drop_both_empty: bool = False
    drop_empty_reference: bool = False


_RULES: dict[EmptyPolicy, _Rule] = {
    EmptyPolicy.BOTH_EMPTY_ONE: _Rule(
        "both empty 1 (distance 0), one empty 0 (distance: image diagonal)", penalty=None
    ),
    EmptyPolicy.BRATS: _Rule(
        "BraTS until 2022: both empty 1 (0 mm), one empty 0 (373.13 mm)", penalty=BRATS_PENALTY_MM
    ),
    EmptyPolicy.BRATS_2023: _Rule(
        "BraTS 2023: both empty 1 (0 mm), one empty 0 (374 mm)", penalty=BRATS_2023_PENALTY_MM
    ),
    EmptyPolicy.SKIP_BOTH_EMPTY: _Rule(
        "both empty left out, one empty 0 (distance left out)", penalty=math.nan, drop_both_empty=True
    ),
    EmptyPolicy.POSITIVES_ONLY: _Rule(
        "empty references left out, empty prediction 0 (distance: image diagonal)",
        penalty=None,
        drop_empty_reference=True,
    ),
}


def _filled(counts: CountArray) -> tuple[BoolArray, BoolArray]:
    """Return which references and which predictions have voxels."""
    tp, fp, fn, _ = np.moveaxis(counts, -1, 0)
    return tp + fn > 0, tp + fp > 0
