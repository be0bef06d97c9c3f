from __future__ import annotations

import itertools
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from nibabel.orientations import apply_orientation, inv_ornt_aff
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless
from scipy.spatial.transform import Rotation

from dicom_series import NAME, PATIENT_ID, PROTOCOLS, write_multiframe, write_series
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.formats.dicom import read_volume, scan_dicom
from tumorscope.formats.zipped import is_zip, unpack

LPS = np.diag([-0.9, -0.8, 2.5, 1.0])


@pytest.fixture
def image() -> Image:
    data = np.random.default_rng(1).integers(0, 1000, (14, 11, 9)).astype(np.int16)
    affine = LPS.copy()
    affine[:3, 3] = [40.0, 52.5, -17.25]
    return Image(data, affine)


def only(folder: Path) -> Image:
    (study,) = scan_dicom(folder)
    (volume,) = study.volumes
    return read_volume(volume)


def same_world(found: Image, wanted: Image) -> None:
    """Every voxel of ``wanted`` is in ``found`` at the same place in mm, and they have as many."""
    assert sorted(found.shape) == sorted(wanted.shape)
    index = np.indices(wanted.shape).reshape(3, -1)
    mm = wanted.affine[:3, :3] @ index + wanted.affine[:3, 3:]
    at = np.linalg.inv(found.affine) @ np.vstack([mm, np.ones(mm.shape[1])])
    near = np.rint(at[:3]).astype(int)
    assert np.abs(at[:3] - near).max() < 1e-3
    assert np.array_equal(found.data[tuple(near)], wanted.data[tuple(index)])


def test_a_series_comes_back_voxel_for_voxel(tmp_path: Path, image: Image) -> None:
    write_series(tmp_path, image)
    found = only(tmp_path)
    assert np.array_equal(found.data, image.data)
    assert np.allclose(found.affine, image.affine, atol=1e-5)
    assert found.data.dtype.kind in "iu"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_all_48_orientations_lie_where_they_were(tmp_path: Path, image: Image, order: tuple[int, ...]) -> None:
    for k, signs in enumerate(itertools.product((1, -1), repeat=3)):
        turn = np.array([[axis, sign] for axis, sign in zip(order, signs, strict=True)], dtype=float)
        data = np.ascontiguousarray(apply_orientation(image.data, turn))
        turned = Image(data, image.affine @ inv_ornt_aff(turn, image.shape))
        write_series(tmp_path / str(k), turned)
        same_world(only(tmp_path / str(k)), image)


def test_oblique_anisotropic_grids_are_exact(tmp_path: Path, image: Image) -> None:
    for k, angles in enumerate([(10, 0, 0), (25, -13, 40), (-80, 5, 170)]):
        affine = image.affine.copy()
        affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ affine[:3, :3]
        oblique = Image(image.data, affine)
        write_series(tmp_path / str(k), oblique)
        found = only(tmp_path / str(k))
        assert np.allclose(found.affine, affine, atol=1e-4)
        same_world(found, oblique)


def test_a_multiframe_file_is_sorted_and_rescaled(tmp_path: Path, image: Image) -> None:
    write_multiframe(tmp_path, image, tags=PROTOCOLS["FLAIR"])
    found = only(tmp_path)
    assert np.array_equal(found.data, image.data * 2.0 + 1)
    assert np.allclose(found.affine, image.affine, atol=1e-5)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_lossless_compression_changes_nothing(tmp_path: Path, image: Image, syntax: str) -> None:
    big = Image(np.tile(image.data, (3, 3, 1)), image.affine)
    write_series(tmp_path, big, syntax=syntax)
    assert np.array_equal(only(tmp_path).data, big.data)


def test_jpeg_lossless_is_read() -> None:
    from pydicom.data import get_testdata_file

    from tumorscope.formats.dicom_pixels import _decode

    file = get_testdata_file("JPEG-LL.dcm", download=False) or get_testdata_file("SC_rgb_jpeg_gdcm.dcm", download=False)
    if file is None:
        pytest.skip("pydicom's JPEG lossless test file is not in its wheel")
    assert _decode(Path(str(file)))[1].size


def test_rescaling_and_monochrome1(tmp_path: Path, image: Image) -> None:
    write_series(tmp_path / "a", image, slope=(0.5, -3))
    assert np.allclose(only(tmp_path / "a").data, image.data * 0.5 - 3)
    write_series(tmp_path / "b", image, inverted=True)
    turned = only(tmp_path / "b").data.astype(int)
    assert np.array_equal(turned - turned.min(), image.data - image.data.min())


def test_missing_slices_are_told_and_filled(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(30) * 10, (8, 8, 30)).astype(np.int16)
    write_series(tmp_path, Image(ramp, LPS), leave_out=(12, 20))
    (volume,) = scan_dicom(tmp_path)[0].volumes
    assert "2 of 30 slices are missing (13, 21)" in volume.notes[0]
    assert np.array_equal(read_volume(volume).data, ramp)
    assert volume.source().files[12] is None and len(volume.source().paths) == 28


def test_a_hole_is_refused(tmp_path: Path, image: Image) -> None:
    write_series(tmp_path, image, leave_out=(3, 4, 5))
    (volume,) = scan_dicom(tmp_path)[0].volumes
    with pytest.raises(InputError, match="3 of 9 slices are missing"):
        read_volume(volume)


