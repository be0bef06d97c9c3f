"""One training run of one split, resumable at any moment."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from tumorscope.core.errors import InputError
from tumorscope.core.labels import LabelScheme
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.batches import SliceDataset, TumourSampler, loader
from tumorscope.training.cache import Cache
from tumorscope.training.callbacks import EpochLog, Progress
from tumorscope.training.task import SegmentationTask

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """What a run leaves behind.

    Attributes:
        state: State dict of the best network (of the averaged weights, where the recipe averages).
        best_epoch: Zero-based.
        best_score: Of the monitored quantity.
        epochs_run: Including those before a resume.
    """

    state: dict[str, Tensor]
    best_epoch: int
    best_score: float
    epochs_run: int


def fit(
    recipe: Recipe,
    scheme: LabelScheme,
    cache: Cache,
    train_ids: Sequence[str],
    val_ids: Sequence[str],
    run: Path,
    initial: dict[str, Tensor] | None = None,
) -> FitResult:
    """Train until the recipe says stop; continue ``run`` where it was interrupted.

    Args:
        recipe: What to do.
        scheme: What the cached label values mean.
        cache: Preprocessed cases.
        train_ids: Training cases.
        val_ids: Validation cases.
        run: Folder for checkpoints and logs.
        initial: State dict to start from (fine-tuning).

    Raises:
        InputError: if a part holds no slice.
    """
    lightning.seed_everything(recipe.training.seed, verbose=False)
    task = SegmentationTask(recipe, scheme, len(val_ids))
    if initial is not None:
        task.network.load_state_dict(initial)
    train, val, sampler = _datasets(recipe, cache, train_ids, val_ids)
    best = _best_checkpoint(recipe, run)
    trainer = _trainer(recipe, run, best)
    if trainer.world_size > 1:
        sampler.rank, sampler.world = trainer.global_rank, trainer.world_size
    last = run / "checkpoints" / "last.ckpt"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(num_workers|configure_model|lr_scheduler.step|isinstance).*")
        trainer.fit(
            task,
            loader(train, recipe.training.batch_size, sampler),
            loader(val, 2 * recipe.training.batch_size, None),
            ckpt_path=last if last.is_file() else None,
            weights_only=False,
        )
    checkpoint = torch.load(best.best_model_path, map_location="cpu", weights_only=False)
    state = {k.removeprefix("network."): v for k, v in checkpoint["state_dict"].items() if k.startswith("network.")}
    score = float("nan") if best.best_model_score is None else float(best.best_model_score)
    return FitResult(state, int(checkpoint["epoch"]), score, trainer.current_epoch)


def _datasets(
    recipe: Recipe, cache: Cache, train_ids: Sequence[str], val_ids: Sequence[str]
) -> tuple[SliceDataset, SliceDataset, TumourSampler]:
    spec = recipe.preprocess
    train = SliceDataset(cache, train_ids, spec.context, spec.slices)
    val = SliceDataset(cache, val_ids, spec.context)
    for part, dataset in (("training", train), ("validation", val)):
        if not len(dataset):
            raise InputError(expected=f"slices for {part}", found="none", fix="Check preprocess.slices and the split")
        if not dataset.index[:, 2].any():
            raise InputError(
                expected=f"labelled voxels in {part}", found="empty label maps only", fix="Check the labels"
            )
    sampler = TumourSampler(
        train.index[:, 2], recipe.data.tumour_fraction, recipe.data.samples_per_epoch, recipe.training.seed
    )
    return train, val, sampler


def _best_checkpoint(recipe: Recipe, run: Path) -> ModelCheckpoint:
    return ModelCheckpoint(
        dirpath=run / "checkpoints",
        filename="best",
        monitor=recipe.training.monitor,
        mode=_mode(recipe),
        save_last=True,
        enable_version_counter=False,
    )


def _mode(recipe: Recipe) -> str:
    return "min" if recipe.training.monitor == "val_loss" else "max"


def _trainer(recipe: Recipe, run: Path, best: ModelCheckpoint) -> Trainer:
    settings = recipe.training
    callbacks: list[Callback] = [best, EpochLog(run / "log.csv"), Progress()]
    if settings.early_stopping is not None:
        callbacks.append(EarlyStopping(settings.monitor, patience=settings.early_stopping, mode=_mode(recipe)))
    if settings.ema:
        callbacks.insert(0, EMAWeightAveraging(decay=settings.ema))
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    return Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy="ddp" if settings.devices > 1 else "auto",
        max_epochs=settings.epochs,
        precision="bf16-mixed" if settings.precision == "bf16-mixed" else "32-true",
        gradient_clip_val=settings.clip_grad or None,
        check_val_every_n_epoch=settings.validate_every,
        deterministic=settings.deterministic,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        logger=TensorBoardLogger(run, name="tensorboard", version=""),
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
    )
