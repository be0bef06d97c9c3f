"""A recipe and data in, a bundle out: the whole way, on data that train in seconds."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from PIL import Image as Pillow
from safetensors.torch import load_file
from tiny_training import make_brats, tiny, write_recipe

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import InputError, LeakError, TumorscopeError, UsageError
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.hashing import case_hashes
from tumorscope.datasets.splits import Split
from tumorscope.recipes import recipe as recipes
from tumorscope.recipes.recipe import Recipe
from tumorscope.training import callbacks
from tumorscope.workflows.train import TrainResult, train_recipe


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_brats(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave estimate and curves to the few tests that look at them: they take longer than such a training."""
    if request.node.originalname != "test_ctrl_c_leaves_a_run_that_continues":
        monkeypatch.setattr("tumorscope.workflows.train._estimate", lambda *arguments: "not estimated")
        monkeypatch.setattr("tumorscope.figures.curves.save_curves", lambda log, folder: [])


LONG: dict[str, Any] = {"training__epochs": 24, "schedule": {"name": "cosine", "warmup": 0.1}, "training__ema": 0.5}


@pytest.fixture(scope="module")
def trained(data: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainResult, list[str]]:
    said: list[str] = []
    run = tmp_path_factory.mktemp("trained") / "run"
    return train_recipe(tiny(**LONG), data, run, cache=cache, echo=said.append), said


def log(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def weights(result: TrainResult) -> list[bytes]:
    return [(result.bundle.folder / m).read_bytes() for m in result.bundle.manifest.members]


def test_it_learns(trained: tuple[TrainResult, list[str]]) -> None:
    rows = log(trained[0].run)
    assert len(rows) == 24
    assert float(rows[-1]["train_loss"]) < 0.5 * float(rows[0]["train_loss"])
    assert float(rows[-1]["val_loss"]) < 0.5 * float(rows[0]["val_loss"])
    assert min(float(rows[-1][f"val_dice_{name}"]) for name in ("WT", "TC", "ET")) > 0.5


def test_every_epoch_has_its_own_row(trained: tuple[TrainResult, list[str]]) -> None:
    rows = log(trained[0].run)
    assert [row["epoch"] for row in rows] == [str(i) for i in range(24)]
    wanted = {"lr", "seconds"} | {f"{p}_{q}" for p in ("train", "val") for q in ("loss", "dice", "iou")}
    for row in rows:
        assert all(row[key] for key in wanted), row
    rates = [float(row["lr"]) for row in rows]
    assert rates[2] > rates[9] > rates[-1]  # cosine


def test_the_run_folder_holds_what_was_promised(trained: tuple[TrainResult, list[str]]) -> None:
    run = trained[0].run
    for name in ("loss.png", "dice.png", "IoU.png"):
        assert Pillow.open(run / name).size[0] > 400
    assert list(run.glob("tensorboard/events*"))
    assert {p.name for p in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert not list(run.rglob(".writing-*"))
    assert recipes.load_recipe(run / "recipe.yaml") == tiny(**LONG)


def test_the_manifest_says_what_really_ran(trained: tuple[TrainResult, list[str]]) -> None:
    manifest = json.loads((trained[0].run / "manifest.json").read_text())
    best = min(log(trained[0].run), key=lambda row: float(row["val_loss"]))
    assert manifest["augmentations"] == {"flip_lr": 0.5, "rotate_deg": 10.0, "noise": 0.05}
    assert manifest["best_epoch"] == [int(best["epoch"]) + 1]
    assert manifest["val_loss"][0] == pytest.approx(float(best["val_loss"]), abs=1e-4)
    assert manifest["epochs_run"] == [24]
    assert manifest["slices per step"] == 6
    assert manifest["torch"] == torch.__version__
    assert manifest["seconds"] == pytest.approx(sum(float(r["seconds"]) for r in log(trained[0].run)), abs=1)


def test_time_and_memory_are_told_before_the_start(trained: tuple[TrainResult, list[str]]) -> None:
    told = [line for line in trained[1] if "parameters" in line]
    assert len(told) == 1
    assert "min" in told[0]
    assert "GB" in told[0]


def test_the_bundle_is_the_best_network_and_knows_its_cases(trained: tuple[TrainResult, list[str]], data: Path) -> None:
    result = trained[0]
    bundle = Bundle.load(result.run / "bundle")
    checkpoint = torch.load(result.run / "checkpoints" / "best.ckpt", weights_only=False)["state_dict"]
    (network,) = bundle.load_networks()
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, checkpoint[f"network.{name}"], atol=1e-3, rtol=1e-3)
    split = Split.load(result.run / "split.json")
    record = bundle.manifest.training
    assert record.split["hash"] == split.hash
    cases = {c.id: c for c in DATASETS.load("brats").discover(data)}
    for part, known in (("train", True), ("val", True), ("test", False)):
        for case_id in split.parts[part]:  # type: ignore[index]
            hashes = case_hashes(cases[case_id].loaded())
            assert bool(set(hashes) & set(record.case_hashes)) == known
    assert not record.commercial
    assert bundle.manifest.scheme == "brats"
    assert split.hash in (bundle.folder / "card.md").read_text()


def test_the_same_command_again_trains_nothing_and_gives_the_same(
    trained: tuple[TrainResult, list[str]], data: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = weights(trained[0])
    monkeypatch.setattr("tumorscope.training.fit.SegmentationTask", None)
    again = train_recipe(tiny(**LONG), data, trained[0].run, cache=cache, echo=lambda line: None)
    assert weights(again) == before
    assert again.best == trained[0].best


def test_another_recipe_in_a_used_folder_is_refused(
    trained: tuple[TrainResult, list[str]], data: Path, cache: Path
) -> None:
    with pytest.raises(UsageError, match=r"optimizer\.lr is 0\.02 there and 0\.01 now"):
        train_recipe(tiny(**LONG, optimizer__lr=0.01), data, trained[0].run, cache=cache)
    assert recipes.load_recipe(trained[0].run / "recipe.yaml") == tiny(**LONG)


class Stop(BaseException):
    """Stands for a kill: nothing in the way handles it."""


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, int, BaseException], None]]:
    """Make one hook of the progress callback raise, once, in the given epoch."""

    def install(hook: str, epoch: int, error: BaseException) -> None:
        armed = [True]

        def stopping(self: Callback, trainer: Any, module: Any, *args: Any) -> None:
            if armed and trainer.current_epoch >= epoch:
                armed.clear()
                raise error

        monkeypatch.setattr(callbacks.Progress, hook, stopping)

    yield install


