"""Slices as cases, and splits as papers made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.published_splits import cases_of, release_split, slice_split
from tumorscope.datasets.slicewise import as_slices
from tumorscope.datasets.splits import patient_split


def volume(name: str, depth: int = 4) -> Case:
    """Return a case in memory whose voxels tell their slice."""
    affine = np.diag([2.0, 2.0, 3.0, 1.0])
    data = np.ones((3, 5, depth)) * np.arange(1, depth + 1)
    return Case(
        name,
        name,
        {Sequence.FLAIR: Image(data, affine)},
        Image((data == 2).astype(np.uint8), affine),
        BINARY,
    )


def test_every_slice_is_a_case_of_its_patient_in_its_place() -> None:
    slices = as_slices([volume("a"), volume("b", 3)])
    assert [c.id for c in slices] == ["a_z000", "a_z001", "a_z002", "a_z003", "b_z000", "b_z001", "b_z002"]
    assert [c.patient for c in slices] == ["a"] * 4 + ["b"] * 3
    third = slices[2].loaded()
    image = third.images[Sequence.FLAIR]
    assert isinstance(image, Image) and isinstance(third.label, Image)
    assert image.shape == (3, 5, 1) and np.unique(image.data).tolist() == [3]
    assert image.affine[:3, 3].tolist() == [0, 0, 6] and image.same_grid(third.label)
    assert third.label.data.sum() == 0 and slices[1].loaded().label.data.all()  # type: ignore[union-attr]


def test_slices_read_alternately_stay_apart() -> None:
    first, second = volume("a"), volume("b")
    second.images[Sequence.FLAIR] = volume("b").images[Sequence.FLAIR].with_data(np.full((3, 5, 4), 9.0))  # type: ignore[union-attr]
    slices = as_slices([first, second])
    values = [float(c.loaded().images[Sequence.FLAIR].data.max()) for c in (slices[0], slices[4], slices[1])]  # type: ignore[union-attr]
    assert values == [1, 9, 2]


def test_single_pictures_stay_as_they_are() -> None:
    case = volume("a", 1)
    assert as_slices([case]) == [case]


def test_a_slice_split_holds_every_slice_once_in_the_stated_shares() -> None:
    slices = cases_of([volume(f"p{i}", 10) for i in range(10)], "slice")
    split = slice_split(slices, "lgg", (0.7, 0.15, 0.15), seed=3)
    assert {p: len(ids) for p, ids in split.parts.items()} == {"train": 70, "val": 15, "test": 15}
    assert sorted(i for ids in split.parts.values() for i in ids) == sorted(c.id for c in slices)
    assert split.unit == "slice" and split.unit_text == "slice-wise: patients leak"
    split.check_patients(slices)  # says itself that patients leak
    assert split.hash != slice_split(slices, "lgg", (0.7, 0.15, 0.15), seed=4).hash


@pytest.mark.parametrize("fractions", [(0.5, 0.2, 0.2), (0.0, 0.5, 0.5), (0.98, 0.01, 0.01)])
def test_impossible_fractions(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError):
        slice_split(as_slices([volume("a", 10)]), "lgg", fractions)


def released(name: str, part: str) -> Case:
    return Case(name, name, {}, release_part=part)  # type: ignore[arg-type]


def test_a_release_split_is_the_releases_own() -> None:
    cases = [released("a", "train"), released("b", "val"), released("c", "test")]
    split = release_split(cases, "coco")
    assert split.parts == {"train": ["a"], "val": ["b"], "test": ["c"]}
    assert split.unit_text == "as released: patients may leak"


def test_a_release_without_validation_part_lends_some_of_its_training_part() -> None:
    cases = [released(f"t{i}", "train") for i in range(10)] + [released("c", "test")]
    split = release_split(cases, "four_class", 0.2)
    assert len(split.parts["train"]) == 8 and len(split.parts["val"]) == 2 and split.parts["test"] == ["c"]


def test_data_without_release_parts() -> None:
    with pytest.raises(InputError, match="release"):
        release_split([volume("a")], "lgg")


def test_blocks_are_named_as_the_unit() -> None:
    cases = [Case(f"c{i}", f"block{i // 2}", {}, unit="block") for i in range(20)]
    split = patient_split(cases, "figshare")
    assert split.unit == "block"
    split.check_patients(cases)


def test_lgg_slices_on_the_real_data(test_data: Path) -> None:
    case = next(c for c in DATASETS.load("lgg").discover(test_data / "lgg") if c.id.startswith("TCGA_CS_4941"))
    whole, slices = case.loaded(), as_slices([case])
    assert isinstance(whole.label, Image) and len(slices) == whole.label.shape[2]
    for z in (0, 10):
        part = slices[z].loaded()
        assert isinstance(part.label, Image)
        assert np.array_equal(part.label.data[:, :, 0], whole.label.data[:, :, z])
