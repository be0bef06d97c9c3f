from __future__ import annotations

import itertools

import numpy as np
import pytest
from nibabel.orientations import apply_orientation, inv_ornt_aff

from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.study.bias import correct_bias
from tumorscope.study.brain import brain_mask
from tumorscope.study.prepare import choose_target, prepare_study
from tumorscope.study.register import register
from tumorscope.study.resample import isotropic_grid, resample
from tumorscope.study.state import has_skull, study_state
from turned_heads import moved

T1, T1CE, T2, FLAIR = Sequence


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


def error(found: np.ndarray, true: np.ndarray, image: Image) -> tuple[float, float]:
    """Millimetres at the head's middle, degrees."""
    wrong = np.linalg.inv(true) @ found
    middle = image.affine[:3, :3] @ ((np.array(image.shape) - 1) / 2) + image.affine[:3, 3]
    turn = np.degrees(np.arccos(np.clip((np.trace(wrong[:3, :3]) - 1) / 2, -1, 1)))
    return float(np.linalg.norm(wrong[:3, :3] @ middle + wrong[:3, 3] - middle)), float(turn)


@pytest.mark.parametrize("sequence", [T1, FLAIR])
def test_registration_recovers_known_moves(phantom, sequence: Sequence) -> None:
    fixed = phantom.images[T1CE]
    moving, true = moved(phantom.images[sequence], (9, -6, 8), (6, -9, 12))
    found = register(fixed, moving)
    mm, degrees = error(found.matrix, true, fixed)
    assert mm < 1 and degrees < 1
    assert found.gain > 0.05


def test_registration_is_repeatable_and_leaves_what_fits_alone(phantom) -> None:
    fixed, moving = phantom.images[T1CE], phantom.images[T2]
    first, second = register(fixed, moving), register(fixed, moving)
    assert np.array_equal(first.matrix, second.matrix)
    mm, degrees = error(first.matrix, np.eye(4), fixed)
    assert mm < 0.5 and degrees < 0.5


def test_resampling_is_exact_on_48_orientations() -> None:
    data = np.random.default_rng(0).random((7, 6, 5)).astype(np.float32)
    image = Image(data, np.diag([1.1, 0.9, 2.0, 1.0]))
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            turn = np.array([[axis, sign] for axis, sign in zip(order, signs, strict=True)], dtype=float)
            turned = Image(apply_orientation(data, turn), image.affine @ inv_ornt_aff(turn, data.shape))
            assert np.allclose(resample(turned, image.affine, data.shape).data, data, atol=1e-5)


def test_resampling_is_exact_on_oblique_and_sheared_grids() -> None:
    x, y, z = np.indices((20, 18, 16)).astype(np.float32)
    affine = np.array([[1.0, 0.2, 0.1, 5], [-0.2, 1.1, 0.3, -7], [0.0, -0.3, 1.5, 2], [0, 0, 0, 1]])
    image = Image(3 * x - 2 * y + 5 * z, affine)  # linear: linear interpolation is exact
    grid = affine @ np.array([[1, 0, 0, 4], [0, 1, 0, 3.5], [0, 0, 1, 2.25], [0, 0, 0, 1]])
    found = resample(image, grid, (8, 8, 8))
    i, j, k = np.indices((8, 8, 8))
    assert np.allclose(found.data, 3 * (i + 4) - 2 * (j + 3.5) + 5 * (k + 2.25), atol=1e-3)


def test_the_brain_is_found_in_a_head(phantom, head) -> None:
    image, brain = head(T1)
    assert has_skull(image) and not has_skull(phantom.images[T1])
    assert dice(brain_mask(image).data, brain) >= 0.95


def test_no_brain_is_an_error(monkeypatch) -> None:
    monkeypatch.setattr("tumorscope.study.brain._run", lambda name, data: np.zeros_like(data))
    noise = Image(np.random.default_rng(0).integers(0, 500, (40, 40, 40)).astype(np.int16), np.diag([4, 4, 4, 1.0]))
    with pytest.raises(InputError, match="no brain"):
        brain_mask(noise)


