"""One report of type and mask: both agree, or the disagreement is stated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from predict_cases import nifti, picture, quick_overlay  # noqa: F401
from tiny_bundles import BINARY, head, image, manifest, save_tiny, tiny_classifier
from tumorscope.bundles import bundle as library
from tumorscope.core.answer import TypeAnswer
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY as TUMOR
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.workflows.classify import agreement, asked_slices
from tumorscope.workflows.predict import predict_inputs

pytestmark = pytest.mark.usefixtures("quick_overlay")


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A classifier, and a model that segments T1CE slices."""
    folder = tmp_path / "shipped"
    tiny_classifier(folder / "types")
    slices = manifest("t1c", sequences=(Sequence.T1CE,), outputs=BINARY, scheme="binary", dataset="figshare", context=1)
    save_tiny(folder / "t1c", slices)
    monkeypatch.setattr(library, "SHIPPED", folder)
    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path / "cache"))
    return folder


def run(path: Path, out: Path, **more: object):  # type: ignore[no-untyped-def]
    return predict_inputs([path], out, sequence="T1CE", runtime="torch", device="cpu", **more)  # type: ignore[arg-type]


def record(out: Path) -> dict[str, object]:
    (file,) = out.glob("*/measurements.json")
    found: dict[str, object] = json.loads(file.read_text())
    return found


def test_type_mask_and_size_are_in_one_record(both: Path, tmp_path: Path) -> None:
    summary = run(picture(tmp_path / "slice.png"), tmp_path / "out")
    found = record(tmp_path / "out")
    assert summary.exit_code == 0 and found["regions"]["tumor"]["voxels"] >= 0  # type: ignore[index]
    told = found["tumor_type"]
    assert sum(told["probabilities"].values()) == pytest.approx(1, abs=1e-3)  # type: ignore[index]
    assert told["agrees"] in (True, False)  # type: ignore[index]
    page = next((tmp_path / "out").glob("*/report.html")).read_text()
    assert "Tumour type" in page and "Calibrated probability" in page and "Sizes" in page
    assert "tumor_type" in (tmp_path / "out" / "summary.csv").read_text().splitlines()[0]


def test_without_a_model_that_segments_the_type_is_told_alone(both: Path, tmp_path: Path) -> None:
    import shutil

    shutil.rmtree(both / "t1c")
    summary = run(picture(tmp_path / "slice.png"), tmp_path / "out")
    assert summary.exit_code == 0 and "regions" not in record(tmp_path / "out")
    assert {p.name for p in (tmp_path / "out" / "slice").iterdir()} == {"measurements.json", "report.html", "type.png"}


def test_a_volume_is_asked_about_its_slices(both: Path, tmp_path: Path) -> None:
    run(nifti(tmp_path / "scan_T1CE.nii.gz"), tmp_path / "out", types=True)
    assert record(tmp_path / "out")["tumor_type"]["slices"]  # type: ignore[index]


def test_a_brain_without_skull_is_asked_about_on_request_only(both: Path, tmp_path: Path) -> None:
    data = np.zeros((24, 28, 10), dtype=np.int16)
    data[6:18, 7:21, 2:8] = np.random.default_rng(0).integers(80, 120, (12, 14, 6))
    scan = nifti(tmp_path / "scan_T1CE.nii.gz", data)
    run(scan, tmp_path / "out")
    told = record(tmp_path / "out")
    assert "tumor_type" not in told and any("--types always" in note for note in told["notes"])  # type: ignore[attr-defined]
    run(scan, tmp_path / "asked", types=True)
    told = record(tmp_path / "asked")
    assert "tumor_type" in told and any("is a guess" in note for note in told["notes"])  # type: ignore[attr-defined]


def test_a_named_classifier_says_that_another_model_outlines(both: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    run(picture(tmp_path / "slice.png"), tmp_path / "out", bundle=both / "types", say=lines.append)
    assert any("outlines nothing. For the outline, t1c was chosen" in line for line in lines)


def test_no_type_on_request_and_none_without_t1ce(both: Path, tmp_path: Path) -> None:
    run(picture(tmp_path / "slice.png"), tmp_path / "out", types=False)
    assert "tumor_type" not in record(tmp_path / "out")


@pytest.mark.parametrize("colours", [1, 3])
def test_colours_and_damage(both: Path, tmp_path: Path, colours: int) -> None:
    assert run(picture(tmp_path / "a.png", colours), tmp_path / "out").exit_code == 0
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (row,) = run(tmp_path / "bad.png", tmp_path / "out2").cases
    assert row.status == "failed" and row.error.count("\n") == 0 and "damaged" in row.error


def segmentation(voxels: int, known: bool = False) -> Segmentation:
    data = np.zeros((6, 6, 1), np.uint8)
    data.flat[:voxels] = 1
    return Segmentation(Image(data, np.diag([-1.0, -1, 1, 1]), spacing_known=known), TUMOR)


@pytest.mark.parametrize(
    ("best", "voxels", "agrees", "words"),
    [
        ("no tumor", 12, False, "type model: no tumor, probability 0.90; segmentation: 12 px: check"),
        ("glioma", 0, False, "type model: glioma, probability 0.90; segmentation: nothing: check"),
        ("glioma", 12, True, "both find a tumour: glioma, probability 0.90; 12 px"),
        ("no tumor", 0, True, "both find no tumour"),
    ],
)
def test_disagreement_is_stated(best: str, voxels: int, agrees: bool, words: str) -> None:
    other = "glioma" if best == "no tumor" else "no tumor"
    found, sentence = agreement(TypeAnswer({best: 0.9, other: 0.1}), segmentation(voxels))
    assert found is agrees and words in sentence


def test_a_known_size_is_told_in_millilitres() -> None:
    _, sentence = agreement(TypeAnswer({"glioma": 0.9, "no tumor": 0.1}), segmentation(30, known=True))
    assert sentence == "Type model and segmentation both find a tumour: glioma, probability 0.90; 0.03 ml."


def test_no_answer_is_no_disagreement() -> None:
    found, sentence = agreement(TypeAnswer({"glioma": 0.9, "no tumor": 0.1}, foreign=3.0), segmentation(12))
    assert found is None and "not classified" in sentence and "12 px" in sentence


def test_slices_with_most_tumour_are_asked_else_the_middle() -> None:
    scan = image(head())
    mask = np.zeros(scan.shape, np.uint8)
    mask[5:9, 5:9, 7], mask[5:7, 5:7, 3] = 1, 1
    assert asked_slices(scan, scan.with_data(mask)) == (7, 3)
    middle = asked_slices(scan, scan.with_data(mask * 0))
    assert len(middle) == 3 and 4 <= middle[0] <= 6
