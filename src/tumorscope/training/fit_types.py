"""One training run of a picture classifier, resumable at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array
from tumorscope.recipes.type_recipe import TypeRecipe
from tumorscope.training.frozen import frozen_features
from tumorscope.training.loop import LoopResult, run_loop
from tumorscope.training.pictures import Pictures
from tumorscope.training.type_task import TypeTask


class _Items(Dataset[dict[str, Tensor]]):
    """Arrays (N, copies, …), tumours alike, and the type of each; item ``index + N · copy`` is one copy."""

    def __init__(self, arrays: Array, tumours: Array, types: Array, rows: Array | None = None) -> None:
        self.arrays, self.tumours, self.types, self.rows = arrays, tumours, types, rows

    def __len__(self) -> int:
        return len(self.types)

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        copy, index = divmod(item, len(self.types))
        at = (index, copy) if self.rows is None else int(self.rows[index])
        x, tumour = self.arrays[at].astype(np.float32), np.array(self.tumours[at])
        return {
            "x": torch.from_numpy(x),
            "type": torch.tensor(int(self.types[index])),
            "tumour": torch.from_numpy(tumour)[None],
        }


class _EveryOnce(Sampler[int]):
    """Every picture once per epoch in a new order; epochs take the augmented copies in turn."""

    def __init__(self, count: int, copies: int, seed: int, rank: int, world: int) -> None:
        self.count, self.copies, self.seed, self.rank, self.world, self.epoch = count, copies, seed, rank, world, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of ``epoch``; the trainer calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count // self.world

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(self.count)[: self.count - self.count % self.world]
        return iter((order + self.count * (self.epoch % self.copies))[self.rank :: self.world].tolist())


def fit_types(
    recipe: TypeRecipe,
    pictures: Pictures,
    train_ids: Sequence[str],
    val_ids: Sequence[str],
    run: Path,
    store: Path,
    initial: dict[str, Tensor] | None = None,
    callbacks: Sequence[Callback] = (),
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> LoopResult:
    """Train until the recipe says stop; continue ``run`` where it was interrupted, or return what it finished with.

    Args:
        recipe: What to do.
        pictures: Prepared pictures.
        train_ids: Training cases.
        val_ids: Validation cases.
        run: Folder for checkpoints and logs.
        store: Folder where features of frozen stages are kept.
        initial: Weights to start from (fine-tuning): a state dict of the network, or the part of one to be kept.
        callbacks: Run after the loop's own.
        progress: Called with (done, total, what) while frozen stages run.

    Raises:
        InputError: if a part is empty, a picture has a type that the recipe does not name, or the loss is no number.
        UsageError: if the network cannot be.
        KeyboardInterrupt: if the user stops it; the last finished epoch is kept.
    """
    parts = [pictures.indices(ids) for ids in (train_ids, val_ids)]
    truths = [type_numbers(recipe, [pictures.types[i] for i in chosen]) for chosen in parts]
    for name, chosen in zip(("training", "validation"), parts, strict=True):
        if not len(chosen):
            raise InputError(expected=f"pictures for {name}", found="none", fix="Check the split")
    seed = recipe.training.seed

    made: list[TypeTask] = []

    def make_task() -> TypeTask:
        made.append(TypeTask(recipe, weights))
        if initial is not None:
            made[0].network.load_state_dict(initial, strict=False)
        return made[0]

    def make_loaders(trainer: Trainer) -> tuple[object, object]:
        rank, world = trainer.global_rank, trainer.world_size
        sets = _sets(made[0], pictures, parts, truths, store, progress)
        copies = recipe.base.augmented_copies if made[0].frozen else 1
        sampler = _EveryOnce(len(parts[0]), copies, seed, rank, world)
        size = recipe.training.batch_size
        workers = recipe.training.workers
        train = DataLoader(sets[0], size, sampler=sampler, drop_last=len(sampler) > size, num_workers=workers)
        return train, DataLoader(sets[1], 4 * size)

    weights = _balance(truths[0], recipe.outputs.channels) if recipe.loss.balanced else None
    return run_loop(recipe.training, run, make_task, make_loaders, callbacks)


def type_numbers(recipe: TypeRecipe, types: Sequence[str]) -> Array:
    """Return the position of each type among the recipe's outputs, (N,).

    Raises:
        InputError: for a type that it does not name.
    """
    known = {name: number for number, name in enumerate(recipe.outputs.names)}
    unknown = sorted(set(types) - set(known))
    if unknown:
        raise InputError(
            expected=f"the types {', '.join(known)}", found=f"'{unknown[0]}'", fix="Add it to outputs.names"
        )
    return np.array([known[t] for t in types], dtype=np.int64)


def _sets(
    task: TypeTask,
    pictures: Pictures,
    parts: Sequence[Array],
    truths: Sequence[Array],
    store: Path,
    progress: Callable[[int, int, str], None],
) -> list[_Items]:
    recipe = task.recipe
    if not task.frozen:
        return [_Items(pictures.array, pictures.tumours, t, rows) for t, rows in zip(truths, parts, strict=True)]
    settings = (recipe.augment, recipe.base.augmented_copies), (None, 1)
    sets = []
    for chosen, truth, (augment, copies) in zip(parts, truths, settings, strict=True):
        features, tumours = frozen_features(
            task.network.eval(),
            pictures,
            chosen,
            task.frozen,
            store,
            augment=augment,
            copies=copies,
            seed=recipe.training.seed,
            progress=progress,
        )
        sets.append(_Items(features, tumours, truth))
    return sets


def _balance(truth: Array, classes: int) -> Tensor:
    counts = np.maximum(np.bincount(truth, minlength=classes), 1)
    return torch.tensor(len(truth) / (classes * counts), dtype=torch.float32)
