"""Surface distances against brute force, MONAI's own metrics and known answers."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from monai.metrics import compute_hausdorff_distance, compute_surface_dice
from scipy import stats
from scipy.spatial.distance import cdist

from tumorscope.core.errors import GeometryError, InputError
from tumorscope.metrics import METRICS, surface_distances, surface_values
from tumorscope.metrics.surface import image_diagonal

SURFACE = [m for m in METRICS.values() if m.needs == "surface"]


def surface_points(mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Voxels of the mask with a face neighbour outside, by looking at each neighbour."""
    padded = np.pad(mask, 1)
    inside = np.ones_like(mask)
    for axis in range(mask.ndim):
        for shift in (-1, 1):
            inside &= np.roll(padded, shift, axis)[(slice(1, -1),) * mask.ndim]
    return np.argwhere(mask & ~inside) * spacing


def brute_force(pred: np.ndarray, ref: np.ndarray, spacing: tuple[float, ...], tolerance: float) -> dict[str, float]:
    table = cdist(*(surface_points(m, np.array(spacing)) for m in (pred, ref)))
    forth, back = table.min(axis=1), table.min(axis=0)
    return {
        "hausdorff": max(forth.max(), back.max()),
        "hd95": max(np.percentile(forth, 95), np.percentile(back, 95)),
        "surface_dice": np.mean(np.concatenate([forth, back]) <= tolerance + 1e-6),
        "bf_score": stats.hmean([np.mean(d <= tolerance + 1e-6) for d in (forth, back)]),
    }


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_brute_force_and_monai(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 12, size=3))
    spacing = tuple(rng.uniform(0.4, 5, size=3))
    pred, ref = (rng.random(shape) < rng.uniform(0.05, 0.95) for _ in range(2))
    pred[0, 0, 0] = ref[-1, -1, -1] = True
    result = surface_values(pred, ref, SURFACE, spacing, tolerance=1.0)
    assert result == pytest.approx(brute_force(pred, ref, spacing, 1.0), rel=1e-5)
    batch = [torch.from_numpy(m[None, None]) for m in (pred, ref)]
    options = {"include_background": True, "spacing": spacing}
    assert result["hausdorff"] == pytest.approx(compute_hausdorff_distance(*batch, **options).item(), rel=1e-5)
    assert result["hd95"] == pytest.approx(
        compute_hausdorff_distance(*batch, percentile=95, **options).item(), rel=1e-5
    )
    assert result["surface_dice"] == pytest.approx(compute_surface_dice(*batch, [1.0], **options).item(), rel=1e-5)


def test_shifted_cubes() -> None:
    ref, pred = np.zeros((20, 20, 20), dtype=bool), np.zeros((20, 20, 20), dtype=bool)
    ref[5:12, 5:12, 5:12] = pred[5:12, 5:12, 7:14] = True
    for dz in (1.0, 2.5):
        result = surface_values(pred, ref, SURFACE, (1.0, 1.0, dz))
        assert result["hausdorff"] == pytest.approx(2 * dz)
        assert result["hd95"] == pytest.approx(2 * dz)
    near = surface_values(np.roll(ref, 1, axis=2), ref, SURFACE)
    assert near["hausdorff"] == pytest.approx(1)
    assert near["surface_dice"] == 1, "a shift of 1 mm is within the tolerance of 1 mm"
    rounded = surface_values(np.roll(ref, 1, axis=2), ref, SURFACE, (1.0, 1.0, 1.0000002))
    assert rounded["surface_dice"] == 1, "a rounding error of the affine must not cost the tolerance"
    assert surface_values(np.roll(ref, 1, axis=2), ref, SURFACE, tolerance=0.5)["surface_dice"] < 1


def test_two_points() -> None:
    pred, ref = np.zeros((9, 9, 9), dtype=bool), np.zeros((9, 9, 9), dtype=bool)
    pred[0, 0, 0] = ref[3, 4, 0] = True
    assert surface_values(pred, ref, SURFACE) == {"hausdorff": 5, "hd95": 5, "surface_dice": 0, "bf_score": 0}


def test_a_single_slice_is_measured_in_its_plane() -> None:
    """The holes' inner voxels are no surface in 2D; as a 3D volume of one slice they would be."""
    ref = np.zeros((30, 30, 1), dtype=bool)
    ref[5:25, 5:25] = True
    pred = ref.copy()
    pred[15, 15] = False
    spacing = (1.0, 2.0, 7.0)
    result = surface_values(pred, ref, SURFACE, spacing)
    assert result == pytest.approx(brute_force(pred[..., 0], ref[..., 0], spacing[:2], 1.0), rel=1e-5)
    assert result["hausdorff"] > 8


def test_symmetric_and_translation_invariant() -> None:
    rng = np.random.default_rng(5)
    pred, ref = np.zeros((24, 24, 24), dtype=bool), np.zeros((24, 24, 24), dtype=bool)
    pred[2:9, 2:9, 2:9], ref[2:9, 2:9, 2:9] = rng.random((7, 7, 7)) < 0.4, rng.random((7, 7, 7)) < 0.4
    there = surface_values(pred, ref, SURFACE)
    assert there == surface_values(ref, pred, SURFACE)
    moved = (np.roll(m, (11, 3, 7), axis=(0, 1, 2)) for m in (pred, ref))
    assert there == pytest.approx(surface_values(*moved, SURFACE))


def test_empty_masks_are_left_to_the_policy() -> None:
    empty, full = np.zeros((3, 3, 3), dtype=bool), np.ones((3, 3, 3), dtype=bool)
    for pair in ((empty, full), (full, empty), (empty, empty)):
        assert all(np.isnan(v) for v in surface_values(*pair, SURFACE).values())
        with pytest.raises(InputError, match="empty"):
            surface_distances(*pair)


def test_bad_input() -> None:
    mask = np.ones((3, 3, 3), dtype=bool)
    with pytest.raises(GeometryError):
        surface_values(mask, mask[:2], SURFACE)
    for spacing in ((1, 1), (1, 1, 0), (1, 1, np.nan)):
        with pytest.raises(InputError, match="voxel sizes"):
            surface_values(mask, mask, SURFACE, spacing)
    with pytest.raises(InputError, match="tolerance"):
        surface_values(mask, mask, SURFACE, tolerance=-1)


def test_brats_penalty_is_the_diagonal() -> None:
    assert image_diagonal((240, 240, 155), (1, 1, 1)) == pytest.approx(373.1287, abs=1e-4)
    assert image_diagonal((3, 4, 1), (1, 1, 9)) == 5


def test_a_whole_case_takes_under_a_second() -> None:
    x, y, z = np.ogrid[:240, :240, :155]
    ref = ((x - 120) / 40) ** 2 + ((y - 130) / 35) ** 2 + ((z - 80) / 30) ** 2 < 1
    pred = ((x - 123) / 42) ** 2 + ((y - 128) / 35) ** 2 + ((z - 81) / 29) ** 2 < 1
    surface_values(ref[:3, :3, :3] | True, ref[:3, :3, :3] | True, SURFACE)
    start = time.process_time()
    result = surface_values(pred, ref, SURFACE)
    assert time.process_time() - start < 1
    assert 2 < result["hd95"] < 6
