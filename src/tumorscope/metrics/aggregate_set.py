"""Scores of whole label maps and of probabilities over cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from tumorscope.metrics.case_score import CaseScore
from tumorscope.metrics.class_set import class_values, empty_map, foreground, reduction_text, set_name
from tumorscope.metrics.counts import CountArray
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.metric import FloatArray, Metric
from tumorscope.metrics.score import Score, Unit
from tumorscope.metrics.summary import summarise, summarise_sums

Rows = TypeVar("Rows", CountArray, FloatArray)


def class_set_scores(
    cases: Sequence[CaseScore],
    metrics: Sequence[Metric],
    unit: Unit,
    policy: EmptyPolicy,
    seed: int,
    n_boot: int,
) -> list[Score]:
    """Summarise the metrics over classes and of probabilities; those that were not measured are left out.

    Which cases count is decided by the policy with all foreground taken as one region.

    Args:
        cases: With the same classes.
        metrics: Those of one region are passed over.
        unit: What one value belongs to.
        policy: Empty-mask policy.
        seed: Of the bootstrap.
        n_boot: Number of resamples.
    """
    if any(c.class_slices is None for c in cases):
        return []
    counts, groups = _rows(cases, unit, [c.class_slices for c in cases if c.class_slices is not None])
    scores, shape, empty = [], counts.shape[1:], empty_map(counts)
    for metric in (m for m in metrics if m.needs == "classes"):
        over = metric.over_classes
        assert over is not None
        compute = partial(_flat_values, metric, shape, policy)
        region = set_name(cases[0].classes, over.background)
        scores.append(_score(metric, region, unit, policy, counts, counts, compute, empty, groups, seed, n_boot))
    if any(c.probabilities is None for c in cases):
        return scores
    found = [c.probabilities for c in cases if c.probabilities is not None]
    sums, _ = _rows(cases, unit, [p.slices for p in found])
    region = set_name(found[0].channels, False)
    for metric in (m for m in metrics if m.from_probabilities is not None):
        assert metric.from_probabilities is not None
        scores.append(
            _score(metric, region, unit, policy, counts, sums, metric.from_probabilities, None, groups, seed, n_boot)
        )
    return scores


def _flat_values(metric: Metric, shape: tuple[int, ...], policy: EmptyPolicy, sums: FloatArray) -> FloatArray:
    return class_values(metric, np.rint(sums).astype(np.int64).reshape(-1, *shape), policy)


def _rows(cases: Sequence[CaseScore], unit: Unit, arrays: Sequence[Rows]) -> tuple[Rows, list[str]]:
    """Return one row per value and its patient."""
    if unit is Unit.SLICE:
        return np.concatenate(arrays), [c.patient for c, a in zip(cases, arrays, strict=True) for _ in a]
    return np.stack([a.sum(axis=0) for a in arrays]), [c.patient for c in cases]


def _score(
    metric: Metric,
    region: str,
    unit: Unit,
    policy: EmptyPolicy,
    counts: CountArray,
    sums: CountArray | FloatArray,
    compute: Callable[[FloatArray], FloatArray],
    empty: CountArray | None,
    groups: list[str],
    seed: int,
    n_boot: int,
) -> Score:
    kept, reduction = policy.keeps(foreground(counts)), reduction_text(metric)
    flat = sums.reshape(len(sums), -1).astype(np.float64)
    if unit is Unit.POOLED:
        return summarise_sums(
            flat,
            compute,
            kept,
            metric=metric.name,
            region=region,
            empty_policy=policy,
            empty=None if empty is None else lambda _: empty[kept].sum(axis=0).reshape(1, -1).astype(np.float64),
            groups=groups,
            reduction=reduction,
            seed=seed,
            n_boot=n_boot,
        )
    alone = np.full(1, np.nan) if empty is None else compute(empty.reshape(len(empty), -1).astype(np.float64))
    return summarise(
        np.where(kept, compute(flat), np.nan),
        metric=metric.name,
        region=region,
        unit=unit,
        empty_policy=policy,
        groups=groups,
        all_empty=None if np.isnan(alone).all() else float(np.nanmean(np.sort(alone))),
        reduction=reduction,
        seed=seed,
        n_boot=n_boot,
    )
