"""Many values → one score with its spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tumorscope.core.errors import InputError, UsageError
from tumorscope.metrics.bootstrap import percentile_interval, resampled_sums
from tumorscope.metrics.consistency import check_range
from tumorscope.metrics.counts import BoolArray, CountArray
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.metric import FloatArray, Metric
from tumorscope.metrics.registry import METRICS
from tumorscope.metrics.score import Score, Unit
from tumorscope.metrics.trivial import empty_prediction

N_BOOT = 2000


def summarise(
    values: npt.ArrayLike,
    *,
    metric: str,
    region: str,
    unit: Unit | str,
    empty_policy: EmptyPolicy | str,
    groups: Sequence[str] | None = None,
    all_empty: float | None = None,
    length_unit: str = "",
    reduction: str = "",
    note: str = "",
    seed: int = 0,
    n_boot: int = N_BOOT,
) -> Score:
    """Summarise values as mean, SD, median and a 95 % percentile bootstrap interval of the mean.

    The order of the values changes nothing.

    Args:
        values: One per case or slice, shape (N,); NaN marks a value the empty-mask policy leaves out.
        metric: Name of the metric; checked against its range when it is a known one.
        region: Region or class name.
        unit: What one value belongs to.
        empty_policy: The policy the values were made with.
        groups: Patient of each value. Patients are then resampled as a whole (cluster bootstrap): slices of one
            patient are not independent, and an interval that takes them for such is too narrow.
        all_empty: The same score for the all-empty prediction.
        length_unit: "mm" or "px" for distances.
        reduction: How several classes became one number.
        note: What a reader must know.
        seed: Of the bootstrap.
        n_boot: Number of resamples.

    Returns:
        The score. One patient (or value) alone shows no spread: then the interval is the mean itself and the note
        says so.

    Raises:
        InputError: if values are not one-dimensional or infinite, or groups do not fit.
        ImpossibleScoreError: if a value lies outside the metric's range.
    """
    array = np.asarray(values, dtype=np.float64)
    _check(array, groups, n_boot)
    if metric in METRICS:
        check_range(METRICS[metric], array)
    kept = ~np.isnan(array)
    labels = np.arange(len(array)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    order = np.lexsort((labels[kept], array[kept]))
    array, labels = array[kept][order], np.unique(labels[kept][order], return_inverse=True)[1]
    n, n_groups = len(array), len(np.unique(labels))
    mean = float(array.mean()) if n else None
    varied = n_groups > 1 and array[0] < array[-1]
    return Score(
        metric=metric,
        region=region,
        unit=Unit(unit),
        mean=mean,
        sd=float(array.std(ddof=1)) if n > 1 else None,
        median=float(np.median(array)) if n else None,
        ci95=_mean_interval(array, labels, seed, n_boot) if varied else (mean, mean),
        n=n,
        n_excluded=int((~kept).sum()),
        n_groups=n_groups,
        empty_policy=EmptyPolicy(empty_policy),
        all_empty=all_empty,
        length_unit=length_unit,
        reduction=reduction,
        note=_spread_note(note, n_groups),
        n_boot=n_boot,
        seed=seed,
    )


def summarise_pooled(
    counts: CountArray,
    *,
    metric: str,
    region: str,
    empty_policy: EmptyPolicy | str,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    n_boot: int = N_BOOT,
) -> Score:
    """Pool the counts of all cases into one value, with an interval from resampling patients.

    Args:
        counts: (tp, fp, fn, tn) per case, shape (N, 4).
        metric: Name of a metric that is computed from counts.
        region: Region or class name.
        empty_policy: Cases that it leaves out are not pooled; it also decides when the pooled masks are empty.
        groups: Patient of each case.
        seed: Of the bootstrap.
        n_boot: Number of resamples.

    Raises:
        InputError: if counts or groups do not fit.
        UsageError: if the metric is not computed from counts.
    """
    definition = _count_metric(metric)
    if counts.ndim != 2 or counts.shape[1] != 4:
        raise InputError(expected="counts (N, 4)", found=f"shape {counts.shape}", fix="Stack Counts.to_array()")
    policy = EmptyPolicy(empty_policy)
    _check(counts[:, 0].astype(np.float64), groups, n_boot)
    return summarise_sums(
        counts.astype(np.float64),
        lambda sums: _values(definition, sums, policy),
        policy.keeps(counts),
        metric=metric,
        region=region,
        empty_policy=policy,
        empty=empty_prediction,
        groups=groups,
        seed=seed,
        n_boot=n_boot,
    )


def summarise_sums(
    sums: FloatArray,
    compute: Callable[[FloatArray], FloatArray],
    kept: BoolArray,
    *,
    metric: str,
    region: str,
    empty_policy: EmptyPolicy,
    empty: Callable[[FloatArray], FloatArray] | None = None,
    groups: Sequence[str] | None = None,
    reduction: str = "",
    seed: int = 0,
    n_boot: int = N_BOOT,
) -> Score:
    """Add up the rows of all cases and compute one value from the total, with an interval from resampling patients.

    Args:
        sums: What is added up, one row per case, shape (N, D).
        compute: (M, D) → (M,), NaN where undefined.
        kept: Which cases count, shape (N,).
        metric: Name of the metric.
        region: Region, class, or set of classes.
        empty_policy: The policy ``compute`` and ``kept`` follow.
        empty: Total (1, D) → the total that an all-empty prediction has, where it can be told.
        groups: Patient of each case.
        reduction: How several classes became one number.
        seed: Of the bootstrap.
        n_boot: Number of resamples.
    """
    labels = np.arange(len(sums)) if groups is None else np.asarray(groups)
    labels = np.unique(labels[kept], return_inverse=True)[1]
    table = _sums_by_group(labels, sums[kept])
    total = table.sum(axis=0, keepdims=True)
    value = _of_total(compute, total)
    ci95: tuple[float | None, float | None] = (value, value)
    if len(table) > 1 and value is not None:
        ci95 = percentile_interval(compute(resampled_sums(table, seed=seed, n_boot=n_boot)))
    return Score(
        metric=metric,
        region=region,
        unit=Unit.POOLED,
        mean=value,
        sd=None,
        median=value,
        ci95=ci95,
        n=int(kept.sum()),
        n_excluded=int((~kept).sum()),
        n_groups=len(table),
        empty_policy=empty_policy,
        all_empty=None if empty is None else _of_total(compute, empty(total)),
        reduction=reduction,
        note=_spread_note("", len(table)),
        n_boot=n_boot,
        seed=seed,
    )


def _count_metric(name: str) -> Metric:
    metric = METRICS.get(name)
    if metric is None or metric.needs != "counts":
        raise UsageError(expected="a metric computed from counts", found=f"'{name}'", fix="Pool dice, iou, …")
    return metric


def _mean_interval(values: FloatArray, labels: npt.NDArray[np.intp], seed: int, n_boot: int) -> tuple[float, float]:
    """Cluster bootstrap of the mean; a resample's mean is its sum of values over its number of values."""
    table = _sums_by_group(labels, np.column_stack([values, np.ones(len(values))]))
    sums = resampled_sums(table, seed=seed, n_boot=n_boot)
    return percentile_interval(sums[:, 0] / sums[:, 1])


