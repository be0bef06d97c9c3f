"""From a finished run of an image model to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from tumorscope.bundles.bundle import Bundle, save_bundle
from tumorscope.bundles.card import render_card
from tumorscope.bundles.manifest import ImageModel, Manifest, Outputs, TrainingRecord, licence_after
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Split
from tumorscope.recipes.image_recipe import GenerativeRecipe, RestorationRecipe


def export_images(
    folder: Path,
    recipe: RestorationRecipe | GenerativeRecipe,
    dataset: Dataset,
    split: Split,
    case_hashes: list[str],
    state: dict[str, Tensor],
    manifest: dict[str, Any],
    parent: Bundle | None = None,
) -> Bundle:
    """Write the bundle of a run.

    Args:
        folder: Where.
        recipe: As run.
        dataset: Where the cases came from.
        split: Of the run.
        case_hashes: Of every case that trained or validated it.
        state: State dict of the network.
        manifest: What :func:`~tumorscope.training.export.run_manifest` returned.
        parent: The bundle that training started from; its licence and case hashes stay with its weights.
    """
    from tumorscope import __version__

    restores = isinstance(recipe, RestorationRecipe)
    inputs, outputs = recipe.network_channels
    before = parent.manifest.training if parent else None
    model = ImageModel(
        task=recipe.task,
        in_channels=inputs,
        out_channels=outputs,
        degradation=recipe.degradation.model_dump() if isinstance(recipe, RestorationRecipe) else {},
        condition=() if isinstance(recipe, RestorationRecipe) else recipe.condition,
    )
    licence = dataset.licence
    content = Manifest(
        name=recipe.name,
        version=str(__version__),
        title=recipe.title,
        limits=list(recipe.limits),
        network=recipe.network.name,
        network_args=recipe.network.args,
        preprocess=recipe.preprocess,
        outputs=Outputs(kind="image", names=("magnitude",) if restores else recipe.preprocess.sequences),
        scheme="image",
        image=model,
        training=TrainingRecord(
            dataset=dataset.name,
            licence=licence_after(licence, before),
            commercial=dataset.commercial and (before is None or before.commercial),
            case_hashes=sorted({*case_hashes, *(before.case_hashes if before else ())}),
            split=split.model_dump(mode="json"),
            recipe=recipe.model_dump(mode="json"),
            manifest=manifest,
        ),
    )
    return save_bundle(folder, content, [state], render_card(content))
