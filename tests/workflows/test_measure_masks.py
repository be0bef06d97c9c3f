import json
import re

import highdicom  # noqa: F401 - is slow to import: not within a timed test
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from oblique_series import oblique_series, segmentation_on
from predict_cases import SHAPE, brats, nifti
from tiny_bundles import image
from tumorscope.cli.main import main
from tumorscope.core.errors import GeometryError, InputError, LabelError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS
from tumorscope.core.regrid import on_grid_of
from tumorscope.core.segmentation import Segmentation
from tumorscope.formats import read_image
from tumorscope.workflows.mask_input import read_mask
from tumorscope.workflows.measure import measure_inputs, measure_mask
from tumorscope.workflows.timeline import check_dates, timeline


@pytest.fixture
def quick(monkeypatch):
    """No drawing: what is drawn is tested elsewhere."""
    from tumorscope.report.case_pictures import Picture

    monkeypatch.setattr("tumorscope.figures.save.png_bytes", lambda figure, dpi=110: b"\x89PNG")
    monkeypatch.setattr("tumorscope.figures.overlay.overlay_figure", lambda *args, **kwargs: None)
    monkeypatch.setattr("tumorscope.report.case_pictures.case_pictures", lambda *args: [Picture("A", "", b"\x89PNG")])


def _labels(dtype=np.uint8):
    data = np.zeros(SHAPE, dtype=dtype)
    data[6:16, 6:18, 2:8] = 2
    data[9:13, 9:14, 3:6] = 1
    data[10:12, 10:12, 4] = 4
    return data


def _sitk(data, grid, cut=None):
    """Write-ready SimpleITK image of a label map on ``grid``, cut to ``cut``."""
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine
    cut = cut or tuple(slice(0, n) for n in data.shape)
    found = sitk.GetImageFromArray(np.ascontiguousarray(data[cut].T))
    found.SetDirection((affine[:3, :3] / grid.spacing).ravel().tolist())
    found.SetSpacing(grid.spacing)
    found.SetOrigin((affine[:3, :3] @ [s.start for s in cut] + affine[:3, 3]).tolist())
    return found


