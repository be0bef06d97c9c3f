import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, BRATS
from tumorscope.core.segmentation import Segmentation
from tumorscope.inference.diameters import longest_3d, planar_diameters
from tumorscope.inference.measure import measure

SHAPE = (34, 36, 30)


def _rotation(x, y, z):
    turn = np.eye(3)
    for axis, angle in enumerate((x, y, z)):
        c, s = np.cos(angle), np.sin(angle)
        i, j = [a for a in range(3) if a != axis]
        one = np.eye(3)
        one[i, i] = one[j, j] = c
        one[i, j], one[j, i] = -s, s
        turn = one @ turn
    return turn


def _affine(spacing=(1, 1, 1), angles=(0, 0, 0)):
    affine = np.eye(4)
    affine[:3, :3] = _rotation(*angles) @ np.diag(spacing)
    affine[:3, 3] = (12, -7, 30)
    return affine


def _ellipsoid(radii, spacing, angle=0.0):
    """An ellipsoid in mm, turned within the x-y plane, on a grid that it fits in."""
    shape = [int(2 * max(radii) / s) + 5 for s in spacing]
    points = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]
    x, y, z = np.meshgrid(*points, indexing="ij")
    u, v = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
    return (u / radii[0]) ** 2 + (v / radii[1]) ** 2 + (z / radii[2]) ** 2 <= 1


def _measured(mask, affine, scheme=BINARY):
    return measure(Segmentation(Image(mask.astype(np.uint8), affine), scheme))


def _lesion(mask, affine):
    return _measured(mask, affine)["lesions"]["tumor"]["rows"][0]


@pytest.mark.parametrize("angles", [(0, 0, 0), (0.2, -0.1, 0.3), (0.5, 0.4, -0.6)])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.5, 0.5, 5), (0.9, 1.1, 3)])
def test_a_box_is_exact_in_any_grid(spacing, angles):
    mask = np.zeros(SHAPE, dtype=bool)
    mask[4:24, 5:17, 3:9] = True
    a, b, c = (n * s for n, s in zip((20, 12, 6), spacing, strict=True))
    row = _lesion(mask, _affine(spacing, angles))
    diagonal = np.hypot(a, b)
    assert row["ml"] == pytest.approx(a * b * c / 1000)
    assert row["longest_axial_diameter"] == pytest.approx(diagonal, abs=2e-3)
    # In a rectangle the longest line across the diagonal goes through a corner of its shorter side.
    assert row["perpendicular_diameter"] == pytest.approx(min(a, b) * diagonal / max(a, b), abs=2e-3)
    assert row["longest_3d_diameter"] == pytest.approx(np.sqrt(a**2 + b**2 + c**2), abs=2e-3)
    assert row["bidimensional_product"] == pytest.approx(diagonal**2 * min(a, b) / max(a, b), rel=1e-4)


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.8, 1.3])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.6, 0.6, 3), (0.7, 1.2, 2)])
def test_an_ellipsoid_is_measured_within_a_voxel(spacing, angle):
    radii = (20.0, 12.0, 9.0)
    row = _lesion(_ellipsoid(radii, spacing, angle), _affine(spacing, (0.1, 0.2, 0.3)))
    pixel = np.hypot(*spacing[:2])
    assert row["ml"] == pytest.approx(4 / 3 * np.pi * np.prod(radii) / 1000, rel=0.03)
    assert 40 - pixel <= row["longest_axial_diameter"] <= 40 + 2 * pixel
    assert 24 - 2 * pixel <= row["perpendicular_diameter"] <= 24 + 2 * pixel
    assert 40 - pixel <= row["longest_3d_diameter"] <= 40 + 2 * np.linalg.norm(spacing)


