"""Mean, SD, median and bootstrap interval."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from metrics_strategies import values
from scipy import stats

from tumorscope.core.errors import InputError, UsageError
from tumorscope.metrics import EmptyPolicy, ImpossibleScoreError, Score, Unit, summarise, summarise_pooled
from tumorscope.metrics.bootstrap import resampled_sums

N_BOOT = 300


def score(array: object, **options: object) -> Score:
    given_options = {"metric": "dice", "region": "WT", "unit": "patient", "empty_policy": "brats", "n_boot": N_BOOT}
    return summarise(array, **(given_options | options))  # type: ignore[arg-type]


def test_known_answers_and_json_shape() -> None:
    result = score([0.2, 0.4, 0.9, np.nan]).to_json()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert {k: result[k] for k in ("metric", "region", "unit", "empty_policy")} == {
        "metric": "dice",
        "region": "WT",
        "unit": "patient",
        "empty_policy": "brats",
    }
    assert result["mean"] == pytest.approx(0.5)
    assert result["sd"] == pytest.approx(np.std([0.2, 0.4, 0.9], ddof=1))
    assert result["median"] == 0.4
    assert (result["n"], result["n_excluded"]) == (3, 1)
    low, high = result["ci95"]  # type: ignore[misc]
    assert 0.2 <= low < 0.5 < high <= 0.9


@settings(deadline=None, max_examples=50)
@given(array=values)
def test_interval_contains_the_mean_and_order_changes_nothing(array: np.ndarray) -> None:
    result = score(array)
    low, high = result.ci95
    assert low is not None and high is not None and result.mean is not None
    assert array.min() - 1e-9 <= low <= result.mean + 1e-9
    assert result.mean - 1e-9 <= high <= array.max() + 1e-9
    names = [f"p{i % 5}" for i in range(len(array))]
    order = np.random.default_rng(0).permutation(len(array))
    assert score(array[order]) == result
    assert score(array[order], groups=[names[i] for i in order]) == score(array, groups=names)


def test_interval_agrees_with_scipy() -> None:
    array = np.random.default_rng(3).beta(5, 2, size=60)
    ours = score(array, n_boot=5000).ci95
    theirs = stats.bootstrap((array,), np.mean, method="percentile", n_resamples=5000, rng=1).confidence_interval
    assert ours == pytest.approx(tuple(theirs), abs=0.004)


def test_interval_covers_the_truth_about_95_percent_of_the_time() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        low, high = score(rng.beta(5, 2, size=50)).ci95
        assert low is not None and high is not None
        hits += low <= 5 / 7 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_interval_shrinks_with_n() -> None:
    array = np.random.default_rng(0).random(1000)
    widths = [np.diff(np.array(score(array[:n]).ci95, dtype=float))[0] for n in (10, 100, 1000)]
    assert widths[0] > widths[1] > widths[2]
    assert widths[0] / widths[2] == pytest.approx(10, rel=0.5)


def test_cluster_bootstrap_resamples_patients() -> None:
    """Ten patients, each with 50 slices of nearly one value: the interval must be that of ten values, not of 500."""
    rng = np.random.default_rng(0)
    patients = rng.random(10)
    slices = np.clip(np.repeat(patients, 50) + rng.normal(0, 0.001, 500), 0, 1)
    groups = [f"p{i}" for i in np.repeat(np.arange(10), 50)]
    alone, clustered = score(slices), score(slices, groups=groups)
    by_patient = score(patients)

    def width(s: Score) -> float:
        return float(np.diff(np.array(s.ci95, dtype=float))[0])

    assert clustered.mean == alone.mean
    assert (clustered.n, clustered.n_groups, alone.n_groups) == (500, 10, 500)
    assert width(clustered) > 4 * width(alone)
    assert width(clustered) == pytest.approx(width(by_patient), rel=0.02)


def test_every_resample_is_another_one() -> None:
    table = np.random.default_rng(0).random((3000, 1))
    assert len(np.unique(resampled_sums(table, seed=0, n_boot=1500))) == 1500


def test_same_seed_same_interval() -> None:
    array = np.random.default_rng(0).random(30)
    assert score(array).ci95 == score(array).ci95 != score(array, seed=1).ci95


def test_one_case_has_no_interval_and_none_has_no_mean() -> None:
    one = score([0.7])
    assert (one.mean, one.sd, one.median, one.ci95, one.n) == (0.7, None, 0.7, (0.7, 0.7), 1)
    assert "no interval" in one.note
    none = score([np.nan, np.nan])
    assert (none.mean, none.sd, none.median, none.ci95) == (None, None, None, (None, None))
    assert (none.n, none.n_excluded) == (0, 2)
    assert "no interval" in score([0.7, 0.9], groups=["a", "a"]).note


@pytest.mark.parametrize(
    ("array", "options"),
    [([[0.1]], {}), ([np.inf], {}), ([0.1, 0.2], {"groups": ["a"]}), ([0.1], {"n_boot": 0})],
)
def test_bad_input(array: list[float], options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        score(array, **options)


def test_percentages_are_refused() -> None:
    with pytest.raises(ImpossibleScoreError, match="percent"):
        score([83.0, 91.0])
    assert score([83.0, 91.0], metric="hd95").mean == 87


def pooled(counts: np.ndarray, **options: object) -> Score:
    return summarise_pooled(
        counts, **({"metric": "dice", "region": "WT", "empty_policy": "brats", "n_boot": N_BOOT} | options)
    )  # type: ignore[arg-type]


def test_pooled_is_the_score_of_the_summed_counts() -> None:
    counts = np.array([[10, 0, 0, 90], [0, 10, 10, 80], [0, 0, 0, 100]])
    result = pooled(counts)
    assert result.unit is Unit.POOLED
    assert result.mean == result.median == pytest.approx(20 / 40)
    assert (result.sd, result.n, result.all_empty) == (None, 3, 0)
    assert result.ci95[0] == 0 and result.ci95[1] == 1, "some resamples hold only the good or only the bad case"
    assert pooled(counts[::-1]) == result
    positives = pooled(counts, empty_policy=EmptyPolicy.POSITIVES_ONLY, metric="accuracy")
    assert (positives.n, positives.n_excluded) == (2, 1)
    assert positives.mean == pytest.approx(180 / 200)
    assert positives.all_empty == pytest.approx(180 / 200)


def test_pooled_interval_resamples_patients() -> None:
    rng = np.random.default_rng(0)
    counts = np.repeat(rng.integers(1, 50, size=(8, 4)), 20, axis=0)
    groups = [f"p{i}" for i in np.repeat(np.arange(8), 20)]
    narrow, wide = pooled(counts), pooled(counts, groups=groups)
    assert narrow.mean == wide.mean
    assert np.diff(wide.ci95)[0] > 3 * np.diff(narrow.ci95)[0]


def test_pooled_edge_cases() -> None:
    empty = np.array([[0, 0, 0, 10]])
    assert pooled(empty).mean == 1
    assert pooled(empty, empty_policy="positives-only").mean is None
    assert pooled(empty, empty_policy="positives-only").n_excluded == 1
    with pytest.raises(UsageError):
        pooled(empty, metric="hd95")
    with pytest.raises(InputError):
        pooled(empty[0])