RESUMED: dict[str, dict[str, Any]] = {
    "plain": {"training__epochs": 4},
    "ema-cosine-bf16": {
        "training__epochs": 4,
        "training__ema": 0.8,
        "schedule": {"name": "cosine", "warmup": 0.2},
        "training__precision": "bf16-mixed",
        "data__tumour_fraction": 0.7,
        "training__monitor": "val_dice",
    },
    "plateau-stopping": {
        "training__epochs": 6,
        "schedule": {"name": "plateau", "patience": 0, "factor": 0.5},
        "optimizer": {"name": "sgd", "lr": 0.5},
        "training__early_stopping": 2,
        "network__args": {"filters": [6, 12], "dropout": 0.5},
    },
    "poly-every-second": {
        "training__epochs": 4,
        "training__validate_every": 2,
        "schedule": {"name": "poly"},
        "optimizer": {"name": "rmsprop", "lr": 0.003},
    },
}


@pytest.mark.parametrize("name", RESUMED)
def test_a_broken_run_goes_on_as_if_it_had_never_stopped(
    name: str, data: Path, cache: Path, tmp_path: Path, stop_at: Callable[..., None]
) -> None:
    """Broken off in the middle of an epoch, then after a log row and before its checkpoint: the same bits come out."""
    recipe = tiny(**RESUMED[name])
    whole = train_recipe(recipe, data, tmp_path / "whole", cache=cache)
    for hook, epoch in (("on_train_batch_end", 1), ("on_train_epoch_end", 2)):
        stop_at(hook, epoch, Stop())
        with pytest.raises(Stop):
            train_recipe(recipe, data, tmp_path / "broken", cache=cache)
    resumed = train_recipe(recipe, data, tmp_path / "broken", cache=cache)
    assert weights(resumed) == weights(whole)
    assert resumed.best == whole.best
    states = [
        torch.load(r.run / "checkpoints" / "last.ckpt", weights_only=False)["state_dict"] for r in (whole, resumed)
    ]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    for left, right in zip(log(whole.run), log(resumed.run), strict=True):
        assert {k: v for k, v in left.items() if k != "seconds"} == {k: v for k, v in right.items() if k != "seconds"}


