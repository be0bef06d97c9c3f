"""Endings, dispatch by name, and laziness."""

import subprocess
import sys

import numpy as np
import pytest

from tumorscope import formats
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.formats import FORMATS, image_suffix, is_image_file, read_channels, read_image, write_nifti, write_png


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_every_entry_can_be_loaded(suffix):
    assert callable(FORMATS.load(suffix))
    assert suffix == suffix.lower() and suffix.startswith(".")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.nii", ".nii"),
        ("a.b.NII.GZ", ".nii.gz"),
        ("a.Tif", ".tif"),
        ("a.tiff", ".tiff"),
        ("a.JPEG", ".jpeg"),
        ("a.gz", ""),
        ("a.nii.zip", ""),
        ("nii", ""),
        ("a.csv", ""),
    ],
)
def test_suffixes(name, suffix):
    assert image_suffix(name) == suffix
    assert is_image_file(name) == bool(suffix)


def test_hidden_files_are_no_images():
    assert not is_image_file("folder/._scan.nii.gz")


@pytest.mark.parametrize("name", ["x.dcm", "x.mgz", "x.nrrd", "x", "x.csv", "x.nii.bz2"])
def test_unknown_formats_list_the_known_ones(tmp_path, name):
    (tmp_path / name).write_bytes(b"content")
    with pytest.raises(InputError, match=r"\.nii, \.nii\.gz, \.png.*found .*Convert it"):
        read_image(tmp_path / name)
    with pytest.raises(InputError, match="nothing at"):
        read_image(tmp_path / f"missing-{name}")


def test_one_reader_for_all(tmp_path):
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    write_png(array, tmp_path / "x.png")
    write_nifti(Image(array[..., None], np.eye(4)), tmp_path / "X.NII.GZ")
    for name in ("x.png", "X.NII.GZ"):
        np.testing.assert_array_equal(read_image(tmp_path / name).data[..., 0], array)
        np.testing.assert_array_equal(read_image(str(tmp_path / name)).data[..., 0], array)
        assert len(read_channels(tmp_path / name)) == 1


def test_public_names_exist():
    for name in formats.__all__:
        assert getattr(formats, name) is not None
    with pytest.raises(AttributeError):
        formats.nothing  # noqa: B018


def test_importing_the_room_imports_no_library():
    code = (
        "import sys, tumorscope.formats as f; f.FORMATS\n"
        "print([m for m in ('torch', 'nibabel', 'PIL', 'tifffile', 'scipy', 'numpy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