def _brute_chord(plane, to_plane, pair):
    """The longest line across ``pair``, by trying all corners of all pixels one by one."""
    along = to_plane @ (pair[1] - pair[0])
    along = along / np.linalg.norm(along)
    up = np.array([-along[1], along[0]])
    corners = [p + np.array(c) for p in np.argwhere(plane) for c in itertools.product((-0.5, 0.5), repeat=2)]
    best = 0.0
    for place in {round(float(to_plane @ c @ along), 9) for c in corners}:
        heights = []
        for p in np.argwhere(plane):
            ring = [to_plane @ (p + np.array(c)) for c in ((-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5))]
            for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
                (ta, tb), (sa, sb) = (a @ along, b @ along), (a @ up, b @ up)
                if min(ta, tb) - 1e-7 <= place <= max(ta, tb) + 1e-7:
                    heights += [sa, sb] if abs(ta - tb) < 1e-7 else [sa + (sb - sa) * (place - ta) / (tb - ta)]
        best = max(best, max(heights) - min(heights))
    return best


@settings(max_examples=60, deadline=None)
@given(
    arrays(bool, (5, 6)),
    st.tuples(st.floats(0.4, 2.5), st.floats(0.4, 2.5)),
    st.floats(-0.6, 0.6),
    st.floats(0, 3),
)
def test_both_diameters_are_exact(plane, spacing, shear, angle):
    if not plane.any():
        return
    step = np.zeros((3, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    step[:2] = turn @ np.array([[spacing[0], shear], [0, spacing[1]]])
    found = planar_diameters(plane[:, :, None], 2, step)
    corners = [p + np.array(c) for p in np.argwhere(plane) for c in itertools.product((-0.5, 0.5), repeat=2)]
    mm = np.array(corners) @ step.T
    assert found.longest.length == pytest.approx(np.linalg.norm(mm[:, None] - mm[None], axis=2).max())
    pair = found.longest.ends[:, :2]
    assert found.perpendicular.length == pytest.approx(_brute_chord(plane, step[:2], pair), abs=1e-6)
    # The ends that are drawn are as far apart as the number says, and the lines stand at right angles.
    ends = [line.ends[:, :2] @ step.T for line in (found.longest, found.perpendicular)]
    vectors = [e[1] - e[0] for e in ends]
    assert np.linalg.norm(vectors[0]) == pytest.approx(found.longest.length)
    assert np.linalg.norm(vectors[1]) == pytest.approx(found.perpendicular.length, abs=1e-6)
    assert vectors[0] @ vectors[1] == pytest.approx(0, abs=1e-5 * max(1, found.longest.length) ** 2)


@settings(max_examples=30, deadline=None)
@given(arrays(bool, (4, 5, 3)), st.tuples(*[st.floats(0.4, 4)] * 3))
def test_the_longest_3d_diameter_is_exact(mask, spacing):
    if not mask.any():
        return
    steps = _rotation(0.3, -0.2, 0.5) @ np.diag(spacing)
    points = [p + np.array(c) for p in np.argwhere(mask) for c in itertools.product((-0.5, 0.5), repeat=3)]
    mm = np.array(points) @ steps.T
    line = longest_3d(mask, steps)
    assert line.length == pytest.approx(np.linalg.norm(mm[:, None] - mm[None], axis=2).max())
    assert np.linalg.norm(steps @ (line.ends[1] - line.ends[0])) == pytest.approx(line.length)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(3)), st.tuples(*[st.booleans()] * 3), st.integers(0, 1000))