def test_copies_of_slices_count_once(tmp_path: Path, image: Image) -> None:
    paths = write_series(tmp_path, image)
    (tmp_path / "copy").mkdir()
    for path in paths[:4]:
        (tmp_path / "copy" / path.name).write_bytes(path.read_bytes())
    (volume,) = scan_dicom(tmp_path)[0].volumes
    assert "4 slices were there twice" in volume.notes[0]
    assert np.array_equal(read_volume(volume).data, image.data)


def test_volumes_of_one_series_are_told_apart(tmp_path: Path, image: Image) -> None:
    other = image.with_data(image.data[::-1].copy())
    for k, (tags, start) in enumerate(
        [({"EchoTime": 20, "EchoNumbers": 1}, 0), ({"EchoTime": 90, "EchoNumbers": 2}, 100)]
    ):
        write_series(tmp_path / "echo", (image, other)[k], tags=tags, series="1.2.3", start=start)
    for k in range(2):  # same tags throughout: only instance numbers tell them apart
        write_series(tmp_path / "time", (image, other)[k], series="1.2.4", start=100 * k)
    for name in ("echo", "time"):
        volumes = scan_dicom(tmp_path / name)[0].volumes
        assert len(volumes) == 2
        assert {v.name.split(", ")[1] for v in volumes} == {"volume 1 of 2", "volume 2 of 2"}
        found = [read_volume(v).data for v in volumes]
        assert np.array_equal(found[0], image.data) and np.array_equal(found[1], other.data)


def test_series_mixed_in_one_folder_and_other_objects_are_said(tmp_path: Path, image: Image) -> None:
    for number, tags in enumerate(PROTOCOLS.values(), 1):
        write_series(tmp_path, image, tags=tags, number=number)
    for normal, affine in enumerate((LPS, LPS[[1, 2, 0, 3]], LPS[[2, 0, 1, 3]])):
        few = Image(image.data[:, :, :3], affine)
        write_series(tmp_path, few, number=9, series="1.2.9", start=10 * normal, tags={"SeriesDescription": "scan"})
    write_series(tmp_path, image, number=8, tags={"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]})
    write_series(tmp_path, image, number=7, tags={"BurnedInAnnotation": "YES"})
    write_series(tmp_path, image, number=6, tags={"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"})
    (study,) = scan_dicom(tmp_path)
    assert [v.number for v in study.volumes] == [1, 2, 3, 4]
    said = " ".join(study.passed_over)
    for part in ("9 files (localizer)", "text burnt in", "CT Image", "series 9 (a few slices in 3 planes"):
        assert part in said


def test_nothing_names_the_patient(tmp_path: Path, image: Image) -> None:
    write_series(tmp_path, image, tags=PROTOCOLS["T1"])
    (study,) = scan_dicom(tmp_path)
    shown = f"{study.id} {study.patient} {study.volumes[0].name} {study.passed_over}"
    for secret in (*NAME.lower().split("^"), PATIENT_ID.lower(), "4711", "1961", "2024"):
        assert secret not in shown.lower()
    assert study.volumes[0].name == "series 1 (t1 mprage tra)"


def test_damaged_pixels_are_an_error_without_file_names(tmp_path: Path, image: Image) -> None:
    path = write_series(tmp_path, image)[0]
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError) as caught:
        only(tmp_path)
    assert "Mustermann" not in str(caught.value)


def test_staggered_slices_keep_their_places(tmp_path: Path, image: Image) -> None:
    affine = image.affine.copy()
    affine[:3, 2] += [0, 0.5, 0]
    sheared = replace(image, affine=affine)
    write_series(tmp_path, sheared)
    found = only(tmp_path)
    assert np.allclose(found.affine, affine, atol=1e-4)
    assert "staggered" in scan_dicom(tmp_path)[0].volumes[0].notes[0]


class TestZip:
    def test_files_vanish_with_their_holder(self, tmp_path: Path, image: Image) -> None:
        paths = write_series(tmp_path / "in", image)
        with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
            for path in paths:
                archive.write(path, f"sub/{path.name}")
        assert is_zip(tmp_path / "study.zip")
        unpacked = unpack(tmp_path / "study.zip")
        folder = unpacked.folder
        assert np.array_equal(only(folder).data, image.data)
        del unpacked
        assert not folder.parent.exists()

    @pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "C:\\out", "..\\out"])
    def test_nothing_leaves_the_folder(self, tmp_path: Path, name: str) -> None:
        with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
            archive.writestr(name, b"x")
        with pytest.raises(InputError, match="outside"):
            unpack(tmp_path / "bad.zip")
        assert not (tmp_path / "out").exists()

    def test_links_are_refused(self, tmp_path: Path) -> None:
        member = zipfile.ZipInfo("link")
        member.external_attr = 0o120777 << 16
        with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
            archive.writestr(member, "/etc/passwd")
        with pytest.raises(InputError, match="link"):
            unpack(tmp_path / "bad.zip")

    def test_bombs_are_refused(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "big.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", bytes(10_000_000))
        with pytest.raises(InputError, match="at most"):
            unpack(tmp_path / "big.zip", max_bytes=1_000_000)
        with pytest.raises(InputError, match="at most"):
            unpack(tmp_path / "big.zip", max_files=0)

    def test_damage_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "x.zip").write_bytes(b"PK\x03\x04" + bytes(100))
        with pytest.raises(InputError, match="unpacked"):
            unpack(tmp_path / "x.zip")
