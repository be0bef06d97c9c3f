"""NIfTI: exact round trips for every geometry, and one clear error for every kind of bad file."""

import gzip
import itertools
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tumorscope.core.errors import GeometryError, InputError, OutputError
from tumorscope.core.image import Image
from tumorscope.formats import check_content, read_image, read_nifti, write_nifti

ORIENTATIONS = ["".join(o) for triple in itertools.product("LR", "AP", "SI") for o in itertools.permutations(triple)]
DTYPES = ["uint8", "int16", "float32"]
shared_folder = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def oriented_affine(codes: str, spacing=(1.0, 1.5, 2.5), origin=(-90.0, 126.0, -72.0)) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, code in enumerate(codes):  # R, A, S are the positive ends of world axes 0, 1, 2
        pair = next(p for p in ("LR", "PA", "IS") if code in p)
        affine[("LR", "PA", "IS").index(pair), axis] = spacing[axis] * (1 if pair[1] == code else -1)
    affine[:3, 3] = origin
    return affine.astype(np.float32).astype(np.float64)


def voxels(shape, dtype, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 300, shape) if np.dtype(dtype).kind == "f" else rng.integers(0, 200, shape)
    return values.astype(dtype)


def save_nibabel(path: Path, data, affine, qcode=1, scode=1, units="mm", dtype=None) -> Path:
    image = nib.Nifti1Image(data, affine, dtype=dtype)
    image.set_qform(affine, qcode)
    image.set_sform(affine, scode)
    image.header.set_xyzt_units(units)
    nib.save(image, path)
    return path


