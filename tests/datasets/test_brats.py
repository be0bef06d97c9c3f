"""Discovery and reading of every BraTS layout."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from dataset_trees import brats_case, labels, volume

from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, InputError, LabelError
from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS, BRATS_2015, BRATS_2023, BRATS_2024
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.brats import DATASET

FOUR = (Sequence.T1, Sequence.T1CE, Sequence.T2, Sequence.FLAIR)
MODERN = ("t1n", "t1c", "t2w", "t2f")


def only(root: Path) -> Case:
    (case,) = DATASET.discover(root)
    return case


@pytest.mark.parametrize("depth", range(4))
def test_the_folder_as_downloaded_or_any_parent_of_it(tmp_path: Path, depth: int) -> None:
    """S2-14, S2-30: Kaggle's nesting, with its two .csv files."""
    parts = ["brats20-dataset-training-validation", "BraTS2020_TrainingData", "MICCAI_BraTS2020_TrainingData"]
    home = tmp_path.joinpath(*parts)
    brats_case(home, "BraTS20_Training_001", suffix=".nii")
    brats_case(home, "BraTS20_Training_002", suffix=".nii")
    (home / "name_mapping.csv").write_text("Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID\n")
    (home / "survival_info.csv").write_text("Brats20ID,Age\nBraTS20_Training_001,60\n")
    cases = DATASET.discover(tmp_path.joinpath(*parts[:depth]))
    assert [c.id for c in cases] == ["BraTS20_Training_001", "BraTS20_Training_002"]
    assert all(c.sequences == FOUR and c.label is not None for c in cases)


def test_one_case_folder_alone(tmp_path: Path) -> None:
    assert only(brats_case(tmp_path, "BraTS20_Training_007")).id == "BraTS20_Training_007"


def test_a_relative_folder_still_gives_the_case_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(brats_case(tmp_path, "BraTS20_Training_007"))
    assert only(Path()).id == "BraTS20_Training_007"


def test_case_355_has_a_misnamed_segmentation(tmp_path: Path) -> None:
    """S2-36."""
    folder = brats_case(tmp_path, "BraTS20_Training_355", suffix=".nii", values=None)
    volume(folder / "W39_1998.09.19_Segm.nii", labels([1, 2, 4]))
    case = only(tmp_path)
    assert case.label == folder / "W39_1998.09.19_Segm.nii"
    assert case.notes == ["The segmentation has an unusual name: W39_1998.09.19_Segm.nii."]
    assert sorted(np.unique(case.loaded().label.data)) == [0, 1, 2, 4]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["Oddly segmented.nii.gz", "x-Segmented.nii"])
def test_any_one_volume_that_calls_itself_a_segmentation_is_one(tmp_path: Path, name: str) -> None:
    folder = brats_case(tmp_path, "BraTS20_Training_355", values=None)
    volume(folder / name, labels([1]))
    assert only(tmp_path).label == folder / name


@pytest.mark.parametrize(
    ("stray"),
    ["mask.nii.gz", "Prediction.nii.gz", "BraTS20_Training_001_prob.nii.gz", "notes.txt", "._x_flair.nii.gz", "a.csv"],
)
def test_stray_files_change_nothing(tmp_path: Path, stray: str) -> None:
    folder = brats_case(tmp_path, "BraTS20_Training_001")
    before = only(tmp_path)
    volume(folder / stray) if stray.endswith(".gz") and stray[0] != "." else (folder / stray).write_bytes(b"\0\1?")
    after = only(tmp_path)
    assert (after.images, after.label, after.notes) == (before.images, before.label, before.notes)
    assert after.loaded().scheme is BRATS


def test_stray_folders_are_no_cases(tmp_path: Path) -> None:
    brats_case(tmp_path, "BraTS20_Training_001")
    volume(tmp_path / "results" / "BraTS20_Training_001.nii.gz")
    (tmp_path / "BraTS20_Training_001" / "sub_t1.nii").mkdir()
    assert only(tmp_path).sequences == FOUR


@pytest.mark.parametrize(("twin", "what"), [("copy_flair.nii.gz", "FLAIR"), ("other_seg.nii.gz", "the segmentation")])
def test_two_candidates_are_an_error_that_names_both_and_others_go_on(tmp_path: Path, twin: str, what: str) -> None:
    folder = brats_case(tmp_path, "BraTS20_Training_001")
    brats_case(tmp_path, "BraTS20_Training_002")
    volume(folder / twin, labels([1]))
    first, second = DATASET.discover(tmp_path)
    assert any(what in note for note in first.notes)
    second.loaded()
    with pytest.raises(InputError) as error:
        first.loaded()
    assert what in error.value.expected
    assert twin in error.value.found
    assert f"BraTS20_Training_001_{'seg' if 'seg' in twin else 'flair'}.nii.gz" in error.value.found


