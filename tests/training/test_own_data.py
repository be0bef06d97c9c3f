"""The recipe for a user's own data: any sequences, any classes."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Pillow

from tumorscope.core.errors import UsageError
from tumorscope.core.sequence import Sequence
from tumorscope.recipes.recipe import load_recipe
from tumorscope.training.plan import complete_recipe
from tumorscope.workflows.train import train_recipe

QUICK = {
    "network.name": "unet",
    "network.args": "{filters: [4, 8]}",
    "preprocess.size": "[32, 32]",
    "training.epochs": "2",
    "training.accelerator": "cpu",
    "training.precision": "32",
}


def pictures(root: Path, count: int = 8) -> Path:
    """Write PNG pictures with two classes, several per patient, and what dataset.json must say."""
    rng = np.random.default_rng(1)
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True)
    for number in range(count):
        labels = np.zeros((40, 36), np.uint8)
        row, column = rng.integers(8, 24, 2)
        labels[row : row + 9, column : column + 9] = 2
        labels[row + 3 : row + 6, column + 3 : column + 6] = 7
        picture = 60 + 20 * labels + rng.integers(0, 9, labels.shape)
        Pillow.fromarray(picture.astype(np.uint8)).save(root / "images" / f"P{number // 2}_{number}.png")
        Pillow.fromarray(labels).save(root / "labels" / f"P{number // 2}_{number}.png")
    info = {"sequence": "T1CE", "classes": {"2": "swelling", "7": "core"}, "patient": "^(P[0-9]+)_"}
    (root / "dataset.json").write_text(json.dumps(info))
    return root


def volumes(root: Path) -> Path:
    """Write NIfTI cases, one of them without T2, with a binary label."""
    for number in range(6):
        folder = root / f"case{number}"
        folder.mkdir(parents=True)
        data = np.full((20, 24, 4), 50, np.int16)
        data[6:10, 7:12, 1:3] = 200
        for name, array in (("FLAIR", data), ("T2", data + 9), ("seg", (data > 100).astype(np.int16))):
            if not (name == "T2" and number == 3):
                nib.save(nib.Nifti1Image(array, np.eye(4)), folder / f"scan_{name}.nii.gz")
    return root


def test_pictures_with_classes_of_their_own(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data")
    result = train_recipe("folder-2d", data, tmp_path / "run", overrides=QUICK)
    manifest = result.bundle.manifest
    assert manifest.scheme == "custom"
    assert manifest.classes == {2: "swelling", 7: "core"}
    assert manifest.outputs.names == ("swelling", "core")
    assert manifest.outputs.channels == 3
    assert manifest.preprocess.sequences == (Sequence.T1CE,)
    assert result.bundle.scheme.values == (2, 7)
    assert result.bundle.load_networks()
    split = json.loads((tmp_path / "run" / "split.json").read_text())
    patients = [{case.split("_")[0] for case in split["parts"][part]} for part in ("train", "val", "test")]
    assert all(patients)
    assert sum(len(p) for p in patients) == len(set.union(*patients)) == 4


def test_any_recipe_takes_a_folder(tmp_path: Path) -> None:
    overrides = QUICK | {
        "data.dataset": "folder",
        "data.held_out": "null",
        "data.fractions": "[0.6, 0.4, 0]",
        "data.scheme": "binary",
        "outputs": "{kind: binary, names: []}",
        "preprocess.sequences": "[]",
    }
    manifest = train_recipe(
        "brats-2d", volumes(tmp_path / "data"), tmp_path / "run", overrides=overrides
    ).bundle.manifest
    assert manifest.scheme == "binary"
    assert manifest.outputs.names == ("tumor",)
    assert manifest.preprocess.sequences == (Sequence.T2, Sequence.FLAIR)
    assert manifest.preprocess.optional == (Sequence.T2,)


def test_binary_outputs_cannot_hold_several_classes(tmp_path: Path) -> None:
    from tumorscope.datasets import DATASETS

    cases = DATASETS.load("folder").discover(pictures(tmp_path))
    recipe = load_recipe("folder-2d", {"outputs": "{kind: binary, names: []}", "loss": "{bce: {}}"})
    with pytest.raises(UsageError, match=r"swelling, core.*outputs\.kind"):
        complete_recipe(recipe, cases)
    chosen, _ = complete_recipe(load_recipe("folder-2d", {"outputs.names": "[core]"}), cases)
    assert chosen.outputs.names == ("core",)
