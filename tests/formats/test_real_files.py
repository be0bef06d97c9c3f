"""Byte-true public files are read as what they are."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as pillow

from tumorscope.formats import read_channels, read_image, read_nifti, stack_slices, write_nifti


@pytest.fixture(scope="module")
def originals(test_data: Path) -> Path:
    folder = test_data / "originals"
    if not folder.is_dir():
        pytest.skip(f"no original files at {folder}")
    return folder


def test_lgg_slices_and_masks(originals):
    folder = next(p for p in sorted((originals / "kaggle_3m").iterdir()) if p.is_dir())
    masks = sorted(folder.glob("*_mask.tif"))
    slices = [m.with_name(m.name.replace("_mask", "")) for m in masks]
    for slice_, mask in zip(slices[:5], masks[:5], strict=True):
        channels, label = read_channels(slice_), read_image(mask)
        stored = np.asarray(pillow.open(slice_))
        assert [image.shape for image in channels] == [(256, 256, 1)] * 3
        for c, image in enumerate(channels):
            np.testing.assert_array_equal(image.data[..., 0].T, stored[..., c])
        np.testing.assert_array_equal(label.data[..., 0].T, np.asarray(pillow.open(mask)))
        assert label.data.dtype == np.uint8 and set(np.unique(label.data)) <= {0, 255}
    volumes, label = stack_slices(slices), stack_slices(masks)
    assert [v.shape for v in volumes] == [(256, 256, len(slices))] * 3
    assert [v.shape for v in label] == [(256, 256, len(slices))]
    last = max(slices, key=lambda p: int(p.stem.rsplit("_", 1)[1]))
    np.testing.assert_array_equal(volumes[1].data[..., -1].T, np.asarray(pillow.open(last))[..., 1])


def test_coco_pictures_are_grey(originals):
    paths = sorted(originals.rglob("*.jpg"))[:10]
    assert paths
    for path in paths:
        image = read_image(path)
        assert image.shape == (640, 640, 1) and image.data.dtype == np.uint8
        np.testing.assert_array_equal(image.data[..., 0].T, np.asarray(pillow.open(path))[..., 0])
        assert image.header.channels == 3


def test_brats_files_as_nibabel_reads_them(test_data, tmp_path):
    paths = (
        sorted((test_data / "brats").glob("*/*t1c*.nii.gz"))[::3] + sorted((test_data / "brats").glob("*/*seg*"))[:3]
    )
    if not paths:
        pytest.skip("no BraTS cases in the test data")
    for path in paths:
        image, reference = read_nifti(path), nib.load(path)
        assert image.shape == (240, 240, 155)
        assert image.data.dtype == reference.get_data_dtype()
        np.testing.assert_array_equal(image.data, np.asarray(reference.dataobj))
        np.testing.assert_array_equal(image.affine, reference.affine)
        assert image.spacing == (1, 1, 1)
    out = nib.load(write_nifti(image, tmp_path / "out.nii.gz", dtype=np.uint8))
    np.testing.assert_array_equal(out.affine, reference.affine)
    for field in ("qform_code", "sform_code", "xyzt_units"):
        assert out.header[field] == reference.header[field]
