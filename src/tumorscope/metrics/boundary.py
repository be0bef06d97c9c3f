"""Boundary F1: how well outlines agree (S1-23)."""

from __future__ import annotations

import numpy as np

from tumorscope.metrics.metric import Metric, SurfaceDistances
from tumorscope.metrics.surface import ROUNDING


def _bf_score(distances: SurfaceDistances, tolerance: float) -> float:
    within = tolerance * (1 + ROUNDING)
    precision = float(np.mean(distances.pred_to_ref <= within))
    recall = float(np.mean(distances.ref_to_pred <= within))
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


BF_SCORE = Metric(
    name="bf_score",
    title="BF score (boundary F1)",
    formula="2·p·r / (p + r), p and r the shares of the prediction's and the reference's surface voxels within the "
    "tolerance of the other surface",
    source="Csurka et al., BMVC, 2013 (MATLAB's bfscore, whose tolerance is 0.75 % of the image diagonal)",
    from_surface=_bf_score,
    uses_tolerance=True,
)
