"""What defines a metric."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from tumorscope.metrics.counts import CountArray

if TYPE_CHECKING:
    from tumorscope.metrics.lesionwise import LesionMatch

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


@dataclass(frozen=True)
class OverClasses:
    """How one value is made of the exclusive classes of a label map.

    Attributes:
        of: The metric of one class, computed from counts.
        how: ``micro``: the classes' counts are added up first; ``macro``: mean over the classes, those left out by
            the empty-mask policy aside; ``frequency``: mean weighted with each class's share of the reference.
        background: Whether the background is one of the classes.
    """

    of: Metric
    how: Literal["micro", "macro", "frequency"]
    background: bool = True


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One score: how it is computed, where it comes from, how to read it.

    Attributes:
        name: Key in :data:`~tumorscope.metrics.registry.METRICS` and in JSON.
        title: For people.
        formula: In terms of tp, fp, fn, tn, of surface distances or of probabilities.
        source: The publication that defines it.
        high: Largest value; infinite for a length. The smallest is 0 for every metric.
        higher_is_better: False for distances.
        policy_decides: Whether the empty-mask policy sets the value where a mask is empty. Not for accuracy and
            specificity, which stay defined there.
        from_counts: (tp, fp, fn, tn), shape (..., 4) → values, shape (...), NaN where 0/0; None for surface metrics.
        from_surface: (distances, tolerance) → value; None for count metrics.
        uses_tolerance: Whether a surface metric depends on the tolerance, which then stands beside it.
        over_classes: How it is made of all classes of a label map; None for metrics of one region.
        from_lesions: Matched lesions of a region → value, defined at empty masks too.
        from_probabilities: Sums (..., 5), see :class:`~tumorscope.metrics.probability.ProbabilitySums`, → values.
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
    uses_tolerance: bool = False
    over_classes: OverClasses | None = None
    from_probabilities: Callable[[FloatArray], FloatArray] | None = None
    from_lesions: Callable[[LesionMatch], float] | None = None

    @property
    def needs(self) -> Literal["counts", "surface", "classes", "probabilities", "lesions"]:
        """What the metric is computed from."""
        if self.over_classes is not None:
            return "classes"
        if self.from_probabilities is not None:
            return "probabilities"
        if self.from_lesions is not None:
            return "lesions"
        return "counts" if self.from_counts is not None else "surface"

    @property
    def of_region(self) -> bool:
        """Whether it scores one region (True) or all classes of a label map at once."""
        return self.needs in ("counts", "surface", "lesions")

    @property
    def is_length(self) -> bool:
        """Whether values are lengths (mm, or pixels where the spacing is unknown)."""
        return math.isinf(self.high)

    @property
    def perfect(self) -> float:
        """The value of a perfect prediction."""
        return self.high if self.higher_is_better else 0.0