def test_prepared_studies_are_left_alone(phantom) -> None:
    space = prepare_study(phantom.images)
    assert space.to_target is None and space.steps["done"] == "nothing"
    assert all(space.images[s] is phantom.images[s] for s in phantom.images)
    assert space.restore(phantom.images[T1]) is phantom.images[T1]


def test_flat_voxels_become_cubes_and_the_way_back_is_exact(phantom) -> None:
    image = phantom.images[FLAIR]
    affine = image.affine @ np.diag([1, 1, 3, 1])
    flat = Image(np.ascontiguousarray(image.data[:, :, ::3]), affine)
    space = prepare_study({FLAIR: flat})
    assert np.allclose(space.images[FLAIR].spacing, 1.0)
    back = space.restore(space.images[FLAIR])
    assert back.same_grid(flat)
    assert np.corrcoef(back.data.ravel(), flat.data.ravel())[0, 1] > 0.99


@pytest.mark.slow
def test_a_raw_study_lands_in_brats_space_and_results_return(phantom, head) -> None:
    """Head turned, FLAIR moved and on thick slices: the brain lies where BraTS has it; the label returns exactly."""
    pose = ((10, -4, 6), (12, -20, 15))
    first, to_scanner = moved(head(T1CE)[0], *pose)
    second = Image(head(FLAIR)[0].data, to_scanner @ head(FLAIR)[0].affine)
    second, _ = moved(second, (2, -2, 1), (2, 3, -2))
    affine, shape = isotropic_grid(second, 2.0)
    thick = affine @ np.diag([1, 1, 3, 1])
    second = resample(second, thick, (shape[0], shape[1], shape[2] // 3))
    space = prepare_study({T1CE: first, FLAIR: second})
    assert space.target is T1CE and set(space.seconds) >= {"brain", "register", "pose", "resample"}
    brain = resample(phantom.images[T1CE], space.images[T1CE].affine, space.images[T1CE].shape).data > 0
    assert dice(space.images[T1CE].data > 0, brain) > 0.9
    tumour = phantom.label.with_data((phantom.label.data > 0).astype(np.float32))
    truth = resample(tumour, first.affine, first.shape, np.linalg.inv(to_scanner)).data > 0.5
    affine, shape = space.images[T1CE].affine, space.images[T1CE].shape
    there = resample(tumour, affine, shape, np.linalg.inv(to_scanner) @ space.to_target)
    back = space.restore(there)
    assert back.shape == first.shape and np.allclose(back.affine, first.affine)
    assert dice(back.data > 0.5, truth) > 0.97
    said = " ".join(space.notes)
    assert "FLAIR was registered to T1CE" in said and "skull was removed" in said


def test_the_finest_sequence_is_the_target(phantom) -> None:
    image = phantom.images[T1]
    coarse = Image(image.data, image.affine @ np.diag([1, 1, 2, 1]))
    assert choose_target({T1: coarse, T2: image}) is T2
    assert choose_target({T1: image, T1CE: image, T2: image}) is T1CE


def test_states_are_told(phantom, head) -> None:
    assert study_state(phantom.images).prepared
    state = study_state({T1: head(T1)[0], T2: phantom.images[T2]})
    assert state.skull and not state.one_grid and "T1 with skull" in state.reason


def test_bias_field_is_taken_out(phantom) -> None:
    image = phantom.images[T1]
    ramp = np.linspace(0.6, 1.6, image.shape[1])[None, :, None]
    biased = image.with_data((image.data * ramp).astype(np.float32))
    inside = image.data > 0
    found = correct_bias(biased)

    def unevenness(data: np.ndarray) -> float:
        return float(np.std(np.log(data[inside] / image.data[inside])))

    assert unevenness(found.data) < 0.7 * unevenness(biased.data)
    assert not found.data[~inside].any()
