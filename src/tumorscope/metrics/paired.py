"""Two results on the same cases: difference, interval, test, wins and losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from tumorscope.core.errors import InputError
from tumorscope.metrics.bootstrap import percentile_interval, resampled_sums
from tumorscope.metrics.metric import FloatArray
from tumorscope.metrics.summary import N_BOOT

#: Values closer than this are a tie.
TIE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Differences first - second over the same cases.

    Attributes:
        difference: Mean over the cases; None without a case.
        ci95: 95 % percentile interval, resampling patients with all their pairs.
        median: Median over the cases.
        wins: Cases on which the first is better.
        losses: Cases on which the second is better.
        ties: Cases on which both are the same.
        n: Cases with both values.
        n_left_out: Cases without one of them (the empty-mask policy leaves them out).
        n_patients: Patients among the n.
        p: Wilcoxon's signed-rank test over the patients' mean differences, two-sided; None below two patients.
        p_holm: The same after Holm's correction over the family of tests it belongs to; None while uncorrected.
        n_tests: Size of that family.
        p_least: Smallest p (after the correction, where there is one) that so few patients allow; None like p.
    """

    difference: float | None
    ci95: tuple[float | None, float | None]
    median: float | None
    wins: int
    losses: int
    ties: int
    n: int
    n_left_out: int
    n_patients: int
    p: float | None
    p_holm: float | None = None
    n_tests: int = 1
    p_least: float | None = None

    def to_json(self) -> dict[str, object]:
        """Return JSON values."""
        return {**asdict(self), "ci95": list(self.ci95)}


def paired(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    groups: Sequence[str],
    higher_is_better: bool = True,
    seed: int = 0,
    n_boot: int = N_BOOT,
) -> Paired:
    """Compare two sets of values of the same cases.

    Slices or studies of one patient are not independent: the interval resamples patients, and the test is over one
    mean difference per patient (Wilcoxon, Biometrics Bulletin 1:80, 1945; zeros are split, Pratt, JASA 54:655, 1959).

    Args:
        first: One value per case, shape (N,); NaN where the empty-mask policy leaves the case out.
        second: The same cases in the same order.
        groups: Patient of each case.
        higher_is_better: False for distances and errors.
        seed: Of the bootstrap.
        n_boot: Number of resamples.

    Raises:
        InputError: if the lengths differ.
    """
    a, b = (np.asarray(v, dtype=np.float64) for v in (first, second))
    if a.shape != b.shape or a.ndim != 1 or len(groups) != len(a):
        raise InputError(
            expected="two values and a patient per case",
            found=f"{a.shape}, {b.shape} and {len(groups)} patients",
            fix="Compare the same cases",
        )
    kept = ~(np.isnan(a) | np.isnan(b))
    difference = (a - b)[kept]
    if not len(difference):
        nothing: tuple[float | None, float | None] = (None, None)
        return Paired(
            difference=None, ci95=nothing, median=None, wins=0, losses=0, ties=0, n=0, n_left_out=len(a),
            n_patients=0, p=None,
        )  # fmt: skip
    gain = difference if higher_is_better else -difference
    labels = np.unique(np.asarray(groups)[kept], return_inverse=True)[1]
    table = np.zeros((int(labels.max()) + 1, 2))
    np.add.at(table, labels, np.column_stack([difference, np.ones(len(difference))]))
    mean = float(difference.mean())
    varied = len(table) > 1 and np.ptp(difference) > 0
    sums = resampled_sums(table, seed=seed, n_boot=n_boot) if varied else table.sum(axis=0, keepdims=True)
    return Paired(
        difference=mean,
        ci95=percentile_interval(sums[:, 0] / sums[:, 1]),
        median=float(np.median(difference)),
        wins=int((gain > TIE).sum()),
        losses=int((gain < -TIE).sum()),
        ties=int((np.abs(gain) <= TIE).sum()),
        n=len(difference),
        n_left_out=int((~kept).sum()),
        n_patients=len(table),
        p=wilcoxon(table[:, 0] / table[:, 1]),
        p_least=least_p(len(table)),
    )


def wilcoxon(differences: FloatArray) -> float | None:
    """Return the two-sided p-value of Wilcoxon's signed-rank test; None below two differences, 1 if all are zero."""
    from scipy import stats

    if len(differences) < 2:
        return None
    if not (np.abs(differences) > TIE).any():
        return 1.0
    rounded = np.where(np.abs(differences) > TIE, differences, 0.0)
    return float(stats.wilcoxon(rounded, zero_method="pratt").pvalue)


def least_p(n: int) -> float | None:
    """Return the smallest two-sided p-value that the signed-rank test of n differences can give: 2 / 2ⁿ."""
    return None if n < 2 else 2.0 ** (1 - n)


def least_holm(least: Sequence[float | None]) -> list[float | None]:
    """Return the smallest p-values that Holm's correction can give a family whose tests give at least ``least``."""
    known = [p for p in least if p is not None]
    first = min(1.0, len(known) * min(known, default=1.0))
    return [None if p is None else max(p, first) for p in least]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p-values of one family for multiple testing (Holm, Scand J Stat 6:65, 1979); None stays None."""
    known = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, i) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        corrected[i] = largest
    return corrected
