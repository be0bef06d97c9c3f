"""Scores of classifiers: what scikit-learn says, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from tumorscope.core.errors import InputError
from tumorscope.metrics.type_scores import TypeAnswers, TypeScore, reliability, render_type_scores, type_scores

NAMES = ("glioma", "meningioma", "no tumor")


def answers(n: int = 300, seed: int = 0, groups: int = 60) -> TypeAnswers:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    logits = rng.normal(size=(n, 3)) + 1.5 * np.eye(3)[truth]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return TypeAnswers(NAMES, truth, p, [str(i % groups) for i in range(n)])


def value(scores: list[TypeScore], metric: str, region: str = "all") -> float:
    (found,) = [s.value for s in scores if (s.metric, s.region) == (metric, region)]
    assert found is not None
    return found


def test_as_scikit_learn_computes_them() -> None:
    given = answers()
    scores = type_scores(given, n_boot=10)
    report = sk.classification_report(given.truth, given.answer, target_names=NAMES, output_dict=True)
    assert value(scores, "accuracy") == pytest.approx(report["accuracy"])
    assert value(scores, "macro_f1") == pytest.approx(report["macro avg"]["f1-score"])
    assert value(scores, "macro_auroc") == pytest.approx(
        sk.roc_auc_score(given.truth, given.probabilities, multi_class="ovr")
    )
    for k, name in enumerate(NAMES):
        assert value(scores, "precision", name) == pytest.approx(report[name]["precision"])
        assert value(scores, "sensitivity", name) == pytest.approx(report[name]["recall"])
        assert value(scores, "f1", name) == pytest.approx(report[name]["f1-score"])
        healthy = given.truth != k
        assert value(scores, "specificity", name) == pytest.approx((given.answer[healthy] != k).mean())
    np.testing.assert_array_equal(given.confusion, sk.confusion_matrix(given.truth, given.answer))


def test_ties_count_half() -> None:
    p = np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1]])
    given = TypeAnswers(("a", "b"), np.array([0, 1, 0]), p, ["1", "2", "3"])
    assert value(type_scores(given, n_boot=2), "auroc", "a") == pytest.approx(sk.roc_auc_score([1, 0, 1], p[:, 0]))


def test_calibration_error_by_hand() -> None:
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])
    given = TypeAnswers(("a", "b"), np.array([0, 0, 0, 1]), p, list("abcd"))
    assert value(type_scores(given, n_boot=2), "ece") == pytest.approx(0.5 * 0.1 + 0.5 * 0.1)
    assert reliability(given) == [
        {"confidence": pytest.approx(0.6), "accuracy": 0.5, "n": 2},
        {"confidence": pytest.approx(0.9), "accuracy": 1.0, "n": 2},
    ]


def test_whole_groups_are_resampled() -> None:
    """Forty copies of one picture are one observation: the interval is wider than forty pictures would give."""
    rng = np.random.default_rng(0)
    right = np.repeat(rng.random(20) < 0.7, 40)
    p = np.where(right[:, None], [0.8, 0.2], [0.2, 0.8])
    truth = np.zeros(800, dtype=np.int64)
    alone, together = (
        type_scores(TypeAnswers(("a", "b"), truth, p, groups), n_boot=500)[0]
        for groups in ([str(i) for i in range(800)], [str(i // 40) for i in range(800)])
    )
    widths = [s.ci95[1] - s.ci95[0] for s in (alone, together)]  # type: ignore[operator]
    assert widths[1] > 4 * widths[0]
    assert (alone.n_groups, together.n_groups) == (800, 20)


def test_a_class_without_pictures_is_not_defined() -> None:
    given = TypeAnswers(("a", "b", "c"), np.array([0, 1]), np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]]), ["1", "2"])
    (found,) = [s for s in type_scores(given, n_boot=5) if (s.metric, s.region) == ("sensitivity", "c")]
    assert (found.value, found.ci95, found.n) == (None, (None, None), 0)
    assert "not defined" in render_type_scores(type_scores(given, n_boot=5))


@pytest.mark.parametrize("p", [np.full((2, 3), 0.5), np.zeros((2, 2)), np.full((1, 2), 0.5)])
def test_what_is_no_distribution_is_refused(p: np.ndarray) -> None:
    with pytest.raises(InputError, match="add up to 1"):
        TypeAnswers(("a", "b"), np.array([0, 1]), p, ["1", "2"])
