"""4D NIfTI as a list of volumes."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tumorscope.core.errors import InputError
from tumorscope.formats.describe import describe_file
from tumorscope.formats.nifti import read_nifti
from tumorscope.formats.nifti_series import MAX_VOLUMES, read_nifti_series

AFFINE = np.array([[-2.0, 0, 0, 5], [0, 0, 3, -7], [0, 1, 0, 1], [0, 0, 0, 1]])


def save(path: Path, shape: tuple[int, ...], dtype: type = np.int16, slope: float = 1) -> np.ndarray:
    data = np.random.default_rng(0).integers(0, 500, shape).astype(dtype)
    image = nib.Nifti1Image(data, AFFINE)
    image.header.set_slope_inter(slope, 0)
    nib.save(image, path)
    return np.asarray(nib.load(path).dataobj)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("slope", [1, 0.5])
def test_volumes_are_nibabels(tmp_path: Path, ending: str, slope: float) -> None:
    path = tmp_path / f"a{ending}"
    data = save(path, (5, 6, 7, 4), slope=slope)
    volumes = read_nifti_series(path)
    assert len(volumes) == 4
    for k, volume in enumerate(volumes):
        np.testing.assert_allclose(volume.data, data[..., k], rtol=1e-6)
        np.testing.assert_allclose(volume.affine, AFFINE)
        assert volume.header.get_data_shape() == (5, 6, 7)


@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 6, 7, 1)])
def test_one_volume_is_read_as_always(tmp_path: Path, shape: tuple[int, ...]) -> None:
    save(tmp_path / "a.nii.gz", shape)
    (volume,) = read_nifti_series(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(volume.data, read_nifti(tmp_path / "a.nii.gz").data)


def test_what_is_no_series_of_sequences_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "fmri.nii", (3, 3, 3, MAX_VOLUMES + 1))
    with pytest.raises(InputError, match="time series"):
        read_nifti_series(tmp_path / "fmri.nii")
    save(tmp_path / "five.nii", (3, 3, 3, 1, 2))
    with pytest.raises(InputError, match="one 3D volume"):
        read_nifti_series(tmp_path / "five.nii")
    save(tmp_path / "cut.nii", (9, 9, 9, 4))
    (tmp_path / "cut.nii").write_bytes((tmp_path / "cut.nii").read_bytes()[:4000])
    with pytest.raises(InputError, match="cut short"):
        read_nifti_series(tmp_path / "cut.nii")


def test_inspect_counts_the_volumes(tmp_path: Path) -> None:
    save(tmp_path / "BRATS_001.nii.gz", (5, 6, 7, 4))
    record = describe_file(tmp_path / "BRATS_001.nii.gz")
    assert (record["channels"], record["shape"], record["role"]) == (4, [5, 6, 7], "scan")
    assert any("4 volumes in one file" in sentence for sentence in record["problems"])
