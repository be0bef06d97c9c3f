"""Train a recipe: cases → split → cache → folds → bundle → curves."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.core.labels import LabelScheme
from tumorscope.datasets import DATASETS
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.published_splits import cases_of
from tumorscope.datasets.splits import Split
from tumorscope.recipes.recipe import AnyRecipe, Recipe, read_recipe
from tumorscope.recipes.type_recipe import TypeRecipe
from tumorscope.workflows.run_folder import (
    AUDIT,
    audit_run,
    claim,
    drawing_curves,
    initial_weights,
    named_weights,
    planned_run,
)

if TYPE_CHECKING:
    from torch import Tensor

    from tumorscope.training.cache import Cache
    from tumorscope.training.fit import FitResult

log = logging.getLogger(__name__)
Echo = Callable[[str], None]


@dataclass(frozen=True)
class TrainResult:
    """What training left behind.

    Attributes:
        run: Run folder.
        bundle: The exported bundle.
        best: Best value of the monitored quantity, one per fold.
    """

    run: Path
    bundle: Bundle
    best: list[float]


def train_recipe(
    recipe: str | Path | AnyRecipe,
    data: str | Path,
    output: str | Path,
    *,
    overrides: dict[str, str] | None = None,
    split: str | Path | None = None,
    init: str | Path | None = None,
    cache: str | Path | None = None,
    outlines: str | Path | None = None,
    echo: Echo = log.info,
) -> TrainResult:
    """Train a recipe and export a bundle; an interrupted run in ``output`` continues.

    With several devices Lightning starts this program once per further device; those processes train along, write
    nothing, and end where this function would return.

    Args:
        recipe: Name, YAML file or Recipe.
        data: The data set's folder or a parent of it.
        output: Run folder.
        overrides: Dotted key → value.
        split: Split file; default: made from the recipe, written to ``split.json``.
        init: Bundle (name or folder) whose weights to start from.
        cache: Folder for preprocessed cases; default ``<output>/cache``.
        outlines: Folder of the data set that a classifier's ``data.outlines`` names.
        echo: Receives one line of progress at a time.

    Raises:
        UsageError: for a wrong recipe, or a run folder that holds another recipe's run.
        InputError: for data that cannot be used.
    """
    from lightning.pytorch.utilities.rank_zero import rank_zero_only

    main = rank_zero_only.rank == 0
    echo = echo if main else _nothing
    plan = read_recipe(recipe, overrides) if isinstance(recipe, str | Path) else recipe
    if outlines is not None and not isinstance(plan, TypeRecipe):
        raise UsageError(
            expected="--outlines with a recipe of a classifier",
            found=f"'{plan.name}', which is none",
            fix="Leave it out",
        )
    if not isinstance(plan, Recipe):
        return _train_other(plan, data, Path(output), split, init, cache, outlines, echo)
    dataset: Dataset = DATASETS.load(plan.data.dataset)
    labelled = labelled_cases(dataset.discover(data), data, echo, plan.data.ignore_value)
    cases = cases_of(labelled, Split.load(split).unit if split else plan.data.unit)
    plan, scheme = _checked(plan, cases)
    echo(f"learning {', '.join(plan.outputs.names)} with label values of '{scheme.name}': {scheme.listing}")
    run = ensure_folder(output)
    claim(run, plan, main)
    splits = _splits(run, plan, cases, split, main)
    learned = {c for s in splits for c in s.parts["train"]}
    plan, planned = planned_run(run, plan, [c for c in cases if c.id in learned], echo, main)
    initial = initial_weights(init, plan, echo)
    place = Path(cache or run / "cache")
    if main:
        audit_run(run, labelled, splits[0], dataset, place / "audit", echo)
    store = _preprocess(cases, splits, plan, scheme, place, echo)
    if main and not (run / "manifest.json").is_file():
        echo(_estimate(plan, scheme, store, splits))
    results = _fit_folds(run, plan, scheme, store, splits, initial, echo)
    if not main:
        raise SystemExit(0)
    return _finish(run, plan, scheme, dataset, splits, store, results, init, planned, echo)


def _train_other(
    recipe: AnyRecipe,
    data: str | Path,
    run: Path,
    split: str | Path | None,
    init: str | Path | None,
    cache: str | Path | None,
    outlines: str | Path | None,
    echo: Echo,
) -> TrainResult:
    from tumorscope.workflows.train_images import train_images
    from tumorscope.workflows.train_types import train_types

    if isinstance(recipe, TypeRecipe):
        bundle, best = train_types(recipe, data, run, split=split, init=init, cache=cache, outlines=outlines, echo=echo)
    else:
        assert not isinstance(recipe, Recipe)
        bundle, best = train_images(recipe, data, run, split=split, init=init, cache=cache, echo=echo)
    return TrainResult(run, bundle, [best])


def _nothing(line: str) -> None:
    """Say nothing: the first process speaks for all."""


def labelled_cases(cases: list[Case], data: str | Path, echo: Echo, ignore: int | None = None) -> list[Case]:
    """Return the cases that have a label, ``ignore`` standing for none in it; raise InputError where none has."""
    labelled = [replace(c, ignore_value=ignore) for c in cases if c.label is not None]
    if not labelled:
        raise InputError(
            expected="labelled cases to train on",
            found=f"{len(cases)} cases without labels below {data}",
            fix="Point --data at training data; a challenge's validation folder has no labels",
        )
    if len(labelled) < len(cases):
        echo(f"{len(cases) - len(labelled)} of {len(cases)} cases have no label and are left out")
    return labelled


def _checked(recipe: Recipe, cases: list[Case]) -> tuple[Recipe, LabelScheme]:
    """Complete the recipe from the data and build it once: what cannot be is told before hours of preprocessing."""
    from tumorscope.training.plan import complete_recipe
    from tumorscope.training.task import SegmentationTask

    complete, scheme = complete_recipe(recipe, cases)
    SegmentationTask(complete, scheme, 1)
    return complete, scheme


def _preprocess(
    cases: list[Case], splits: list[Split], recipe: Recipe, scheme: LabelScheme, folder: Path, echo: Echo
) -> Cache:
    from tumorscope.training.cache import build_cache

    used = {c for s in splits for part in ("train", "val") for c in s.parts[part]}
    chosen = [c for c in cases if c.id in used]
    echo(f"{len(chosen)} cases to train and validate on; preprocessing once into {folder}")
    return build_cache(chosen, recipe.preprocess, scheme, folder, _counter(echo))


def _splits(run: Path, recipe: Recipe, cases: list[Case], given: str | Path | None, main: bool) -> list[Split]:
    """Return the run's splits: those an interrupted run began with, the one given, or new ones."""
    from tumorscope.training.plan import check_split, make_splits

    folds = recipe.data.folds
    files = [run / "split.json"] if given or folds == 1 else [run / f"split-{i}.json" for i in range(folds)]
    wanted = [Split.load(given)] if given else None
    if all(file.is_file() for file in files):
        splits = [Split.load(file) for file in files]
        if wanted and wanted != splits:
            raise UsageError(
                expected=f"the split this run began with ({splits[0].hash})",
                found=f"{wanted[0].hash} in {given}",
                fix="Name a new folder after -o",
            )
    else:
        splits = wanted or make_splits(recipe, cases)
    for split, file in zip(splits, files, strict=True):
        check_split(split, recipe, cases)
        if main and not file.is_file():
            split.save(file)
    return splits


