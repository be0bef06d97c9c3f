"""From a finished run to a bundle."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightning
import monai
import numpy as np
import torch
from torch import Tensor

from tumorscope.bundles.bundle import Bundle, save_bundle
from tumorscope.bundles.card import render_card
from tumorscope.bundles.manifest import Classify, Manifest, TrainingRecord, licence_after
from tumorscope.core.labels import LabelScheme
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Split
from tumorscope.inference.novelty import Novelty
from tumorscope.recipes.recipe import AnyRecipe, Recipe
from tumorscope.recipes.type_recipe import TypeRecipe
from tumorscope.training.calibrate import Calibration


def run_manifest(recipe: AnyRecipe, seconds: float, **facts: Any) -> dict[str, Any]:
    """Return what really ran: versions, hardware, time, batch, precision, augmentations.

    Args:
        recipe: As run.
        seconds: Of all epochs, those before a resume included.
        facts: What else there is to say.
    """
    settings = recipe.training
    on_gpu = settings.accelerator != "cpu" and torch.cuda.is_available()
    return {
        "tumorscope": _version(),
        "torch": torch.__version__,
        "lightning": lightning.__version__,
        "monai": monai.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": f"{os.cpu_count()} cores {platform.machine()}, {torch.get_num_threads()} threads",
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "devices": settings.devices,
        f"{'patches' if recipe.preprocess.patch else 'slices'} per step": settings.batch_size * settings.devices,
        "precision": settings.precision,
        "seed": settings.seed,
        "deterministic": settings.deterministic,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds),
        "augmentations": recipe.augment.active(),
        **facts,
    }


def _version() -> str:
    from tumorscope import __version__

    return str(__version__)


def export_bundle(
    folder: Path,
    recipe: Recipe,
    scheme: LabelScheme,
    dataset: Dataset,
    splits: list[Split],
    case_hashes: list[str],
    states: list[dict[str, Tensor]],
    manifest: dict[str, Any],
    parent: Bundle | None = None,
) -> Bundle:
    """Write the bundle of a run.

    What the parent was trained on stays with its weights: its licence, its ban on commercial use, its case hashes.

    Args:
        folder: Where.
        recipe: As run.
        scheme: Label scheme of the outputs.
        dataset: Where the cases came from.
        splits: One per member.
        case_hashes: Of every case that trained or validated any member.
        states: State dict per member.
        manifest: What :func:`run_manifest` returned.
        parent: The bundle that training started from.
    """
    before = parent.manifest.training if parent else None
    custom = {label.value: label.name for label in scheme.labels} if scheme.name == "custom" else {}
    content = Manifest(
        **_of_recipe(recipe),
        scheme=scheme.name,
        classes=custom,
        training=TrainingRecord(
            dataset=dataset.name,
            licence=licence_after(dataset.licence, before),
            commercial=dataset.commercial and (before is None or before.commercial),
            case_hashes=sorted({*case_hashes, *(before.case_hashes if before else ())}),
            split=splits[0].model_dump(mode="json") if len(splits) == 1 else _folds(splits),
            recipe=recipe.model_dump(mode="json"),
            manifest=manifest,
        ),
    )
    return save_bundle(folder, content, states, render_card(content))


#: File of a classifier's bundle that tells foreign pictures.
NOVELTY = "novelty.safetensors"


def export_classifier(
    folder: Path,
    recipe: TypeRecipe,
    dataset: Dataset,
    split: Split,
    case_hashes: list[str],
    state: dict[str, Tensor],
    calibration: Calibration,
    novelty: Novelty,
    manifest: dict[str, Any],
    beside: Dataset | None = None,
) -> Bundle:
    """Write the bundle of a classifier's run.

    Args:
        folder: Where.
        recipe: As run.
        dataset: Where the pictures came from.
        split: Of the run.
        case_hashes: Of every picture that trained or validated it.
        state: State dict with the temperature in it.
        calibration: What was chosen on the validation pictures.
        novelty: What the training pictures look like.
        manifest: What :func:`run_manifest` returned.
        beside: Data set whose outlined pictures trained along.
    """
    sources = [dataset] if beside is None else [dataset, beside]
    chosen = Classify(
        temperature=(calibration.temperature,),
        abstain_below=calibration.abstain_below,
        origin=f"chosen on the {calibration.facts['validation pictures']:g} validation pictures",
        novelty=NOVELTY,
        most_surprise=calibration.most_surprise,
    )
    content = Manifest(
        **_of_recipe(recipe),
        scheme="types",
        classify=chosen,
        tta=True,
        training=TrainingRecord(
            dataset=dataset.name,
            licence="; ".join(f"{s.name}: {s.licence}" for s in sources) if beside else dataset.licence,
            commercial=all(s.commercial for s in sources),
            case_hashes=case_hashes,
            split=split.model_dump(mode="json"),
            recipe=recipe.model_dump(mode="json"),
            manifest=manifest,
        ),
    )
    return save_bundle(folder, content, [state], render_card(content), {NOVELTY: novelty.save})


def _of_recipe(recipe: Recipe | TypeRecipe) -> dict[str, Any]:
    """Return the fields of a manifest that a recipe decides."""
    return {
        "name": recipe.name,
        "version": _version(),
        "title": recipe.title,
        "limits": list(recipe.limits),
        "network": recipe.network.name,
        "network_args": recipe.network.args,
        "preprocess": recipe.preprocess,
        "outputs": recipe.outputs,
    }


def _folds(splits: list[Split]) -> dict[str, Any]:
    first = splits[0]
    together = sorted({c for s in splits for part in ("train", "val") for c in s.parts[part]})
    parts = {"train or val": together, "test": first.parts["test"]}
    return {
        "dataset": first.dataset,
        "unit": first.unit,
        "seed": first.seed,
        "hash": "+".join(s.hash for s in splits),
        "parts": parts,
    }
