"""A study → the stack a 2D model sees."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from pydantic import ValidationError

from tumorscope.core.errors import GeometryError, InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.transforms.prepare import Preprocess, prepare, prepare_label, with_context

LPS = np.diag([-1.0, -1, 1, 1])
T1, T1CE, FLAIR = Sequence.T1, Sequence.T1CE, Sequence.FLAIR


def volume(value: float = 1, shape: tuple[int, int, int] = (20, 24, 3), affine: np.ndarray = LPS) -> Image:
    return Image(np.full(shape, value, np.float32), affine)


def test_channels_come_in_the_recipes_order() -> None:
    spec = Preprocess(sequences=(FLAIR, T1, T1CE), size=(8, 8), normalise="unit")
    images = {T1: volume(), T1CE: volume(), FLAIR: volume(0)}
    array = prepare(images, spec).array
    assert array.shape == (3, 3, 8, 8)
    assert array.dtype == np.float32
    assert [float(array[:, c].mean()) for c in range(3)] == pytest.approx([0, 1, 1])


def test_a_missing_optional_sequence_is_zeros() -> None:
    spec = Preprocess(sequences=(T1, FLAIR), optional=(T1,), size=(8, 8), normalise="unit")
    prepared = prepare({FLAIR: volume()}, spec)
    assert prepared.missing == (T1,)
    assert (prepared.array[:, 0] == 0).all()
    assert (prepared.array[:, 1] == 1).all()


def test_a_missing_needed_sequence_is_told() -> None:
    spec = Preprocess(sequences=(T1, FLAIR), optional=(T1,), size=(8, 8))
    with pytest.raises(InputError, match="Add FLAIR"):
        prepare({T1: volume()}, spec)
    with pytest.raises(InputError, match="found none"):
        prepare({}, Preprocess(sequences=(T1,), optional=(T1,), size=(8, 8)))


@pytest.mark.parametrize("other", [volume(shape=(20, 24, 4)), volume(affine=np.diag([-1.0, -1, 2, 1]))])
def test_sequences_on_different_grids_are_refused(other: Image) -> None:
    with pytest.raises(GeometryError, match="T1CE"):
        prepare({T1: volume(), T1CE: other}, Preprocess(sequences=(T1, T1CE), size=(8, 8)))


def test_crop_centres_on_the_brain_and_keeps_its_voxels() -> None:
    data = np.zeros((60, 60, 2), np.float32)
    data[30:50, 5:25] = np.random.default_rng(0).random((20, 20, 2)) + 1
    spec = Preprocess(sequences=(T1,), size=(32, 32), fit="crop", normalise="unit")
    array = prepare({T1: Image(data, LPS)}, spec).array
    np.testing.assert_array_equal(array[:, 0, 6:26, 6:26] * data.max(), data[30:50, 5:25].transpose(2, 1, 0))
    assert np.count_nonzero(array) == 2 * 20 * 20


def test_crop_shrinks_only_a_brain_that_would_not_fit() -> None:
    spec = Preprocess(sequences=(T1,), size=(32, 32), fit="crop", normalise="unit")
    grid = prepare({T1: volume(shape=(64, 48, 2))}, spec).grid
    assert grid.scale == pytest.approx((2.0, 2.0))
    small = prepare({T1: volume(shape=(20, 20, 2))}, spec).grid
    assert small.scale == (1.0, 1.0)


def test_crop_keeps_millimetres_where_they_are_known() -> None:
    fine = np.diag([-0.5, -0.5, 1, 1])
    spec = Preprocess(sequences=(T1,), size=(64, 64), fit="crop", spacing_mm=1.0)
    assert prepare({T1: volume(shape=(100, 80, 2), affine=fine)}, spec).grid.scale == pytest.approx((2.0, 2.0))
    unknown = Image(np.ones((100, 80, 2), np.float32), fine, spacing_known=False)
    assert prepare({T1: unknown}, spec).grid.scale == pytest.approx((80 / 64, 100 / 64))


def test_an_empty_study_survives_the_crop() -> None:
    spec = Preprocess(sequences=(T1,), size=(32, 32), fit="crop")
    assert not prepare({T1: volume(0)}, spec).array.any()


def test_neighbours_are_stacked_lowest_first_and_repeat_at_the_ends() -> None:
    array = np.arange(5 * 2).reshape(5, 2, 1, 1)
    assert with_context(array, 2, 1).ravel().tolist() == [2, 3, 4, 5, 6, 7]
    assert with_context(array, 0, 1).ravel().tolist() == [0, 1, 0, 1, 2, 3]
    assert with_context(array, 4, 2).ravel().tolist() == [4, 5, 6, 7, 8, 9, 8, 9, 8, 9]
    assert with_context(array, 3, 0).ravel().tolist() == [6, 7]


@pytest.mark.parametrize("lost", [True, False])
def test_labels_lost_by_cropping_are_warned_of(lost: bool, caplog: pytest.LogCaptureFixture) -> None:
    """S2-26: a label outside the brain's box falls out of the crop."""
    brain = np.zeros((80, 80, 2), np.float32)
    brain[40:60, 40:60] = 1
    labels = np.zeros(brain.shape, np.uint8)
    labels[45:50, 45:50] = 2
    if lost:
        labels[0:3, 0:3] = 1
    prepared = prepare({T1: Image(brain, LPS)}, Preprocess(sequences=(T1,), size=(32, 32), fit="crop"))
    with caplog.at_level(logging.WARNING):
        found = prepare_label(Image(labels, LPS), prepared)
    assert (found == 2).sum() == 50
    assert ("loses 26.5 % of the labelled voxels" in caplog.text) == lost


@pytest.mark.parametrize(
    "wrong",
    [
        {"sequences": ("T1", "T1")},
        {"sequences": ("T1",), "optional": ("FLAIR",)},
        {"sequences": ("T1",), "slices": (135, 60)},
        {"sequences": ("T1",), "slices": (-5, 60)},
        {"sequences": ("T1",), "size": (0, 32)},
        {"sequences": ("T1",), "normalise": "zscore"},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Preprocess.model_validate(wrong)
