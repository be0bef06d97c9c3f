import numpy as np
import pytest

from tiny_bundles import image
from tumorscope.bundles.manifest import Postprocess
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, BRATS
from tumorscope.inference.postprocess import postprocess


def _labels(spacing=(1, 1, 1), known=True):
    """Oedema 10×10×4 with a core 4×4×2 and ET 2×2×1 in it, 1 voxel of core apart; alone: 2 of oedema, 1 of ET."""
    data = np.zeros((20, 20, 8), dtype=np.uint8)
    data[2:12, 2:12, 1:5] = 2
    data[4:8, 4:8, 2:4] = 1
    data[5:7, 5:7, 2] = 4
    data[16, 16, 6:8] = 2
    data[18, 1, 0] = 4
    data[10, 10, 4] = 1
    return image(data, spacing, spacing_known=known)


def _run(rules, labels=None):
    cleaned, notes = postprocess(labels or _labels(), BRATS, rules)
    return cleaned.data, notes


def test_nothing_asked_nothing_changed():
    before = _labels()
    data, notes = _run(Postprocess(), before)
    np.testing.assert_array_equal(data, before.data)
    assert notes == []


def test_the_input_is_not_changed():
    before = _labels()
    kept = before.data.copy()
    _run(Postprocess(min_voxels={"WT": 100}, fill_holes=True), before)
    np.testing.assert_array_equal(before.data, kept)


def test_small_parts_of_the_whole_tumour_become_background():
    data, notes = _run(Postprocess(min_voxels={"WT": 3}))
    assert not data[16, 16].any() and data[18, 1, 0] == 0
    assert (data[2:12, 2:12, 1:5] > 0).all()
    assert notes == ["Removed 2 part(s) of WT below 3 voxels (3 voxels in all)."]


def test_small_parts_of_the_core_become_oedema_and_of_et_core():
    data, _ = _run(Postprocess(min_voxels={"TC": 2, "ET": 2}))
    assert data[10, 10, 4] == 2
    assert data[18, 1, 0] == 2
    assert (data[5:7, 5:7, 2] == 4).all()
    data, _ = _run(Postprocess(min_voxels={"ET": 5}))
    assert (data[5:7, 5:7, 2] == 1).all() and data[18, 1, 0] == 1


def test_diagonal_neighbours_are_one_part():
    data = np.zeros((4, 4, 4), dtype=np.uint8)
    data[0, 0, 0] = data[1, 1, 1] = data[2, 2, 2] = 1
    cleaned, notes = postprocess(image(data), BINARY, Postprocess(min_voxels={"tumor": 3}))
    assert cleaned.data.sum() == 3 and notes == []


def test_limits_in_ml_use_the_voxel_size():
    rules = Postprocess(min_ml={"WT": 0.011})  # 11 mm³
    assert _run(rules, _labels((1, 1, 5)))[0][16, 16].sum() == 0  # 10 mm³
    assert _run(rules, _labels((1, 1, 6)))[0][16, 16].sum() == 4  # 12 mm³
    exact = Postprocess(min_ml={"WT": 0.010})
    assert _run(exact, _labels((1, 1, 5)))[0][16, 16].sum() == 4


def test_limits_in_ml_are_skipped_and_said_where_spacing_is_unknown():
    rules = Postprocess(min_ml={"WT": 9.0}, demote_below_ml={"ET": 9.0}, min_voxels={"WT": 2})
    data, notes = _run(rules, _labels(known=False))
    assert data[5, 5, 2] == 4 and data[16, 16, 7] == 2 and data[18, 1, 0] == 0
    assert "Spacing is unknown" in notes[0] and "ET" in notes[0] and "WT" in notes[0]


def test_a_small_region_is_demoted_as_a_whole():
    data, notes = _run(Postprocess(demote_below_ml={"ET": 0.006}))  # 5 voxels of 1 mm³
    assert not (data == 4).any()
    assert (data[5:7, 5:7, 2] == 1).all()
    assert notes == ["ET measured 0.005 ml, less than 0.006 ml: counted as NCR/NET."]
    data, notes = _run(Postprocess(demote_below_ml={"ET": 0.005}))
    assert (data == 4).sum() == 5 and notes == []


def test_holes_take_the_nearest_label_of_their_slice():
    data = np.zeros((12, 12, 3), dtype=np.uint8)
    data[1:11, 1:11, 1] = 2
    data[4:9, 4:9, 1] = 4
    data[6, 6, 1] = 0  # in ET
    data[2, 2, 1] = 0  # in oedema
    data[2, 2, 0] = data[2, 2, 2] = 0  # open above and below: slice by slice it is a hole all the same
    cleaned, notes = postprocess(image(data), BRATS, Postprocess(fill_holes=True))
    assert cleaned.data[6, 6, 1] == 4 and cleaned.data[2, 2, 1] == 2
    assert cleaned.data[:, :, [0, 2]].sum() == 0
    assert notes == ["Filled holes of 2 voxels in all."]


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_holes_are_axial_whatever_the_orientation(axes):
    data = np.zeros((6, 7, 4), dtype=np.uint8)
    data[1:5, 1:6, 2] = 1
    data[3, 3, 2] = 0
    labels = Image(np.transpose(data, axes), np.eye(4)[:, [*axes, 3]])
    cleaned, _ = postprocess(labels, BINARY, Postprocess(fill_holes=True))
    assert cleaned.data.sum() == 20


def test_rules_for_names_the_scheme_lacks_do_nothing():
    cleaned, notes = postprocess(_labels(), BRATS, Postprocess(min_voxels={"RC": 9}, demote_below_ml={"XX": 9}))
    np.testing.assert_array_equal(cleaned.data, _labels().data)
    assert notes == []
