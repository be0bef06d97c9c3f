"""The way into the model's pixels and back."""

from __future__ import annotations

import itertools

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.transforms.grid import SliceGrid, model_spacing, to_model_orientation
from tumorscope.transforms.prepare import Preprocess, prepare

ALL_48 = [
    "".join(letters) for order in itertools.permutations(("RL", "AP", "IS")) for letters in itertools.product(*order)
]


def blob(shape: tuple[int, int, int], spacing: tuple[float, float, float] = (1, 1, 1)) -> Image:
    """Return an RAS image with a brain-like block whose every voxel differs."""
    data = np.zeros(shape, dtype=np.float32)
    inner = tuple(slice(n // 5, n - n // 5) for n in shape)
    data[inner] = 1 + np.arange(np.prod(data[inner].shape), dtype=np.float32).reshape(data[inner].shape)
    return Image(data, np.diag([*spacing, 1.0]))


def reoriented(image: Image, letters: str) -> Image:
    nifti = nib.Nifti1Image(image.data, image.affine)
    change = nib.orientations.ornt_transform(nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(letters))
    turned = nifti.as_reoriented(change)
    return Image(np.asarray(turned.dataobj), turned.affine)


@pytest.mark.parametrize("letters", ALL_48)
def test_every_orientation_gives_the_model_the_same_picture_and_comes_back(letters: str) -> None:
    """48 orientations: rows to posterior, columns to the patient's left, slices upwards."""
    spec = Preprocess(sequences=(Sequence.T1,), size=(16, 16), fit="crop", normalise="unit")
    straight = prepare({Sequence.T1: blob((14, 12, 6))}, spec)
    turned_image = reoriented(blob((14, 12, 6)), letters)
    assert turned_image.orientation == letters
    turned = prepare({Sequence.T1: turned_image}, spec)
    np.testing.assert_array_equal(turned.array, straight.array)
    back = turned.grid.restore(turned.array)
    assert back.shape == (1, *turned_image.shape)
    np.testing.assert_allclose(back[0] * turned_image.data.max(), turned_image.data, rtol=1e-4, atol=1e-2)


def test_model_axes_point_left_posterior_up() -> None:
    """A voxel on the patient's left, at the back, on top is at the right, bottom and end of the model's array."""
    data = np.zeros((8, 8, 4), dtype=np.float32)
    data[0, 0, 3] = 1  # RAS: first x = left-most (L), first y = posterior, last z = superior
    data[7, 7, 0] = 1
    image = Image(data, np.diag([1.0, 1, 1, 1]))
    found = prepare({Sequence.T1: image}, Preprocess(sequences=(Sequence.T1,), size=(8, 8), normalise="unit")).array
    assert found[3, 0, 7, 7] == 1
    assert found[0, 0, 0, 0] == 1


@given(
    shape=st.tuples(st.integers(5, 20), st.integers(5, 20), st.integers(1, 4)),
    size=st.tuples(st.integers(5, 40), st.integers(5, 40)),
)
@settings(max_examples=40, deadline=None)
def test_constants_stay_constant_both_ways(shape: tuple[int, int, int], size: tuple[int, int]) -> None:
    image = Image(np.ones(shape, np.float32), np.diag([1.0, 1, 1, 1]))
    prepared = prepare({Sequence.T1: image}, Preprocess(sequences=(Sequence.T1,), size=size, normalise="unit"))
    np.testing.assert_allclose(prepared.array, 1, atol=1e-5)
    np.testing.assert_allclose(prepared.grid.restore(prepared.array), 1, atol=1e-5)


def test_a_ramp_stays_a_ramp() -> None:
    """Linear interpolation is exact for linear pictures, away from the edge: nothing is shifted by half a pixel."""
    ramp = np.broadcast_to(np.arange(1.0, 41), (30, 40)).copy()[..., None].repeat(2, axis=2)
    image = Image(ramp.astype(np.float32), np.diag([-1.0, -1, 1, 1]))  # already L, P, S: data[column, row]
    prepared = prepare({Sequence.T1: image}, Preprocess(sequences=(Sequence.T1,), size=(80, 30), normalise="unit"))
    column = prepared.array[0, 0, :, 15] * 40
    np.testing.assert_allclose(column[2:-2], (np.arange(80) + 0.5)[2:-2] / 2 + 0.5, rtol=1e-5)
    np.testing.assert_allclose(prepared.grid.restore(prepared.array)[0, 15, 2:-2, 0] * 40, ramp[15, 2:-2, 0], rtol=1e-5)


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((64, 64, 1), np.float32)
    stripes[::4] = 4.0
    prepared = prepare(
        {Sequence.T1: Image(stripes, np.diag([-1.0, -1, 1, 1]))},
        Preprocess(sequences=(Sequence.T1,), size=(16, 16), normalise="unit"),
    )
    np.testing.assert_allclose(prepared.array[0, 0, 4:-4, 4:-4], 0.25, atol=0.02)


def test_outside_the_view_is_zero() -> None:
    grid = SliceGrid(np.diag([-1.0, -1, 1, 1]), (10, 10, 1), (4, 4), (1.0, 1.0), (3.0, 3.0))
    back = grid.restore(np.ones((1, 1, 4, 4), np.float32))[0, :, :, 0]
    expected = np.zeros((10, 10))
    expected[3:7, 3:7] = 1
    np.testing.assert_array_equal(back, expected)


def test_labels_follow_the_pictures_exactly_and_stay_whole_numbers() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(np.array([0, 1, 2, 4], np.uint8), (20, 24, 3))
    image = Image(np.ones(labels.shape, np.float32), np.diag([-1.0, -1, 1, 1]))
    prepared = prepare({Sequence.T1: image}, Preprocess(sequences=(Sequence.T1,), size=(48, 40), normalise="unit"))
    found = prepared.grid.sample_labels(labels)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, labels.transpose(2, 1, 0).repeat(2, axis=1).repeat(2, axis=2))


def test_spacing_follows_the_axes() -> None:
    image = reoriented(blob((6, 7, 8), (1.0, 2.0, 3.0)), "SLP")
    assert image.spacing == pytest.approx((3.0, 1.0, 2.0))
    assert model_spacing(image) == pytest.approx((1.0, 2.0, 3.0))
    assert to_model_orientation(image).shape == (6, 7, 8)
