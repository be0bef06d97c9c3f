"""A marker that the network echoes must come back where it is, whatever the file's orientation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import apply_orientation, inv_ornt_aff

from tiny_bundles import BINARY, EchoRuntime, manifest
from tumorscope.bundles.bundle import Bundle
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.inference.predictor import Predictor

ORIENTATIONS = [
    np.column_stack([axes, flips])
    for axes in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
]
#: (x, y, z) = (20, 24, 9); no two axes alike, and no symmetry.
SHAPE = (20, 24, 9)


def _scan() -> np.ndarray:
    data = np.zeros(SHAPE, dtype=np.int16)
    data[2:18, 3:22, 1:8] = 200
    return data


def _marker() -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[4:9, 5:12, 2:5] = True
    mask[4:6, 5:16, 2:3] = True
    return mask


def _binary(tmp_path, **preprocess):
    spec = {"context": 0, "normalise": "unit", "size": (24, 20), **preprocess}
    made = manifest(sequences=(Sequence.FLAIR,), outputs=BINARY, scheme="binary", **spec)
    return Bundle(tmp_path, made)


def _name(orientation):
    return "".join(f"{'xyz'[int(axis)]}{'+' if flip > 0 else '-'}" for axis, flip in orientation)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=_name)
def test_all_48_orientations_give_the_marker_back_voxel_for_voxel(orientation, echo_bundle):
    affine = np.diag([-1.0, -1.5, 4.0, 1.0])  # x left, y posterior, z superior, anisotropic
    affine[:3, 3] = (12, -7, 33)
    data = np.where(_marker(), 1000, _scan()).astype(np.int16)
    turned = np.ascontiguousarray(apply_orientation(data, orientation))
    image = Image(turned, affine @ inv_ornt_aff(orientation, SHAPE))

    found = Predictor(echo_bundle, runtime=EchoRuntime(0)).predict({Sequence.FLAIR: image})

    assert found.labels.shape == turned.shape
    np.testing.assert_array_equal(found.labels.affine, image.affine)
    np.testing.assert_array_equal(found.labels.data == 1, apply_orientation(_marker(), orientation))
    assert found.probabilities["tumor"].shape == turned.shape


@settings(max_examples=25)
@given(
    angles=st.tuples(*[st.floats(-0.6, 0.6)] * 3),
    spacing=st.tuples(*[st.floats(0.4, 6.0)] * 3),
    offset=st.tuples(*[st.floats(-100, 100)] * 3),
)
def test_oblique_affines_are_kept_and_the_marker_stays(angles, spacing, offset):
    a, b, c = angles
    turn = (
        np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
        @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
        @ np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    )
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([-spacing[0], -spacing[1], spacing[2]])
    affine[:3, 3] = offset
    image = Image(np.where(_marker(), 1000, _scan()).astype(np.int16), affine)
    made = manifest(
        sequences=(Sequence.FLAIR,), outputs=BINARY, scheme="binary", context=0, normalise="unit", size=(40, 40)
    )
    found = Predictor(Bundle(".", made), runtime=EchoRuntime(0)).predict({Sequence.FLAIR: image})
    np.testing.assert_array_equal(found.labels.affine, affine)
    inside = found.labels.data == 1
    assert 2 * (inside & _marker()).sum() / (inside.sum() + _marker().sum()) > 0.85
    shift = np.argwhere(inside).mean(axis=0) - np.argwhere(_marker()).mean(axis=0)
    assert np.abs(shift).max() < 0.5


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.5, 0.5, 5), (1.3, 0.9, 2)])
def test_cropping_to_the_brain_keeps_place_and_size(spacing, tmp_path):
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    shape = (90, 110, 7)
    marker = np.zeros(shape, dtype=bool)
    marker[30:50, 40:64, 2:5] = True
    data = np.zeros(shape, dtype=np.int16)
    data[15:80, 12:100] = 200
    data[marker] = 1000
    bundle = _binary(tmp_path, fit="crop", size=(96, 96), spacing_mm=1.0)
    images = {Sequence.FLAIR: Image(data, affine)}
    found = Predictor(bundle, runtime=EchoRuntime(0)).predict(images).labels.data == 1
    if spacing == (1, 1, 1):
        np.testing.assert_array_equal(found, marker)
    assert 2 * (found & marker).sum() / (found.sum() + marker.sum()) > 0.93
    soft = Predictor(bundle, runtime=EchoRuntime(0, level=None)).predict(images).probabilities["tumor"].data
    weight = np.where(data > 0, np.maximum(soft - 0.2, 0), 0)
    weight[:20] = weight[60:] = weight[:, :25] = weight[:, 80:] = 0
    centre = [(weight * index).sum() / weight.sum() for index in np.indices(shape)]
    assert np.abs(centre - np.argwhere(marker).mean(axis=0)).max() < 0.1
    assert weight.sum() / (0.8 * marker.sum()) == pytest.approx(1, abs=0.02)


def test_a_picture_comes_back_in_its_own_columns_and_rows(echo_bundle):
    data = np.where(_marker(), 1000, _scan())[:, :, 3:4].astype(np.uint16)
    image = Image(data, np.diag([-1.0, -1.0, 1.0, 1.0]), spacing_known=False)
    found = Predictor(echo_bundle, runtime=EchoRuntime(0)).predict({Sequence.FLAIR: image})
    np.testing.assert_array_equal(found.labels.data[:, :, 0] == 1, _marker()[:, :, 3])
    assert not found.labels.spacing_known


def test_context_echoes_the_neighbouring_slice(tmp_path):
    """Channel 0 of context 1 is the slice below: its echo must appear one slice higher."""
    bundle = _binary(tmp_path, context=1)
    image = Image(np.where(_marker(), 1000, _scan()).astype(np.int16), np.diag([-1.0, -1.0, 1.0, 1.0]))
    found = Predictor(bundle, runtime=EchoRuntime(0)).predict({Sequence.FLAIR: image}).labels.data == 1
    np.testing.assert_array_equal(found[:, :, 1:8], _marker()[:, :, 0:7])