def test_how_the_file_is_stored_does_not_matter(order, flips, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((9, 10, 7)) > 0.72
    affine = _affine((0.8, 1.1, 4.0), (0.1, 0.15, -0.2))
    stored = np.transpose(mask, order)
    turned = affine[:, [*order, 3]].copy()
    for axis, flip in enumerate(flips):
        if flip:
            turned[:3, 3] += turned[:3, axis] * (stored.shape[axis] - 1)
            turned[:3, axis] *= -1
            stored = np.flip(stored, axis)
    one, other = (_measured(m, a) for m, a in ((mask, affine), (stored, turned)))
    keys = ("ml", "lesions", "longest_axial_diameter", "perpendicular_diameter", "longest_3d_diameter")
    sizes = [[r["regions"]["tumor"][k] for k in keys] for r in (one, other)]
    # Of two components of one size either may count as the largest.
    counts = sorted(np.unique(_labelled(mask), return_counts=True)[1][1:])
    if len(counts) > 1 and counts[-1] == counts[-2]:
        return
    assert sizes[0] == pytest.approx(sizes[1], abs=2e-3)
    assert one["plane"]["tilt_deg"] == pytest.approx(other["plane"]["tilt_deg"], abs=0.02)
    assert one["plane"]["slice_mm"] == other["plane"]["slice_mm"] == 4.0


def _labelled(mask):
    from scipy.ndimage import label

    return label(mask, np.ones((3, 3, 3)))[0]


def test_the_plane_is_stated_with_its_tilt():
    mask = np.ones((3, 3, 3), dtype=bool)
    plane = _measured(mask, _affine((1, 1, 5), (0.25, 0, 0)))["plane"]
    assert (plane["axis"], plane["slice_mm"], plane["pixel_mm"]) == ("z", 5.0, [1.0, 1.0])
    assert plane["tilt_deg"] == pytest.approx(np.degrees(0.25), abs=0.01)
    sagittal = np.array([[0, 0, 4.0, 0], [1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 0, 1]])  # slices from left to right
    plane = _measured(mask, sagittal)["plane"]
    assert (plane["axis"], plane["slice_mm"], plane["pixel_mm"], plane["tilt_deg"]) == ("y", 1.0, [1.0, 4.0], 0.0)


def test_lesions_are_listed_from_the_largest_and_small_ones_counted_apart():
    labels = np.zeros((60, 40, 20), dtype=np.uint8)
    labels[2:22, 2:22, 2:12] = 2
    labels[5:15, 5:17, 4:10] = 4
    labels[40:48, 5:13, 5:12] = 4
    labels[30, 30, 15] = 4
    found = measure(Segmentation(Image(labels, np.eye(4)), BRATS))
    assert set(found["lesions"]) == {"WT", "ET"}
    table = found["lesions"]["ET"]
    assert (table["count"], table["smaller"], table["smaller_voxels"], table["min_voxels"]) == (2, 1, 1, 50)
    assert [row["number"] for row in table["rows"]] == [1, 2]
    assert [row["voxels"] for row in table["rows"]] == [10 * 12 * 6, 8 * 8 * 7]
    assert table["rows"][0]["centre_mm"] == [9.5, 10.5, 6.5]
    assert table["rows"][0]["rano_measurable"] and found["regions"]["ET"]["lesions"] == 3
    assert found["regions"]["ET"]["longest_axial_diameter"] == table["rows"][0]["longest_axial_diameter"]
    small = measure(Segmentation(Image(labels, np.diag([0.5, 0.5, 0.5, 1.0])), BRATS))["lesions"]["ET"]
    assert small["min_voxels"] == 400 and [r["rano_measurable"] for r in small["rows"]] == [False, False]


def test_specks_alone_are_counted_and_not_listed():
    mask = np.zeros((12, 12, 12), dtype=bool)
    mask[2, 2, 2] = mask[8, 8, 8] = True
    table = _measured(mask, np.eye(4))["lesions"]["tumor"]
    assert (table["count"], table["smaller"], table["rows"]) == (0, 2, [])


def test_lines_lie_in_the_slice_they_name():
    mask = _ellipsoid((9, 6, 5), (1, 1, 1), 0.5)
    row = _lesion(mask, np.eye(4))
    for name in ("longest_axial", "perpendicular"):
        ends = np.array(row["lines"][name])
        assert (ends[:, 2] == row["slice"]).all()
        assert mask[..., row["slice"]][tuple(np.rint(ends.mean(axis=0)[:2]).astype(int))]
