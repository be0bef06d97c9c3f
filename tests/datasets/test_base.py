"""What every data set shares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumorscope.core.case import Case
from tumorscope.core.errors import GeometryError, InputError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, BRATS
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.base import Dataset, read_volumes, scheme_of

T1, FLAIR = Sequence.T1, Sequence.FLAIR


def image(value: float = 1, shape: tuple[int, int, int] = (4, 4, 2), spacing: float = 1) -> Image:
    return Image(np.full(shape, value, np.float32), np.diag([spacing, spacing, spacing, 1.0]))


def case(case_id: str = "a", **changes: object) -> Case:
    fields: dict[str, object] = {"images": {T1: image()}, "label": image(1), "reader": read_volumes} | changes
    return Case(case_id, case_id, **fields)  # type: ignore[arg-type]


def dataset(*cases: Case) -> Dataset:
    return Dataset("fake", "a fake", (T1,), "none", "nobody", lambda root: list(cases))


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_says_what_it_is(name: str) -> None:
    found = DATASETS.load(name)
    assert found.name == name
    assert found.title
    assert found.licence
    assert found.citation


@pytest.mark.parametrize("name", ["lgg", "brats", "folder", "figshare", "coco", "four_class", "decathlon"])
def test_folders_without_data_and_no_folders(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"as downloaded|folder"):
        DATASETS.load(name).discover(tmp_path)
    with pytest.raises(InputError, match="no folder at"):
        DATASETS.load(name).discover(tmp_path / "nowhere")


def test_an_unknown_data_set_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'brats'"):
        DATASETS.load("bratz")


def test_cases_come_sorted_and_once(tmp_path: Path) -> None:
    assert [c.id for c in dataset(case("b"), case("a")).discover(tmp_path)] == ["a", "b"]
    with pytest.raises(InputError, match="a more than once"):
        dataset(case("a"), case("b"), case("a")).discover(tmp_path)


def test_reading_keeps_what_was_asked_for() -> None:
    both = case(images={T1: image(), FLAIR: image(2)}, scheme=BINARY)
    loaded = both.loaded((FLAIR,))
    assert loaded.sequences == (FLAIR,)
    assert isinstance(loaded.label, Image)
    assert loaded.label.data.dtype == np.uint8
    assert loaded.reader is None
    assert both.loaded().sequences == (T1, FLAIR)


@pytest.mark.parametrize("other", [image(shape=(4, 4, 3)), image(spacing=2)])
@pytest.mark.parametrize("role", ["sequence", "label"])
def test_grids_must_agree(other: Image, role: str) -> None:
    wrong = case(images={T1: image(), FLAIR: other}) if role == "sequence" else case(label=other)
    with pytest.raises(GeometryError, match="FLAIR" if role == "sequence" else "label"):
        wrong.loaded()


def test_the_scheme_is_detected_only_where_none_is_stated() -> None:
    assert case().loaded().scheme is BRATS
    assert case(scheme=BINARY).loaded().scheme is BINARY
    assert scheme_of(case()) is BRATS
    assert scheme_of(case(label=None)) is None
