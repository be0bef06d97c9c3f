"""One printed number and everything that must stand beside it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tumorscope.metrics.empty import EmptyPolicy


class Unit(StrEnum):
    """What one value of a score belongs to.

    Attributes:
        PATIENT: A whole volume.
        SLICE: A slice along z of a volume.
        IMAGE: A 2D image that is no slice of a known volume.
        POOLED: All voxels of all cases together: one number.
    """

    PATIENT = "patient"
    SLICE = "slice"
    IMAGE = "image"
    POOLED = "pooled"


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric of one region, summarised over cases.

    Attributes:
        metric: Name in :data:`~tumorscope.metrics.registry.METRICS`.
        region: Region or class name.
        unit: What one value belongs to.
        mean: Mean over the values; for ``pooled`` the one value. None when no case counts.
        sd: Standard deviation over the values (n - 1); None below two values and for ``pooled``.
        median: Median over the values; for ``pooled`` the one value.
        ci95: 95 % percentile bootstrap interval of the mean, resampling patients where they are known.
        n: Number of values (for ``pooled``: of cases pooled).
        n_excluded: Values left out by the empty-mask policy.
        n_groups: Number of patients (or, where they are unknown, of values) that were resampled.
        empty_policy: How empty masks count.
        all_empty: The same score for a prediction without a single voxel; None when not computed or undefined.
        length_unit: "mm" or "px" for distances, else "".
        reduction: For scores of several classes, how they became one number; else "".
        note: What a reader must know, or "".
        n_boot: Number of bootstrap resamples.
        seed: Of the bootstrap.
    """

    metric: str
    region: str
    unit: Unit
    mean: float | None
    sd: float | None
    median: float | None
    ci95: tuple[float | None, float | None]
    n: int
    n_excluded: int
    n_groups: int
    empty_policy: EmptyPolicy
    all_empty: float | None = None
    length_unit: str = ""
    reduction: str = ""
    note: str = ""
    n_boot: int = 2000
    seed: int = 0

    def to_json(self) -> dict[str, object]:
        """Return the score as JSON values (None where undefined, never NaN)."""
        return {
            "metric": self.metric,
            "region": self.region,
            "unit": self.unit.value,
            "mean": self.mean,
            "sd": self.sd,
            "median": self.median,
            "ci95": list(self.ci95),
            "n": self.n,
            "empty_policy": self.empty_policy.value,
            "n_excluded": self.n_excluded,
            "n_groups": self.n_groups,
            "all_empty": self.all_empty,
            "length_unit": self.length_unit,
            "reduction": self.reduction,
            "note": self.note,
            "n_boot": self.n_boot,
            "seed": self.seed,
        }
