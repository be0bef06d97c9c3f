"""Train a picture classifier: cases → split → pictures → fit → calibration → bundle → curves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.datasets import DATASETS
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Split
from tumorscope.recipes.recipe import held_out
from tumorscope.recipes.type_recipe import TypeRecipe
from tumorscope.workflows.countdown import countdown
from tumorscope.workflows.run_folder import AUDIT, audit_run, claim, drawing_curves, initial_weights, named_weights

if TYPE_CHECKING:
    from tumorscope.training.loop import LoopResult
    from tumorscope.training.pictures import Pictures

Echo = Callable[[str], None]


def train_types(
    recipe: TypeRecipe,
    data: str | Path,
    run: Path,
    *,
    split: str | Path | None,
    init: str | Path | None,
    cache: str | Path | None,
    outlines: str | Path | None,
    echo: Echo,
) -> tuple[Bundle, float]:
    """Train a classifier and export a bundle; an interrupted run continues.

    Args:
        recipe: What to do.
        data: The data set's folder or a parent of it.
        run: Run folder.
        split: Split file; default: made from the recipe, written to ``split.json``.
        init: Bundle (name or folder) whose weights to start from.
        cache: Folder for prepared pictures; default ``<run>/cache``.
        outlines: Folder of the data set that ``data.outlines`` names.
        echo: Receives one line of progress at a time.

    Returns:
        The bundle, and the best value of the monitored quantity.

    Raises:
        UsageError: for a recipe that cannot be, or a run folder that holds another recipe's run.
        InputError: for data that cannot be used.
    """
    from tumorscope.training.fit_types import fit_types
    from tumorscope.training.pictures import prepare_pictures
    from tumorscope.training.type_task import TypeTask

    dataset: Dataset = DATASETS.load(recipe.data.dataset)
    cases = typed_cases(dataset.discover(data), data)
    further = _outlined(recipe, outlines)
    TypeTask(recipe)  # what cannot be is told before minutes of preparation
    initial = initial_weights(init, recipe, echo)
    claim(ensure_folder(run), recipe, True)
    place = Path(cache or run / "cache")
    chosen = _split(run, recipe, cases, split, place / "audit", echo)
    audit_run(run, cases, chosen, dataset, place / "audit", echo)
    count = countdown(echo)
    beside = _beside(recipe, cases, further, chosen, place / "audit", echo)
    everything = [*cases, *(_named(recipe.data.outlines, c) for c in further)]
    pictures = prepare_pictures(everything, recipe.preprocess, place, count)  # all: runs of other splits share them
    parts = [*chosen.parts["train"], *beside], chosen.parts["val"]
    echo(f"{len(parts[0])} pictures to train on, {len(parts[1])} to validate; types {', '.join(recipe.outputs.names)}")
    with drawing_curves(run, echo):
        result = fit_types(recipe, pictures, *parts, run, place, initial, progress=count)
    echo(f"best {recipe.training.monitor} {result.best_score:.4f} in epoch {result.best_epoch + 1}")
    parent = None if init is None else Bundle.load(init)
    bundle = _export(run, recipe, dataset, chosen, beside, pictures, result, parent)
    echo(f"bundle written to {bundle.folder}")
    return bundle, result.best_score


def typed_cases(cases: list[Case], data: str | Path) -> list[Case]:
    """Return the cases whose tumour type is known.

    Raises:
        InputError: if there is none.
    """
    typed = [c for c in cases if c.tumor_type is not None]
    if not typed:
        raise InputError(
            expected="pictures whose tumour type is known (data sets four_class, figshare)",
            found=f"{len(cases)} cases without one below {data}",
            fix="Point --data at such a data set",
        )
    return typed


def _outlined(recipe: TypeRecipe, folder: str | Path | None) -> list[Case]:
    """Return the pictures of the data set that ``data.outlines`` names."""
    name = recipe.data.outlines
    if (name is None) != (folder is None):
        raise UsageError(
            expected="--outlines DIR exactly where the recipe's data.outlines names a data set",
            found=f"data.outlines {name or 'null'} and {'no ' if folder is None else ''}--outlines",
            fix=f"Add --outlines with the folder of {name}" if name else "Leave it out",
        )
    if name is None or folder is None:
        return []
    return typed_cases(DATASETS.load(name).discover(folder), folder)


def _named(name: str | None, case: Case) -> Case:
    """Return a further picture under an id that tells where it is from."""
    return replace(case, id=f"{name}:{case.id}")


def _beside(
    recipe: TypeRecipe, cases: Sequence[Case], further: Sequence[Case], split: Split, store: Path, echo: Echo
) -> list[str]:
    """Return the further pictures that may train: none of a fixed test patient, none that repeats a kept-out one."""
    from tumorscope.audit.apart import apart
    from tumorscope.audit.audited import Audited
    from tumorscope.audit.scan import scan_cases

    name = recipe.data.outlines
    if name is None:
        return []
    fixed = set(held_out(recipe.data.held_out))
    allowed = [c for c in further if not c.names & fixed]
    echo(f"looking for pictures of {name} that show what validation or test pictures show")
    own, other = (
        Audited(title, "", scan_cases(found, thorough=False, store=store, progress=countdown(echo)))
        for title, found in ((recipe.data.dataset, cases), (name, further))
    )
    kept_out = [*split.parts["val"], *split.parts["test"]]
    chosen = apart(allowed, other, own, kept_out, by_patient=split.unit != "release")
    echo(f"{len(chosen)} of {len(further)} pictures of {name} train along")
    return [_named(name, c).id for c in chosen]


def _split(
    run: Path, recipe: TypeRecipe, cases: Sequence[Case], given: str | Path | None, store: Path, echo: Echo
) -> Split:
    file = run / "split.json"
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
    found = wanted or _made(recipe, cases, store, echo)
    if found.dataset != recipe.data.dataset:
        raise InputError(
            expected=f"a split of '{recipe.data.dataset}'", found=f"one of '{found.dataset}'", fix="Name another file"
        )
    fixed = set(held_out(recipe.data.held_out))
    for part in ("train", "val"):
        for case in found.pick(cases, part):
            if fixed & case.names:
                raise UsageError(
                    expected=f"no patient of the fixed test list '{recipe.data.held_out}' in part '{part}'",
                    found=case.id,
                    fix="Make another split, or set data.held_out to null",
                )
    found.save(file)
    return found


def _made(recipe: TypeRecipe, cases: Sequence[Case], store: Path, echo: Echo) -> Split:
    """Make the recipe's split."""
    from tumorscope.audit.audited import Audited
    from tumorscope.audit.groups import grouped
    from tumorscope.audit.scan import scan_cases
    from tumorscope.datasets.group_split import group_split
    from tumorscope.datasets.published_splits import release_split
    from tumorscope.datasets.splits import patient_split

    settings = recipe.data
    fixed = held_out(settings.held_out)
    if settings.unit == "release":
        return release_split(cases, settings.dataset, settings.fractions[1], settings.seed)
    if settings.unit == "patient":
        return patient_split(cases, settings.dataset, settings.fractions, settings.seed, lambda c: c.tumor_type, fixed)
    echo("looking for pictures that look the same, to keep them in one part")
    scans = scan_cases(cases, thorough=False, store=store, progress=countdown(echo))
    together = grouped(cases, Audited(settings.dataset, "", scans))
    return group_split(together, settings.dataset, settings.fractions, settings.seed, fixed)


