"""Paired differences: interval, test, wins and losses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tumorscope.core.errors import InputError
from tumorscope.metrics.paired import holm, least_holm, least_p, paired, wilcoxon


def names(n: int) -> list[str]:
    return [f"p{i}" for i in range(n)]


def test_known_answer() -> None:
    a, b = [0.9, 0.8, 0.7, 0.5, np.nan], [0.8, 0.8, 0.5, 0.6, 0.9]
    result = paired(a, b, groups=names(5))
    assert result.difference == pytest.approx(0.05)
    assert (result.wins, result.losses, result.ties, result.n, result.n_left_out) == (2, 1, 1, 4, 1)
    low, high = result.ci95
    assert low is not None and high is not None and -0.1 <= low < 0.05 < high <= 0.2
    worse = paired(a, b, groups=names(5), higher_is_better=False)
    assert (worse.wins, worse.losses, worse.difference) == (1, 2, result.difference)


def test_agrees_with_scipy() -> None:
    rng = np.random.default_rng(0)
    a = rng.beta(8, 2, 40)
    b = a - rng.normal(0.02, 0.03, 40)
    result = paired(a, b, groups=names(40), n_boot=5000)
    assert result.p == pytest.approx(stats.wilcoxon(a - b, zero_method="pratt").pvalue)
    theirs = stats.bootstrap((a - b,), np.mean, method="percentile", n_resamples=5000, rng=1).confidence_interval
    assert result.ci95 == pytest.approx(tuple(theirs), abs=0.002)


def test_slices_of_one_patient_are_not_independent() -> None:
    rng = np.random.default_rng(1)
    effect = np.repeat(rng.normal(0.01, 0.05, 8), 30)
    base = rng.random(240)
    patients = [f"p{i}" for i in np.repeat(np.arange(8), 30)]
    clustered, naive = paired(base + effect, base, groups=patients), paired(base + effect, base, groups=names(240))
    assert clustered.p is not None and naive.p is not None and clustered.p > 10 * naive.p
    assert np.diff(clustered.ci95)[0] > 3 * np.diff(naive.ci95)[0]
    assert clustered.n_patients == 8


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=20))
def test_swapping_the_sides_turns_the_sign(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T
    there, back = (paired(x, y, groups=names(len(a)), n_boot=50) for x, y in ((a, b), (b, a)))
    assert there.difference == pytest.approx(-back.difference)  # type: ignore[operator]
    assert (there.wins, there.losses, there.ties) == (back.losses, back.wins, back.ties)
    assert there.p == pytest.approx(back.p)


def test_identical_results_and_too_few_cases() -> None:
    same = paired([0.5, 0.6], [0.5, 0.6], groups=["a", "b"])
    assert (same.p, same.ties, same.ci95) == (1.0, 2, (0.0, 0.0))
    assert paired([0.5], [0.4], groups=["a"]).p is None
    assert paired([np.nan], [0.4], groups=["a"]).difference is None
    with pytest.raises(InputError):
        paired([0.5], [0.4, 0.3], groups=["a"])


def test_holm_known_answer() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, None, 0.8]) == [1.0, None, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("n", range(2, 11))
def test_the_least_p_is_that_of_differences_of_one_sign(n: int) -> None:
    assert least_p(n) == pytest.approx(wilcoxon(np.arange(1.0, n + 1)))  # every difference positive
    assert least_p(1) is None is wilcoxon(np.ones(1))


@settings(max_examples=30)
@given(st.lists(st.integers(2, 9), min_size=1, max_size=5))
def test_holm_cannot_go_below_its_least(sizes: list[int]) -> None:
    least = [least_p(n) for n in sizes]
    bound, reached = least_holm(least), holm(least)
    assert all(b <= r + 1e-12 for b, r in zip(bound, reached, strict=True) if b is not None and r is not None)
    assert min(reached) == pytest.approx(min(bound))  # type: ignore[type-var]
    assert least_holm([0.5, 0.5, None]) == [1.0, 1.0, None]
