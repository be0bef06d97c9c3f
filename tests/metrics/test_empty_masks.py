"""Empty-mask policies."""

from __future__ import annotations

import numpy as np
import pytest

from tumorscope.metrics import METRICS, Counts, EmptyPolicy

BOTH_EMPTY = Counts(0, 0, 0, 100)
FALSE_ALARM = Counts(0, 5, 0, 95)
MISSED = Counts(0, 0, 5, 95)
FOUND = Counts(4, 1, 1, 94)
CASES = np.stack([c.to_array() for c in (BOTH_EMPTY, FALSE_ALARM, MISSED, FOUND)])
OUT = np.nan


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (EmptyPolicy.BOTH_EMPTY_ONE, [1, 0, 0, 0.8]),
        (EmptyPolicy.BRATS, [1, 0, 0, 0.8]),
        (EmptyPolicy.BRATS_2023, [1, 0, 0, 0.8]),
        (EmptyPolicy.SKIP_BOTH_EMPTY, [OUT, 0, 0, 0.8]),
        (EmptyPolicy.POSITIVES_ONLY, [OUT, OUT, 0, 0.8]),
    ],
)
@pytest.mark.parametrize("name", ["dice", "f1", "precision", "sensitivity"])
def test_overlap(policy: EmptyPolicy, expected: list[float], name: str) -> None:
    compute = METRICS[name].from_counts
    assert compute is not None
    np.testing.assert_allclose(policy.apply(METRICS[name], compute(CASES), CASES), expected)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (EmptyPolicy.BOTH_EMPTY_ONE, [0, 50, 50, 3]),
        (EmptyPolicy.BRATS, [0, 373.12866, 373.12866, 3]),
        (EmptyPolicy.BRATS_2023, [0, 374, 374, 3]),
        (EmptyPolicy.SKIP_BOTH_EMPTY, [OUT, OUT, OUT, 3]),
        (EmptyPolicy.POSITIVES_ONLY, [OUT, OUT, 50, 3]),
    ],
)
@pytest.mark.parametrize("name", ["hd95", "hausdorff"])
def test_distances(policy: EmptyPolicy, expected: list[float], name: str) -> None:
    raw = np.array([np.nan, np.nan, np.nan, 3])
    np.testing.assert_allclose(policy.apply(METRICS[name], raw, CASES, diagonal=50), expected, atol=1e-4)
    per_case = policy.apply(METRICS[name], raw, CASES, diagonal=np.array([50.0, 50, 50, 50]))
    np.testing.assert_allclose(per_case, expected, atol=1e-4)
    assert np.isnan(raw[0]), "the input must not change"


@pytest.mark.parametrize("name", ["accuracy", "specificity"])
def test_accuracy_and_specificity_stay_defined(name: str) -> None:
    compute = METRICS[name].from_counts
    assert compute is not None
    raw = compute(CASES)
    np.testing.assert_array_equal(EmptyPolicy.BRATS.apply(METRICS[name], raw, CASES), raw)
    kept = EmptyPolicy.POSITIVES_ONLY.apply(METRICS[name], raw, CASES)
    np.testing.assert_array_equal(kept, [OUT, OUT, *raw[2:]])


def test_every_policy_says_what_it_does() -> None:
    assert len({p.text for p in EmptyPolicy}) == len(EmptyPolicy)
