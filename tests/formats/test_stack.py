"""Slices in natural order become one volume per channel."""

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow

from tumorscope.core.errors import InputError
from tumorscope.formats import natural_key, stack_slices
from tumorscope.formats.nifti import write_nifti


def save(folder, number, pixels, suffix="png"):
    path = folder / f"TCGA_CS_4941_19960909_{number}.{suffix}"
    pillow.fromarray(pixels).save(path)
    return path


def grey(value, dtype=np.uint8, shape=(6, 8)):
    pixels = np.zeros(shape, dtype)
    pixels[1, 2] = value
    return pixels


@given(st.permutations(range(1, 25)))
def test_natural_order(numbers):
    names = [f"p_19960909_{n}.tif" for n in numbers]
    assert sorted(names, key=natural_key) == [f"p_19960909_{n}.tif" for n in range(1, 25)]


def test_natural_order_of_mixed_names():
    names = ["b2", "x²", "a10", "10", "2", "a2", "B1", "a", "a2b", "a02"]
    assert sorted(names, key=natural_key) == ["2", "10", "a", "a2", "a02", "a2b", "a10", "B1", "b2", "x²"]


def test_grey_slices_stack_by_number(tmp_path):
    paths = [save(tmp_path, n, grey(n)) for n in (10, 2, 1, 11)]
    (image,) = stack_slices(paths)
    assert image.shape == (8, 6, 4)
    assert image.data[2, 1].tolist() == [1, 2, 10, 11]
    np.testing.assert_array_equal(image.affine, np.diag([-1, -1, 1, 1]))
    assert not image.spacing_known and image.source == tmp_path


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colour_slices_give_one_volume_per_channel(tmp_path, suffix):
    paths = [save(tmp_path, n, np.stack([grey(n), grey(2 * n), grey(3 * n)], -1), suffix) for n in range(1, 6)]
    images = stack_slices(paths)
    assert [image.data[2, 1].tolist() for image in images] == [[k * n for n in range(1, 6)] for k in (1, 2, 3)]


def test_empty_edge_slices_do_not_lose_their_channels(tmp_path):
    pixels = [np.stack([grey(v), grey(v // 2), grey(v)], -1) for v in (0, 0, 90, 0)]
    images = stack_slices([save(tmp_path, n, p) for n, p in enumerate(pixels)])
    assert len(images) == 3 and images[1].data[2, 1].tolist() == [0, 0, 45, 0]


def test_colour_slices_all_equal_are_grey_unless_kept(tmp_path):
    paths = [save(tmp_path, n, np.stack([grey(n)] * 3, -1)) for n in range(3)]
    assert len(stack_slices(paths)) == 1
    assert len(stack_slices(paths, keep_rgb=True)) == 3


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (grey(1, shape=(6, 9)), "9×6 pixels"),
        (grey(1, np.uint16), "uint16"),
        (np.stack([grey(1)] * 3, -1), "3 channels"),
    ],
)
def test_a_slice_unlike_the_others_is_named(tmp_path, odd, said):
    paths = [save(tmp_path, n, grey(n)) for n in (1, 2, 4)] + [save(tmp_path, 3, odd)]
    with pytest.raises(InputError, match=f"8×6 pixels.*{said}.*_3.png"):
        stack_slices(paths)


def test_nothing_pages_and_foreign_files(tmp_path):
    with pytest.raises(InputError, match="found none"):
        stack_slices([])
    tifffile.imwrite(tmp_path / "1.tif", np.zeros((5, 6, 8), np.uint8))
    with pytest.raises(InputError, match="one page per slice file"):
        stack_slices([tmp_path / "1.tif"])
    (tmp_path / "2.png").write_bytes(b"x" * 99)
    with pytest.raises(InputError, match=r"other content in .*2\.png"):
        stack_slices([tmp_path / "2.png", save(tmp_path, 1, grey(1))])
    volume = stack_slices([save(tmp_path, 1, grey(1))])[0]
    with pytest.raises(InputError, match="PNG, JPEG or TIFF"):
        stack_slices([write_nifti(volume, tmp_path / "x.nii")])
