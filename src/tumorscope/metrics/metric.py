"""What defines a metric."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tumorscope.metrics.counts import CountArray

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances between the surfaces of two masks, in the unit of the spacing they were measured with.

    Attributes:
        pred_to_ref: For each surface voxel of the prediction, to the nearest one of the reference.
        ref_to_pred: The other way.
    """

    pred_to_ref: FloatArray
    ref_to_pred: FloatArray


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One score: how it is computed, where it comes from, how to read it.

    Attributes:
        name: Key in :data:`~tumorscope.metrics.registry.METRICS` and in JSON.
        title: For people.
        formula: In terms of tp, fp, fn, tn or of surface distances.
        source: The publication that defines it.
        high: Largest value; infinite for a length. The smallest is 0 for every metric.
        higher_is_better: False for distances.
        policy_decides: Whether the empty-mask policy sets the value where a mask is empty. Not for accuracy and
            specificity, which stay defined there.
        from_counts: (tp, fp, fn, tn), shape (..., 4) → values, shape (...), NaN where 0/0; None for surface metrics.
        from_surface: (distances, tolerance) → value; None for count metrics.
    """

    name: str
    title: str
    formula: str
    source: str
    high: float = 1.0
    higher_is_better: bool = True
    policy_decides: bool = True
    from_counts: Callable[[CountArray], FloatArray] | None = None
    from_surface: Callable[[SurfaceDistances, float], float] | None = None

    @property
    def needs(self) -> Literal["counts", "surface"]:
        """What the metric is computed from."""
        return "counts" if self.from_counts is not None else "surface"

    @property
    def is_length(self) -> bool:
        """Whether values are lengths (mm, or pixels where the spacing is unknown)."""
        return math.isinf(self.high)

    @property
    def perfect(self) -> float:
        """The value of a perfect prediction."""
        return self.high if self.higher_is_better else 0.0
