"""What all trials of a search share: completed recipe, fixed split, cases; and whether the search can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorscope.core.case import Case
from tumorscope.core.errors import UsageError
from tumorscope.core.labels import LabelScheme
from tumorscope.datasets import DATASETS
from tumorscope.datasets.published_splits import cases_of
from tumorscope.datasets.splits import Split
from tumorscope.recipes.recipe import Recipe, parse_recipe

if TYPE_CHECKING:
    from tumorscope.training.search_space import Parameter


@dataclass(frozen=True)
class Setup:
    """What all trials share.

    Attributes:
        recipe: Completed from the data.
        scheme: Of its labels.
        split: Fixed over all trials.
        cases: Of the training and validation part.
        cache: Folder of the preprocessed cases.
        data: The data's folder.
    """

    recipe: Recipe
    scheme: LabelScheme
    split: Split
    cases: list[Case]
    cache: Path
    data: Path


def make_setup(
    base: Recipe, data: Path, folder: Path, split: str | Path | None, cache: Path, echo: Callable[[str], None]
) -> Setup:
    """Find the cases, complete the recipe and fix the split, once for all processes."""
    from filelock import FileLock

    from tumorscope.training.plan import check_split, complete_recipe, make_splits
    from tumorscope.workflows.train import labelled_cases

    if base.training.devices > 1:
        raise UsageError(
            expected="training.devices 1 in a search",
            found=f"{base.training.devices}",
            fix="Start the same command once per device: the processes share the search",
        )
    base = base.model_copy(update={"data": base.data.model_copy(update={"folds": 1})})
    found = labelled_cases(DATASETS.load(base.data.dataset).discover(data), data, echo, base.data.ignore_value)
    cases = cases_of(found, Split.load(split).unit if split else base.data.unit)
    recipe, scheme = complete_recipe(base, cases)
    place = folder / "split.json"
    with FileLock(folder / ".split-lock"):
        wanted = Split.load(split) if split else None
        fixed = Split.load(place) if place.is_file() else wanted or make_splits(recipe, cases)[0]
        if wanted is not None and wanted != fixed:
            raise UsageError(
                expected=f"the split this search began with ({fixed.hash})",
                found=f"{wanted.hash} in {split}",
                fix="Name a new folder after -o",
            )
        check_split(fixed, recipe, cases)
        if not place.is_file():
            fixed.save(place)
    parts = {name: len(ids) for name, ids in fixed.parts.items()}
    echo(
        f"every trial trains on {parts.get('train', 0)} cases and is judged on {parts.get('val', 0)}; "
        f"split by {fixed.unit_text} ({fixed.hash}); the {parts.get('test', 0)} test cases are not touched"
    )
    used = [*fixed.pick(cases, "train"), *fixed.pick(cases, "val")]
    return Setup(recipe, scheme, fixed, used, cache, data)


def check_keys(recipe: Recipe, space: list[Parameter], objective: str) -> None:
    """Make sure, before any data are read, that each parameter alone has a value this recipe takes.

    Raises:
        UsageError: for a key the recipe does not have, or values none of which can be.
    """
    for parameter in space:
        if objective == "val_loss" and parameter.key.partition(".")[0] == "loss":
            raise UsageError(
                expected="--objective val_dice where the loss itself varies",
                found=f"--param {parameter}",
                fix="Leave --objective out",
            )
        _try_values(recipe, parameter, lambda tried: None)


def check_space(setup: Setup, space: list[Parameter]) -> None:
    """Make sure, before any trial, that each parameter alone has a value the completed recipe can be built with.

    Raises:
        UsageError: for values none of which can be.
    """
    from tumorscope.training.optim import build_optimizer
    from tumorscope.training.task import SegmentationTask

    def build(tried: Recipe) -> None:
        build_optimizer(SegmentationTask(tried, setup.scheme, 1).parameters(), tried.optimizer)

    for parameter in space:
        _try_values(setup.recipe, parameter, build)


def _try_values(recipe: Recipe, parameter: Parameter, build: Callable[[Recipe], None]) -> None:
    """Raise the first error if ``build`` accepts ``recipe`` with none of the parameter's values."""
    from tumorscope.training.search_space import label, with_values

    content = recipe.model_dump(mode="json")
    first: UsageError | None = None
    for value in parameter.ends:
        try:
            build(
                parse_recipe(with_values(content, [parameter], {parameter.key: label(value)}), f"--param {parameter}")
            )
            return
        except UsageError as error:
            first = first or error
    assert first is not None, "a parameter has values"
    raise first


def trial_recipe(recipe: Recipe, space: list[Parameter], stored: Mapping[str, Any]) -> Recipe:
    """Return ``recipe`` with the drawn values.

    Args:
        recipe: That is searched.
        space: The parameters.
        stored: Key → value as the study stores it.

    Raises:
        UsageError: if it cannot be.
    """
    from tumorscope.training.search_space import with_values

    return parse_recipe(with_values(recipe.model_dump(mode="json"), space, stored), "this trial")
