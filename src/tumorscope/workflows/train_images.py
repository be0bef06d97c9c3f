"""Train a model that repairs or makes images: cases → split → cache → fit → bundle → curves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.core.labels import SCHEMES
from tumorscope.datasets import DATASETS
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Split, patient_split
from tumorscope.recipes.image_recipe import GenerativeRecipe, RestorationRecipe
from tumorscope.recipes.recipe import held_out
from tumorscope.workflows.run_folder import AUDIT, audit_run, claim, drawing_curves, initial_weights, named_weights

if TYPE_CHECKING:
    from tumorscope.training.loop import LoopResult

Echo = Callable[[str], None]


def train_images(
    recipe: RestorationRecipe | GenerativeRecipe,
    data: str | Path,
    run: Path,
    *,
    split: str | Path | None,
    init: str | Path | None,
    cache: str | Path | None,
    echo: Echo,
) -> tuple[Bundle, float]:
    """Train an image model and export a bundle; an interrupted run continues.

    Args:
        recipe: What to do.
        data: The data set's folder or a parent of it.
        run: Run folder.
        split: Split file; default: made from the recipe, written to ``split.json``.
        init: Bundle (name or folder) whose weights to start from.
        cache: Folder for preprocessed cases; default ``<run>/cache``.
        echo: Receives one line of progress at a time.

    Returns:
        The bundle, and the best value of the monitored quantity.

    Raises:
        UsageError: for a recipe that cannot be, or a run folder that holds another recipe's run.
        InputError: for data that cannot be used.
    """
    from tumorscope.training.cache import build_cache
    from tumorscope.training.finish import finished
    from tumorscope.training.fit_images import fit_images, make_image_task

    make_image_task(recipe)  # what cannot be is told before minutes of preparation
    dataset: Dataset = DATASETS.load(recipe.data.dataset)
    cases = _usable(dataset.discover(data), recipe, data)
    initial = initial_weights(init, recipe, echo)
    claim(ensure_folder(run), recipe, True)
    place = Path(cache or run / "cache")
    chosen = _split(run, recipe, cases, split)
    audit_run(run, cases, chosen, dataset, place / "audit", echo)
    parts = chosen.parts["train"], chosen.parts["val"]
    used = {*parts[0], *parts[1]}
    echo(f"{len(parts[0])} cases to train on, {len(parts[1])} to validate; preprocessing once into {place}")
    wanted = [c for c in cases if c.id in used]
    store = build_cache(wanted, recipe.preprocess, SCHEMES[recipe.data.scheme], place, _counter(echo))
    with drawing_curves(run, echo):
        result = fit_images(recipe, store, *parts, run, initial)
    echo(f"best {recipe.training.monitor} {result.best_score:.4f} in epoch {result.best_epoch + 1}")
    state = result.state
    if isinstance(recipe, GenerativeRecipe):
        state = finished(recipe, store, parts[0], state)
    parent = None if init is None else Bundle.load(init)
    hashes = sorted({h for c in store.cases.values() for h in c.hashes})
    bundle = _export(run, recipe, dataset, chosen, hashes, replace(result, state=state), parent)
    echo(f"bundle written to {bundle.folder}")
    return bundle, result.best_score


def _usable(cases: list[Case], recipe: RestorationRecipe | GenerativeRecipe, data: str | Path) -> list[Case]:
    """Return the cases that have a label map and every sequence of the recipe."""
    needed = set(recipe.preprocess.sequences)
    usable = [c for c in cases if c.label is not None and needed <= set(c.sequences)]
    if not usable:
        raise InputError(
            expected=f"cases with a label map and {', '.join(recipe.preprocess.sequences)}",
            found=f"none of {len(cases)} below {data}",
            fix="Point --data at such cases, or change preprocess.sequences",
        )
    return usable


def _split(
    run: Path, recipe: RestorationRecipe | GenerativeRecipe, cases: list[Case], given: str | Path | None
) -> Split:
    """Return the split this run began with, the one given, or a new one; written to ``split.json``."""
    from tumorscope.training.plan import check_split

    file, data = run / "split.json", recipe.data
    wanted = Split.load(given) if given else None
    if file.is_file():
        found = Split.load(file)
        if wanted and wanted != found:
            raise UsageError(
                expected=f"the split this run began with ({found.hash})",
                found=f"{wanted.hash} in {given}",
                fix="Name a new folder after -o",
            )
        return found
    found = wanted or patient_split(cases, data.dataset, data.fractions, data.seed, None, held_out(data.held_out))
    check_split(found, recipe, cases)
    found.save(file)
    return found


def _export(
    run: Path,
    recipe: RestorationRecipe | GenerativeRecipe,
    dataset: Dataset,
    split: Split,
    hashes: list[str],
    result: LoopResult,
    parent: Bundle | None,
) -> Bundle:
    """Write manifest and bundle."""
    from tumorscope.training.callbacks import read_log
    from tumorscope.training.export import run_manifest
    from tumorscope.training.export_images import export_images

    facts = {
        "best_epoch": [result.best_epoch + 1],
        "epochs_run": [result.epochs_run],
        recipe.training.monitor: [round(result.best_score, 5)],
        "initial_weights": "none" if parent is None else named_weights(parent),
        "audit": json.loads((run / AUDIT).read_text(encoding="utf-8")),
    }
    seconds = sum(row["seconds"] for row in read_log(run / "log.csv"))
    manifest = run_manifest(recipe, seconds, **facts)
    write_text(run / "manifest.json", json.dumps(manifest, indent=1))
    return export_images(run / "bundle", recipe, dataset, split, hashes, result.state, manifest, parent)


def _counter(echo: Echo) -> Callable[[int, int, str], None]:
    def tell(done: int, total: int, name: str) -> None:
        if name and done and done % 10 == 0:
            echo(f"preprocessed {done}/{total}")

    return tell
