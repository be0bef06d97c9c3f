"""Discovery and reading of Kaggle's LGG set."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from dataset_trees import lgg_case
from PIL import Image as Pillow

from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.lgg import DATASET

NAME = "TCGA_CS_4941_19960909"
T1, FLAIR, T1CE = Sequence.T1, Sequence.FLAIR, Sequence.T1CE


@pytest.mark.parametrize("depth", range(4))
def test_the_folder_as_downloaded_or_any_parent_of_it(tmp_path: Path, depth: int) -> None:
    parts = ["lgg-mri-segmentation", "kaggle_3m", NAME]
    lgg_case(tmp_path.joinpath(*parts[:2]), NAME)
    (tmp_path.joinpath(*parts[:2]) / "data.csv").write_text(
        "Patient,neoplasm_histologic_grade\nTCGA_CS_4941,2\n,1\nTCGA_X\n"
    )
    (case,) = DATASET.discover(tmp_path.joinpath(*parts[:depth]))
    assert (case.id, case.patient, case.site, case.scheme) == (NAME, "TCGA_CS_4941", "CS", BINARY)
    assert case.grade == (None if depth == 3 else "G3")


def test_kaggles_second_copy_is_passed_over_and_said_so(tmp_path: Path) -> None:
    folder = lgg_case(tmp_path / "kaggle_3m", NAME)
    shutil.copytree(folder, tmp_path / "lgg-mri-segmentation" / "kaggle_3m" / NAME)
    (case,) = DATASET.discover(tmp_path)
    assert "passed over" in case.notes[0]


def test_two_copies_that_differ_are_refused(tmp_path: Path) -> None:
    lgg_case(tmp_path / "a", NAME)
    lgg_case(tmp_path / "b", NAME, slices=4)
    with pytest.raises(InputError, match="more than once"):
        DATASET.discover(tmp_path)


def test_channels_are_t1_flair_t1ce_and_slices_go_by_number(tmp_path: Path) -> None:
    folder = lgg_case(tmp_path, NAME, slices=11)
    (case,) = DATASET.discover(tmp_path)
    loaded = case.loaded()
    for number in (1, 2, 10, 11):
        pixels = np.asarray(Pillow.open(folder / f"{NAME}_{number}.tif"))
        for channel, sequence in enumerate((T1, FLAIR, T1CE)):
            image = loaded.images[sequence]
            assert isinstance(image, Image)
            np.testing.assert_array_equal(image.data[:, :, number - 1], pixels[..., channel].T)
    assert isinstance(loaded.label, Image)
    assert loaded.label.data.sum(axis=(0, 1)).tolist() == [2 * n for n in range(1, 12)]
    assert not loaded.label.spacing_known


@pytest.mark.parametrize(("repeats", "left"), [((0,), (T1CE, FLAIR)), ((2,), (T1, FLAIR)), ((0, 2), (FLAIR,))])
def test_a_channel_that_repeats_flair_is_left_out_and_said_so(
    tmp_path: Path, repeats: tuple[int, ...], left: tuple[Sequence, ...]
) -> None:
    lgg_case(tmp_path, NAME, repeats=repeats)
    (case,) = DATASET.discover(tmp_path)
    loaded = case.loaded()
    assert set(loaded.sequences) == set(left)
    assert len([n for n in loaded.notes if "repeats FLAIR" in n]) == len(repeats)
    assert case.loaded((FLAIR,)).sequences == (FLAIR,)


@pytest.mark.parametrize("value", [1, 255])
def test_masks_of_0_1_and_0_255_mean_the_same(tmp_path: Path, value: int) -> None:
    lgg_case(tmp_path, NAME, mask_value=value)
    label = DATASET.discover(tmp_path)[0].loaded().label
    assert isinstance(label, Image)
    assert np.unique(label.data).tolist() == [0, 1]
    assert int(label.data.sum()) == 12


def test_empty_masks_stay_empty(tmp_path: Path) -> None:
    lgg_case(tmp_path, NAME, mask_value=0)
    label = DATASET.discover(tmp_path)[0].loaded().label
    assert isinstance(label, Image)
    assert not label.data.any()


def test_without_masks_there_is_no_label(tmp_path: Path) -> None:
    folder = lgg_case(tmp_path, NAME)
    for path in folder.glob("*_mask.tif"):
        path.unlink()
    (case,) = DATASET.discover(tmp_path)
    assert case.label is None
    assert case.loaded().label is None


def test_a_missing_mask_is_told(tmp_path: Path) -> None:
    (lgg_case(tmp_path, NAME) / f"{NAME}_2_mask.tif").unlink()
    with pytest.raises(InputError, match=r"slices \[2\] without their pair"):
        DATASET.discover(tmp_path)[0].loaded()


def test_two_files_for_one_slice_are_told(tmp_path: Path) -> None:
    folder = lgg_case(tmp_path, NAME)
    Pillow.open(folder / f"{NAME}_2.tif").save(folder / f"{NAME}_2.png")
    with pytest.raises(InputError, match=rf"{NAME}_2\.png, {NAME}_2\.tif"):
        DATASET.discover(tmp_path)[0].loaded()


def test_stray_files_and_folders_change_nothing(tmp_path: Path) -> None:
    folder = lgg_case(tmp_path, NAME)
    for name in (f"._{NAME}_1.tif", "notes.csv", "Thumbs.db"):
        (folder / name).write_bytes(b"\0")
    (tmp_path / "TCGA_README").mkdir()
    (tmp_path / "TCGA_CS_0000_19990101").mkdir()
    (case,) = DATASET.discover(tmp_path)
    assert case.loaded().sequences == (T1, T1CE, FLAIR)


def test_a_linked_patient_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / NAME).symlink_to(lgg_case(tmp_path / "store", "blob"), target_is_directory=True)
    with_names = tmp_path / "store" / "blob"
    for path in list(with_names.iterdir()):
        path.rename(with_names / path.name.replace("blob", NAME))
    assert [c.id for c in DATASET.discover(tmp_path / "data")] == [NAME]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="as downloaded"):
        DATASET.discover(tmp_path)


def test_real_patients(test_data: Path) -> None:
    cases = DATASET.discover(test_data / "lgg")
    assert len(cases) == 88
    assert len({c.patient for c in cases}) == 88
    assert {c.site for c in cases} >= {"CS", "DU", "FG", "HT"}
    case = cases[0].loaded()
    assert isinstance(case.label, Image)
    assert case.label.shape[:2] == (256, 256)
    assert case.label.data.any()


@pytest.mark.slow
def test_repeated_flair_in_the_real_data(test_data: Path) -> None:
    """Of the 88 patients at hand, 4 lack T1 and 8 lack T1CE; the first and the last of each kind are named here."""
    missing: dict[Sequence, list[str]] = {T1: [], T1CE: []}
    for case in DATASET.discover(test_data / "lgg"):
        loaded = case.loaded()
        for sequence, names in missing.items():
            if sequence not in loaded.sequences:
                names.append(case.id)
    assert {s: len(names) for s, names in missing.items()} == {T1: 4, T1CE: 8}
