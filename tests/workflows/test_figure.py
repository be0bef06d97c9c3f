"""``tumorscope figure``: from any case, data set or prediction to a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from predict_cases import SHAPE, brats, nifti, shipped, slices, tiny_library  # noqa: F401
from tumorscope.cli.main import main
from tumorscope.core.errors import GeometryError, InputError, UsageError
from tumorscope.core.sequence import Sequence
from tumorscope.figures.study import Study
from tumorscope.workflows.figure import draw_figure, list_figures
from tumorscope.workflows.figure_cases import Source, choose_cases, find_cases
from tumorscope.workflows.figure_study import read_prediction, study_of

pytestmark = pytest.mark.usefixtures("shipped")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four BraTS-like cases, three of them labelled."""
    for number in range(4):
        brats(tmp_path / "data" / f"Brats18_X_{number}_1", None if number == 1 else (1, 2, 4))
    return tmp_path / "data"


def _texts(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_a_case_becomes_a_file(data: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    source = Source(case=str(data / "Brats18_X_0_1"), sequence=Sequence.T1CE)
    drawn = draw_figure("planes", source, tmp_path / "out" / "a.png", dpi=50, say=lines.append)
    assert (drawn.figure, drawn.cases, drawn.model) == ("planes", ("Brats18_X_0_1",), "")
    with Pillow.open(tmp_path / "out" / "a.png") as opened:
        assert opened.format == "PNG"
    assert _texts(tmp_path / "out") == {"a.png"}
    assert lines == [f"{tmp_path}/out/a.png: Three planes, Brats18_X_0_1"]


def test_cases_of_a_data_set(data: Path) -> None:
    found = find_cases(Source(data=data))
    assert found.dataset == "brats" and len(found.cases) == 4
    assert [c.id for c in choose_cases(found, Source(data=data), 1)] == ["Brats18_X_0_1"]
    assert [c.id for c in choose_cases(found, Source(data=data), 9)] == [f"Brats18_X_{n}_1" for n in (0, 2, 3)]
    drawn = {tuple(c.id for c in choose_cases(found, Source(data=data, seed=s), 2)) for s in range(12)}
    assert len(drawn) == 3, "the seed decides"
    assert [c.id for c in find_cases(Source(data=data, case="Brats18_X_1_1")).cases] == ["Brats18_X_1_1"]
    with pytest.raises(InputError, match="Did you mean 'Brats18_X_"):
        find_cases(Source(data=data, case="Brats18_X_1"))


def test_pictures_of_one_patient_with_masks(tmp_path: Path) -> None:
    folder = slices(tmp_path / "TCGA_XX_1234_20000101")
    found = find_cases(Source(case=str(folder)))
    assert found.dataset == "lgg"
    study = study_of(found.cases[0], Source(case=str(folder))).study
    assert study.truth is not None and study.truth.scheme.name == "binary"
    with pytest.raises(GeometryError, match="--spacing"):
        draw_figure("planes", Source(case=str(folder)), tmp_path / "a.png")
    stated = study_of(found.cases[0], Source(case=str(folder), spacing=(0.5, 0.5, 5.0))).study
    assert stated.reference.labels.spacing == pytest.approx((0.5, 0.5, 5.0))
    assert stated.reference.labels.same_grid(stated.images[Sequence.FLAIR])


def test_the_shipped_bundle_that_fits_predicts(data: Path, tmp_path: Path) -> None:
    source = Source(case=str(data / "Brats18_X_0_1"))
    drawn = draw_figure("triplet", source, tmp_path / "a.png", dpi=50)
    assert drawn.model == "volumes"
    assert draw_figure("slice", source, tmp_path / "b.png", dpi=50).model == "", "the model is not run for nothing"


def test_what_stands_in_the_way_is_one_sentence(data: Path, tmp_path: Path) -> None:
    case = Source(case=str(data / "Brats18_X_0_1"))
    for name, source, options, match in (
        ("planez", case, {}, "Did you mean 'planes'"),
        ("curves", case, {}, "drawn from results"),
        ("overlay", case, {"slice_number": 4}, r"options of 'overlay' \(--palette\); found --slice"),
        ("slice", case, {"slice_number": 99}, "axial slice from 1 to 10"),
        ("slice", Source(), {}, "--case PATH"),
        ("slice", Source(case=str(data)), {}, "one case at"),
        ("slice", Source(data=tmp_path / "none"), {}, "no folder at"),
        ("slice", Source(case=str(tmp_path / "none")), {}, "nothing at"),
        ("slice", Source(case=case.case, sequence=Sequence.T2), {}, "a sequence that Brats18_X_0_1 has"),
        ("samples", Source(data=data, count=0), {}, "--count of 1 or more"),
        ("classes", Source(case=str(data / "Brats18_X_1_1")), {}, "reference label map"),
        ("slice", Source(case=case.case, bundle="nonesuch"), {}, "bundle"),
    ):
        with pytest.raises((UsageError, InputError), match=match):
            draw_figure(name, source, tmp_path / "a.png", options=options)
    with pytest.raises(UsageError, match="ends in"):
        draw_figure("slice", case, tmp_path / "a.jpg")
    assert not (tmp_path / "a.png").exists()


def test_a_prediction_from_files(data: Path, tmp_path: Path) -> None:
    folder = data / "Brats18_X_0_1"
    study: Study = study_of(find_cases(Source(case=str(folder))).cases[0], Source()).study
    grid = study.images[Sequence.FLAIR]
    labels = np.zeros(SHAPE, np.uint8)
    labels[8:11, 10:14, 4] = 3
    newer = read_prediction(nifti(tmp_path / "p.nii.gz", labels), grid, None)
    assert newer.scheme.name == "brats-2023"
    result = tmp_path / "result"
    nifti(result / "segmentation.nii.gz", np.where(labels > 0, 4, 0).astype(np.uint8))
    nifti(result / "probability_ET.nii.gz", (labels > 0).astype(np.float32))
    (result / "measurements.json").write_text(json.dumps({"labels": {"scheme": "brats"}}))
    found = read_prediction(result, grid)
    assert found.scheme.name == "brats" and list(found.probabilities) == ["ET"]
    drawn = draw_figure("after-decision", Source(case=str(folder), prediction=result), tmp_path / "a.png", dpi=50)
    assert drawn.model == "result"
    with pytest.raises(GeometryError, match="on the grid of the scan"):
        read_prediction(nifti(tmp_path / "q.nii.gz", labels[:-1]), grid)
    with pytest.raises(InputError, match=r"segmentation\.nii\.gz"):
        read_prediction(tmp_path / "data", grid)


def test_a_training_batch_of_a_recipe(data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "small.yaml"
    recipe.write_text(
        "base: brats-2d\npreprocess: {size: [32, 32], sequences: [T1CE, FLAIR]}\ntraining: {batch_size: 4}\n"
    )
    source = Source(data=data, recipe=str(recipe), count=2)
    drawn = draw_figure("training-batch", source, tmp_path / "a.png", dpi=50)
    assert len(drawn.cases) == 2 and (tmp_path / "a.png").is_file()
    with pytest.raises(UsageError, match="recipe"):
        draw_figure("training-batch", Source(data=data, recipe="brats-3d-x"), tmp_path / "b.png")


def test_the_list_names_what_each_is_drawn_from() -> None:
    infos = {info.name: info for info in list_figures()}
    assert infos["triplet"].drawn_from == "a case" and "slice" in infos["triplet"].options
    assert infos["samples"].drawn_from == "one or more cases"
    assert infos["training-batch"].drawn_from == "a training batch"
    assert infos["curves"].drawn_from == ""


def test_the_command(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, out = str(data / "Brats18_X_0_1"), str(tmp_path / "a.pdf")
    words = ["figure", "slice", "--case", case, "--slice", "5", "--palette", "safe", "--sequence", "t1ce", "-o", out]
    assert main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["file"] == out and printed["cases"] == ["Brats18_X_0_1"]
    assert Path(out).read_bytes().startswith(b"%PDF")
    assert main(["figure", "--list"]) == 0
    assert "  planes " in capsys.readouterr().out
    assert main(["figure"]) == 64
    assert main(["figure", "slice", "--case", str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 2 and error[1].startswith("tumorscope: Expected")


def test_a_real_case_is_read_and_its_label_scheme_kept(test_data: Path, tmp_path: Path) -> None:
    folder = test_data / "brats" / "BraTS-GLI-00000-000"
    if not folder.is_dir():
        pytest.skip(f"no case at {folder}")
    study = study_of(find_cases(Source(case=str(folder))).cases[0], Source(), scan_only=True).study
    assert study.reference.scheme.name == "brats-2023" and list(study.images) == [Sequence.FLAIR]
