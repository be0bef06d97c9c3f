"""Train a recipe: cases → split → cache → folds → bundle → curves."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.core.labels import SCHEMES, LabelScheme, custom_scheme
from tumorscope.datasets import DATASETS
from tumorscope.datasets.base import Dataset, scheme_of
from tumorscope.datasets.splits import Split, k_folds, patient_split
from tumorscope.recipes.recipe import Recipe, held_out, load_recipe

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
    recipe: str | Path | Recipe,
    data: str | Path,
    output: str | Path,
    *,
    overrides: dict[str, str] | None = None,
    split: str | Path | None = None,
    init: str | Path | None = None,
    cache: str | Path | None = None,
    echo: Echo = log.info,
) -> TrainResult:
    """Train a recipe and export a bundle; an interrupted run in ``output`` continues.

    Args:
        recipe: Name, YAML file or Recipe.
        data: The data set's folder or a parent of it.
        output: Run folder.
        overrides: Dotted key → value.
        split: Split file; default: made from the recipe, written to ``split.json``.
        init: Bundle (name or folder) whose weights to start from.
        cache: Folder for preprocessed cases; default ``<output>/cache``.
        echo: Receives one line of progress at a time.

    Raises:
        UsageError: for a wrong recipe, or a run folder that holds another recipe's run.
        InputError: for data that cannot be used.
    """
    plan = recipe if isinstance(recipe, Recipe) else load_recipe(recipe, overrides)
    run = ensure_folder(output)
    _claim(run, plan)
    dataset: Dataset = DATASETS.load(plan.data.dataset)
    cases = _labelled(dataset, data)
    scheme = label_scheme(plan, cases)
    splits = [Split.load(split)] if split else make_splits(plan, cases)
    for fold, one in enumerate(splits):
        one.save(run / ("split.json" if len(splits) == 1 else f"split-{fold}.json"))
    used = {c for s in splits for part in ("train", "val") for c in s.parts[part]}
    store = _preprocess([c for c in cases if c.id in used], plan, scheme, Path(cache or run / "cache"), echo)
    echo(_estimate(plan, scheme, store, splits))
    begun = time.monotonic()
    results = _fit_folds(plan, scheme, store, splits, run, _initial(init, plan), echo)
    facts = {
        "best_epoch": [r.best_epoch + 1 for r in results],
        "epochs_run": [r.epochs_run for r in results],
        plan.training.monitor: [round(r.best_score, 5) for r in results],
        "initial_weights": str(init) if init else "as network.args say",
    }
    bundle = _export(plan, scheme, dataset, splits, store, results, run, time.monotonic() - begun, facts)
    _draw_curves(run, len(splits))
    echo(f"bundle written to {bundle.folder}")
    return TrainResult(run, bundle, [r.best_score for r in results])


def _labelled(dataset: Dataset, data: str | Path) -> list[Case]:
    cases = [c for c in dataset.discover(data) if c.label is not None]
    if not cases:
        raise InputError(
            expected="labelled cases to train on", found=f"none below {data}", fix="Point --data at training data"
        )
    return cases


def _preprocess(cases: list[Case], recipe: Recipe, scheme: LabelScheme, folder: Path, echo: Echo) -> Cache:
    from tumorscope.training.cache import build_cache

    echo(f"{len(cases)} cases to train and validate on; preprocessing once into {folder}")
    return build_cache(cases, recipe.preprocess, scheme, folder, _counter(echo))


def _fit_folds(
    recipe: Recipe,
    scheme: LabelScheme,
    store: Cache,
    splits: list[Split],
    run: Path,
    initial: dict[str, Tensor] | None,
    echo: Echo,
) -> list[FitResult]:
    from tumorscope.training.fit import fit

    results = []
    for fold, split in enumerate(splits):
        place = run if len(splits) == 1 else ensure_folder(run / f"fold-{fold}")
        best = fit(recipe, scheme, store, split.parts["train"], split.parts["val"], place, initial)
        echo(f"fold {fold}: best {recipe.training.monitor} {best.best_score:.4f} in epoch {best.best_epoch + 1}")
        results.append(best)
    return results


def _export(
    recipe: Recipe,
    scheme: LabelScheme,
    dataset: Dataset,
    splits: list[Split],
    store: Cache,
    results: list[FitResult],
    run: Path,
    seconds: float,
    facts: dict[str, Any],
) -> Bundle:
    from tumorscope.training.export import export_bundle, run_manifest

    manifest = run_manifest(recipe, seconds, **facts)
    write_text(run / "manifest.json", json.dumps(manifest, indent=1))
    hashes = [h for case in store.cases.values() for h in case.hashes]
    states = [r.state for r in results]
    return export_bundle(run / "bundle", recipe, scheme, dataset, splits, hashes, states, manifest)


def _claim(run: Path, recipe: Recipe) -> None:
    """Write the recipe into a new run folder, or make sure that a used one holds the same."""
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    path = run / "recipe.yaml"
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise UsageError(
            expected=f"a new run folder, or one that holds an interrupted run of this same recipe ({recipe.name})",
            found=f"another recipe in {path}",
            fix="Name a new folder after -o",
        )
    write_text(path, text)


def label_scheme(recipe: Recipe, cases: list[Case]) -> LabelScheme:
    """Return the scheme the model learns.

    Raises:
        UsageError: if an output is not a region or class of it.
    """
    if recipe.data.scheme != "custom":
        scheme = SCHEMES[recipe.data.scheme]
    elif recipe.data.classes:
        scheme = custom_scheme(recipe.data.classes)
    else:
        found = scheme_of(cases[0])
        assert found is not None
        scheme = found
    unknown = [n for n in recipe.outputs.names if n not in (*scheme.targets, *(x.name for x in scheme.labels))]
    if unknown:
        raise UsageError(
            expected=f"outputs.names out of {', '.join(scheme.targets)}",
            found=", ".join(unknown),
            fix="Correct outputs.names",
        )
    return scheme


def make_splits(recipe: Recipe, cases: list[Case]) -> list[Split]:
    """Make the recipe's split, or its folds."""
    settings = recipe.data
    stratify = None if settings.stratify is None else lambda case: getattr(case, str(settings.stratify))
    fixed = held_out(settings.held_out)
    if settings.folds > 1:
        return k_folds(cases, settings.dataset, settings.folds, settings.seed, stratify, fixed)
    return [patient_split(cases, settings.dataset, settings.fractions, settings.seed, stratify, fixed)]


