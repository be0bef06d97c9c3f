from dataclasses import replace

import numpy as np
import pytest

from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom import PhantomSpec, make_phantom
from tumorscope.datasets.phantom.template import TO_MNI
from tumorscope.inference.midline import HEAD, find_midline, laterality, template_head


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(PhantomSpec(seed=5, hemisphere="left", lobe="temporal", growth=0.4), spacing=2.0)


def _moved(image, degrees, shift):
    """The same head turned in the scanner: another affine, the same voxels."""
    angle = np.radians(degrees)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.eye(4)
    turn[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    turn[:3, 3] = shift
    return replace(image, affine=turn @ image.affine)


def test_the_side_and_the_distance_of_a_known_tumour(phantom):
    midline = find_midline(phantom.images)
    found = laterality(phantom.label.data > 0, phantom.label, midline)
    assert midline.method == "template"
    assert found["side"] == "left" and found["left_share"] > 0.99
    voxels = np.argwhere(phantom.label.data > 0) * 2.0  # at the phantom's grid of 1 mm
    mni = voxels @ TO_MNI[0, :3] + TO_MNI[0, 3]
    stretch = float(np.linalg.norm(TO_MNI[0, :3]))
    assert found["centre_to_midline_mm"] == pytest.approx(-mni.mean() / stretch, abs=4.0)


@pytest.mark.parametrize(("degrees", "shift"), [(8, (30, -20, 15)), (-15, (-60, 40, 100))])
def test_turning_the_head_changes_nothing(phantom, degrees, shift):
    plain = laterality(phantom.label.data > 0, phantom.label, find_midline(phantom.images))
    images = {s: _moved(i, degrees, shift) for s, i in phantom.images.items()}
    label = _moved(phantom.label, degrees, shift)
    turned = laterality(label.data > 0, label, find_midline(images))
    assert turned["side"] == "left"
    assert turned["centre_to_midline_mm"] == pytest.approx(plain["centre_to_midline_mm"], abs=1.5)
    assert turned["nearest_to_midline_mm"] == pytest.approx(plain["nearest_to_midline_mm"], abs=1.5)


def test_both_sides_and_the_other_side(phantom):
    midline = find_midline(phantom.images)
    mask = np.zeros(phantom.label.shape, dtype=bool)
    mask[55:65, 50:60, 30:40] = True  # the middle of the field of view
    assert laterality(mask, phantom.label, midline)["side"] == "both"
    assert laterality(mask, phantom.label, midline)["nearest_to_midline_mm"] == 0
    mask[:] = False
    mask[30:35, 50:60, 30:40] = True  # x counts towards the left
    assert laterality(mask, phantom.label, midline)["side"] == "right"
    assert laterality(np.zeros_like(mask), phantom.label, midline) == {}


def test_a_piece_of_a_head_falls_back_to_its_middle_and_says_so(phantom):
    cut = {s: i.with_data(np.where(np.indices(i.shape)[0] < 60, i.data, 0)) for s, i in phantom.images.items()}
    midline = find_midline({Sequence.T1: cut[Sequence.T1]})
    assert midline.method == "centre"
    assert "not corrected" in midline.note and midline.normal.tolist() == [1, 0, 0]


def test_pictures_and_empty_scans_have_no_midline():
    flat = Image(np.ones((40, 40, 1)), np.diag([-1.0, -1, 1, 1]), spacing_known=False)
    assert find_midline({Sequence.FLAIR: flat}) is None
    assert find_midline({Sequence.FLAIR: Image(np.zeros((40, 40, 20)), np.eye(4))}) is None


def test_the_package_holds_the_template_as_it_is_made():
    made = template_head()
    with np.load(HEAD) as stored:
        assert set(stored) == set(made)
        assert all(np.array_equal(stored[name], made[name]) for name in made)
