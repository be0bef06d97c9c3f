"""Two classifiers on the same pictures: differences with intervals, and McNemar's test."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.metrics.bootstrap import percentile_interval
from tumorscope.metrics.summary import N_BOOT
from tumorscope.metrics.type_scores import TypeAnswers, resampled_weights, score_values

#: What is compared.
DIFFERENCES = ("accuracy", "macro_f1", "ece")


@dataclass(frozen=True, kw_only=True)
class PairedTypes:
    """Differences first - second.

    Attributes:
        differences: Metric → difference; None where undefined.
        intervals: Metric → 95 % percentile interval, groups resampled with the answers of both.
        first_only: Pictures that only the first answers rightly.
        second_only: Pictures that only the second answers rightly.
        both: Pictures that both answer rightly.
        neither: Pictures that neither does.
        n_groups: Groups that were resampled.
        p: McNemar's exact test over pictures, two-sided, as if they were independent of one another; 1 where no
            picture tells the two apart.
    """

    differences: dict[str, float | None]
    intervals: dict[str, tuple[float | None, float | None]]
    first_only: int
    second_only: int
    both: int
    neither: int
    n_groups: int
    p: float

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**asdict(self), "intervals": {k: list(v) for k, v in self.intervals.items()}}


def paired_types(first: TypeAnswers, second: TypeAnswers, *, seed: int = 0, n_boot: int = N_BOOT) -> PairedTypes:
    """Compare the answers of two classifiers (McNemar, Psychometrika 12:153, 1947; the exact binomial form).

    Args:
        first: Answers.
        second: Answers to the same pictures in the same order, classes in the same order.
        seed: Of the bootstrap.
        n_boot: Number of resamples.

    Raises:
        InputError: if the pictures, their classes or groups differ.
    """
    from scipy.stats import binomtest

    same = list(first.names) == list(second.names) and list(first.groups) == list(second.groups)
    if not same or not np.array_equal(first.truth, second.truth):
        raise InputError(
            expected="two classifiers' answers to the same pictures",
            found=f"{len(first.truth)} and {len(second.truth)} pictures that differ in class or group",
            fix="Evaluate both on the same cases",
        )
    owner = np.unique(np.asarray(first.groups), return_inverse=True)[1]
    drawn = resampled_weights(owner, seed, n_boot)
    once = np.ones((1, len(owner)))
    differences: dict[str, float | None] = {}
    intervals: dict[str, tuple[float | None, float | None]] = {}
    points = [score_values(a, once) for a in (first, second)]
    spread = [score_values(a, drawn) for a in (first, second)]
    for metric in DIFFERENCES:
        key = metric, "all"
        value = float(points[0][key][0] - points[1][key][0])
        resampled = spread[0][key] - spread[1][key]
        known = np.isfinite(value) and np.isfinite(resampled).any()
        differences[metric] = value if np.isfinite(value) else None
        intervals[metric] = percentile_interval(resampled) if known else (None, None)
    right = [a.truth == a.answer for a in (first, second)]
    only = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    return PairedTypes(
        differences=differences,
        intervals=intervals,
        first_only=only[0],
        second_only=only[1],
        both=int((right[0] & right[1]).sum()),
        neither=int((~right[0] & ~right[1]).sum()),
        n_groups=int(owner.max()) + 1,
        p=float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0,
    )
