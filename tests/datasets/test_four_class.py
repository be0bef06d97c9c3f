"""Discovery of the four-class release in its spellings, unique ids, and grey from every kind of picture."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import png
import pytest
from PIL import Image as Pillow

from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.four_class import DATASET, luminance
from tumorscope.datasets.splits import patient_split

RELEASE = ("glioma", "meningioma", "notumor", "pituitary")
OLDER = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
TYPES = ["glioma", "meningioma", "no tumor", "pituitary"]


def picture(path: Path, value: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.full((6, 8), value, np.uint8)).save(path)
    return path


def grey(path: Path) -> np.ndarray:
    """Write-read: the pixels (rows, columns) of the only case."""
    (case,) = DATASET.discover(path.parent.parent.parent)
    image = case.loaded().images[Sequence.T1CE]
    assert isinstance(image, Image)
    assert image.shape[2] == 1
    return image.data[:, :, 0].T


@pytest.mark.parametrize(
    ("parts", "classes"),
    [
        (("Training", "Testing"), RELEASE),
        (("training", "TEST"), OLDER),
        (("Train", "test"), [c.upper() for c in RELEASE]),
        (("Training", "Testing"), ("Glioma", "Meningioma Tumour", "No-Tumor", "Pituitary_Tumors")),
    ],
)
def test_every_spelling_gives_the_same_cases(tmp_path: Path, parts: tuple[str, str], classes: list[str]) -> None:
    for part, start in zip(parts, ("Tr", "Te"), strict=True):
        for name, kind in zip(classes, RELEASE, strict=True):
            picture(tmp_path / "archive" / part / name / f"{start}-{kind[:2]}_0010.jpg")
    cases = DATASET.discover(tmp_path)
    train = [c for c in cases if c.release_part == "train"]
    assert [c.id for c in train] == [f"Training_{kind}_Tr-{kind[:2]}_0010" for kind in RELEASE]
    assert [c.tumor_type for c in train] == TYPES
    assert [c.tumor_type for c in cases if c.release_part == "test"] == TYPES
    assert all(c.label is None and c.scheme is None and c.sequences == (Sequence.T1CE,) for c in cases)
    assert {c.unit for c in cases} == {"slice"}
    assert all(c.patient == c.id for c in cases)


def test_equal_names_stay_apart_and_others_keep_theirs(tmp_path: Path) -> None:
    for name in (
        "Training/glioma/a.jpg",
        "Training/glioma/a.png",
        "Training/glioma_tumor/A.PNG",
        "Testing/glioma/a.jpg",
    ):
        picture(tmp_path / name)
    picture(tmp_path / "Training/glioma/b.jpeg")
    ids = {c.id: c.images[Sequence.T1CE] for c in DATASET.discover(tmp_path)}
    assert set(ids) == {
        "Testing_glioma_a",
        "Training_glioma_b",
        "Training_glioma_a_jpg",
        "Training_glioma_a_png",
        "Training_glioma_tumor_A_PNG",
    }
    assert ids["Training_glioma_a_jpg"] == tmp_path / "Training/glioma/a.jpg"
    assert len({i.casefold() for i in ids}) == 5, "folders on disks that do not tell case apart"


def test_a_single_part_may_be_given(tmp_path: Path) -> None:
    picture(tmp_path / "Testing/notumor/x.jpg")
    (case,) = DATASET.discover(tmp_path / "Testing")
    assert (case.id, case.release_part, case.tumor_type) == ("Testing_notumor_x", "test", "no tumor")


def test_two_copies_and_strange_folders_are_refused(tmp_path: Path) -> None:
    picture(tmp_path / "one/Training/glioma/a.jpg")
    (tmp_path / "__MACOSX/Training/glioma").mkdir(parents=True)
    (tmp_path / "one/Training/.cache").mkdir()
    assert len(DATASET.discover(tmp_path)) == 1
    picture(tmp_path / "one/Training/schwannoma/a.jpg")
    with pytest.raises(InputError, match="1 pictures in schwannoma"):
        DATASET.discover(tmp_path)
    (tmp_path / "one/Training/schwannoma/a.jpg").unlink()
    picture(tmp_path / "two/Training/glioma/a.jpg")
    with pytest.raises(InputError, match="one copy"):
        DATASET.discover(tmp_path)


def test_parts_without_classes_are_another_data_set(tmp_path: Path) -> None:
    picture(tmp_path / "train/a.jpg")
    with pytest.raises(InputError, match="none"):
        DATASET.discover(tmp_path)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA"])
def test_eight_bit_pictures_of_every_kind_are_read_as_pillow_reads_grey(tmp_path: Path, mode: str) -> None:
    rng = np.random.default_rng(3)
    path = picture(tmp_path / "Training/glioma/a.png")
    stored = Pillow.fromarray(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)).convert(mode)
    if mode == "RGBA":
        stored.putalpha(Pillow.fromarray(rng.integers(0, 256, (40, 30), dtype=np.uint8)))
    stored.save(path)
    found = grey(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.asarray(stored.convert("RGB").convert("L")))


def test_sixteen_bit_colour_keeps_its_depth(tmp_path: Path) -> None:
    pixels = np.random.default_rng(4).integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    path = picture(tmp_path / "Training/glioma/a.png")
    with path.open("wb") as stream:
        png.Writer(7, 5, greyscale=False, bitdepth=16).write(stream, pixels.reshape(5, 21))
    found = grey(path)
    assert found.dtype == np.uint16
    np.testing.assert_allclose(found, pixels @ [0.299, 0.587, 0.114], atol=1.5)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_equal_channels_are_their_own_grey_and_white_stays_white(kind: type) -> None:
    values = np.arange(np.iinfo(kind).max + 1).astype(kind)
    np.testing.assert_array_equal(luminance([values] * 3), values)
    assert luminance([values] * 3).dtype == kind


def test_fractions_are_weighed_without_rounding() -> None:
    one = np.array([0.25], np.float32)
    assert luminance([one, 0 * one, 0 * one])[0] == pytest.approx(0.25 * 0.299, abs=1e-5)


def test_a_broken_picture_is_one_sentence(tmp_path: Path) -> None:
    path = picture(tmp_path / "Training/glioma/a.jpg")
    path.write_bytes(path.read_bytes()[:40])
    (case,) = DATASET.discover(tmp_path)
    with pytest.raises(InputError, match=r"a\.jpg"):
        case.loaded()


def test_a_split_says_that_it_keeps_no_patients_apart(tmp_path: Path) -> None:
    for number in range(10):
        picture(tmp_path / f"Training/glioma/{number}.jpg")
    split = patient_split(DATASET.discover(tmp_path), "four_class")
    assert split.unit_text == "slice-wise: patients leak"


def test_the_real_pictures(test_data: Path) -> None:
    """As the data's README and the release tell; 106 pictures have channels that differ."""
    cases = DATASET.discover(test_data / "four_class")
    assert len(cases) == len({c.id for c in cases}) == 5973
    counted = Counter((c.release_part, c.tumor_type) for c in cases)
    assert [counted["train", t] for t in TYPES] == [1120, 1112, 1331, 1267]
    assert [counted["test", t] for t in TYPES] == [253, 272, 350, 268]
    loaded = [c.loaded().images[Sequence.T1CE] for c in cases[:: len(cases) // 40]]
    assert all(isinstance(i, Image) and i.shape == (224, 224, 1) and i.data.dtype == np.uint8 for i in loaded)