def assert_same_geometry(path: Path, reference: Path) -> None:
    new, old = nib.load(path).header, nib.load(reference).header
    for field in ("qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "xyzt_units"):
        assert new[field] == old[field], field
    for field in ("qoffset_x", "qoffset_y", "qoffset_z", "srow_x", "srow_y", "srow_z"):
        np.testing.assert_array_equal(new[field], old[field])
    np.testing.assert_array_equal(new["pixdim"][:4], old["pixdim"][:4])


def test_there_are_48_orientations():
    assert len(set(ORIENTATIONS)) == 48


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize(("suffix", "dtype"), zip([".nii", ".nii.gz", ".nii.gz"], DTYPES, strict=True))
def test_every_orientation_round_trips(tmp_path, codes, suffix, dtype):
    affine, data = oriented_affine(codes), voxels((3, 4, 5), dtype)
    source = save_nibabel(tmp_path / f"in{suffix}", data, affine, qcode=1, scode=2)
    image = read_nifti(source)
    assert image.orientation == codes == "".join(nib.aff2axcodes(affine))
    assert image.spacing == pytest.approx((1.0, 1.5, 2.5), abs=1e-6)
    assert image.data.dtype == dtype
    np.testing.assert_array_equal(image.data, data)
    np.testing.assert_array_equal(image.affine, nib.load(source).affine)

    again = read_nifti(write_nifti(image, tmp_path / f"out{suffix}"))
    np.testing.assert_array_equal(again.data, data)
    np.testing.assert_array_equal(again.affine, image.affine)
    assert again.data.dtype == dtype and again.orientation == codes
    assert_same_geometry(tmp_path / f"out{suffix}", source)


@st.composite
def oblique_affines(draw) -> np.ndarray:
    """Random rotation, spacing, flip, origin and (often) shear, as float32 stores them."""
    quaternion = np.add(draw(st.lists(st.floats(-1, 1), min_size=4, max_size=4)), [0.01, 0, 0, 0])
    rotation = nib.quaternions.quat2mat(quaternion)
    spacing = draw(st.lists(st.floats(0.2, 8), min_size=3, max_size=3))
    shear = np.eye(3)
    shear[0, 1], shear[0, 2] = draw(st.sampled_from([(0, 0), (0.3, 0), (-0.2, 0.4)]))
    flip = np.diag([draw(st.sampled_from([-1, 1])), 1, 1])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ shear @ flip @ np.diag(spacing)
    affine[:3, 3] = draw(st.lists(st.floats(-300, 300), min_size=3, max_size=3))
    return affine.astype(np.float32).astype(np.float64)


@shared_folder
@given(
    affine=oblique_affines(),
    qcode=st.integers(0, 4),
    scode=st.integers(0, 4),
    dtype=st.sampled_from(DTYPES),
    suffix=st.sampled_from([".nii", ".nii.gz"]),
    seed=st.integers(0, 999),
)
def test_oblique_and_sheared_grids_round_trip(tmp_path, affine, qcode, scode, dtype, suffix, seed):
    data = voxels((4, 3, 2), dtype, seed)
    source = save_nibabel(tmp_path / f"in{suffix}", data, affine, qcode, scode)
    image = read_nifti(source)
    np.testing.assert_array_equal(image.affine, nib.load(source).affine)
    if scode:
        np.testing.assert_array_equal(image.affine, affine)
    for result in (image, image.with_data(image.data[...].copy())):
        out = write_nifti(result, tmp_path / f"out{suffix}")
        np.testing.assert_array_equal(nib.load(out).affine, image.affine)
        np.testing.assert_array_equal(np.asarray(nib.load(out).dataobj), data)
        assert_same_geometry(out, source)


def test_a_file_with_neither_form_keeps_it_so(tmp_path):
    content = bytearray(good_bytes(tmp_path, (3, 4, 5)))
    content[252:256] = bytes(4)  # qform_code, sform_code
    (tmp_path / "in.nii").write_bytes(content)
    image = read_nifti(tmp_path / "in.nii")
    assert_same_geometry(write_nifti(image, tmp_path / "out.nii"), tmp_path / "in.nii")
    np.testing.assert_array_equal(nib.load(tmp_path / "out.nii").affine, nib.load(tmp_path / "in.nii").affine)
    part = Image(image.data[:2], image.affine, header=image.header)  # the default origin depends on the shape
    np.testing.assert_allclose(read_nifti(write_nifti(part, tmp_path / "part.nii")).affine, image.affine)


@shared_folder
@given(affine=oblique_affines())
def test_an_image_without_header_keeps_its_affine(tmp_path, affine):
    image = Image(voxels((3, 4, 5), "int16"), affine)
    again = read_nifti(write_nifti(image, tmp_path / "new.nii"))
    np.testing.assert_array_equal(again.affine, affine)
    assert again.header.get_xyzt_units()[0] == "mm"
    assert int(again.header["sform_code"]) > 0
    if int(again.header["qform_code"]):
        np.testing.assert_allclose(again.header.get_qform(), affine, rtol=1e-4, atol=1e-3)


def test_a_changed_grid_is_written_not_the_old_header(tmp_path):
    image = read_nifti(save_nibabel(tmp_path / "in.nii", voxels((4, 4, 4), "int16"), oriented_affine("LPS"), 1, 0))
    moved = oriented_affine("RAS", spacing=(2, 2, 2), origin=(1, 2, 3))
    again = read_nifti(write_nifti(Image(image.data, moved, header=image.header), tmp_path / "out.nii"))
    np.testing.assert_allclose(again.affine, moved, atol=1e-5)
    assert again.spacing == pytest.approx((2, 2, 2))


def test_nifti2_stays_nifti2(tmp_path):
    affine = oriented_affine("LPS")
    nib.save(nib.Nifti2Image(voxels((3, 4, 5), "int16"), affine), tmp_path / "two.nii.gz")
    image = read_nifti(tmp_path / "two.nii.gz")
    write_nifti(image, tmp_path / "out.nii.gz")
    assert isinstance(nib.load(tmp_path / "out.nii.gz"), nib.Nifti2Image)
    np.testing.assert_array_equal(nib.load(tmp_path / "out.nii.gz").affine, affine)


def test_personal_text_is_not_passed_on(tmp_path):
    image = nib.Nifti1Image(voxels((3, 3, 3), "int16"), np.eye(4))
    image.header["db_name"] = b"Jane Doe"
    image.header["descrip"] = b"Jane Doe 1970"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Jane Doe"))
    nib.save(image, tmp_path / "in.nii")
    write_nifti(read_nifti(tmp_path / "in.nii"), tmp_path / "out.nii")
    assert b"Jane" in (tmp_path / "in.nii").read_bytes()
    assert b"Jane" not in (tmp_path / "out.nii").read_bytes()


def test_unknown_spacing_survives(tmp_path):
    image = Image(voxels((3, 3, 1), "uint8"), np.diag([-1.0, -1, 1, 1]), spacing_known=False)
    again = read_nifti(write_nifti(image, tmp_path / "raster.nii.gz"))
    assert not again.spacing_known
    assert not read_nifti(write_nifti(again, tmp_path / "raster2.nii.gz")).spacing_known


def test_equal_images_give_equal_bytes(tmp_path):
    image = Image(voxels((9, 9, 9), "uint8"), np.eye(4))
    first = write_nifti(image, tmp_path / "a.nii.gz").read_bytes()
    assert first == write_nifti(image, tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize(("slope", "inter", "kind"), [(2, -1024, "i"), (0.5, 3.25, "f"), (-1, 0, "i")])
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_scaling_is_applied(tmp_path, slope, inter, kind, dtype):
    stored = voxels((4, 4, 3), dtype)
    image = nib.Nifti1Image(stored, np.eye(4))
    image.header.set_slope_inter(slope, inter)
    header = image.header.copy()
    header.set_data_offset(352)
    with (tmp_path / "scaled.nii").open("wb") as stream:
        stream.write(header.binaryblock + bytes(4) + stored.tobytes("F"))
    data = read_nifti(tmp_path / "scaled.nii").data
    np.testing.assert_array_equal(data, nib.load(tmp_path / "scaled.nii").get_fdata())
    assert data.dtype.kind == kind
    assert read_nifti(write_nifti(read_nifti(tmp_path / "scaled.nii"), tmp_path / "o.nii")).data.dtype.kind == kind


@pytest.mark.parametrize("dtype", [">i2", ">f4", "<u2", "int8", "uint32", "float64"])
def test_other_types_and_byte_orders(tmp_path, dtype):
    data = voxels((3, 4, 5), dtype)
    image = nib.Nifti1Image(
        data, np.eye(4), header=nib.Nifti1Header(endianness=np.dtype(dtype).str[0].replace("|", "<"))
    )
    image.set_data_dtype(dtype)
    nib.save(image, tmp_path / "x.nii.gz")
    read = read_nifti(tmp_path / "x.nii.gz").data
    assert read.dtype.isnative and read.dtype.itemsize == np.dtype(dtype).itemsize
    np.testing.assert_array_equal(read, data)


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (np.ones((2, 2, 2), bool), "uint8"),
        (np.full((2, 2, 2), 4, np.int64), "uint8"),
        (np.full((2, 2, 2), -400, np.int64), "int16"),
        (np.full((2, 2, 2), 0.25, np.float64), "float32"),
        (np.full((2, 2, 2), 0.25, np.float16), "float32"),
        (np.full((2, 2, 2), 900, np.int16), "int16"),
    ],
)
def test_default_types_in_files(tmp_path, data, dtype):
    out = read_nifti(write_nifti(Image(data, np.eye(4)), tmp_path / "x.nii.gz")).data
    assert out.dtype == dtype
    np.testing.assert_array_equal(out, data)


