"""False alarms on slices without tumour (S2-12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from tumorscope.metrics.case_score import CaseScore
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.score import Score, Unit
from tumorscope.metrics.summary import N_BOOT, summarise


@dataclass(frozen=True, kw_only=True)
class TumourFree:
    """How often, and how much of, a region is predicted on slices whose reference has none of it.

    Attributes:
        region: Region or class name.
        n: Slices along z whose reference is empty, of all cases.
        n_patients: Patients (or cases) with such slices.
        n_alarms: Those on which anything is predicted.
        rate: n_alarms / n, the false-positive rate; None where n is 0.
        ci95: 95 % interval of the rate: percentile bootstrap, resampling patients. Where every slice or none has an
            alarm the bootstrap knows no spread; then it is the exact binomial one over the patients (Clopper-Pearson).
        mean_px: Pixels predicted per tumour-free slice.
        mean_ml: The same in ml; None where the spacing is unknown.
        mean_px_alarm: Pixels predicted per slice with a false alarm; None without alarms.
    """

    region: str
    n: int
    n_patients: int
    n_alarms: int
    rate: float | None
    ci95: tuple[float | None, float | None]
    mean_px: float | None
    mean_ml: float | None
    mean_px_alarm: float | None

    def to_json(self) -> dict[str, object]:
        """Return JSON values."""
        row: dict[str, object] = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**row, "ci95": list(self.ci95)}

    @property
    def line(self) -> str:
        """One line for people."""
        if self.rate is None:
            return f"{self.region}: every slice has some in the reference"
        low, high = self.ci95
        interval = "" if low is None or self.n_patients < 2 else f" (95 % interval {low:.3f} to {high:.3f})"
        size = f"{self.mean_px:.1f} px" + ("" if self.mean_ml is None else f" = {self.mean_ml:.4f} ml")
        alarm = "" if self.mean_px_alarm is None else f", {self.mean_px_alarm:.0f} px per false alarm"
        return (
            f"{self.region}: something predicted on {self.n_alarms} of {self.n} slices without it, "
            f"rate {self.rate:.3f}{interval}; {size} per slice{alarm}"
        )


def tumour_free(cases: Sequence[CaseScore], *, seed: int = 0, n_boot: int = N_BOOT) -> list[TumourFree]:
    """Count false alarms on slices whose reference is empty, for every region.

    A slice is a plane along z, whether the brain reaches into it or not.

    Args:
        cases: With the same regions.
        seed: Of the bootstrap.
        n_boot: Number of resamples.
    """
    return [_of_region(cases, region, seed, n_boot) for region in (cases[0].regions if cases else ())]


def _of_region(cases: Sequence[CaseScore], region: str, seed: int, n_boot: int) -> TumourFree:
    sizes, volumes, groups = [], [], []
    for case in cases:
        slices = case.regions[region].slices
        found = slices[slices[:, 0] + slices[:, 2] == 0, 1]
        sizes.append(found)
        volumes.append(found * (np.nan if case.voxel_ml is None else case.voxel_ml))
        groups += [case.patient] * len(found)
    size, ml = np.concatenate(sizes), np.concatenate(volumes)
    alarms = size > 0
    score = summarise(
        alarms.astype(np.float64),
        metric="false_positive_rate",
        region=region,
        unit=Unit.SLICE,
        empty_policy=EmptyPolicy.BOTH_EMPTY_ONE,
        groups=groups,
        seed=seed,
        n_boot=n_boot,
    )
    known = len(ml) > 0 and not np.isnan(ml).any()
    return TumourFree(
        region=region,
        n=len(size),
        n_patients=score.n_groups,
        n_alarms=int(alarms.sum()),
        rate=score.mean,
        ci95=_interval(score),
        mean_px=float(size.mean()) if len(size) else None,
        mean_ml=float(ml.mean()) if known else None,
        mean_px_alarm=float(size[alarms].mean()) if alarms.any() else None,
    )


def _interval(score: Score) -> tuple[float | None, float | None]:
    if score.mean not in (0.0, 1.0):
        return score.ci95
    edge = float(0.025 ** (1 / score.n_groups))
    return (0.0, 1 - edge) if score.mean == 0 else (edge, 1.0)