def _fit_folds(
    run: Path,
    recipe: Recipe,
    scheme: LabelScheme,
    store: Cache,
    splits: list[Split],
    initial: dict[str, Tensor] | None,
    echo: Echo,
) -> list[FitResult]:
    from tumorscope.training.fit import fit

    results = []
    for fold, split in enumerate(splits):
        place = run if len(splits) == 1 else ensure_folder(run / f"fold-{fold}")
        with drawing_curves(place, echo, echo is not _nothing):
            result = fit(recipe, scheme, store, split.parts["train"], split.parts["val"], place, initial)
        name = "" if len(splits) == 1 else f"fold {fold + 1} of {len(splits)}: "
        echo(f"{name}best {recipe.training.monitor} {result.best_score:.4f} in epoch {result.best_epoch + 1}")
        results.append(result)
    return results


def _finish(
    run: Path,
    recipe: Recipe,
    scheme: LabelScheme,
    dataset: Dataset,
    splits: list[Split],
    store: Cache,
    results: list[FitResult],
    init: str | Path | None,
    planned: dict[str, Any],
    echo: Echo,
) -> TrainResult:
    """Write the manifest and the bundle."""
    from tumorscope.training.callbacks import read_log
    from tumorscope.training.export import export_bundle, run_manifest

    logs = sorted(run.glob("log.csv")) or sorted(run.glob("fold-*/log.csv"))
    facts = (
        planned
        | {
            "best_epoch": [r.best_epoch + 1 for r in results],
            "epochs_run": [r.epochs_run for r in results],
            recipe.training.monitor: [round(r.best_score, 5) for r in results],
            "initial_weights": "as network.args say" if init is None else named_weights(Bundle.load(init)),
            "audit": json.loads((run / AUDIT).read_text(encoding="utf-8")),
        }
        | ({"class_weights": [r.class_weights for r in results]} if results[0].class_weights else {})
    )
    manifest = run_manifest(recipe, sum(row["seconds"] for file in logs for row in read_log(file)), **facts)
    write_text(run / "manifest.json", json.dumps(manifest, indent=1))
    hashes = sorted({h for case in store.cases.values() for h in case.hashes})
    states = [r.state for r in results]
    parent = None if init is None else Bundle.load(init)
    bundle = export_bundle(run / "bundle", recipe, scheme, dataset, splits, hashes, states, manifest, parent)
    echo(f"bundle written to {bundle.folder}")
    return TrainResult(run, bundle, [r.best_score for r in results])


def _estimate(recipe: Recipe, scheme: LabelScheme, store: Cache, splits: list[Split]) -> str:
    from tumorscope.training import class_weights, estimate, feed

    recipe = class_weights.with_class_weights(recipe, scheme, store, splits[0].parts["train"])
    data = feed.make_feed(recipe, store, splits[0].parts["train"], splits[0].parts["val"])
    expected = estimate.estimate(recipe, scheme, len(data.sampler), data.val_units, data.train)
    return f"{len(splits)} run{'s' * (len(splits) > 1)}{', each' * (len(splits) > 1)}: {expected}"


def _counter(echo: Echo) -> Callable[[int, int, str], None]:
    begun = time.monotonic()

    def tell(done: int, total: int, name: str) -> None:
        if name and done and done % 10 == 0:
            left = (time.monotonic() - begun) / done * (total - done)
            echo(f"preprocessed {done}/{total}, {left:.0f} s left")

    return tell
