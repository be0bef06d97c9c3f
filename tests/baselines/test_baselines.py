"""Known answers of the baselines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tumorscope.baselines import BASELINES
from tumorscope.baselines.mask_crop import MaskCrop
from tumorscope.baselines.nearest_neighbour import nearest
from tumorscope.baselines.scores import class_accuracy, mask_scores
from tumorscope.baselines.slice_set import SIDE, SliceSet
from tumorscope.core.errors import UsageError
from tumorscope.core.labels import BINARY, BRATS
from tumorscope.metrics import Unit, count_slices

LABELS = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 0, 1, 2, 4])
)


def slices(series, z, masks=None, pixels=None, classes=()):
    n = len(series)
    pixels = np.zeros((n, SIDE, SIDE), np.uint8) if pixels is None else pixels
    crops = [MaskCrop.of(np.asarray(m, np.uint8)) for m in masks] if masks is not None else []
    return SliceSet(list(series), list(series), list(series), np.array(z), pixels, crops, classes)


@given(LABELS)
def test_a_crop_gives_the_slice_back(labels):
    crop = MaskCrop.of(labels)
    np.testing.assert_array_equal(crop.full, labels)
    assert crop.labels.size <= labels.size


@given(st.data())
def test_counts_of_crops_are_those_of_whole_slices(data):
    ref = data.draw(LABELS)
    pred = data.draw(hnp.arrays(np.uint8, ref.shape, elements=st.sampled_from([0, 0, 1, 2, 4])))
    for values in ((1,), (1, 4), (1, 2, 4)):
        whole = count_slices(np.isin(pred, values)[..., None], np.isin(ref, values)[..., None])[0]
        np.testing.assert_array_equal(MaskCrop.of(pred).counts(MaskCrop.of(ref), values), whole)


def test_a_rectangle_is_told_from_an_outline():
    box = np.zeros((20, 20), np.uint8)
    box[3:9, 4:12] = 1
    assert MaskCrop.of(box).is_rectangle
    box[3, 4] = 0
    assert not MaskCrop.of(box).is_rectangle
    line = np.zeros((20, 20), np.uint8)
    line[5, 3:9] = 1
    assert not MaskCrop.of(line).is_rectangle, "a line is no box"


def test_a_mask_is_brought_onto_another_grid():
    labels = np.zeros((10, 10), np.uint8)
    labels[2:6, 4:8] = 2
    larger = MaskCrop.of(labels).resized((20, 30)).full
    assert larger.shape == (20, 30)
    np.testing.assert_array_equal(larger, np.repeat(np.repeat(labels, 2, axis=0), 3, axis=1))


def test_the_neighbour_is_the_nearest_slice_of_the_same_scan():
    train = slices(["a", "a", "a", "b"], [9, 1, 4, 5])
    test = slices(["a", "a", "a", "c"], [5, 0, 20, 5])
    np.testing.assert_array_equal(BASELINES.load("neighbour-copy")(test, train), [2, 1, 0, -1])


def test_of_two_neighbours_the_lower_one_is_copied():
    train = slices(["a", "a"], [6, 4])
    np.testing.assert_array_equal(BASELINES.load("neighbour-copy")(slices(["a"], [5]), train), [1])


def test_the_nearest_picture_is_found_in_blocks_too(monkeypatch):
    rng = np.random.default_rng(0)
    known = rng.integers(0, 256, (50, SIDE, SIDE)).astype(np.uint8)
    order = rng.permutation(50)
    queries = np.clip(known[order].astype(int) + rng.integers(-9, 9, known.shape), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(nearest(queries, known), order)
    monkeypatch.setattr("tumorscope.baselines.nearest_neighbour._BLOCK", 120)
    np.testing.assert_array_equal(nearest(queries, known), order)
    np.testing.assert_array_equal(nearest(queries, known[:0]), -1)


def test_scores_of_copied_masks():
    tumour = np.zeros((10, 10), np.uint8)
    tumour[2:6, 2:6] = 1
    shifted = np.roll(tumour, 2, axis=1)
    train = slices(["a", "a"], [0, 3], [tumour, np.zeros_like(tumour)])
    test = slices(["a", "a", "b"], [1, 4, 0], [shifted, np.zeros_like(tumour), tumour])
    found = {
        (name, s.empty_policy.value): s.mean
        for name in ("all-empty", "neighbour-copy")
        for s in mask_scores(name, test, train, BINARY, n_boot=50)
        if s.metric == "dice"
    }
    assert found["all-empty", "both-empty-one"] == pytest.approx(1 / 3)
    assert found["all-empty", "positives-only"] == 0
    assert found["neighbour-copy", "both-empty-one"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert found["neighbour-copy", "positives-only"] == pytest.approx(0.25)


def test_regions_are_united_from_their_classes():
    truth = np.zeros((6, 6), np.uint8)
    truth[1, :4] = [1, 2, 4, 4]
    copied = np.where(truth == 4, 1, truth)
    train, test = slices(["a"], [0], [copied]), slices(["a"], [1], [truth])
    found = mask_scores("neighbour-copy", test, train, BRATS, unit=Unit.PATIENT, n_boot=10)
    dice = {s.region: s.mean for s in found if s.metric == "dice" and s.empty_policy.value == "both-empty-one"}
    assert dice == {"WT": 1.0, "TC": 1.0, "ET": 0.0}


def test_classes_are_told_by_the_nearest_picture():
    rng = np.random.default_rng(1)
    known = rng.integers(0, 256, (6, SIDE, SIDE)).astype(np.uint8)
    train = slices("abcdef", [0] * 6, pixels=known, classes=["x", "x", "x", "x", "y", "y"])
    test = slices("ghij", [0] * 4, pixels=known[[0, 4, 5, 1]], classes=["x", "y", "y", "x"])
    found = class_accuracy(test, train, n_boot=50)
    assert found["nearest-neighbour"].mean == 1
    assert found["majority"].mean == 0.5


def test_an_unknown_baseline_is_refused():
    one = slices(["a"], [0], [np.ones((4, 4))])
    with pytest.raises(UsageError, match="all-empty"):
        mask_scores("all_empty", one, one, BINARY)
