import itertools

import numpy as np
import pytest
from nibabel.orientations import apply_orientation, inv_ornt_aff

from tumorscope.core.image import Image
from tumorscope.figures.planes import View, centre_of_interest, oriented, slices_through, spacing_lps

SHAPE = (7, 9, 5)
ORIENTATIONS = [
    np.column_stack([axes, flips])
    for axes in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
]


def _head() -> np.ndarray:
    """RAS+ volume: 1 at the patient's right, 2 anterior, 3 superior, on the outermost voxel of each axis."""
    data = np.zeros(SHAPE, dtype=np.uint8)
    data[-1, 4, 2], data[3, -1, 2], data[3, 4, -1] = 1, 2, 3
    return data


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=lambda o: "".join(f"{int(a)}{int(f):+d}" for a, f in o))
def test_every_orientation_is_shown_alike(orientation):
    affine = np.diag([1.0, 2.0, 3.0, 1.0])  # RAS+: the last voxel along x is the patient's rightmost
    image = Image(apply_orientation(_head(), orientation), affine @ inv_ornt_aff(orientation, SHAPE))
    volume = oriented(image)
    assert spacing_lps(image) == pytest.approx((1, 2, 3))
    right = tuple(int(v[0]) for v in np.nonzero(volume == 1))
    axial = View("axial", right[2]).cut(volume)
    row, column = (int(v[0]) for v in np.nonzero(axial == 1))
    assert column == 0 and row == axial.shape[0] // 2, "right is on the left of the screen"
    assert int(np.nonzero(axial == 2)[0][0]) == 0, "anterior is up"
    coronal = View("coronal", right[1]).cut(volume)
    assert int(np.nonzero(coronal == 1)[1][0]) == 0, "right is on the left of the screen"
    assert int(np.nonzero(coronal == 3)[0][0]) == 0, "superior is up"
    sagittal = View("sagittal", 3).cut(volume)
    assert int(np.nonzero(sagittal == 2)[1][0]) == 0, "anterior is on the left of the screen"
    assert int(np.nonzero(sagittal == 3)[0][0]) == 0, "superior is up"


def test_pixels_and_marks():
    spacing = (0.9, 1.1, 5.0)
    sizes = {p: View(p, 0).pixel(spacing) for p in ("axial", "coronal", "sagittal")}
    assert sizes == {"axial": (0.9, 1.1), "coronal": (0.9, 5.0), "sagittal": (1.1, 5.0)}
    assert [View(p, 0).marks for p in sizes] == ["RLAP", "RLSI", "APSI"]


def test_slice_numbers_count_along_the_files_own_axis():
    flipped = Image(np.zeros((4, 5, 6)), np.diag([-1.0, -1.0, -1.0, 1.0]))  # LPI
    assert View("axial", 0).name(flipped) == "axial 6/6"
    assert View("coronal", 1).name(flipped) == "coronal 2/5"
    ras = Image(np.zeros((4, 5, 6)), np.eye(4))
    assert View("axial", 0).name(ras) == "axial 1/6"
    assert View("sagittal", 0).name(ras) == "sagittal 4/4"
    stack = Image(np.zeros((4, 5, 6)), np.diag([-1.0, -1, 1, 1]), spacing_known=False)
    assert View("axial", 2).name(stack) == "slice 3/6"


def test_where_the_planes_go():
    mask = np.zeros((20, 20, 9), dtype=bool)
    mask[2:4, 2:4, 1:8] = True
    mask[10:18, 10:13, 5] = True
    i, j, k = centre_of_interest(mask)
    assert k == 5 and mask[i, j, k]
    assert centre_of_interest(np.zeros((10, 8, 6), dtype=bool)) == (5, 4, 3)
    assert slices_through(mask, 2) == [3, 5]
    ring = np.zeros((11, 11, 1), dtype=bool)
    ring[2:9, 2:9] = True
    ring[3:8, 3:8] = False
    i, j, k = centre_of_interest(ring)
    assert ring[i, j, k], "the point lies in the tumour even where its centre does not"