def test_the_same_sequence_zipped_and_not_is_two_candidates(tmp_path: Path) -> None:
    folder = brats_case(tmp_path, "BraTS20_Training_001")
    volume(folder / "BraTS20_Training_001_t1ce.nii")
    with pytest.raises(InputError, match="one file for T1CE"):
        only(tmp_path).loaded()
    only(tmp_path).loaded((Sequence.FLAIR,))  # what is not asked for does not matter


@pytest.mark.parametrize(
    ("name", "kinds", "separator", "values", "scheme"),
    [
        ("brats_2013_pat0001_1", ("t1", "t1ce", "t2", "flair"), "_", (1, 2, 3, 4), BRATS_2015),
        ("Brats18_2013_3_1", ("t1", "t1ce", "t2", "flair"), "_", (1, 2, 4), BRATS),
        ("BraTS20_Training_001", ("t1", "t1ce", "t2", "flair"), "_", (1, 2, 4), BRATS),
        ("BraTS2021_01477", ("t1", "t1ce", "t2", "flair"), "_", (1, 2), BRATS),
        ("BraTS-GLI-00000-000", MODERN, "-", (1, 2, 3), BRATS_2023),
        ("BraTS-GLI-00001-000", MODERN, "-", (2,), BRATS_2023),
        ("BraTS-GLI-02064-101", MODERN, "-", (1, 2, 3, 4), BRATS_2024),
    ],
)
def test_names_and_label_values_of_every_release(
    tmp_path: Path, name: str, kinds: tuple[str, ...], separator: str, values: tuple[int, ...], scheme: object
) -> None:
    brats_case(tmp_path, name, kinds, values, separator)
    case = only(tmp_path).loaded()
    assert case.sequences == FOUR
    assert case.scheme is scheme
    assert isinstance(case.label, Image)
    assert set(np.unique(case.label.data)) == {0, *values}


def test_the_scheme_comes_from_the_file_never_from_a_folder_above(tmp_path: Path) -> None:
    """A folder called "brats-2020" must not turn enhancing tumour (4) into a resection cavity."""
    brats_case(tmp_path / "brats-2020", "BraTS20_Training_001", values=(1, 2, 4))
    assert only(tmp_path).loaded().scheme is BRATS


@pytest.mark.parametrize("value", [7, 257, -1])
def test_unknown_label_values_are_refused(tmp_path: Path, value: int) -> None:
    """257 and -1 must not be folded into 0-255."""
    brats_case(tmp_path, "BraTS20_Training_001", values=(1, value))
    with pytest.raises(LabelError):
        only(tmp_path).loaded()


def test_fractions_are_no_labels(tmp_path: Path) -> None:
    folder = brats_case(tmp_path, "BraTS20_Training_001", values=None)
    volume(folder / "BraTS20_Training_001_seg.nii.gz", labels([1]).astype(np.float32) * 0.4)
    with pytest.raises(InputError, match="fractions"):
        only(tmp_path).loaded()


def test_a_label_on_another_grid_is_refused(tmp_path: Path) -> None:
    folder = brats_case(tmp_path, "BraTS20_Training_001", values=None)
    volume(folder / "BraTS20_Training_001_seg.nii.gz", labels([1]), spacing=2.0)
    with pytest.raises(GeometryError, match="label"):
        only(tmp_path).loaded()


def test_grades_come_from_the_table_or_from_the_folder(tmp_path: Path) -> None:
    brats_case(tmp_path / "HGG", "Brats18_CBICA_AAB_1")
    brats_case(tmp_path / "LGG", "Brats18_TCIA09_141_1")
    brats_case(tmp_path / "mixed", "BraTS20_Training_001")
    brats_case(tmp_path / "mixed", "BraTS20_Training_002")
    (tmp_path / "mixed" / "name_mapping.csv").write_text(
        "Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID\nLGG,NA,BraTS20_Training_001\nHGG,x,NA,ragged,row\nbroken\n",
        encoding="utf-8-sig",
    )
    grades = {c.id: c.grade for c in DATASET.discover(tmp_path)}
    assert grades == {
        "Brats18_CBICA_AAB_1": "HGG",
        "Brats18_TCIA09_141_1": "LGG",
        "BraTS20_Training_001": "LGG",
        "BraTS20_Training_002": None,
    }
    assert [c.grade for c in DATASET.discover(tmp_path / "HGG")] == ["HGG"]


def test_a_folder_above_the_data_says_nothing_about_grades(tmp_path: Path) -> None:
    brats_case(tmp_path / "LGG" / "data", "BraTS20_Training_001")
    assert only(tmp_path / "LGG" / "data").grade is None


