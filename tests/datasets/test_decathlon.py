"""Discovery and reading of the Decathlon's Task01_BrainTumour, on synthetic 4D files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from dataset_trees import SHAPE, labels

from tumorscope.core.errors import GeometryError, InputError, LabelError
from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS, DECATHLON
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.decathlon import DATASET

T1, T1CE, T2, FLAIR = Sequence
AFFINE = np.diag([-1.0, -1.0, 1.0, 1.0])
INFO = {
    "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
    "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
}


def task(root: Path, info: dict[str, Any] | None = INFO, volumes: int = 4, shape: tuple[int, ...] = SHAPE) -> Path:
    """Write Task01 with two training cases and a test case; volume k holds the value 10·(k + 1)."""
    for folder in ("imagesTr", "labelsTr", "imagesTs"):
        (root / folder).mkdir(parents=True)
    data = np.stack([np.full(SHAPE, 10 * (k + 1), np.float32) for k in range(volumes)], axis=-1)
    for name in ("imagesTr/BRATS_001", "imagesTr/BRATS_002", "imagesTs/BRATS_485"):
        nib.save(nib.Nifti1Image(data, AFFINE), root / f"{name}.nii.gz")
        (root / name.split("/")[0] / f"._{name.split('/')[1]}.nii.gz").write_bytes(b"resource fork")
    for name in ("BRATS_001", "BRATS_002"):
        truth = np.resize(labels((1, 2, 3)), shape).astype(np.uint8) if shape != SHAPE else labels((1, 2, 3))
        nib.save(nib.Nifti1Image(truth.astype(np.uint8), AFFINE), root / "labelsTr" / f"{name}.nii.gz")
    if info is not None:
        (root / "dataset.json").write_text(json.dumps(info), encoding="utf-8-sig")
    return root


@pytest.mark.parametrize("depth", range(3))
def test_cases_parts_and_sequences(tmp_path: Path, depth: int) -> None:
    task(tmp_path / "msd" / "Task01_BrainTumour")
    cases = DATASET.discover(tmp_path.joinpath(*["msd", "Task01_BrainTumour"][:depth]))
    assert [(c.id, c.patient, c.release_part) for c in cases] == [
        ("BRATS_001", "BRATS_001", "train"),
        ("BRATS_002", "BRATS_002", "train"),
        ("BRATS_485", "BRATS_485", "test"),
    ]
    assert cases[0].sequences == (T1, T1CE, T2, FLAIR)
    assert cases[2].label is None
    assert "No label" in cases[2].notes[0]
    assert cases[2].loaded((FLAIR,)).label is None


@pytest.mark.parametrize("info", [INFO, None])
def test_each_sequence_is_its_volume(tmp_path: Path, info: dict[str, Any] | None) -> None:
    loaded = DATASET.discover(task(tmp_path, info))[0].loaded()
    means = {s: float(i.data.mean()) for s, i in loaded.images.items() if isinstance(i, Image)}
    assert means == {FLAIR: 10, T1: 20, T1CE: 30, T2: 40}
    assert isinstance(loaded.label, Image)
    assert loaded.label.shape == SHAPE
    np.testing.assert_array_equal(loaded.images[T1].affine, AFFINE)  # type: ignore[union-attr]
    assert DATASET.discover(tmp_path)[0].loaded((T2,)).sequences == (T2,)
    assert DATASET.discover(tmp_path)[0].loaded(()).images == {}


def test_the_json_decides_the_order(tmp_path: Path) -> None:
    swapped = INFO | {"modality": {"0": "T1w", "1": "FLAIR", "2": "T2w", "3": "t1gd"}}
    loaded = DATASET.discover(task(tmp_path, swapped))[0].loaded((FLAIR, T1CE))
    assert [float(loaded.images[s].data.mean()) for s in (FLAIR, T1CE)] == [20, 40]  # type: ignore[union-attr]


def test_labels_are_the_decathlons_not_brats(tmp_path: Path) -> None:
    """Value 1 is oedema here and the core in BraTS: the whole tumour is alike, the core is not."""
    loaded = DATASET.discover(task(tmp_path))[0].loaded(())
    assert isinstance(loaded.label, Image)
    assert loaded.scheme is DECATHLON
    as_brats = DECATHLON.convert(loaded.label.data, BRATS)
    for region in ("WT", "TC", "ET"):
        np.testing.assert_array_equal(BRATS.mask(as_brats, region), DECATHLON.mask(loaded.label.data, region))
    assert set(np.unique(as_brats[loaded.label.data == 1]).tolist()) == {2}


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"modality": INFO["modality"]},
        INFO | {"modality": {"0": "CT"}},
        INFO | {"modality": {"0": "FLAIR", "1": "FLAIR", "2": "T2w", "3": "t1gd"}},
        INFO | {"labels": {"0": "background", "1": "liver", "2": "cancer"}},
        INFO | {"labels": {"0": "background", "1": "non-enhancing tumor", "2": "edema", "3": "enhancing tumour"}},
        INFO | {"labels": [1, 2]},
    ],
)
def test_another_tasks_json_is_refused(tmp_path: Path, info: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="Task01_BrainTumour"):
        DATASET.discover(task(tmp_path, info))


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"4 volumes .* found 3"):
        DATASET.discover(task(tmp_path / "a", volumes=3))[0].loaded()
    with pytest.raises(GeometryError, match="label"):
        DATASET.discover(task(tmp_path / "b", shape=(12, 10, 5)))[0].loaded()
    root = task(tmp_path / "c")
    nib.save(nib.Nifti1Image(labels((4,)).astype(np.uint8), AFFINE), root / "labelsTr" / "BRATS_001.nii.gz")
    with pytest.raises(LabelError, match="4 in"):
        DATASET.discover(root)[0].loaded()
