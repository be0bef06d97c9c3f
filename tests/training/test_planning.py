"""A 3D recipe whose voxel size, patch, depth and widths come from its training cases, trained on phantoms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_training import tiny

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.labels import BRATS as SCHEME
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom import PhantomSpec, write_phantom
from tumorscope.recipes.recipe import Recipe, read_recipe
from tumorscope.training.fingerprint import Fingerprint, take_fingerprint
from tumorscope.training.planning import plan_lines, planned
from tumorscope.workflows.train import TrainResult, train_recipe

BRATS = Fingerprint(
    cases=31, spacing_mm=(1, 1, 1), brain_mm=(140, 169, 138), zero_share=0.84, tumour_ml=91, tumour_mm=(60, 70, 60)
)
SEQUENCES = ["T1", "T1CE", "T2", "FLAIR"]


def small(**changes: Any) -> Recipe:
    return tiny(
        **{
            "data": {"dataset": "phantom", "scheme": "brats", "fractions": [0.5, 0.25, 0.25], "samples_per_epoch": 8},
            "plan": {"patch_voxels": 9000, "filters": 8, "filters_most": 16},
            "preprocess": {
                "sequences": SEQUENCES,
                "optional": SEQUENCES,
                "patch": [16, 16, 16],
                "fit": "crop",
                "spacing_mm": 1.0,
            },
            "network": {"name": "segresnet", "args": {"fold": 2}},
            "training__epochs": 4,
            "training__batch_size": 2,
            "training__monitor": "val_dice",
            "augment": {"flip_lr": 0.5, "drop_sequence": 0.3},
            **changes,
        }
    )


class TestPlanned:
    def test_brats_gives_what_the_shipped_recipe_says(self) -> None:
        recipe = read_recipe("brats-3d")
        assert isinstance(recipe, Recipe)
        found = planned(recipe, BRATS)
        assert (found.preprocess, found.network) == (recipe.preprocess, recipe.network)
        told = " ".join(plan_lines(found, BRATS))
        assert "31 training cases" in told and "patches of 96×128×96" in told and "filters [32, 64, 128, 160]" in told

    @pytest.mark.parametrize("voxels", [3000, 60_000, 500_000, 4_000_000])
    def test_a_patch_keeps_to_the_budget_and_the_brains_proportions(self, voxels: int) -> None:
        recipe = small(plan={"patch_voxels": voxels, "filters": 16, "filters_most": 64})
        found = planned(recipe, BRATS)
        assert found.preprocess.patch is not None
        filters = found.network.args["filters"]
        multiple = 2 ** len(filters)
        assert np.prod(found.preprocess.patch) <= voxels
        assert all(n % multiple == 0 for n in found.preprocess.patch)
        assert all(n < length + multiple for n, length in zip(found.preprocess.patch, BRATS.brain_mm, strict=True))
        assert found.preprocess.patch[1] >= max(found.preprocess.patch[0], found.preprocess.patch[2])
        assert filters == [min(16 * 2**level, 64) for level in range(len(filters))]
        assert len(filters) == 2 or min(found.preprocess.patch) / multiple * 2 >= 4

    def test_voxels_and_background_follow_the_data(self) -> None:
        other = BRATS.model_copy(update={"spacing_mm": (6.0, 0.9, 0.9), "zero_share": 0.1})
        spec = planned(small(), other).preprocess
        assert spec.spacing_mm == 1.7
        assert spec.foreground_fraction == 0.05
        assert planned(small(), BRATS).preprocess.foreground_fraction == 0.0

    def test_what_cannot_be_planned_is_told(self) -> None:
        with pytest.raises(UsageError, match="patch_voxels of at least"):
            planned(small(plan={"patch_voxels": 600}, network__args={"fold": 8}), BRATS)
        with pytest.raises(UsageError, match="takes 'filters'"):
            planned(small(network={"name": "vnet"}), BRATS)
        with pytest.raises(UsageError, match=r"set preprocess\.patch too"):
            small(preprocess={"sequences": ["T1CE"], "fit": "crop"})


def test_a_fingerprint_is_taken_along_slices_rows_and_columns() -> None:
    """The case is stored sagittally: x runs upwards, y to the patient's left, z to posterior."""
    affine = np.array([[0, -2, 0, 5], [0, 0, -3, 7], [4.0, 0, 0, -9], [0, 0, 0, 1]])
    data = np.zeros((10, 20, 30), dtype=np.int16)
    data[2:8, 4:16, 6:21] = 100
    labels = np.zeros(data.shape, dtype=np.uint8)
    labels[3:5, 5:9, 7:10] = 2
    case = Case("c", "c", {Sequence.T2: Image(data, affine)}, Image(labels, affine), SCHEME)
    found = take_fingerprint([case])
    assert found.spacing_mm == (4.0, 3.0, 2.0)
    assert found.brain_mm == (6 * 4, 15 * 3, 12 * 2)
    assert found.tumour_mm == (2 * 4, 3 * 3, 4 * 2)
    assert found.tumour_ml == pytest.approx(2 * 4 * 3 * 24 / 1000, abs=1e-3)
    assert found.zero_share == pytest.approx(1 - 6 * 12 * 15 / 6000, abs=1e-3)
    with pytest.raises(InputError, match="none"):
        take_fingerprint([])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    for seed in range(1, 5):
        write_phantom(folder, PhantomSpec(seed=seed), spacing=5.0)
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainResult, list[str]]:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tumorscope.workflows.train._estimate", lambda *arguments: "not estimated")
        patch.setattr("tumorscope.figures.curves.save_curves", lambda log, folder: [])
        folder = tmp_path_factory.mktemp("planned")
        return train_recipe(small(), data, folder / "run", cache=folder / "cache", echo=said.append), said


def test_a_planned_run_prints_and_keeps_its_plan(trained: tuple[TrainResult, list[str]]) -> None:
    result, said = trained
    manifest = result.bundle.manifest
    assert any(line.startswith("fingerprint of 2 training cases: voxels of 5×5×5 mm") for line in said)
    assert any(line.startswith("plan: 5 mm voxels") for line in said)
    assert manifest.preprocess.spacing_mm == 5.0
    assert manifest.training.recipe["preprocess"]["spacing_mm"] == 5.0
    fingerprint = json.loads((result.run / "fingerprint.json").read_text())
    assert manifest.training.manifest["fingerprint"] == fingerprint
    assert fingerprint["cases"] == 2
    assert result.bundle.load_networks()[0].multiple == 2 ** len(manifest.network_args["filters"])
