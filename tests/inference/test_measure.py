import itertools

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tiny_bundles import image
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.inference.measure import measure


def _tumor(mask, affine=None, known=True):
    labels = Image(mask.astype(np.uint8), np.eye(4) if affine is None else affine, spacing_known=known)
    return measure(Segmentation(labels, BINARY))["regions"]["tumor"]


def _block(shape=(30, 40, 8)):
    mask = np.zeros(shape, dtype=bool)
    mask[5:15, 10:30, 2:5] = True  # 10 × 20 × 3
    return mask


def test_a_block_of_known_size():
    found = _tumor(_block(), np.diag([1.0, 2.0, 5.0, 1.0]))
    assert found["voxels"] == 600
    assert found["ml"] == pytest.approx(6.0)
    assert found["longest_axial_diameter"] == pytest.approx(np.hypot(10 * 1, 20 * 2), abs=1e-3)
    assert found["largest_area"] == pytest.approx(10 * 1 * 20 * 2)
    assert found["areas"] == [0, 0, 400, 400, 400, 0, 0, 0]
    assert (found["largest_slice"], found["lesions"], found["unit"]) == (2, 1, "mm")


def test_without_spacing_sizes_are_pixels():
    found = _tumor(_block(), np.diag([-1.0, -1.0, 1.0, 1.0]), known=False)
    assert found["ml"] is None
    assert found["unit"] == "px"
    assert found["largest_area"] == 200
    assert found["longest_axial_diameter"] == pytest.approx(np.hypot(10, 20), abs=1e-3)


def test_nested_regions_and_classes():
    labels = np.zeros((10, 10, 3), dtype=np.uint8)
    labels[1:9, 1:9, 1] = 2
    labels[3:7, 3:7, 1] = 1
    labels[4:6, 4:6, 1] = 4
    result = measure(Segmentation(image(labels, (1, 1, 2)), BRATS))
    voxels = {name: region["voxels"] for name, region in result["regions"].items()}
    assert voxels == {"WT": 64, "TC": 16, "ET": 4, "NCR/NET": 12, "ED": 48}
    assert result["regions"]["TC"]["ml"] == pytest.approx(16 * 2 / 1000)
    assert result["spacing_mm"] == [1, 1, 2] and result["slice_axis"] == "z"


def test_nothing_segmented():
    found = _tumor(np.zeros((5, 5, 5), dtype=bool))
    assert found["voxels"] == found["ml"] == found["lesions"] == found["longest_axial_diameter"] == 0
    assert found["largest_slice"] is None


def test_lesions_count_parts_that_do_not_touch():
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[5, 5, 5] = mask[8, 0, 8] = True
    assert _tumor(mask)["lesions"] == 3


def test_shear_and_rotation_do_not_change_volume_or_diameter():
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.0, 2.0, 5.0])
    plain, turned = _tumor(_block(), np.diag([1.0, 2.0, 5.0, 1.0])), _tumor(_block(), affine)
    assert turned["ml"] == pytest.approx(plain["ml"])
    assert turned["longest_axial_diameter"] == pytest.approx(plain["longest_axial_diameter"])
    sheared = np.diag([1.0, 1.0, 1.0, 1.0])
    sheared[0, 1] = 1.0  # a step along y also moves 1 mm along x
    found = _tumor(_block(), sheared)
    assert found["ml"] == pytest.approx(0.6)
    assert found["longest_axial_diameter"] == pytest.approx(np.hypot(10 + 20, 20), abs=1e-3)


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
def test_orientation_of_the_file_does_not_matter(axes):
    affine = np.diag([1.0, 2.0, 5.0, 1.0])[:, [*axes, 3]]
    found = _tumor(np.transpose(_block(), axes), affine)
    assert found["ml"] == pytest.approx(6.0)
    assert found["longest_axial_diameter"] == pytest.approx(np.hypot(10, 40), abs=1e-3)
    assert found["areas"] == [0, 0, 400, 400, 400, 0, 0, 0]


@settings(max_examples=60)
@given(arrays(bool, (6, 7, 2)), st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)))
def test_the_diameter_of_the_largest_part_is_exact(mask, spacing):
    def longest(part):
        lengths = [0.0]
        for plane in np.moveaxis(part, 2, 0):
            corners = [p + c for p in np.argwhere(plane) for c in itertools.product((-0.5, 0.5), repeat=2)]
            if corners:
                mm = np.array(corners) * spacing
                lengths.append(np.linalg.norm(mm[:, None] - mm[None], axis=2).max())
        return max(lengths)

    parts, count = scipy.ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = [(parts == i + 1).sum() for i in range(count)]
    candidates = [longest(parts == i + 1) for i in range(count) if sizes[i] == max(sizes)] or [0.0]
    found = _tumor(mask, np.diag([*spacing, 1.0, 1.0]))["longest_axial_diameter"]
    assert min(abs(found - c) for c in candidates) < 1e-3


def test_specks_elsewhere_do_not_lengthen_the_diameter():
    mask = np.zeros((60, 60, 3), dtype=bool)
    mask[10:16, 10:16, 1] = True
    mask[55, 55, 1] = True
    found = _tumor(mask, np.eye(4))
    assert found["lesions"] == 2
    assert found["longest_axial_diameter"] == pytest.approx(np.hypot(6, 6), abs=1e-3)
