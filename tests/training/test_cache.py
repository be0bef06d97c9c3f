"""Preprocessed once, read through memory maps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_training import make_brats, tiny

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, BRATS
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.training import cache as room
from tumorscope.training.cache import build_cache
from tumorscope.transforms.prepare import Preprocess

SPEC = tiny().preprocess


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    return DATASETS.load("brats").discover(make_brats(tmp_path / "data", 2))


def test_arrays_are_as_documented_and_memory_mapped(cases: list[Case], tmp_path: Path) -> None:
    cache = build_cache(cases, SPEC, BRATS, tmp_path / "cache")
    images, labels = cache.images(cases[0].id), cache.labels(cases[0].id)
    assert (images.dtype, images.shape) == (np.float16, (6, 2, 32, 32))
    assert (labels.dtype, labels.shape) == (np.uint8, (6, 32, 32))
    assert isinstance(images.base, np.memmap)
    record = cache.cases[cases[0].id]
    assert record.foreground == (labels > 0).sum(axis=(1, 2)).tolist()
    assert record.values == [0, 1, 2, 4]
    assert record.missing == []


def test_what_is_there_is_not_made_again(cases: list[Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build_cache(cases, SPEC, BRATS, tmp_path / "cache")
    monkeypatch.setattr(room, "prepare", None)
    assert build_cache(cases, SPEC, BRATS, tmp_path / "cache").cases == first.cases
    context = SPEC.model_copy(update={"context": 3, "slices": (1, 3)})
    assert build_cache(cases, context, BRATS, tmp_path / "cache").folder == first.folder


def test_other_settings_another_scheme_and_changed_files_are_made_anew(cases: list[Case], tmp_path: Path) -> None:
    first = build_cache(cases, SPEC, BRATS, tmp_path / "cache")
    other = SPEC.model_copy(update={"normalise": "clip_minmax"})
    assert build_cache(cases, other, BRATS, tmp_path / "cache").folder != first.folder
    assert build_cache(cases, SPEC, BINARY, tmp_path / "cache").folder != first.folder
    source = cases[0].images[Sequence.FLAIR]
    assert isinstance(source, Path)
    source.write_bytes(source.read_bytes()[:-2] + b"\1\1")
    again = build_cache(cases, SPEC, BRATS, tmp_path / "cache")
    assert again.cases[cases[0].id].file != first.cases[cases[0].id].file
    assert again.cases[cases[1].id] == first.cases[cases[1].id]


def test_a_lost_array_is_made_again(cases: list[Case], tmp_path: Path) -> None:
    first = build_cache(cases, SPEC, BRATS, tmp_path / "cache")
    (first.folder / f"{first.cases[cases[0].id].file}-y.npy").unlink()
    again = build_cache(cases, SPEC, BRATS, tmp_path / "cache")
    assert again.labels(cases[0].id).any()


def test_labels_are_converted_to_the_recipes_scheme(cases: list[Case], tmp_path: Path) -> None:
    cache = build_cache(cases, SPEC, BINARY, tmp_path / "cache")
    assert np.unique(cache.labels(cases[0].id)).tolist() == [0, 1]


def test_progress_and_errors_name_the_case(cases: list[Case], tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    build_cache(cases, SPEC, BRATS, tmp_path / "cache", lambda *args: told.append(args))
    assert told == [(0, 2, cases[0].id), (1, 2, cases[1].id), (2, 2, "")]
    cases[1].label = None
    with pytest.raises(InputError, match=cases[1].id):
        build_cache(cases, SPEC, BRATS, tmp_path / "cache2")


def test_images_in_memory_are_cached_by_content(tmp_path: Path) -> None:
    spec = Preprocess(sequences=(Sequence.T1,), size=(8, 8))

    def case(value: float) -> Case:
        data = np.zeros((8, 8, 2), np.float32)
        data[2:6, 2:6] = value
        data[3, 3] = 2
        image = Image(data, np.eye(4))
        return Case("a", "a", {Sequence.T1: image}, image.with_data((data > 1.5).astype(np.uint8)), BINARY)

    files = {build_cache([case(v)], spec, BINARY, tmp_path).cases["a"].file for v in (1.0, 1.0, 1.2)}
    assert len(files) == 2


_MEASURE = """
import resource, sys
from pathlib import Path
from tumorscope.datasets import DATASETS
from tumorscope.recipes.recipe import load_recipe
from tumorscope.training.batches import SliceDataset, loader
from tumorscope.training.cache import build_cache
from tumorscope.core.labels import SCHEMES

name, data, folder, copies = sys.argv[1:]
recipe = load_recipe(name)
cases = DATASETS.load(recipe.data.dataset).discover(data)
ids = []
for copy in range(int(copies)):  # the same cases under other names stand for more of them
    store = build_cache(cases, recipe.preprocess, SCHEMES[recipe.data.scheme], Path(folder) / str(copy))
    for batch in loader(SliceDataset(store, list(store.cases), recipe.preprocess.context), 32, None):
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "copies"), [("lgg-flair", 1), ("brats-2d", 5)])
def test_building_and_reading_stays_below_4_gb(name: str, copies: int, test_data: Path, tmp_path: Path) -> None:
    """All LGG patients at hand, and 50 BraTS cases."""
    data = test_data / ("lgg" if name == "lgg-flair" else "brats")
    command = [sys.executable, "-c", _MEASURE, name, str(data), str(tmp_path), str(copies)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    gigabytes = float(found.stdout.split()[-1])
    print(f"{name}: {gigabytes:.2f} GB")
    assert gigabytes < 4
