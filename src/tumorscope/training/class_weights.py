"""Class weights from the pixels a network trains on (class imbalance: S2-05, S2-28)."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from tumorscope.core.labels import LabelScheme
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.batches import target_table
from tumorscope.training.cache import IGNORED, Cache

log = logging.getLogger(__name__)
_TERM = "cross_entropy"


def balanced_weights(recipe: Recipe, scheme: LabelScheme, cache: Cache, case_ids: Sequence[str]) -> dict[str, float]:
    """Return the weight of every class, background first: pixels / (classes · pixels of the class).

    So every class has the same share in the loss. A class that does not occur weighs 1. Pixels outside
    ``preprocess.slices`` and pixels without a label are not counted.

    Args:
        recipe: With outputs of kind ``classes``.
        scheme: What the cached values mean.
        cache: Preprocessed cases.
        case_ids: Training cases.
    """
    counts = np.zeros(256, dtype=np.int64)
    for case_id in case_ids:
        labels = cache.labels(case_id)
        window = recipe.preprocess.slices or (0, len(labels))
        counts += np.bincount(labels[slice(*window)].ravel(), minlength=256)
    if recipe.data.ignore_value is not None:
        counts[IGNORED] = 0
    pixels = counts @ target_table(recipe.outputs, scheme).numpy().astype(np.int64)
    weights = [float(pixels.sum() / (len(pixels) * n)) if n else 1.0 for n in pixels]
    return dict(zip(("background", *recipe.outputs.names), weights, strict=True))


def with_class_weights(recipe: Recipe, scheme: LabelScheme, cache: Cache, case_ids: Sequence[str]) -> Recipe:
    """Return the recipe with ``class_weights: balanced`` of its cross-entropy replaced by numbers."""
    term = recipe.loss.get(_TERM)
    if term is None or term.args.get("class_weights") != "balanced":
        return recipe
    weights = balanced_weights(recipe, scheme, cache, case_ids)
    log.info("balanced class weights: %s", ", ".join(f"{name} {weight:.4g}" for name, weight in weights.items()))
    found = term.model_copy(update={"args": term.args | {"class_weights": list(weights.values())}})
    return recipe.model_copy(update={"loss": recipe.loss | {_TERM: found}})
