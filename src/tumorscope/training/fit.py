"""One training run of one split, resumable at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch import Callback, Trainer
from torch import Tensor

from tumorscope.core.labels import LabelScheme
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.cache import Cache
from tumorscope.training.class_weights import with_class_weights
from tumorscope.training.feed import make_feed
from tumorscope.training.loop import LoopResult, run_loop
from tumorscope.training.task import SegmentationTask


@dataclass(frozen=True)
class FitResult(LoopResult):
    """What a segmentation run leaves behind.

    Attributes:
        class_weights: Of the cross-entropy, background first, where the recipe weighs classes.
    """

    class_weights: list[float] | None = None


def fit(
    recipe: Recipe,
    scheme: LabelScheme,
    cache: Cache,
    train_ids: Sequence[str],
    val_ids: Sequence[str],
    run: Path,
    initial: dict[str, Tensor] | None = None,
    callbacks: Sequence[Callback] = (),
) -> FitResult:
    """Train until the recipe says stop; continue ``run`` where it was interrupted, or return what it finished with.

    Args:
        recipe: What to do.
        scheme: What the cached label values mean.
        cache: Preprocessed cases.
        train_ids: Training cases.
        val_ids: Validation cases.
        run: Folder for checkpoints and logs.
        initial: Weights to start from (fine-tuning): a state dict of the network, or the part of one to be kept.
        callbacks: Run after the loop's own; what they raise ends the run and reaches the caller.

    Raises:
        InputError: if a part holds nothing or no label, or the loss is no number any more.
        UsageError: if the recipe cannot be.
        KeyboardInterrupt: if the user stops it; the last finished epoch is kept.
    """
    recipe = with_class_weights(recipe, scheme, cache, train_ids)

    def make_task() -> SegmentationTask:
        task = SegmentationTask(recipe, scheme, len(val_ids))
        if initial is not None:
            task.network.load_state_dict(initial, strict=False)
        return task

    def make_loaders(trainer: Trainer) -> tuple[object, object]:
        feed = make_feed(recipe, cache, train_ids, val_ids, trainer.global_rank, trainer.world_size)
        return feed.loaders()

    found = run_loop(recipe.training, run, make_task, make_loaders, callbacks)
    weights = recipe.loss["cross_entropy"].args.get("class_weights") if "cross_entropy" in recipe.loss else None
    return FitResult(found.state, found.best_epoch, found.best_score, found.epochs_run, weights)
