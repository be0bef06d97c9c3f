"""One training run of a model that repairs or makes images, resumable at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from tumorscope.core.labels import SCHEMES
from tumorscope.recipes.image_recipe import GenerativeRecipe, RestorationRecipe
from tumorscope.training.batches import TumourSampler, loader
from tumorscope.training.cache import Cache
from tumorscope.training.image_slices import ImageSlices
from tumorscope.training.loop import LoopResult, run_loop
from tumorscope.training.restore_task import RestorationTask

ImageRecipe = RestorationRecipe | GenerativeRecipe


def make_image_task(recipe: ImageRecipe) -> LightningModule:
    """Return the task of a recipe.

    Raises:
        UsageError: if its networks cannot be built.
    """
    if isinstance(recipe, RestorationRecipe):
        return RestorationTask(recipe)
    if recipe.task == "vae":
        from tumorscope.training.vae_task import VaeTask

        return VaeTask(recipe)
    if recipe.task == "gan":
        from tumorscope.training.gan_task import GanTask

        return GanTask(recipe)
    from tumorscope.training.synthesis_task import SynthesisTask

    return SynthesisTask(recipe, SCHEMES[recipe.data.scheme])


def fit_images(
    recipe: ImageRecipe,
    cache: Cache,
    train_ids: Sequence[str],
    val_ids: Sequence[str],
    run: Path,
    initial: dict[str, Tensor] | None = None,
    callbacks: Sequence[Callback] = (),
) -> LoopResult:
    """Train until the recipe says stop; continue ``run`` where it was interrupted, or return what it finished with.

    Args:
        recipe: What to do.
        cache: Preprocessed cases.
        train_ids: Training cases.
        val_ids: Validation cases.
        run: Folder for checkpoints and logs.
        initial: Weights to start from.
        callbacks: Run after the loop's own.

    Raises:
        InputError: if a part shows no brain, or the loss is no number any more.
        UsageError: if the recipe cannot be.
        KeyboardInterrupt: if the user stops it; the last finished epoch is kept.
    """

    def make_task() -> LightningModule:
        task = make_image_task(recipe)
        network = task.network
        assert isinstance(network, nn.Module)
        if initial is not None:
            network.load_state_dict(initial, strict=False)
        return task

    def make_loaders(trainer: Trainer) -> tuple[object, object]:
        train, val = image_sets(recipe, cache, train_ids, val_ids)
        data, training = recipe.data, recipe.training
        where = (trainer.global_rank, trainer.world_size)
        sampler = TumourSampler(train.foreground, data.tumour_fraction, data.samples_per_epoch, training.seed, *where)
        return loader(train, training.batch_size, sampler, training.workers), loader(val, training.batch_size, None)

    return run_loop(recipe.training, run, make_task, make_loaders, callbacks)


def image_sets(
    recipe: ImageRecipe, cache: Cache, train_ids: Sequence[str], val_ids: Sequence[str]
) -> tuple[ImageSlices, ImageSlices]:
    """Return the slices that train and those that validate."""
    through = isinstance(recipe, RestorationRecipe) and RestorationTask(recipe).degradation.plane == "through"
    data = recipe.data
    plane = "through" if through else "axial"
    return (
        ImageSlices(cache, train_ids, plane, data.least_brain),  # type: ignore[arg-type]
        ImageSlices(cache, val_ids, plane, data.least_brain, data.validation_slices),  # type: ignore[arg-type]
    )