def _sums_by_group(labels: npt.NDArray[np.intp], columns: FloatArray | CountArray) -> FloatArray:
    """Add up rows (N, K) that share one of the labels 0 to G - 1: (G, K)."""
    sums = np.zeros((int(labels.max()) + 1 if len(labels) else 0, columns.shape[1]))
    np.add.at(sums, labels, columns)
    return sums


def _values(metric: Metric, sums: FloatArray, policy: EmptyPolicy) -> FloatArray:
    assert metric.from_counts is not None
    counts = np.rint(sums).astype(np.int64)
    return policy.apply(metric, metric.from_counts(counts), counts)


def _of_total(compute: Callable[[FloatArray], FloatArray], total: FloatArray) -> float | None:
    if not total.any():
        return None
    value = float(compute(total)[0])
    return None if np.isnan(value) else value


def _spread_note(note: str, n_groups: int) -> str:
    alone = "one patient or case only: no interval" if n_groups == 1 else ""
    return "; ".join(part for part in (note, alone) if part)


def _check(values: FloatArray, groups: Sequence[str] | None, n_boot: int) -> None:
    """Refuse what cannot be summarised."""
    found = ""
    if values.ndim != 1:
        found = f"an array of shape {values.shape}"
    elif np.isinf(values).any():
        found = "an infinite value"
    elif groups is not None and len(groups) != len(values):
        found = f"{len(values)} values and {len(groups)} groups"
    elif n_boot < 1:
        found = f"{n_boot} bootstrap resamples"
    if found:
        raise InputError(
            expected="one finite (or left-out, NaN) value per case, its group, and at least one resample",
            found=found,
            fix="Apply an empty-mask policy first",
        )
