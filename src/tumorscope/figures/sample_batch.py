"""One batch exactly as a recipe's training would draw it."""

from __future__ import annotations

from collections.abc import Sequence as Cases
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.figures.batch import Batch

if TYPE_CHECKING:
    from tumorscope.recipes.recipe import Recipe


def training_batch(cases: Cases[Case], recipe: Recipe, folder: Path, seed: int | None = None) -> Batch:
    """Return the first training batch of ``cases``: sampled, preprocessed and augmented by the recipe.

    Args:
        cases: Labelled cases.
        recipe: As written; what it leaves open is filled in from the cases.
        folder: For the preprocessed cache.
        seed: Of sampling and augmentation; default the recipe's.

    Raises:
        InputError: if a case has no label or lacks a sequence, or no slice is left.
    """
    import torch

    from tumorscope.training.batches import SliceDataset, TumourSampler, loader, target_table
    from tumorscope.training.cache import build_cache
    from tumorscope.training.plan import complete_recipe
    from tumorscope.transforms.augment import augment_batch

    recipe, scheme = complete_recipe(recipe, cases)
    spec, data = recipe.preprocess, recipe.data
    cache = build_cache(cases, spec, scheme, folder)
    slices = SliceDataset(cache, [case.id for case in cases], spec.context, spec.slices)
    if not len(slices):
        raise InputError(expected="slices to train on", found="none", fix="Check preprocess.slices of the recipe")
    number = recipe.training.seed if seed is None else seed
    sampler = TumourSampler(slices.foreground, data.tumour_fraction, None, number)
    drawn = next(iter(loader(slices, recipe.training.batch_size, sampler)))
    optional = tuple(i for i, s in enumerate(spec.sequences) if s in spec.optional)
    targets = target_table(recipe.outputs, scheme)[drawn["label"].long()].movedim(-1, 1)
    rng = torch.Generator().manual_seed(number)
    images, targets = augment_batch(drawn["image"], targets, recipe.augment, rng, len(spec.sequences), optional)
    return Batch(
        images=images.numpy(),
        targets=targets.numpy(),
        sequences=spec.sequences,
        names=recipe.outputs.names,
        scheme=scheme,
        case_ids=tuple(slices.case_ids[int(i)] for i in drawn["case"]),
        augmentations=recipe.augment.active(),
    )
