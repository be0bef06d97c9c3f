"""Files and folders described for people and machines; one bad file never stops the rest."""

import json

import numpy as np
import pytest

from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.formats import write_nifti, write_png
from tumorscope.workflows.inspect import inspect_path, render


def scan(shape=(8, 9, 7), seed=0):
    return np.random.default_rng(seed).integers(0, 900, shape).astype(np.int16)


def make_case(folder, name="p7", affine=None):
    affine = np.diag([-1.0, -1, 1, 1]) if affine is None else affine
    for sequence in ("t1", "t1ce", "t2", "flair"):
        write_nifti(Image(scan(), affine), folder / name / f"{name}_{sequence}.nii.gz")
    seg = np.zeros((8, 9, 7), np.uint8)
    seg[2:4, 3:5, 2:4] = [[[1, 2], [4, 4]], [[2, 2], [1, 4]]]
    write_nifti(Image(seg, affine), folder / name / f"{name}_seg.nii.gz")
    return folder / name


def checked(path, **options):
    """Inspect, and make sure that the result is plain JSON and the text holds every problem."""
    result = inspect_path(path, **options)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    text = render(result)
    for sentence in result["problems"] + [p for record in result["files"] for p in record["problems"]]:
        assert sentence in text
    return result, text


def test_one_file(tmp_path):
    case = make_case(tmp_path)
    result, text = checked(case / "p7_t1ce.nii.gz")
    assert (result["found"], result["inspected"], result["failed"]) == (1, 1, 0)
    for words in ("8×9×7", "1×1×1 mm", "LPS", "int16", "T1CE (from the file name)", "NIfTI, scan"):
        assert words in text


def test_one_bad_file_is_an_error(tmp_path):
    (tmp_path / "x.nii").write_text("text")
    with pytest.raises(InputError, match="other content"):
        inspect_path(tmp_path / "x.nii")
    with pytest.raises(InputError, match="nothing at"):
        inspect_path(tmp_path / "missing.nii")


def test_a_case_folder(tmp_path):
    result, text = checked(make_case(tmp_path))
    assert [r["sequence"] for r in result["files"]] == ["FLAIR", None, "T1", "T1CE", "T2"]
    assert result["files"][1]["labels"]["scheme"] == "brats"
    assert result["problems"] == [] and result["note"] is None
    assert "labels 0, 1, 2, 4 (brats)" in text and "p7_t2.nii.gz: T2" in text


def test_bad_files_are_reported_and_the_rest_goes_on(tmp_path):
    case = make_case(tmp_path)
    (case / "p7_t1.nii.gz").write_bytes((case / "p7_t1.nii.gz").read_bytes()[:60])
    (case / "noise.png").write_bytes(b"\x93" * 400)
    (case / "notes.csv").write_text("a,b")
    (case / "._hidden.nii.gz").write_bytes(b"")
    result, text = checked(tmp_path)
    assert (result["found"], result["inspected"], result["failed"]) == (6, 6, 2)
    assert result["other_files"] == {".csv": 1}
    bad = [r for r in result["files"] if "shape" not in r]
    assert all(r["file"] in r["problems"][0] for r in bad)
    assert "2 unreadable" in text and "1 .csv" in text


def test_only_bad_files(tmp_path):
    (tmp_path / "x.nii").write_text("text")
    result, _ = checked(tmp_path)
    assert result["failed"] == result["inspected"] == 1


def test_two_candidates_and_other_grids(tmp_path):
    case = make_case(tmp_path)
    write_nifti(Image(scan(), np.diag([-1.0, -1, 1, 1])), case / "p7_t1gd.nii.gz")
    moved = np.diag([-1.0, -1, 1, 1])
    moved[0, 3] = 0.5
    write_nifti(Image(scan(), moved), case / "p7_t2.nii.gz")
    result, _ = checked(tmp_path)
    assert result["problems"] == [
        f"2 candidates for T1CE in {case}: p7_t1ce.nii.gz, p7_t1gd.nii.gz.",
        f"Not on the grid of p7_flair.nii.gz in {case}: p7_t2.nii.gz.",
    ]


def test_slices_alike_share_a_line(tmp_path):
    for n in range(1, 13):
        write_png(scan((16, 16)).astype(np.uint16) + n, tmp_path / f"s{n}.png")
        write_png(np.eye(16, dtype=np.uint8) * 255, tmp_path / "masks" / f"s{n}_mask.png")
    result, text = checked(tmp_path)
    assert result["inspected"] == 24
    assert "s1.png … s12.png (12 files): scan, 16×16×1, spacing unknown, uint16" in text
    assert "labels 0, 255 (binary)" in text


def test_a_huge_folder_is_sampled_by_whole_cases(tmp_path):
    for k in range(9):
        make_case(tmp_path, f"case{k}")
    result, text = checked(tmp_path, limit=20)
    assert result["found"] == 45 and result["inspected"] == 20
    cases = {r["file"].split("case")[1][0] for r in result["files"]}
    assert cases == {"0", "3", "5", "8"}
    assert "20 of 45 files" in result["note"] and result["note"] in text


@pytest.mark.parametrize("limit", [1, 2, 7, 40])
def test_sampling_never_exceeds_its_limit(tmp_path, limit):
    for folder, n in (("a", 70), ("b", 3), ("c", 1)):
        for k in range(n):
            write_png(np.eye(4, dtype=np.uint8), tmp_path / folder / f"{k}.png")
    result = inspect_path(tmp_path, limit=limit)
    names = [r["file"] for r in result["files"]]
    assert 1 <= len(names) <= limit and len(set(names)) == len(names)


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match="found nothing in"):
        inspect_path(tmp_path)
    (tmp_path / "IM0001.dcm").write_bytes(b"x")
    with pytest.raises(InputError, match=r"\.nii, \.nii\.gz.*found 1 \.dcm in"):
        inspect_path(tmp_path)
