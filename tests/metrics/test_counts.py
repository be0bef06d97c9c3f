"""Counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from metrics_strategies import mask_pairs

from tumorscope.core.errors import GeometryError, InputError
from tumorscope.metrics import Counts, count, count_slices, empty_prediction


def test_known_counts() -> None:
    pred = np.array([1, 1, 0, 0, 1], dtype=np.uint8)
    ref = np.array([1, 0, 1, 0, 0], dtype=np.uint8)
    assert count(pred, ref) == Counts(tp=1, fp=2, fn=1, tn=1)
    assert count(pred, ref).background == Counts(tp=1, fp=1, fn=2, tn=1) == count(1 - pred, 1 - ref)


@settings(deadline=None)
@given(mask_pairs())
def test_counts_sum_to_size_and_slices_to_volume(masks: tuple[np.ndarray, np.ndarray]) -> None:
    pred, ref = masks
    whole, slices = count(pred, ref), count_slices(pred, ref)
    assert whole.size == pred.size
    assert Counts.from_array(slices) == whole
    assert slices.shape == (pred.shape[2], 4)
    assert [Counts.from_array(s) for s in slices] == [count(pred[..., z], ref[..., z]) for z in range(pred.shape[2])]
    assert sum(Counts.from_array(s) for s in slices) == whole
    np.testing.assert_array_equal(empty_prediction(slices), count_slices(np.zeros_like(pred), ref))


@pytest.mark.parametrize(
    "bad", [np.full((2, 2, 2), np.nan), np.full((2, 2, 2), 0.3), np.full((2, 2, 2), 2), np.full((2, 2, 2), "x")]
)
def test_masks_must_be_0_and_1(bad: np.ndarray) -> None:
    good = np.ones((2, 2, 2), dtype=bool)
    for pair in ((bad, good), (good, bad)):
        with pytest.raises(InputError, match="mask of 0 and 1"):
            count(*pair)


def test_bad_shapes() -> None:
    with pytest.raises(GeometryError, match=r"\(3, 3\)"):
        count(np.zeros((3, 2), bool), np.zeros((3, 3), bool))
    with pytest.raises(GeometryError, match="3D"):
        count_slices(np.zeros((3, 3), bool), np.zeros((3, 3), bool))
    with pytest.raises(InputError, match="no voxels"):
        count(np.zeros((0, 3), bool), np.zeros((0, 3), bool))
    with pytest.raises(InputError):
        Counts(tp=-1)
    with pytest.raises(InputError):
        Counts.from_array(np.zeros((2, 3), dtype=np.int64))
