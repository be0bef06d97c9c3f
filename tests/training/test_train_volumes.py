"""3D from end to end: phantoms train a small 3D U-Net whose bundle predicts, is scored, and refuses pictures."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from lightning.pytorch import Callback
from test_batches import make_cache
from tiny_training import make_brats, tiny

from predict_cases import picture
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.labels import BRATS
from tumorscope.datasets.phantom import PhantomSpec, write_phantom
from tumorscope.recipes.recipe import Recipe, load_recipe
from tumorscope.training import callbacks
from tumorscope.training.estimate import estimate
from tumorscope.training.feed import make_feed
from tumorscope.training.patches import PatchDataset
from tumorscope.training.volumes import VolumeDataset
from tumorscope.workflows.evaluate import evaluate
from tumorscope.workflows.predict import predict_inputs
from tumorscope.workflows.train import TrainResult, train_recipe

VOLUMES: dict[str, Any] = {
    "data": {"dataset": "phantom", "scheme": "brats", "fractions": [0.5, 0.25, 0.25], "samples_per_epoch": 8},
    "preprocess": {"sequences": ["T1CE", "FLAIR"], "patch": [16, 24, 16], "fit": "crop", "spacing_mm": 6.0},
    "network": {"name": "unet3d", "args": {"filters": [8, 16], "norm": "instance"}},
    "training__epochs": 6,
    "training__batch_size": 2,
    "training__validate_every": 3,
    "training__monitor": "val_dice",
    "augment": {"flip_lr": 0.5, "rotate_deg": 10, "noise": 0.05},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    for seed in range(1, 5):
        write_phantom(folder, PhantomSpec(seed=seed), spacing=5.0)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path_factory.getbasetemp() / "converted"))
    monkeypatch.setattr("tumorscope.workflows.train._estimate", lambda *arguments: "not estimated")
    monkeypatch.setattr("tumorscope.figures.curves.save_curves", lambda log, folder: [])
    yield


def small_volumes(**changes: Any) -> Recipe:
    return tiny(**copy.deepcopy({**VOLUMES, **changes}))


@pytest.fixture(scope="module")
def trained(data: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tumorscope.workflows.train._estimate", lambda *arguments: "not estimated")
        patch.setattr("tumorscope.figures.curves.save_curves", lambda log, folder: [])
        return train_recipe(small_volumes(), data, tmp_path_factory.mktemp("trained") / "run", cache=cache)


def log(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_it_learns(trained: TrainResult) -> None:
    rows = log(trained.run)
    assert float(rows[-1]["train_loss"]) < 0.75 * float(rows[0]["train_loss"])
    assert float(rows[-1]["val_loss"]) < float(rows[2]["val_loss"])
    assert float(rows[-1]["val_dice_WT"]) > 0.5
    assert [bool(row["val_dice"]) for row in rows] == [False, False, True] * 2


def test_the_bundle_says_that_it_sees_volumes(trained: TrainResult) -> None:
    manifest = json.loads((trained.run / "manifest.json").read_text())
    assert manifest["patches per step"] == 2
    assert manifest["augmentations"] == {"flip_lr": 0.5, "rotate_deg": 10.0, "noise": 0.05}
    assert "volumes at 6 mm in windows of 16×24×16 voxels" in (trained.bundle.folder / "card.md").read_text()


@pytest.mark.parametrize(("runtime", "tta"), [("openvino", False), ("torch", True)])
def test_a_prediction_lies_in_the_grid_of_the_input(
    trained: TrainResult, data: Path, tmp_path: Path, runtime: str, tta: bool
) -> None:
    case = data / "Phantom_001"
    summary = predict_inputs([case], tmp_path, bundle=trained.bundle, runtime=runtime, tta=tta)
    assert [row.status for row in summary.cases] == ["ok"], summary.cases[0].error
    found = nib.load(tmp_path / "Phantom_001" / "segmentation.nii.gz")
    given = nib.load(case / "Phantom_001_flair.nii.gz")
    truth = np.asarray(nib.load(case / "Phantom_001_seg.nii.gz").dataobj) > 0
    assert found.shape == given.shape
    np.testing.assert_array_equal(found.affine, given.affine)
    mask = np.asarray(found.dataobj) > 0
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.4


def test_it_is_scored_like_any_bundle(trained: TrainResult, data: Path) -> None:
    scored = evaluate(
        bundle=trained.bundle.folder, dataset="phantom", data=data, split=trained.run / "split.json", runtime="torch"
    )
    assert scored


def test_a_picture_is_refused_in_one_sentence(trained: TrainResult, tmp_path: Path) -> None:
    both = trained.bundle.manifest.preprocess.model_copy(update={"optional": ("T1CE",)})
    bundle = type(trained.bundle)(
        trained.bundle.folder, trained.bundle.manifest.model_copy(update={"preprocess": both})
    )
    shown = picture(tmp_path / "a.png")
    summary = predict_inputs([shown], tmp_path / "out", bundle=bundle, sequence="FLAIR", runtime="torch")
    assert summary.exit_code == 2
    assert "single slice" in summary.cases[0].error
    assert "choose a bundle for slices" in summary.cases[0].error


class Stop(BaseException):
    """Stands for a kill: nothing in the way handles it."""


def test_a_broken_run_goes_on_as_if_it_had_never_stopped(
    data: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small_volumes(training__epochs=3, training__validate_every=1, training__ema=0.8)
    whole = train_recipe(recipe, data, tmp_path / "whole", cache=cache)
    armed = [True]

    def stopping(self: Callback, trainer: Any, *args: Any) -> None:
        if armed and trainer.current_epoch == 1:
            armed.clear()
            raise Stop

    monkeypatch.setattr(callbacks.Progress, "on_train_batch_end", stopping)
    with pytest.raises(Stop):
        train_recipe(recipe, data, tmp_path / "broken", cache=cache)
    resumed = train_recipe(recipe, data, tmp_path / "broken", cache=cache)
    assert resumed.best == whole.best
    for member in whole.bundle.manifest.members:
        assert (resumed.bundle.folder / member).read_bytes() == (whole.bundle.folder / member).read_bytes()


def test_slices_of_a_volume_train_no_3d_network(data: Path, tmp_path: Path) -> None:
    wrong = small_volumes(preprocess={"sequences": ["FLAIR"], "size": [32, 32], "fit": "crop"})
    with pytest.raises(UsageError, match=r"Set preprocess\.patch to \[64, 64, 64\]"):
        train_recipe(wrong, data, tmp_path)


def test_what_slices_only_can_do_is_refused() -> None:
    with pytest.raises(UsageError, match="drop_context is for slices"):
        small_volumes(augment={"drop_context": 0.1})


class TestFeed:
    def test_patches_train_and_whole_volumes_validate(self, tmp_path: Path) -> None:
        recipe = small_volumes(preprocess__patch=[4, 4, 4], data__samples_per_epoch=5)
        feed = make_feed(recipe, make_cache(tmp_path), ["case0"], ["case1", "case0"])
        assert isinstance(feed.train, PatchDataset)
        assert isinstance(feed.val, VolumeDataset)
        train, val = feed.loaders()
        assert [tuple(b["image"].shape) for b in train] == [(2, 2, 4, 4, 4)] * 2  # one left over does not train
        assert [(tuple(b["image"].shape), b["case"].item()) for b in val] == [
            ((1, 2, 4, 8, 6), 0),
            ((1, 2, 6, 8, 6), 1),
        ]
        assert feed.val_units == 1 * 3 * 2 + 2 * 3 * 2

    def test_two_patches_per_case_unless_told(self, tmp_path: Path) -> None:
        recipe = small_volumes(data={"dataset": "phantom", "scheme": "brats"})
        assert len(make_feed(recipe, make_cache(tmp_path), ["case0", "case1"], ["case0"]).sampler) == 4

    def test_processes_share_patches_and_volumes(self, tmp_path: Path) -> None:
        cache, ids = make_cache(tmp_path), ["case0", "case1"]
        feeds = [make_feed(small_volumes(), cache, ids, ids, rank, 2) for rank in range(2)]
        assert sorted(i for f in feeds for i in f.sampler) == list(range(8))
        assert [int(f.val[0]["case"]) for f in feeds] == [0, 1]
        feeds[0].sampler.set_epoch(3)
        assert isinstance(feeds[0].train, PatchDataset)
        assert feeds[0].train.epoch == 3

    def test_without_labels_it_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="labelled voxels in training"):
            make_feed(small_volumes(), make_cache(tmp_path, labelled=False), ["case0"], ["case1"])

    def test_every_case_is_drawn_equally_often(self, tmp_path: Path) -> None:
        dataset = PatchDataset(make_cache(tmp_path, (6, 4, 5)), ["case0", "case1", "case2"], (3, 3, 3), 24, 0.5)
        drawn = np.bincount([int(dataset[i]["case"]) for i in range(24)])
        assert drawn.tolist() == [8, 8, 8]

    def test_a_small_volume_is_padded_on_both_sides(self, tmp_path: Path) -> None:
        item = PatchDataset(make_cache(tmp_path), ["case1"], (8, 8, 6), 1, 0.0)[0]
        assert [bool(plane.any()) for plane in item["image"][1]] == [False] * 2 + [True] * 4 + [False] * 2


def test_time_is_told_for_volumes_too() -> None:
    few, many = (estimate(small_volumes(), BRATS, samples, 3) for samples in (20, 20_000))
    assert many.seconds > 5 * few.seconds


@pytest.mark.parametrize("name", ["unet3d", "unet3d-2mm", "vnet"])
def test_shipped_recipes_take_their_own_patch(name: str) -> None:
    from tumorscope.networks import NETWORKS

    recipe = load_recipe(name)
    assert NETWORKS.load(recipe.network.name).spatial_dims == 3
    assert recipe.preprocess.patch is not None
    assert all(n % 16 == 0 for n in recipe.preprocess.patch)


def test_brats_volumes_of_few_slices_train(tmp_path: Path) -> None:
    """Six slices of 32×32: thinner than the patch, so padded."""
    data = make_brats(tmp_path / "data")
    recipe = small_volumes(
        data={"dataset": "brats", "scheme": "brats", "fractions": [0.5, 0.34, 0.16], "samples_per_epoch": 4},
        preprocess__spacing_mm=1.0,
        training__epochs=1,
        training__validate_every=1,
    )
    assert 0 <= train_recipe(recipe, data, tmp_path / "run").best[0] <= 1