def _estimate(recipe: Recipe, scheme: LabelScheme, store: Cache, splits: list[Split]) -> str:
    from tumorscope.training.batches import SliceDataset
    from tumorscope.training.estimate import estimate

    spec = recipe.preprocess
    train = SliceDataset(store, splits[0].parts["train"], spec.context, spec.slices)
    tumour = int((train.index[:, 2] > 0).sum())
    per_epoch = len(train) if recipe.data.tumour_fraction is None else round(tumour / recipe.data.tumour_fraction)
    val = len(SliceDataset(store, splits[0].parts["val"], spec.context))
    return f"{len(splits)} run(s), each: {estimate(recipe, scheme, recipe.data.samples_per_epoch or per_epoch, val)}"


def _initial(init: str | Path | None, recipe: Recipe) -> dict[str, Tensor] | None:
    """Return the weights to fine-tune from.

    Raises:
        UsageError: if that bundle's network is another one.
    """
    if init is None:
        return None
    bundle = Bundle.load(init)
    m = bundle.manifest
    if (m.network, m.preprocess.channels, m.outputs.channels) != (
        recipe.network.name,
        recipe.preprocess.channels,
        recipe.outputs.channels,
    ):
        raise UsageError(
            expected=f"a bundle with network {recipe.network.name}, {recipe.preprocess.channels} channels in, "
            f"{recipe.outputs.channels} out",
            found=f"{m.network}, {m.preprocess.channels} in, {m.outputs.channels} out in '{init}'",
            fix="Fine-tune with that bundle's recipe",
        )
    return dict(bundle.load_networks()[0].state_dict())


def _counter(echo: Echo) -> Callable[[int, int, str], None]:
    begun = time.monotonic()

    def tell(done: int, total: int, name: str) -> None:
        if name and done and done % 10 == 0:
            left = (time.monotonic() - begun) / done * (total - done)
            echo(f"preprocessed {done}/{total}, {left:.0f} s left")

    return tell


def _draw_curves(run: Path, folds: int) -> None:
    from tumorscope.figures.curves import save_curves

    for folder in [run] if folds == 1 else [run / f"fold-{i}" for i in range(folds)]:
        save_curves(folder / "log.csv", folder)