def test_writing_refuses_what_would_change_values(tmp_path):
    for data, dtype in (([0.5], "uint8"), ([300], "uint8"), ([-1], "uint8"), ([np.nan], None), ([1j], None)):
        with pytest.raises(ValueError, match=r"value|finite"):
            write_nifti(Image(np.array(data).reshape(1, 1, 1), np.eye(4)), tmp_path / "x.nii", dtype=dtype)
    assert list(tmp_path.iterdir()) == []


def test_label_map_stored_as_float(tmp_path):
    save_nibabel(tmp_path / "seg.nii.gz", np.array([0, 1, 2, 4], np.float32).reshape(2, 2, 1), np.eye(4))
    assert read_nifti(tmp_path / "seg.nii.gz", dtype=np.uint8).data.dtype == np.uint8
    save_nibabel(tmp_path / "soft.nii.gz", np.array([0, 0.5, 2, 4], np.float32).reshape(2, 2, 1), np.eye(4))
    with pytest.raises(InputError, match=r"the value 0\.5 in .*soft"):
        read_nifti(tmp_path / "soft.nii.gz", dtype=np.uint8)


def test_two_dimensions_and_trailing_ones(tmp_path):
    for shape in ((5, 4), (5, 4, 1), (5, 4, 1, 1), (5, 4, 3, 1), (5, 4, 3, 1, 1)):
        save_nibabel(tmp_path / "x.nii", voxels(shape, "int16"), np.eye(4))
        image = read_nifti(tmp_path / "x.nii")
        assert image.shape == (*shape, 1)[:3]
        np.testing.assert_array_equal(image.data.ravel("F"), voxels(shape, "int16").ravel("F"))