def test_time_points_and_releases_of_one_patient_are_one_patient(tmp_path: Path) -> None:
    for name in ("BraTS-GLI-00005-100", "BraTS-GLI-00005-101", "BraTS-GLI-00006-100", "BraTS-MEN-RT-0002-1"):
        brats_case(tmp_path, name, MODERN, (1,), "-")
    for name in ("brats_tcia_pat105_0001", "brats_tcia_pat105_0002", "Brats18_CBICA_AAB_1", "BraTS20_Training_001"):
        brats_case(tmp_path, name, values=(1,))
    (tmp_path / "name_mapping.csv").write_text(
        "Grade,BraTS_2018_subject_ID,BraTS_2020_subject_ID\nHGG,Brats18_CBICA_AAB_1,BraTS20_Training_001\n"
    )
    patients = {c.id: c.patient for c in DATASET.discover(tmp_path)}
    assert patients["BraTS-GLI-00005-100"] == patients["BraTS-GLI-00005-101"] == "BraTS-GLI-00005"
    assert patients["BraTS-GLI-00006-100"] == "BraTS-GLI-00006"
    assert patients["BraTS-MEN-RT-0002-1"] == "BraTS-MEN-RT-0002"
    assert patients["brats_tcia_pat105_0001"] == patients["brats_tcia_pat105_0002"]
    assert patients["Brats18_CBICA_AAB_1"] == patients["BraTS20_Training_001"] == "BraTS20_Training_001"


def test_sites(tmp_path: Path) -> None:
    for name in ("Brats18_TCIA03_265_1", "BraTS19_CBICA_AAB_1", "BraTS20_Training_001"):
        brats_case(tmp_path, name)
    assert [c.site for c in DATASET.discover(tmp_path)] == ["CBICA", None, "TCIA03"]


def test_a_validation_folder_has_no_labels(tmp_path: Path) -> None:
    """S2-29."""
    brats_case(tmp_path / "MICCAI_BraTS2020_ValidationData", "BraTS20_Validation_001", values=None)
    case = only(tmp_path)
    assert case.label is None
    assert case.loaded().label is None
    assert case.loaded().scheme is None


def test_links_are_followed_named_as_they_are_and_never_walked_in_circles(tmp_path: Path) -> None:
    real = brats_case(tmp_path / "store", "0a1b2c")
    root = tmp_path / "data"
    root.mkdir()
    (root / "BraTS20_Training_001").symlink_to(real, target_is_directory=True)
    (root / "again").symlink_to(root, target_is_directory=True)
    files = brats_case(tmp_path / "elsewhere", "BraTS20_Training_002")
    linked = root / "BraTS20_Training_002"
    linked.mkdir()
    for path in files.iterdir():
        (linked / path.name).symlink_to(path)
    assert [c.id for c in DATASET.discover(root)] == ["BraTS20_Training_001", "BraTS20_Training_002"]
    assert DATASET.discover(root)[1].loaded().scheme is BRATS


def test_the_same_case_twice_is_refused(tmp_path: Path) -> None:
    shutil.copytree(brats_case(tmp_path / "a", "BraTS20_Training_001"), tmp_path / "b" / "BraTS20_Training_001")
    with pytest.raises(InputError, match="more than once"):
        DATASET.discover(tmp_path)


def test_real_cases_of_five_releases(test_data: Path) -> None:
    """Names, values and schemes as the data's README tells them."""
    cases = {c.id: c for c in DATASET.discover(test_data / "brats")}
    assert len(cases) >= 10
    expected = {
        "brats_2013_pat0001_1": (BRATS_2015, {0, 1, 2, 3, 4}),
        "Brats18_2013_3_1": (BRATS, {0, 1, 2, 4}),
        "BraTS20_Training_001": (BRATS, {0, 1, 2, 4}),
        "BraTS2021_01477": (BRATS, {0, 1, 2}),
        "BraTS-GLI-00000-000": (BRATS_2023, {0, 1, 2, 3}),
    }
    for name, (scheme, values) in expected.items():
        loaded = cases[name].loaded((Sequence.FLAIR,))
        assert isinstance(loaded.label, Image)
        assert loaded.sequences == (Sequence.FLAIR,)
        assert loaded.label.shape == (240, 240, 155)
        assert (loaded.scheme, set(np.unique(loaded.label.data).tolist())) == (scheme, values), name
    assert cases["BraTS-GLI-00000-000"].patient == "BraTS-GLI-00000"
    assert cases["Brats18_TCIA03_265_1"].site == "TCIA03"


def test_a_test_list_knows_a_patient_under_every_releases_name(tmp_path: Path) -> None:
    from tumorscope.datasets.splits import patient_split

    case = Case(
        "BraTS20_Training_999", "BraTS20_Training_999", {}, aliases=("Brats18_CBICA_ALU_1", "BraTS20_Training_999")
    )
    others = [Case(f"C{i}", f"C{i}", {}) for i in range(10)]
    for seed in range(5):
        split = patient_split([case, *others], "brats", (0.8, 0.2, 0.0), seed, held_out=["Brats18_CBICA_ALU_1"])
        assert split.parts["test"] == ["BraTS20_Training_999"]
