"""Impossible pairs, with the numbers that the papers print."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics_strategies import counts

from tumorscope.metrics import (
    METRICS,
    Counts,
    EmptyPolicy,
    ImpossibleScoreError,
    check_pair,
    check_scores,
    explain_f1,
    explain_pair,
    summarise,
)

PUBLISHED_DICE_IOU = [(0.75, 0.9827), (0.6008, 0.8176), (0.8477, 0.9981), (0.9977, 0.9981), (0.6557, 0.7846)]
PUBLISHED_F1 = [(0.997, 0.995, 0.991), (0.992, 0.994, 0.990), (0.992, 0.991, 0.990)]


@pytest.mark.parametrize(("dice", "iou"), PUBLISHED_DICE_IOU)
@pytest.mark.parametrize("averaged", [False, True])
def test_published_pairs_are_impossible(dice: float, iou: float, averaged: bool) -> None:
    with pytest.raises(ImpossibleScoreError, match="IoU not above Dice"):
        check_pair(dice=dice, iou=iou, averaged=averaged, tolerance=5e-5)
    assert "above Dice, impossible" in explain_pair(dice=dice, iou=iou)


@pytest.mark.parametrize(("precision", "recall", "f1"), PUBLISHED_F1)
def test_published_f1_are_impossible(precision: float, recall: float, f1: float) -> None:
    with pytest.raises(ImpossibleScoreError, match="F1"):
        check_pair(precision=precision, sensitivity=recall, f1=f1)
    assert "below both" in explain_f1(precision=precision, sensitivity=recall, f1=f1)


def test_published_pairs_that_can_be() -> None:
    check_pair(precision=0.998, sensitivity=0.989, f1=0.993, tolerance=5e-4)
    assert explain_f1(precision=0.998, sensitivity=0.989, f1=0.993).endswith("0.993 agrees")
    check_pair(dice=0.96, iou=0.923, tolerance=5e-3)
    assert explain_pair(dice=0.96, iou=0.923).endswith("IoU 0.923 agrees")
    check_pair(dice=0.9336, iou=0.9083, averaged=True)
    assert "only as an average" in explain_pair(dice=0.9336, iou=0.9083)


def test_sentences() -> None:
    assert explain_pair(dice=0.75) == "Dice 0.75 means IoU 0.60"
    assert explain_pair(dice=0.6008) == "Dice 0.6008 means IoU 0.429"
    assert explain_pair(iou=0.6) == "IoU 0.60 means Dice 0.75"
    assert explain_pair(dice=0.75, iou=0.9827).startswith("Dice 0.75 means IoU 0.60; IoU 0.9827 is above Dice")
    assert explain_pair(dice=0.9, iou=0.5).endswith("impossible for the same class and averaging")
    assert explain_f1(precision=0.9, sensitivity=0.8, f1=0.95).endswith("above both, impossible")
    assert explain_f1(precision=0.9, sensitivity=0.1, f1=0.5).endswith("does not follow from them")


@settings(deadline=None)
@given(c=counts)
def test_scores_of_the_same_counts_pass(c: Counts) -> None:
    array = c.to_array()[None]
    values = {}
    for name in ("dice", "iou", "precision", "sensitivity", "f1"):
        compute = METRICS[name].from_counts
        assert compute is not None
        values[name] = float(EmptyPolicy.BRATS.apply(METRICS[name], compute(array), array)[0])
    check_pair(**values)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
def test_true_averages_pass_and_are_told_from_one_pair(pairs: list[tuple[float, float]]) -> None:
    ious = np.array([p[0] for p in pairs])
    dices = 2 * ious / (1 + ious)
    precision, recall = np.array(pairs).T
    f1 = np.where(precision + recall > 0, 2 * precision * recall / np.maximum(precision + recall, 1e-300), 0)
    means = {"precision": precision.mean(), "sensitivity": recall.mean(), "f1": f1.mean()}
    check_pair(dice=dices.mean(), iou=ious.mean(), **means, averaged=True)


def test_dice_must_follow_from_iou_for_the_same_counts() -> None:
    with pytest.raises(ImpossibleScoreError, match="equal to 2·IoU"):
        check_pair(dice=0.75, iou=0.65)
    check_pair(dice=0.75, iou=0.65, averaged=True)
    with pytest.raises(ImpossibleScoreError, match="at most 2·IoU"):
        check_pair(dice=0.75, iou=0.55, averaged=True)
    with pytest.raises(ImpossibleScoreError, match="harmonic"):
        check_pair(precision=0.9, sensitivity=0.1, f1=0.5)
    with pytest.raises(ImpossibleScoreError, match="average F1"):
        check_pair(precision=0.9, sensitivity=0.1, f1=0.6, averaged=True)


@pytest.mark.parametrize("name", ["dice", "iou", "precision", "sensitivity", "f1"])
@pytest.mark.parametrize("value", [-0.1, 1.2, 83.0, float("nan")])
def test_range(name: str, value: float) -> None:
    with pytest.raises(ImpossibleScoreError, match="from 0 to 1"):
        check_pair(**{name: value})


def test_nothing_to_explain() -> None:
    with pytest.raises(ImpossibleScoreError, match="neither"):
        explain_pair()


def test_check_scores_compares_only_what_belongs_together() -> None:
    policy = EmptyPolicy.BRATS
    dice = summarise([0.6, 0.8], metric="dice", region="WT", unit="patient", empty_policy=policy, n_boot=10)
    iou = summarise([0.9, 0.8], metric="iou", region="WT", unit="patient", empty_policy=policy, n_boot=10)
    with pytest.raises(ImpossibleScoreError):
        check_scores([dice, iou])
    check_scores([dice, replace(iou, region="ET")])
