import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_bundles import image
from tumorscope.core.labels import BINARY, BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.inference.uncertainty import calibrated, region_uncertainty, uncertainty_map

SHAPE = (12, 12, 6)


def _made(p, known=True, spacing=(1, 1, 2)):
    labels = (p >= 0.5).astype(np.uint8)
    probability = image(p.astype(np.float32), spacing, spacing_known=known)
    return Segmentation(image(labels, spacing, spacing_known=known), BINARY, {"tumor": probability})


def test_a_sure_map_has_no_spread():
    p = np.zeros(SHAPE)
    p[2:8, 2:8, 1:4] = 1
    found = region_uncertainty(_made(p))["tumor"]
    assert found["expected_ml"] == pytest.approx(6 * 6 * 3 * 2 / 1000)
    assert found["interval_ml"] == pytest.approx([0.216, 0.216])
    assert found["predicted_dice"] == 1 and found["predicted_dice_interval"] == [1, 1]


def test_the_numbers_of_a_known_map():
    """100 sure voxels and 50 of probability 0.8: the region has 150 voxels with probability 0.8, else 100."""
    p = np.zeros(SHAPE)
    p.flat[:100], p.flat[100:150] = 1, 0.8
    found = region_uncertainty(_made(p))["tumor"]
    assert found["expected_voxels"] == pytest.approx(140, abs=0.1)
    assert found["interval_voxels"] == [100, 150]
    dice_if_small = 2 * 100 / 250
    assert found["predicted_dice"] == pytest.approx(0.8 * 1 + 0.2 * dice_if_small, abs=0.01)


def test_nothing_found_and_nothing_expected_is_sure_and_a_missed_hint_is_not():
    assert region_uncertainty(_made(np.zeros(SHAPE)))["tumor"]["predicted_dice"] == 1
    hint = np.zeros(SHAPE)
    hint.flat[:40] = 0.4
    found = region_uncertainty(_made(hint))["tumor"]
    assert found["predicted_dice"] == pytest.approx(0.6, abs=0.02), "both empty with probability 0.6"
    assert found["interval_voxels"] == [0, 40]


def test_where_spacing_is_unknown_there_are_no_millilitres():
    found = region_uncertainty(_made(np.full(SHAPE, 0.7), known=False))["tumor"]
    assert found["expected_ml"] is None and found["interval_ml"] is None and found["expected_voxels"] > 0


@settings(max_examples=40)
@given(st.floats(0.02, 0.98), st.floats(0.3, 4))
def test_a_temperature_divides_the_logit(p, temperature):
    found = float(calibrated(np.array([p]), temperature)[0])
    assert np.log(found / (1 - found)) == pytest.approx(np.log(p / (1 - p)) / temperature, abs=1e-6)


def test_a_temperature_above_one_widens_the_interval_and_lowers_the_predicted_dice():
    rng = np.random.default_rng(3)
    p = 1 / (1 + np.exp(-rng.normal(0, 4, SHAPE)))
    plain, soft = (region_uncertainty(_made(p), t)["tumor"] for t in (None, {"tumor": 3.0}))
    assert soft["predicted_dice"] < plain["predicted_dice"]
    assert soft["interval_voxels"][0] < plain["interval_voxels"][0]
    assert soft["interval_voxels"][1] > plain["interval_voxels"][1]
    assert calibrated(np.array([0.005, 0.0, 1.0]), 3.0) == pytest.approx([0, 0, 1], abs=2e-3), "the far rest stays 0"


def test_entropy_is_one_bit_where_undecided():
    p = np.zeros(SHAPE)
    p[0, 0, 0], p[1, 1, 1] = 0.5, 1.0
    found = uncertainty_map(_made(p))
    assert found.dtype == np.float32 and found.shape == SHAPE
    assert found[0, 0, 0] == pytest.approx(1) and found[1, 1, 1] == 0 and found.sum() == pytest.approx(1)
    labels = image(np.zeros(SHAPE, np.uint8))
    maps = {n: image(np.full(SHAPE, v, np.float32)) for n, v in (("WT", 0.5), ("TC", 0.1), ("ET", 0.0))}
    assert uncertainty_map(Segmentation(labels, BRATS, maps)).max() == pytest.approx(1)
