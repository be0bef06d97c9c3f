"""DICOM through ``predict`` and ``inspect``: a study in one folder, as a zip file, under a pseudonym."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest

import tumorscope as ts
from dicom_series import NAME, PATIENT_ID, PROTOCOLS, write_series
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom import PhantomSpec, make_phantom
from tumorscope.formats import read_nifti, write_nifti
from tumorscope.workflows.inspect import inspect_path, render
from tumorscope.workflows.measure import measure_inputs
from tumorscope.workflows.predict import predict_inputs
from tumorscope.workflows.save_case import SaveOptions

SECRETS = (*NAME.lower().split("^"), PATIENT_ID.lower(), "19600229", "musterstadt", "20240131")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sequences of a phantom without skull, mixed in one folder called like the patient."""
    folder = tmp_path_factory.mktemp("dicom") / NAME
    images = make_phantom(PhantomSpec(seed=2), spacing=2.0).images
    for number, sequence in enumerate(Sequence, 1):
        write_series(folder, images[sequence], tags=PROTOCOLS[sequence.value], number=number)
    return folder


def written(out: Path) -> str:
    """Everything that was written, names and contents, in lower case."""
    texts = [str(p.relative_to(out)) for p in out.rglob("*")]
    texts += [p.read_text(errors="ignore") for p in out.rglob("*") if p.is_file()]
    return " ".join(texts).lower()


def test_a_study_is_segmented_on_its_own_grid_and_nobody_is_named(study: Path, tmp_path: Path, caplog) -> None:
    lines: list[str] = []
    result = predict_inputs([study], tmp_path / "out", runtime="torch", device="cpu", say=lines.append)
    (row,) = result.cases
    assert row.status == "ok", row.error
    assert row.case.startswith("study-") and row.bundle == "brats-3d"
    record = json.loads((tmp_path / "out" / row.case / "measurements.json").read_text())
    assert {entry["sequence"] for entry in record["series"]} == set(Sequence)
    assert record["quality"] == {"in_distribution": True, "flags": []}
    assert record["inputs"][0]["file"] == "DICOM series" and record["inputs"][0]["files"] == 78
    labels = read_nifti(tmp_path / "out" / row.case / "segmentation.nii.gz")
    case = ts.read(study)
    assert labels.same_grid(case.images[Sequence.T1CE])
    shown = f"{written(tmp_path / 'out')} {' '.join(lines)} {caplog.text}".lower()
    assert not [secret for secret in SECRETS if secret in shown]


def test_a_mask_is_measured_on_a_zipped_study_and_nobody_is_named(study: Path, tmp_path: Path) -> None:
    archive = tmp_path / f"{NAME}.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in study.iterdir():
            packed.write(path, f"{NAME}/{path.name}")
    scan = ts.read(study).images[Sequence.T1CE]
    data = np.zeros(scan.shape, dtype=np.uint8)
    data[20:40, 30:50, 20:40] = 2
    data[25:30, 35:40, 25:30] = 4
    mask = write_nifti(scan.with_data(data), tmp_path / f"{NAME}_edited.nii.gz")
    summary = measure_inputs([mask], tmp_path / "out", scans=[archive])
    assert summary.volumes[0]["WT"] == pytest.approx(20 * 20 * 20 * scan.voxel_ml)
    (folder,) = map(Path, summary.folders)
    seg = pydicom.dcmread(folder / "segmentation.dcm")
    assert [item.SegmentLabel for item in seg.SegmentSequence] == ["ED", "ET"]
    record = json.loads((folder / "measurements.json").read_text())
    assert {item["file"] for item in record["inputs"]} == {"DICOM series", "mask"}
    shown = written(tmp_path / "out")
    assert not [secret for secret in SECRETS if secret in shown]
    kept = measure_inputs([mask], tmp_path / "kept", scans=[study], save=SaveOptions(keep_identifiers=True))
    assert Path(kept.folders[0]).name == f"{PATIENT_ID}_20240131"


def test_identifiers_are_kept_when_asked(study: Path) -> None:
    assert ts.read(study, keep_identifiers=True).id == f"{PATIENT_ID}_20240131"


def test_a_zip_file_is_read_and_leaves_nothing(study: Path, tmp_path: Path, monkeypatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for path in study.iterdir():
            archive.write(path, f"{NAME}/{path.name}")
    case, plain = ts.read(tmp_path / "s.zip"), ts.read(study)
    assert case.id == plain.id and list(scratch.iterdir())
    assert all(np.array_equal(case.images[s].data, plain.images[s].data) for s in Sequence)
    del case
    assert not list(scratch.iterdir())


def test_a_bad_zip_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.zip").write_bytes(b"PK\x03\x04" + bytes(50))
    result = predict_inputs([tmp_path / f"{NAME}.zip"], tmp_path / "out")
    assert result.exit_code == 2 and "unpacked" in result.cases[0].error
    assert NAME.lower() not in written(tmp_path / "out")


def test_inspect_shows_series_under_pseudonyms(study: Path) -> None:
    found = inspect_path(study)
    assert [r["sequence"] for r in found["files"]] == list(Sequence)
    shown = render(found).lower().replace(str(study).lower(), "")
    assert "series 2 (t1 mprage tra km)" in shown and "confidence 0.99" in shown
    assert not [secret for secret in SECRETS if secret in shown]


def test_decathlon_files_and_unnamed_volumes(tmp_path: Path) -> None:
    import nibabel

    from tumorscope.formats import write_nifti

    case = make_phantom(PhantomSpec(seed=2), spacing=2.0)
    images = case.images
    order = (Sequence.FLAIR, Sequence.T1, Sequence.T1CE, Sequence.T2)
    data = np.stack([images[s].data for s in order], axis=3)
    for name in ("BRATS_001", "scan"):
        nibabel.save(nibabel.Nifti1Image(data, images[order[0]].affine), tmp_path / f"{name}.nii.gz")
        found = ts.read(tmp_path / f"{name}.nii.gz")
        assert set(found.images) == set(Sequence)
        assert all(np.array_equal(found.images[s].data, images[s].data) for s in order)
    for k, sequence in enumerate(order):
        write_nifti(images[sequence], tmp_path / "unnamed" / f"volume{k}.nii.gz")
    found = ts.read(tmp_path / "unnamed")
    assert all(np.array_equal(found.images[s].data, images[s].data) for s in order)
    assert "the image looks like" in found.notes[0]
