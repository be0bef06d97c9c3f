"""Normalisations against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tumorscope.transforms.normalise import NORMALISATIONS, clip_minmax, foreground, unit, zscore_nonzero

VOLUMES = arrays(np.int16, (4, 5, 3), elements=st.integers(0, 2000))


def brain() -> np.ndarray:
    data = np.zeros((10, 10, 4), dtype=np.int16)
    data[2:8, 2:8] = np.random.default_rng(0).integers(100, 900, (6, 6, 4))
    return data


def test_zscore_by_hand() -> None:
    data = np.array([0, 1, 2, 3], dtype=np.int16).reshape(2, 2, 1)
    expected = np.array([0, -1, 0, 1]) * np.sqrt(1.5)
    np.testing.assert_allclose(zscore_nonzero(data, 0).ravel(), expected, atol=1e-6)


def test_zscore_has_mean_0_and_sd_1_over_the_brain_and_0_outside() -> None:
    data = brain()
    found = zscore_nonzero(data, 0)
    assert abs(found[data != 0].mean()) < 1e-5
    assert abs(found[data != 0].std() - 1) < 1e-4
    assert (found[data == 0] == 0).all()


def test_zscore_clips_outliers() -> None:
    data = brain()
    data[5, 5, 0] = 32000
    assert zscore_nonzero(data, 0).max() == 5.0


def test_zscore_does_not_care_about_scale() -> None:
    data = brain().astype(np.float32)
    np.testing.assert_allclose(zscore_nonzero(data, 0), zscore_nonzero(data * 137, 0), atol=1e-4)


def test_clip_minmax_by_hand() -> None:
    data = np.arange(1, 1002, dtype=np.int16).reshape(1001, 1, 1)
    found = clip_minmax(data, 0).ravel()
    assert found[0] == found[5] == 0.0
    assert found[-1] == found[-6] == 1.0
    assert found[500] == pytest.approx(0.5)


def test_unit_divides_by_the_largest() -> None:
    np.testing.assert_allclose(unit(np.array([[[0, 51, 255]]], np.uint8), 0), [[[0, 0.2, 1]]])


def test_foreground_leaves_noise_in_air_out() -> None:
    data = np.full((10, 10, 10), 3, dtype=np.uint8)
    data[2:8, 2:8, 2:8] = 200
    assert foreground(data, 0).all()
    assert foreground(data, 0.1).sum() == 6**3


@pytest.mark.parametrize("name", NORMALISATIONS)
@given(data=VOLUMES)
@settings(max_examples=30, deadline=None)
def test_any_volume_gives_finite_float32(name: str, data: np.ndarray) -> None:
    found = NORMALISATIONS[name](data, 0.0)
    assert found.dtype == np.float32
    assert found.shape == data.shape
    assert np.isfinite(found).all()
    assert (found[data == 0] == 0).all()
    if name != "zscore_nonzero":
        assert found.min() >= 0
    if name not in ("zscore_nonzero", "brain_p99"):  # one percent may lie above the 99th percentile
        assert found.max() <= 1


@pytest.mark.parametrize("name", NORMALISATIONS)
@pytest.mark.parametrize("value", [0, 7])
def test_constant_volumes(name: str, value: int) -> None:
    assert np.isfinite(NORMALISATIONS[name](np.full((3, 3, 3), value, np.int16), 0.1)).all()