@pytest.mark.parametrize("swap", [False, True])
def test_compression_is_told_by_content(tmp_path, swap):
    data = voxels((4, 4, 4), "int16")
    save_nibabel(tmp_path / "a.nii", data, np.eye(4))
    plain = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "x.nii").write_bytes(gzip.compress(plain))
    (tmp_path / "x.nii.gz").write_bytes(plain)
    np.testing.assert_array_equal(read_nifti(tmp_path / ("x.nii.gz" if swap else "x.nii")).data, data)


# --- bad input -------------------------------------------------------------------------------------------------


def good_bytes(tmp_path, shape=(8, 8, 8)) -> bytes:
    save_nibabel(tmp_path / "good.nii", voxels(shape, "int16"), np.eye(4))
    return (tmp_path / "good.nii").read_bytes()


def with_field(content: bytes, offset: int, value, dtype) -> bytes:
    patched = np.array(value, dtype=dtype).tobytes()
    return content[:offset] + patched + content[offset + len(patched) :]


BAD = {
    "text named .nii": (
        "x.nii",
        lambda good: b"Dear colleague, please find attached the scan.\n" * 20,
        "other content",
    ),
    "text named .nii.gz": ("x.nii.gz", lambda good: b"Dear colleague" * 50, "other content"),
    "short text": ("x.nii", lambda good: b"hello", "other content"),
    "zero bytes": ("x.nii.gz", lambda good: b"", "0 bytes"),
    "truncated gzip": ("x.nii.gz", lambda good: gzip.compress(good)[:-200], "damaged"),
    "gzip without end": ("x.nii.gz", lambda good: gzip.compress(good)[:-6], "damaged"),
    "gzip cut in its header": ("x.nii.gz", lambda good: gzip.compress(good)[:6], "damaged"),
    "flipped byte in gzip": ("x.nii.gz", lambda good: with_field(gzip.compress(good), 500, 0xA5, "u1"), "damaged"),
    "wrong checksum": ("x.nii.gz", lambda good: with_field(gzip.compress(good), -8, 1, "<u4"), "damaged"),
    "truncated voxels": ("x.nii", lambda good: good[:-100], "too small|bytes in"),
    "truncated voxels, gzip": ("x.nii.gz", lambda good: gzip.compress(good[:-100]), "924 bytes|bytes in"),
    "header claims more": ("x.nii.gz", lambda good: gzip.compress(with_field(good, 42, [9, 9, 9], "<i2")), "bytes in"),
    "header claims absurdly much": (
        "x.nii.gz",
        lambda good: gzip.compress(with_field(good, 42, [32000, 32000, 32000], "<i2")),
        "too small",
    ),
    "header claims less": ("x.nii", lambda good: with_field(good, 42, [4, 4, 4], "<i2"), "more than that"),
    "zero-length axis": ("x.nii", lambda good: with_field(good, 42, [8, 0, 8], "<i2"), "shape"),
    "negative axis": ("x.nii", lambda good: with_field(good, 42, [8, -8, 8], "<i2"), "shape|damaged"),
    "unknown data type": ("x.nii", lambda good: with_field(good, 70, 77, "<i2"), "damaged"),
    "pair header": ("x.nii", lambda good: with_field(good, 344, list(b"ni1\0"), "u1"), "only a header"),
    "offset beyond the end": ("x.nii", lambda good: with_field(good, 108, 1e6, "<f4"), "0 bytes in"),
    "offset that is no number": ("x.nii", lambda good: with_field(good, 108, np.nan, "<f4"), "damaged"),
    "colour": ("x.nii", lambda good: with_field(with_field(good, 70, 128, "<i2"), 72, 24, "<i2"), "type"),
    "complex": ("x.nii", lambda good: with_field(with_field(good, 70, 32, "<i2"), 72, 64, "<i2"), "type"),
    "png inside": ("x.nii", lambda good: b"\x89PNG\r\n\x1a\n" + bytes(600), "other content"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_give_one_clear_sentence(tmp_path, kind):
    name, make, found = BAD[kind]
    path = tmp_path / name
    path.write_bytes(make(good_bytes(tmp_path)))
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert re.search(found, caught.value.found), caught.value.found


@settings(shared_folder, max_examples=60)
@given(cut=st.integers(1, 5000), position=st.integers(0, 5000), value=st.integers(0, 255), packed=st.booleans())
def test_no_damage_escapes_as_another_error(tmp_path, cut, position, value, packed):
    good = good_bytes(tmp_path)
    content = gzip.compress(good) if packed else good
    damaged = bytearray(content[: max(1, len(content) - cut % len(content))])
    damaged[position % len(damaged)] = value
    for attempt in (damaged, with_field(content, position % (len(content) - 1), value, "u1")):
        (tmp_path / "x.nii.gz").write_bytes(attempt)
        try:
            read_image(tmp_path / "x.nii.gz")
        except InputError as error:
            assert "x.nii.gz" in str(error)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="nothing at"):
        read_nifti(tmp_path / "none.nii.gz")
    with pytest.raises(InputError, match="the folder"):
        read_nifti(tmp_path)


def test_four_dimensions_say_how_many_volumes(tmp_path):
    save_nibabel(tmp_path / "x.nii.gz", voxels((4, 4, 3, 5), "int16"), np.eye(4))
    with pytest.raises(InputError, match=r"5 volumes .*Split it"):
        read_nifti(tmp_path / "x.nii.gz")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_voxels_are_counted(tmp_path, bad):
    data = voxels((4, 4, 4), "float32")
    data[0, :3, 0] = bad
    save_nibabel(tmp_path / "x.nii.gz", data, np.eye(4))
    with pytest.raises(InputError, match=r"3 of 64 voxels"):
        read_nifti(tmp_path / "x.nii.gz")


def test_singular_affine(tmp_path):
    good = good_bytes(tmp_path)
    (tmp_path / "x.nii").write_bytes(with_field(good, 280, [0] * 12, "<f4"))
    with pytest.raises(GeometryError, match=r"affine.*x\.nii"):
        read_nifti(tmp_path / "x.nii")


def test_constant_scan_is_refused_only_on_request(tmp_path):
    save_nibabel(tmp_path / "x.nii.gz", np.full((4, 4, 4), 7, np.int16), np.eye(4))
    image = read_nifti(tmp_path / "x.nii.gz")
    with pytest.raises(InputError, match=r"the value 7 in every voxel of .*x\.nii\.gz"):
        check_content(image)
    check_content(image.with_data(voxels((4, 4, 4), "int16")))


def test_writing_errors_leave_nothing(tmp_path):
    image = Image(np.ones((2, 2, 2), np.uint8), np.eye(4))
    with pytest.raises(OutputError, match=r"\.nii or \.nii\.gz"):
        write_nifti(image, tmp_path / "x.mgz")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        write_nifti(image, tmp_path / "file" / "x.nii.gz")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_without_isal_the_standard_library_reads_and_writes(tmp_path, monkeypatch):
    import importlib
    import sys

    from tumorscope.formats import gz

    path = write_nifti(Image(voxels((5, 5, 5), "int16"), np.eye(4)), tmp_path / "fast.nii.gz")
    monkeypatch.setitem(sys.modules, "isal", None)
    plain = importlib.reload(gz)
    try:
        assert plain._OPENER is gzip.GzipFile
        with plain.read_gzip(path) as stream:
            content = stream.read()
        with plain.write_gzip(tmp_path / "slow.nii.gz") as stream:
            stream.write(content)
    finally:
        monkeypatch.undo()
        importlib.reload(gz)
    np.testing.assert_array_equal(read_nifti(tmp_path / "slow.nii.gz").data, voxels((5, 5, 5), "int16"))


@pytest.mark.parametrize("name", ["made.nii", "made.nii.gz"])
def test_a_long_note_is_kept_whole_and_other_readers_find_the_voxels(tmp_path: Path, name: str) -> None:
    note = "processed: " + "said at length, " * 20 + "by µ"
    data = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    path = write_nifti(Image(data, np.diag([-1.0, -1, 2, 1])), tmp_path / name, note=note)
    found = nib.load(path)
    (extension,) = found.header.extensions
    assert extension.get_code() == 6 and extension.get_content().rstrip(b"\0").decode() == note
    assert found.header["descrip"].item() == note.encode()[:79] and found.header["aux_file"].item() == b"processed"
    assert np.array_equal(found.get_fdata(dtype=np.float32), data)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(path)).transpose(2, 1, 0), data)
    assert np.array_equal(read_image(path).data, data)