def _export(
    run: Path,
    recipe: TypeRecipe,
    dataset: Dataset,
    split: Split,
    beside: list[str],
    pictures: Pictures,
    result: LoopResult,
    parent: Bundle | None,
) -> Bundle:
    """Calibrate on the validation pictures and write manifest and bundle."""
    from tumorscope.training.calibrate import calibrate, logits_of, novelty_of, with_surprise, with_temperature
    from tumorscope.training.callbacks import read_log
    from tumorscope.training.export import export_classifier, run_manifest
    from tumorscope.training.fit_types import type_numbers
    from tumorscope.training.type_task import build_classifier

    train, val = pictures.indices([*split.parts["train"], *beside]), pictures.indices(split.parts["val"])
    numbers = type_numbers(recipe, pictures.types)
    network = build_classifier(recipe)
    network.load_state_dict(result.state)
    chosen = calibrate(logits_of(network, pictures, val, mirrored=True), numbers[val])
    chosen = with_surprise(chosen, pictures, val, recipe.preprocess.sequences[0])
    facts: dict[str, Any] = {
        "best_epoch": [result.best_epoch + 1],
        "epochs_run": [result.epochs_run],
        recipe.training.monitor: [round(result.best_score, 5)],
        "initial_weights": "as network.args say" if parent is None else named_weights(parent),
        "pictures of data.outlines": len(beside),
        "calibration": {"temperature": chosen.temperature, **chosen.facts},
        "audit": json.loads((run / AUDIT).read_text(encoding="utf-8")),
    }
    seconds = sum(row["seconds"] for row in read_log(run / "log.csv"))
    manifest = run_manifest(recipe, seconds, **facts)
    write_text(run / "manifest.json", json.dumps(manifest, indent=1))
    hashes = sorted({h for index in (*train, *val) for h in pictures.hashes[index]})
    hashes = sorted({*hashes, *(parent.manifest.training.case_hashes if parent else ())})
    novelty = novelty_of(pictures, train, numbers[train], val)
    state = with_temperature(network, chosen.temperature)
    second = None if recipe.data.outlines is None else DATASETS.load(recipe.data.outlines)
    return export_classifier(run / "bundle", recipe, dataset, split, hashes, state, chosen, novelty, manifest, second)
