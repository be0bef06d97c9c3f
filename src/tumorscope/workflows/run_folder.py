"""What a run folder holds besides the training log: its recipe, and the audit of its data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import TumorscopeError, UsageError
from tumorscope.core.files import write_text
from tumorscope.datasets.base import Dataset
from tumorscope.datasets.splits import Split
from tumorscope.recipes.recipe import AnyRecipe, Recipe, read_recipe

if TYPE_CHECKING:
    from torch import Tensor

#: File with the audit of the run's data.
AUDIT = "audit.json"
#: File with the fingerprint of the training cases that a planned run began with.
PLANS = "fingerprint.json"


def audit_run(
    run: Path, cases: Sequence[Case], split: Split, dataset: Dataset, store: Path, echo: Callable[[str], None]
) -> None:
    """Audit the data of a run under its split and write the outcome into its folder; an earlier one is kept.

    Args:
        run: The run's folder.
        cases: Labelled cases, whole studies.
        split: Of several folds the first.
        dataset: Where the cases come from.
        store: Folder that keeps what was read.
        echo: Receives the verdict.
    """
    from tumorscope.audit.training import audit_for_training

    path = run / AUDIT
    if path.is_file():
        try:
            if json.loads(path.read_text(encoding="utf-8")).get("split_hash") == split.hash:
                return
        except ValueError:
            pass
    echo("auditing the data under this split")
    found = audit_for_training(cases, split, dataset, store=store, echo=echo)
    write_text(path, json.dumps(found, indent=1, ensure_ascii=False))


def claim(run: Path, recipe: AnyRecipe, main: bool) -> None:
    """Write the recipe into a new run folder, or make sure that a used one holds the same.

    Args:
        run: The run's folder.
        recipe: Of this run.
        main: Whether this process writes.

    Raises:
        UsageError: if the folder holds a run of another recipe.
    """
    path = run / "recipe.yaml"
    if path.is_file():
        try:
            there = read_recipe(path).model_dump(mode="json")
        except TumorscopeError:
            there = {}
        differing = differences(there, recipe.model_dump(mode="json"))
        if differing:
            raise UsageError(
                expected=f"a new run folder, or one that holds a run of this same recipe ({recipe.name})",
                found=f"another recipe in {path}: {differing[0]}",
                fix="Name a new folder after -o",
            )
    elif main:
        write_text(path, yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def planned_run(
    run: Path, recipe: Recipe, cases: Sequence[Case], echo: Callable[[str], None], main: bool
) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe with what it leaves to its training cases, and the facts it was derived from.

    A run that continues takes the fingerprint it began with.

    Args:
        run: The run's folder.
        recipe: Unchanged if it has no ``plan``.
        cases: Training cases.
        echo: Receives what was found and planned.
        main: Whether this process writes.
    """
    if recipe.plan is None:
        return recipe, {}
    from tumorscope.training.fingerprint import Fingerprint, take_fingerprint
    from tumorscope.training.planning import plan_lines, planned

    path = run / PLANS
    if path.is_file():
        found = Fingerprint.model_validate_json(path.read_text(encoding="utf-8"))
    else:
        found = take_fingerprint(cases)
        if main:
            write_text(path, found.model_dump_json(indent=1))
    complete = planned(recipe, found)
    for line in plan_lines(complete, found):
        echo(line)
    return complete, {"fingerprint": found.model_dump(mode="json")}


def differences(there: Any, here: Any, key: str = "") -> list[str]:
    """Return one sentence part per value that differs between two recipes."""
    if isinstance(there, dict) and isinstance(here, dict):
        keys = dict.fromkeys([*there, *here])
        return [d for k in keys for d in differences(there.get(k), here.get(k), f"{key}.{k}".lstrip("."))]
    return [] if there == here else [f"{key} is {there} there and {here} now"]


@contextmanager
def drawing_curves(folder: Path, echo: Callable[[str], None], draw: bool = True) -> Iterator[None]:
    """Draw a run's curves after the block, also when the user stops it; not where another process does."""
    from tumorscope.figures.curves import save_curves

    try:
        yield
    except KeyboardInterrupt:
        echo("stopped; the same command continues after the last finished epoch")
        raise
    finally:
        if draw and (folder / "log.csv").is_file():
            save_curves(folder / "log.csv", folder)


def initial_weights(
    init: str | Path | None, recipe: AnyRecipe, echo: Callable[[str], None]
) -> dict[str, Tensor] | None:
    """Return the weights to fine-tune from, and say what of the network starts anew.

    Raises:
        UsageError: if there is no such bundle, or most of its weights do not fit.
    """
    if init is None:
        return None
    from tumorscope.training.finetune import starting_weights

    bundle = Bundle.load(init)
    kept, anew = starting_weights(bundle, recipe)
    echo(f"starting from bundle '{bundle.name}': {len(kept)} tensors taken over")
    if anew:
        echo(f"not loaded, starting anew ({len(anew)} tensors of another shape): {', '.join(anew[:8])}")
    if bundle.manifest.preprocess != recipe.preprocess:
        differing = differences(
            bundle.manifest.preprocess.model_dump(mode="json"), recipe.preprocess.model_dump(mode="json"), "preprocess"
        )
        echo(f"the bundle was trained on other input: {'; '.join(differing)}")
    return kept


def named_weights(bundle: Bundle) -> str:
    """Say which weights a bundle holds; its folder means nothing elsewhere."""
    sums = ", ".join(digest[:12] for digest in bundle.manifest.weights_sha256.values())
    return f"bundle '{bundle.name}' {bundle.manifest.version}, SHA-256 of its weights {sums}"
