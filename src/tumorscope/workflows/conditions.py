"""What stands beside every score of a model: data, split, bundle, engine, overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Part, Split

if TYPE_CHECKING:
    from tumorscope.inference.predictor import Predictor
    from tumorscope.inference.type_predictor import TypePredictor


def conditions_of(
    dataset: Dataset,
    split: Split | None,
    part: Part,
    predictor: Predictor | TypePredictor,
    overlap: list[str],
    every: str,
) -> dict[str, Any]:
    """Return the conditions of an evaluation.

    Args:
        dataset: Where the cases are from.
        split: The split they are a part of, if any.
        part: Which part.
        predictor: The model.
        overlap: Cases that trained it.
        every: What was scored without a split.
    """
    from tumorscope import __version__

    bundle = predictor.bundle
    return {
        "dataset": dataset.name,
        "split_unit": split.unit_text if split else f"none: {every}",
        "split_hash": split.hash if split else None,
        "part": part if split else None,
        "bundle": bundle.name,
        "bundle_version": bundle.manifest.version,
        "version": __version__,
        "runtime": predictor.runtime.description,
        "test_time_augmentation": predictor.tta,
        "overlap": overlap,
    }