def test_ctrl_c_leaves_a_run_that_continues(
    data: Path, cache: Path, tmp_path: Path, stop_at: Callable[..., None]
) -> None:
    said: list[str] = []
    recipe = tiny(training__epochs=3)
    stop_at("on_train_batch_end", 1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train_recipe(recipe, data, tmp_path / "run", cache=cache, echo=said.append)
    assert "the same command continues" in said[-1]
    assert (tmp_path / "run" / "loss.png").is_file()
    assert not (tmp_path / "run" / "bundle").exists()
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    resumed = train_recipe(recipe, data, moved, cache=cache)
    whole = train_recipe(recipe, data, tmp_path / "whole", cache=cache)
    assert weights(resumed) == weights(whole)


def test_early_stopping_stops_and_keeps_the_best(data: Path, cache: Path, tmp_path: Path) -> None:
    recipe = tiny(training__epochs=30, training__early_stopping=2, optimizer={"name": "sgd", "lr": 1e-9})
    result = train_recipe(recipe, data, tmp_path, cache=cache)
    rows = log(tmp_path)
    losses = [float(row["val_loss"]) for row in rows]
    best = losses.index(min(losses))
    assert len(rows) < 30
    assert len(rows) == best + 3
    assert result.best[0] == pytest.approx(min(losses), abs=1e-5)


def test_a_plateau_lowers_the_rate(data: Path, cache: Path, tmp_path: Path) -> None:
    """S4-47: with a loss that cannot fall, the rate falls after every ``patience`` + 1 epochs."""
    recipe = tiny(
        training__epochs=7,
        optimizer={"name": "sgd", "lr": 1e-6},
        schedule={"name": "plateau", "patience": 1, "factor": 0.2},
    )
    train_recipe(recipe, data, tmp_path, cache=cache)
    rates = [float(row["lr"]) for row in log(tmp_path)]
    assert rates[0] == pytest.approx(1e-6)
    assert sorted(rates, reverse=True) == rates
    assert rates[-1] < 0.3e-6


def test_a_run_that_diverges_ends_in_words(data: Path, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a finite .*Lower optimizer\.lr"):
        train_recipe(tiny(optimizer={"name": "sgd", "lr": 1e38}), data, tmp_path, cache=cache)
    assert not (tmp_path / "bundle").exists()


def test_folds_become_one_bundle_of_several_members(data: Path, cache: Path, tmp_path: Path) -> None:
    result = train_recipe(tiny(data__folds=3, training__epochs=2), data, tmp_path, cache=cache)
    assert len(result.best) == len(result.bundle.load_networks()) == 3
    assert len(set(weights(result))) == 3
    splits = [Split.load(tmp_path / f"split-{i}.json") for i in range(3)]
    assert sorted(c for s in splits for c in s.parts["val"]) == sorted(c.name for c in data.iterdir())
    assert all((tmp_path / f"fold-{i}" / "log.csv").is_file() for i in range(3))
    assert len(result.bundle.manifest.training.split["parts"]["train or val"]) == 6


def test_fine_tuning_starts_from_the_bundle(
    trained: tuple[TrainResult, list[str]], data: Path, cache: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    recipe = tiny(training__epochs=1, optimizer={"name": "sgd", "lr": 1e-9})
    result = train_recipe(recipe, data, tmp_path, init=trained[0].bundle.folder, cache=cache, echo=said.append)
    start, end = trained[0].bundle.load_networks()[0].state_dict(), result.bundle.load_networks()[0].state_dict()
    assert all(torch.allclose(start[k], end[k], atol=1e-3) for k in start)
    assert not any("starting anew" in line for line in said)
    said = json.loads((tmp_path / "manifest.json").read_text())["initial_weights"]
    (digest,) = trained[0].bundle.manifest.weights_sha256.values()
    assert trained[0].bundle.name in said and digest[:12] in said
    assert str(tmp_path.parent) not in said, "a folder means nothing elsewhere"


def test_fine_tuning_to_other_outputs_and_sequences_says_what_starts_anew(
    trained: tuple[TrainResult, list[str]], data: Path, cache: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    recipe = tiny(
        training__epochs=1,
        optimizer={"name": "sgd", "lr": 1e-9},
        outputs={"kind": "binary", "names": ["WT"]},
        preprocess__sequences=["FLAIR"],
    )
    result = train_recipe(recipe, data, tmp_path, init=trained[0].bundle.folder, cache=cache, echo=said.append)
    start, end = trained[0].bundle.load_networks()[0].state_dict(), result.bundle.load_networks()[0].state_dict()
    told = next(line for line in said if "starting anew" in line)
    assert all(name in told for name in ("down.0.0.weight", "head.bias", "head.weight"))
    assert "up.0.0.weight" not in told
    assert torch.allclose(start["up.0.0.weight"], end["up.0.0.weight"], atol=1e-3)
    assert any("preprocess.sequences" in line for line in said)


def test_fine_tuning_to_more_sequences_begins_as_the_bundle(trained: tuple[TrainResult, list[str]]) -> None:
    from tumorscope.networks.build import build_network
    from tumorscope.training.finetune import starting_weights

    bundle, recipe = trained[0].bundle, tiny(preprocess__sequences=["T1", "T1CE", "T2", "FLAIR"])
    kept, anew = starting_weights(bundle, recipe)
    assert anew == []
    network = build_network(recipe.network.name, recipe.preprocess.channels, 3, recipe.network.args).eval()
    network.load_state_dict(kept)
    x = torch.randn(2, 3, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = network(x.reshape(2, 12, 32, 32))
        torch.testing.assert_close(found, bundle.load_networks()[0](x[:, :, [1, 3]].reshape(2, 6, 32, 32)))


@pytest.mark.parametrize(
    "change",
    [{"network": {"name": "fpn", "args": {"encoder_weights": "none"}}}, {"network__args": {"filters": [7, 9]}}],
)
def test_fine_tuning_from_another_network_is_refused(
    change: dict[str, Any], trained: tuple[TrainResult, list[str]], data: Path, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="a bundle w"):
        train_recipe(tiny(**change), data, tmp_path, init=trained[0].bundle.folder, cache=cache)


def run_with_split(split: Split, data: Path, cache: Path, folder: Path, recipe: Recipe | None = None) -> TrainResult:
    folder.mkdir(exist_ok=True)
    split.save(folder / "given.json")
    plan = recipe or tiny(training__epochs=1)
    return train_recipe(plan, data, folder / "run", split=folder / "given.json", cache=cache)


def split_of(train: list[str], val: list[str], dataset: str = "brats") -> Split:
    names = [[f"BraTS20_Training_{n}" for n in part] for part in (train, val)]
    return Split(dataset=dataset, unit="patient", seed=0, parts={"train": names[0], "val": names[1], "test": []})


def test_a_given_split_is_used_and_kept(data: Path, cache: Path, tmp_path: Path) -> None:
    split = split_of(["001", "002"], ["003"])
    result = run_with_split(split, data, cache, tmp_path)
    assert result.bundle.manifest.training.split["hash"] == split.hash
    with pytest.raises(UsageError, match="the split this run began with"):
        run_with_split(split_of(["001", "004"], ["003"]), data, cache, tmp_path)


def test_splits_that_do_not_fit_are_refused(
    data: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="1 missing"):
        run_with_split(split_of(["001", "099"], ["003"]), data, cache, tmp_path / "a")
    with pytest.raises(InputError, match="a split of 'brats'"):
        run_with_split(split_of(["001"], ["003"], "lgg"), data, cache, tmp_path / "b")
    monkeypatch.setattr("tumorscope.training.plan.held_out", lambda name: ["BraTS20_Training_002"])
    with pytest.raises(UsageError, match="fixed test list"):
        run_with_split(split_of(["001", "002"], ["003"]), data, cache, tmp_path / "c")


def test_a_split_that_leaks_is_refused(data: Path, cache: Path, tmp_path: Path) -> None:
    twins = tmp_path / "twins"
    for source, name in (
        ("001", "BraTS-GLI-00001-000"),
        ("002", "BraTS-GLI-00001-001"),
        ("003", "BraTS-GLI-00002-000"),
    ):
        shutil.copytree(data / f"BraTS20_Training_{source}", twins / name)
    parts = {"train": ["BraTS-GLI-00001-000", "BraTS-GLI-00002-000"], "val": ["BraTS-GLI-00001-001"], "test": []}
    split = Split(dataset="brats", unit="patient", seed=0, parts=parts)  # type: ignore[arg-type]
    with pytest.raises(LeakError, match="BraTS-GLI-00001"):
        run_with_split(split, twins, cache, tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"preprocess__size": [33, 32]}, "multiples of 2; found 33×32"),
        ({"network__args": {"filtres": [4, 8]}}, "Did you mean 'filters'"),
        ({"loss": {"dice": {"args": {"smoth": 1}}}}, "arguments of loss 'dice'"),
        ({"optimizer__args": {"momentun": 0.9}}, "arguments of optimizer 'adamw'"),
        ({"outputs__names": ["WT", "XX"]}, "found XX"),
        ({"data__held_out": "nobody"}, "a fixed test list"),
        ({"data__stratify": "grade"}, "whose grade is known"),
        ({"preprocess__sequences": ["T1CE", "T2"]}, "BraTS20_Training_00"),
    ],
)
def test_recipes_that_cannot_run_are_refused_before_training(
    change: dict[str, Any], message: str, data: Path, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(TumorscopeError, match=message):
        train_recipe(tiny(**change), data, tmp_path, cache=cache)
    assert not (tmp_path / "checkpoints").exists()


def test_data_without_labels_are_refused(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "data")
    for path in (tmp_path / "data").rglob("*_seg.nii"):
        path.unlink()
    with pytest.raises(InputError, match="6 cases without labels"):
        train_recipe(tiny(), tmp_path / "data", tmp_path / "run")


def test_unlabelled_cases_are_left_out_and_counted(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "data")
    (tmp_path / "data" / "BraTS20_Training_006" / "BraTS20_Training_006_seg.nii").unlink()
    said: list[str] = []
    train_recipe(tiny(training__epochs=1), tmp_path / "data", tmp_path / "run", echo=said.append)
    assert "1 of 6 cases have no label" in said[0]


def test_empty_labels_are_refused(data: Path, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="labelled voxels in training"):
        train_recipe(tiny(preprocess__slices=[0, 1]), data, tmp_path, cache=cache)
    with pytest.raises(InputError, match="for training"):
        train_recipe(tiny(preprocess__slices=[60, 135]), data, tmp_path / "b", cache=cache)


def test_a_recipe_file_and_overrides(data: Path, cache: Path, tmp_path: Path) -> None:
    path = write_recipe(tmp_path / "mine.yaml")
    overrides = {"training.epochs": "1", "optimizer.lr": "3e-4", "network.args.filters": "[4, 8]"}
    result = train_recipe(path, data, tmp_path / "run", overrides=overrides, cache=cache)
    record = result.bundle.manifest.training.recipe
    assert (record["training"]["epochs"], record["optimizer"]["lr"]) == (1, 3e-4)
    assert load_file(result.bundle.folder / "weights.safetensors")["down.0.0.weight"].shape[0] == 4


def test_exclusive_classes_train_too(data: Path, cache: Path, tmp_path: Path) -> None:
    recipe = tiny(
        training__epochs=1,
        outputs={"kind": "classes", "names": ["NCR/NET", "ED", "ET"]},
        loss={"cross_entropy": {"args": {"class_weights": [1, 2, 2, 2]}}, "dice": {}},
    )
    result = train_recipe(recipe, data, tmp_path, cache=cache)
    assert "val_dice_NCR/NET" in log(tmp_path)[0]
    assert result.bundle.manifest.outputs.channels == 4


def test_the_fixed_list_never_trains(data: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorscope.training.plan.held_out", lambda name: ["BraTS20_Training_002"])
    train_recipe(tiny(training__epochs=1), data, tmp_path, cache=cache)
    assert Split.load(tmp_path / "split.json").parts["test"] == ["BraTS20_Training_002"]


def test_sequences_and_classes_left_to_the_data(data: Path, cache: Path, tmp_path: Path) -> None:
    recipe = tiny(
        training__epochs=1, preprocess__sequences=[], data__scheme="custom", outputs={"kind": "regions", "names": []}
    )
    manifest = train_recipe(recipe, data, tmp_path, cache=cache).bundle.manifest
    assert manifest.preprocess.sequences == (Sequence.T1CE, Sequence.FLAIR)
    assert manifest.outputs.names == ("WT", "TC", "ET")
    assert manifest.scheme == "brats"