def test_a_mask_edited_elsewhere_is_measured_and_reported(tmp_path, quick, capsys):
    case = brats(tmp_path / "patient7")
    mask = nifti(tmp_path / "edited.nii.gz", _labels())
    code = main(["measure", str(mask), "--scan", str(case), "-o", str(tmp_path / "out"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    record = json.loads((tmp_path / "out" / "patient7" / "measurements.json").read_text())
    assert record["regions"]["ET"]["voxels"] == 4 and record["regions"]["WT"]["voxels"] == 10 * 12 * 6
    assert told["volumes"][0]["WT"] == record["regions"]["WT"]["ml"] == pytest.approx(0.72)
    assert record["bundle"] is None and record["uncertainty"] is None and "no model" in record["origin"]
    assert record["inputs"][-1]["sequence"] == "mask" and len(record["inputs"][-1]["sha256"]) == 64
    assert (read_image(tmp_path / "out" / "patient7" / "segmentation.nii.gz").data == _labels()).all()
    html = (tmp_path / "out" / "patient7" / "report.html").read_text()
    assert "drawn or edited" in html and "Research use only" in html and "Predicted Dice</th>" not in html


@pytest.mark.parametrize("name", ["mask.nrrd", "mask.mha"])
def test_itk_formats(tmp_path, name):
    grid = image(np.zeros(SHAPE), (1, 1.2, 3))
    sitk.WriteImage(_sitk(_labels(), grid), str(tmp_path / name))
    found, said = read_mask(tmp_path / name, grid)
    assert (found.labels.data == _labels()).all() and found.scheme is BRATS
    assert found.labels.same_grid(grid) and "--labels" in said


def test_a_slicer_segmentation_cut_to_its_extent_is_put_back_and_its_names_tell_the_classes(tmp_path):
    grid = image(np.zeros(SHAPE), (1, 1.2, 3))
    values = np.array([0, 3, 1, 0, 2], dtype=np.uint8)[_labels()]
    stored = _sitk(values, grid, (slice(4, 20), slice(5, 20), slice(1, 9)))
    for number, (value, name) in enumerate([(1, "Edema"), (2, "Enhancing Tumour"), (3, "necrosis")]):
        stored.SetMetaData(f"Segment{number}_LabelValue", str(value))
        stored.SetMetaData(f"Segment{number}_Name", name)
    sitk.WriteImage(stored, str(tmp_path / "s.seg.nrrd"))
    found, said = read_mask(tmp_path / "s.seg.nrrd", grid)
    assert (found.labels.data == _labels()).all() and found.scheme is BRATS
    assert "recognised by their names" in said


def test_a_dicom_segmentation_comes_back(tmp_path):
    from tumorscope.report.dicom_seg import write_dicom_seg

    files, affine = oblique_series(tmp_path / "series")
    made = segmentation_on(affine)
    path = write_dicom_seg(made, files, tmp_path / "edited.dcm", algorithm=None)
    found, _ = read_mask(path, made.labels)
    assert (found.labels.data == made.labels.data).all() and found.scheme is BRATS


def test_values_mean_what_is_stated(tmp_path):
    grid = image(np.zeros(SHAPE))
    two = nifti(tmp_path / "two.nii.gz", np.where(_labels() == 4, 3, _labels()).astype(np.uint8))
    assert read_mask(two, grid)[0].scheme.name == "brats-2023"
    assert read_mask(two, grid, "decathlon")[0].region("ED").sum() == (_labels() == 1).sum()
    binary = nifti(tmp_path / "binary.nii.gz", (_labels() > 0).astype(np.uint8))
    assert read_mask(binary, grid)[0].scheme.name == "binary"
    with pytest.raises(LabelError, match="3 in two"):
        read_mask(two, grid, "brats")
    with pytest.raises(UsageError, match="label scheme"):
        read_mask(two, grid, "bratz")


def test_another_grid_is_refused_with_both_grids_in_words(tmp_path):
    case = brats(tmp_path / "patient7")
    coarse = nifti(tmp_path / "mask.nii.gz", _labels()[::2, ::2], spacing=(2, 2, 1))
    with pytest.raises(GeometryError, match=r"24 × 28 × 10 voxels of 1 × 1 × 1 mm.*12 × 14 × 10 voxels of 2 × 2 × 1"):
        measure_mask(coarse, case)
    with pytest.raises(InputError):
        measure_mask(tmp_path / "absent.nii.gz", case)


def test_regridding_moves_voxels_and_interpolates_nothing():
    grid = image(np.zeros(SHAPE), (1, 1.2, 3))
    turned = grid.affine[:, [2, 0, 1, 3]].copy()
    data = np.transpose(_labels(), (2, 0, 1))[::-1]
    turned[:3, 3] += turned[:3, 0] * (data.shape[0] - 1)
    turned[:3, 0] *= -1
    assert (on_grid_of(Image(data, turned), grid).data == _labels()).all()
    beside = grid.affine.copy()
    beside[0, 3] -= 12  # twelve voxels further: some labels leave the scan
    with pytest.raises(GeometryError, match="within the scan"):
        on_grid_of(Image(_labels(), beside), grid)
    tilted = grid.affine.copy()
    tilted[:3, :3] = tilted[:3, :3] @ [[1, 0, 0], [0, np.cos(0.05), -np.sin(0.05)], [0, np.sin(0.05), np.cos(0.05)]]
    with pytest.raises(GeometryError, match="scan's voxels"):
        on_grid_of(Image(_labels(), tilted), grid)


def test_several_dates_make_a_timeline(tmp_path, quick):
    case = brats(tmp_path / "p")
    small = _labels()
    small[6:9] = 0
    masks = [nifti(tmp_path / f"m{i}.nii.gz", data) for i, data in enumerate((_labels(), small))]
    out = tmp_path / "out"
    summary = measure_inputs(masks, out, scans=[case], dates=["2024-01-01", "2024-01-31"])
    found = json.loads((out / "timeline.json").read_text())
    assert [p["day"] for p in found["points"]] == [0, 30] and found["dated"]
    first, second = found["regions"]["WT"]
    assert second["ml"] < first["ml"] and second["change_ml"] == pytest.approx(second["ml"] - first["ml"])
    assert second["change_percent"] == pytest.approx(100 * (second["ml"] / first["ml"] - 1), abs=0.01)
    assert second["beyond_interval"] is None, "a hand-drawn mask has no interval"
    assert "no response category" in (out / "timeline.html").read_text()
    assert (out / "timeline.csv").read_text().count("\n") == 1 + 2 * len(found["regions"])
    again = measure_inputs(summary.folders, tmp_path / "again")
    assert again.timeline["regions"] == found["regions"] and not again.timeline["dated"]


def _record(ml, low, high):
    return {
        "case": "a", "spacing_known": True, "bundle": {"name": "m", "version": "1"}, "regions": {"WT": {"ml": ml}},
        "uncertainty": {"method": "how", "regions": {"WT": {"interval_ml": [low, high]}}},
    }  # fmt: skip


def test_intervals_that_are_apart_are_told():
    found = timeline([_record(10, 8, 12), _record(13, 11, 15), _record(20, 17, 23)], (), [0, 1, 2])
    assert [r["beyond_interval"] for r in found["regions"]["WT"]] == [None, False, True]


@pytest.mark.parametrize("dates", [["2024-01-01"], ["2024-02-01", "2024-01-01"], ["soon", "later"], ["5", "5"]])
def test_dates_that_do_not_fit(dates):
    with pytest.raises(UsageError, match="2 dates"):
        check_dates(dates, 2)


def test_bids_layout(tmp_path, quick):
    case = brats(tmp_path / "patient_7")
    mask = nifti(tmp_path / "edited.nii.gz", _labels())
    assert main(["measure", str(mask), "--scan", str(case), "-o", str(tmp_path / "out"), "--layout", "bids"]) == 0
    out = tmp_path / "out"
    description = json.loads((out / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative" and description["GeneratedBy"][0]["Name"] == "tumorscope"
    maps = out / "sub-patient7" / "anat"
    assert (nibabel.load(maps / "sub-patient7_dseg.nii.gz").get_fdata() == _labels()).all()
    rows = (maps / "sub-patient7_dseg.tsv").read_text().splitlines()
    assert rows[0] == "index\tname\tabbreviation\tcolor" and rows[2].startswith("1\tNCR/NET\tNCRNET\t#")
    assert re.search(r"measurements\.json", (out / ".bidsignore").read_text())


def test_the_segmentation_is_checked_by_its_scheme():
    with pytest.raises(LabelError):
        Segmentation(image(np.full(SHAPE, 9, np.uint8)), BRATS)
