"""Every metric of the registry, by one shared class; then known answers of each."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from metrics_strategies import counts, mask_pairs
from sklearn import metrics as sk

from tumorscope.core.errors import UsageError
from tumorscope.core.labels import BINARY
from tumorscope.metrics import (
    METRICS,
    Counts,
    EmptyPolicy,
    Metric,
    count,
    find_metrics,
    match_lesions,
    probability_sums,
    surface_values,
)
from tumorscope.metrics.class_set import class_values, count_classes


def value(name: str, c: Counts) -> float:
    compute = METRICS[name].from_counts
    assert compute is not None
    return float(compute(c.to_array()))


def on_masks(metric: Metric, pred: np.ndarray, ref: np.ndarray) -> float:
    if metric.from_counts is not None:
        return value(metric.name, count(pred, ref))
    if metric.over_classes is not None:
        both = count_classes(pred.astype(np.uint8), ref.astype(np.uint8), BINARY).sum(axis=0)[None]
        return float(class_values(metric, both, EmptyPolicy.BRATS)[0])
    if metric.from_probabilities is not None:
        sums = probability_sums({"tumor": pred.astype(np.float32)}, {"tumor": ref}, exclusive=True)
        return float(metric.from_probabilities(sums.slices.sum(axis=0)))
    if metric.from_lesions is not None:
        return metric.from_lesions(match_lesions(pred, ref, (2.0, 2.0, 2.0)))
    return surface_values(pred, ref, [metric])[metric.name]


@pytest.mark.parametrize("name", METRICS)
class TestEveryMetric:
    def test_is_documented(self, name: str) -> None:
        metric = METRICS[name]
        assert metric.name == name
        assert metric.title and metric.formula and metric.source
        ways = (metric.from_counts, metric.from_surface, metric.over_classes, metric.from_probabilities)
        ways = (*ways, metric.from_lesions)
        assert sum(way is not None for way in ways) == 1
        assert metric.higher_is_better != (metric.is_length or name == "mse")

    def test_perfect_prediction(self, name: str) -> None:
        mask = np.zeros((5, 6, 7), dtype=bool)
        mask[1:4, 2:5, 2:4] = True
        assert on_masks(METRICS[name], mask, mask) == METRICS[name].perfect

    def test_a_worse_prediction_scores_worse(self, name: str) -> None:
        ref, good, bad = (np.zeros((20, 8, 8), dtype=bool) for _ in range(3))
        ref[2:8, 2:6, 2:6] = good[3:9, 2:6, 2:6] = bad[7:13, 2:6, 2:6] = True
        if name == "lesion_f1":  # it asks only whether a lesion was met
            bad[:] = False
            bad[14:18, 2:6, 2:6] = True
        better, worse = on_masks(METRICS[name], good, ref), on_masks(METRICS[name], bad, ref)
        assert math.isfinite(better) and math.isfinite(worse)
        assert better > worse if METRICS[name].higher_is_better else better < worse

    @settings(deadline=None, max_examples=25)
    @given(masks=mask_pairs())
    def test_every_policy_gives_a_value_in_range_or_leaves_the_case_out(
        self, name: str, masks: tuple[np.ndarray, np.ndarray]
    ) -> None:
        metric = METRICS[name]
        array = count(*masks).to_array()[None]
        for policy in EmptyPolicy:
            result = policy.apply(metric, np.array([on_masks(metric, *masks)]), array, diagonal=9.0)
            assert result.shape == (1,)
            assert np.isnan(result[0]) or 0 <= result[0] <= metric.high


def test_known_values() -> None:
    c = Counts(tp=30, fp=10, fn=20, tn=940)
    expected = {"dice": 60 / 90, "iou": 0.5, "precision": 0.75, "sensitivity": 0.6, "f1": 2 / 3}
    expected |= {"specificity": 940 / 950, "accuracy": 0.97}
    for name, wanted in expected.items():
        assert value(name, c) == pytest.approx(wanted), name


def test_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    pred, ref = rng.random(500) < 0.3, rng.random(500) < 0.4
    c = count(pred, ref)
    assert value("iou", c) == pytest.approx(sk.jaccard_score(ref, pred))
    assert value("f1", c) == value("dice", c) == pytest.approx(sk.f1_score(ref, pred))
    assert value("precision", c) == pytest.approx(sk.precision_score(ref, pred))
    assert value("sensitivity", c) == pytest.approx(sk.recall_score(ref, pred))
    assert value("specificity", c) == pytest.approx(sk.recall_score(~ref, ~pred))
    assert value("accuracy", c) == pytest.approx(sk.accuracy_score(ref, pred))


@settings(deadline=None)
@given(c=counts)
def test_relations_hold_for_any_counts(c: Counts) -> None:
    swapped = Counts(c.tp, c.fn, c.fp, c.tn)
    dice, iou = value("dice", c), value("iou", c)
    if c.tp + c.fp + c.fn == 0:
        assert math.isnan(dice) and math.isnan(iou)
        return
    assert dice == value("dice", swapped)
    assert dice == pytest.approx(2 * iou / (1 + iou))
    assert 0 <= iou <= dice <= 1
    precision, sensitivity = value("precision", c), value("sensitivity", c)
    assert precision == value("sensitivity", swapped) or c.tp + c.fp == 0
    if c.tp:
        assert min(precision, sensitivity) - 1e-12 <= value("f1", c) <= max(precision, sensitivity) + 1e-12
    assert value("specificity", c) == value("sensitivity", c.background) or c.tn + c.fp == 0


def test_unknown_metric_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="'dice'"):
        find_metrics(["dise"])


def test_accuracy_brings_class_wise_scores() -> None:
    assert [m.name for m in find_metrics(["accuracy"])] == ["dice", "sensitivity", "specificity", "accuracy"]
    assert [m.name for m in find_metrics(["dice", "dice"])] == ["dice"]
