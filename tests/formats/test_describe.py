"""One file described: sequences in names, label maps and schemes, intensities, doubts about geometry."""

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as pillow

from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.formats import write_nifti, write_png
from tumorscope.formats.describe import describe_file, sequences_in_name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("BraTS2021_01477_t1ce.nii.gz", ["T1CE"]),
        ("BraTS-GLI-00000-000-t1c.nii.gz", ["T1CE"]),
        ("BraTS-GLI-00000-000-t1n.nii.gz", ["T1"]),
        ("BraTS-GLI-00000-000-t2f.nii.gz", ["FLAIR"]),
        ("p7_T2_FLAIR.nii", ["FLAIR"]),
        ("p7-t2-flair-t2.nii", ["FLAIR", "T2"]),
        ("t1_ce.png", ["T1CE"]),
        ("T1-Gd.nii", ["T1CE"]),
        ("t1_post.nii", ["T1CE"]),
        ("t1_to_flair.nii.gz", ["T1", "FLAIR"]),
        ("scan12.nii.gz", []),
        ("art1.nii.gz", []),
        ("TCGA_CS_4941_19960909_12.tif", []),
    ],
)
def test_sequences_in_names(name, found):
    assert [s.value for s in sequences_in_name(name)] == found


def save(path, data, affine=None):
    return write_nifti(Image(np.asarray(data), np.eye(4) if affine is None else affine), path)


def noise(shape=(12, 10, 8)):
    return np.random.default_rng(0).integers(0, 900, shape).astype(np.int16)


def labels(*values, shape=(12, 10, 8)):
    data = np.zeros(shape, np.uint8)
    data.flat[: len(values)] = values
    return data


def test_a_scan(tmp_path):
    data = noise()
    data[:6] = 0
    record = describe_file(save(tmp_path / "p7_t1ce.nii.gz", data, np.diag([-1, -1, 2.5, 1.0])))
    assert record["kind"] == "NIfTI" and record["role"] == "scan" and record["sequence"] == "T1CE"
    assert record["shape"] == [12, 10, 8] and record["spacing"] == [1, 1, 2.5]
    assert record["orientation"] == "LPS" and record["dtype"] == "int16" and record["labels"] is None
    low, high = np.percentile(data[data != 0], [1, 99])
    assert record["intensity"] == pytest.approx({"min": 0, "p01": low, "p99": high, "max": data.max()})
    assert record["problems"] == []


@pytest.mark.parametrize(
    ("name", "values", "scheme"),
    [
        ("a_seg.nii.gz", (1, 2, 4), "brats"),
        ("a_seg.nii.gz", (1, 2), "brats"),
        ("BraTS-GLI-1-000-seg.nii.gz", (1, 2, 3), "brats-2023"),
        ("BraTS-GLI-1-000-seg.nii.gz", (1, 2, 3, 4), "brats-2024"),
        ("brats_2013_seg.nii.gz", (1, 2, 3, 4), "brats-2015"),
        ("lesion.nii.gz", (1,), "binary"),
        ("BraTS21_seg.nii.gz", (1,), "brats"),
        ("a_seg.nii.gz", (), None),
    ],
)
def test_label_maps_and_their_scheme(tmp_path, name, values, scheme):
    record = describe_file(save(tmp_path / name, labels(*values)))
    assert record["role"] == "label map" and record["sequence"] is None and record["intensity"] is None
    assert record["labels"]["values"] == [0, *values] and record["labels"]["scheme"] == scheme
    assert record["labels"]["voxels"] == {"0": 960 - len(values), **{str(v): 1 for v in values}}
    assert record["problems"] == []


def test_doubts_about_labels(tmp_path):
    unknown = describe_file(save(tmp_path / "a_seg.nii.gz", labels(7, 9)))
    assert unknown["labels"]["scheme"] is None and "0, 7, 9 fit no known scheme" in unknown["problems"][0]
    decathlon = describe_file(save(tmp_path / "case.nii.gz", labels(1, 2, 3)))
    assert "Decathlon" in decathlon["problems"][0]
    misnamed = describe_file(save(tmp_path / "b_seg.nii.gz", noise()))
    assert misnamed["role"] == "scan" and "Named like a label map" in misnamed["problems"][0]


def test_float_label_map_and_probability_map(tmp_path):
    assert describe_file(save(tmp_path / "a.nii.gz", labels(1, 2, 4).astype(np.float32)))["role"] == "label map"
    assert describe_file(save(tmp_path / "a.nii.gz", labels(1, 2, 4) / np.float32(8)))["role"] == "scan"


def test_binary_raster_mask(tmp_path):
    write_png(labels(255, 255, shape=(9, 7)), tmp_path / "x_mask.png")
    record = describe_file(tmp_path / "x_mask.png")
    assert record["labels"]["scheme"] == "binary" and record["spacing"] is None and record["kind"] == "PNG"


def test_constant_scan(tmp_path):
    record = describe_file(save(tmp_path / "t1.nii.gz", np.full((4, 4, 4), 3, np.int16)))
    assert record["role"] == "scan" and record["problems"] == ["Every voxel has the value 3."]


def test_colour_picture_and_exif(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (8, 9, 3)).astype(np.uint8)
    exif = pillow.Exif()
    exif[0x0112] = 6
    pillow.fromarray(pixels).save(tmp_path / "x.jpg", exif=exif)
    record = describe_file(tmp_path / "x.jpg")
    assert record["channels"] == 3 and record["shape"] == [9, 8, 1]
    assert any("3 different colour channels" in p for p in record["problems"])
    assert any("EXIF orientation 6" in p for p in record["problems"])


def geometry_problems(tmp_path, **fields):
    """Write a clean file, overwrite header fields in place, and return what is said about it."""
    image = nib.Nifti1Image(noise(), np.diag([2.0, 2, 2, 1]))
    image.set_qform(image.affine, 1)
    image.set_sform(image.affine, 1)
    path = tmp_path / "t2.nii"
    nib.save(image, path)
    content = path.read_bytes()
    header = nib.Nifti1Header(content[:348])
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(header.binaryblock + content[348:])
    return describe_file(path)["problems"]


def test_doubts_about_geometry(tmp_path):
    assert geometry_problems(tmp_path) == []
    for fields, words in (
        ({"qform_code": 0, "sform_code": 0}, "Neither sform nor qform"),
        ({"xyzt_units": 3}, "unit is micron"),
        ({"qform_code": 0, "srow_x": [2, 0.5, 0, 0]}, "sheared"),
        ({"srow_x": [2, 0, 0, 5]}, "disagree by up to 5.0 mm"),
    ):
        (sentence,) = geometry_problems(tmp_path, **fields)
        assert words in sentence


def test_unreadable_file(tmp_path):
    (tmp_path / "x.nii").write_text("no scan")
    with pytest.raises(InputError):
        describe_file(tmp_path / "x.nii")
