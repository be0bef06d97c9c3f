"""Case scores → scores with intervals, for every unit and empty-mask policy asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.metrics.aggregate_set import class_set_scores
from tumorscope.metrics.case_score import CaseScore
from tumorscope.metrics.consistency import check_scores
from tumorscope.metrics.counts import CountArray
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.lesionwise import LesionMatch
from tumorscope.metrics.metric import FloatArray, Metric
from tumorscope.metrics.registry import DEFAULT_METRICS, find_metrics
from tumorscope.metrics.score import Score, Unit
from tumorscope.metrics.summary import N_BOOT, summarise, summarise_pooled
from tumorscope.metrics.trivial import empty_prediction


def aggregate(
    cases: Sequence[CaseScore],
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    units: Sequence[Unit] = (Unit.PATIENT,),
    policies: Sequence[EmptyPolicy] = (EmptyPolicy.BRATS,),
    seed: int = 0,
    n_boot: int = N_BOOT,
) -> list[Score]:
    """Summarise cases by unit, region, policy and metric (in this order), each beside the all-empty prediction's score.

    Intervals come from resampling patients. ``patient`` and ``image`` have one value per case: a patient with several
    studies gives several values, resampled together. Surface metrics exist per patient and image, not per slice or
    pooled. Metrics over all classes follow the regions of their unit. Accuracy always comes with class-wise scores.

    Args:
        cases: From :func:`~tumorscope.metrics.case_score.score_case`, all with the same regions.
        metrics: Names; surface metrics that were not measured are left out.
        units: What one value belongs to.
        policies: Empty-mask policies; one set of scores each.
        seed: Of the bootstrap.
        n_boot: Number of resamples.

    Raises:
        InputError: if there are no cases, ids repeat, regions or length units differ, or ``image`` is asked of volumes.
        ImpossibleScoreError: if computed scores contradict one another.
    """
    _check(cases, units)
    wanted = find_metrics(metrics)
    scores = []
    for unit in units:
        for region in cases[0].regions:
            table = _collect(cases, region, unit)
            for policy in policies:
                for metric in wanted:
                    if (
                        metric.needs == "counts"
                        or metric.name in table.surface
                        or (metric.needs == "lesions" and table.lesions)
                    ):
                        scores.append(_score(table, metric, region, unit, policy, seed, n_boot))
        for policy in policies:
            scores += class_set_scores(cases, wanted, unit, policy, seed, n_boot)
    check_scores(scores)
    return scores


@dataclass(frozen=True)
class _Table:
    """One region, one row per value."""

    counts: CountArray
    groups: list[str]
    surface: dict[str, FloatArray]
    lesions: list[LesionMatch]
    diagonal: FloatArray
    length_unit: str
    tolerance: float


def _collect(cases: Sequence[CaseScore], region: str, unit: Unit) -> _Table:
    found = [c.regions[region] for c in cases]
    first = cases[0]
    surface: dict[str, FloatArray] = {}
    lesions: list[LesionMatch] = []
    if unit is Unit.SLICE:
        counts = np.concatenate([r.slices for r in found])
        groups = [c.patient for c, r in zip(cases, found, strict=True) for _ in r.slices]
        diagonal = np.full(len(counts), math.nan)
    else:
        counts = np.stack([r.counts.to_array() for r in found])
        groups = [c.patient for c in cases]
        diagonal = np.array([c.diagonal for c in cases])
        if unit is not Unit.POOLED:
            surface = {name: np.array([r.surface[name] for r in found]) for name in found[0].surface}
            lesions = [r.lesions for r in found if r.lesions is not None]
    return _Table(counts, groups, surface, lesions, diagonal, first.length_unit, first.tolerance)


def _score(
    table: _Table, metric: Metric, region: str, unit: Unit, policy: EmptyPolicy, seed: int, n_boot: int
) -> Score:
    if unit is Unit.POOLED:
        return summarise_pooled(
            table.counts,
            metric=metric.name,
            region=region,
            empty_policy=policy,
            groups=table.groups,
            seed=seed,
            n_boot=n_boot,
        )
    empty = empty_prediction(table.counts)
    if metric.from_lesions is not None:
        raw = np.array([metric.from_lesions(m) for m in table.lesions])
        raw_empty = np.array([metric.from_lesions(m.unpredicted) for m in table.lesions])
    elif metric.from_counts is not None:
        raw, raw_empty = metric.from_counts(table.counts), metric.from_counts(empty)
    else:
        raw, raw_empty = table.surface[metric.name], np.full(len(empty), math.nan)
    all_empty = policy.apply(metric, raw_empty, empty, table.diagonal)
    return summarise(
        policy.apply(metric, raw, table.counts, table.diagonal),
        metric=metric.name,
        region=region,
        unit=unit,
        empty_policy=policy,
        groups=table.groups,
        all_empty=None if np.isnan(all_empty).all() else float(np.nanmean(np.sort(all_empty))),
        length_unit=table.length_unit if metric.is_length else "",
        note=f"tolerance {table.tolerance:g} {table.length_unit}" if metric.uses_tolerance else "",
        seed=seed,
        n_boot=n_boot,
    )


def _check(cases: Sequence[CaseScore], units: Sequence[Unit]) -> None:
    """Refuse cases that cannot be summarised together."""
    found = ""
    ids = [c.case for c in cases]
    if not cases:
        found = "no case"
    elif len(set(ids)) < len(ids):
        found = f"case '{next(i for i in ids if ids.count(i) > 1)}' twice"
    elif len({tuple(sorted(c.regions)) for c in cases}) > 1:
        found = "different regions from case to case"
    elif len({c.classes for c in cases}) > 1:
        found = f"different classes: {' and '.join(sorted({', '.join(c.classes) or 'none' for c in cases}))}"
    elif len({r.lesions is None for c in cases for r in c.regions.values()}) > 1:
        found = "lesions matched in some regions or cases only"
    elif len({frozenset(r.surface) for c in cases for r in c.regions.values()}) > 1:
        found = "surface metrics in some regions or cases only"
    elif len({(c.length_unit, c.tolerance) for c in cases}) > 1:
        found = "distances in mm and in pixels, or different tolerances"
    elif Unit.IMAGE in units and any(len(r.slices) > 1 for c in cases for r in c.regions.values()):
        found = "volumes where the unit is 'image'"
    if found:
        raise InputError(
            expected="distinct cases, all scored in the same way",
            found=found,
            fix="Evaluate each kind of case by itself, with unit 'patient' for volumes",
        )
