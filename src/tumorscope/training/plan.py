"""What a recipe means for the data at hand: its sequences, classes, scheme and splits."""

from __future__ import annotations

from collections.abc import Sequence as Cases

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.labels import SCHEMES, LabelScheme, custom_scheme
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.base import scheme_of
from tumorscope.datasets.published_splits import release_split, slice_split
from tumorscope.datasets.splits import Split, k_folds, patient_split
from tumorscope.recipes.recipe import AnyRecipe, Recipe, held_out


def complete_recipe(recipe: Recipe, cases: Cases[Case]) -> tuple[Recipe, LabelScheme]:
    """Fill in what the recipe leaves to the data, and return the scheme the model learns.

    Empty ``preprocess.sequences`` become all that occur, optional where a case lacks them; empty ``outputs.names``
    become all regions (kind ``regions``) or classes; ``data.scheme: custom`` without ``data.classes`` becomes the
    scheme of the data.

    Args:
        recipe: As written.
        cases: Labelled cases.

    Raises:
        UsageError: if an output is not a region or class of the scheme, or kind ``binary`` meets several classes.
    """
    scheme = label_scheme(recipe, cases)
    content = recipe.model_dump(mode="json")
    if scheme.name == "custom":
        content["data"]["classes"] = {label.value: label.name for label in scheme.labels}
    content["data"]["scheme"] = scheme.name
    if not recipe.preprocess.sequences:
        found = [set(case.sequences) for case in cases]
        everywhere, anywhere = set.intersection(*found), set.union(*found)
        content["preprocess"]["sequences"] = [s for s in Sequence if s in anywhere]
        content["preprocess"]["optional"] = [s for s in Sequence if s in anywhere - everywhere]
    names = recipe.outputs.names or (
        tuple(scheme.regions) if recipe.outputs.kind == "regions" else tuple(label.name for label in scheme.labels)
    )
    unknown = [n for n in names if n not in scheme.targets and n not in (label.name for label in scheme.labels)]
    if unknown or not names or (recipe.outputs.kind == "binary" and len(names) > 1):
        raise UsageError(
            expected=f"outputs.names out of {', '.join(scheme.targets)} (one of them for kind 'binary')",
            found=", ".join(unknown or names) or "none",
            fix="Correct outputs.names or outputs.kind",
        )
    content["outputs"]["names"] = names
    return Recipe.model_validate(content), scheme


def label_scheme(recipe: Recipe, cases: Cases[Case]) -> LabelScheme:
    """Return the scheme the model learns."""
    if recipe.data.scheme != "custom":
        return SCHEMES[recipe.data.scheme]
    if recipe.data.classes:
        return custom_scheme(recipe.data.classes)
    stated = next((case.scheme for case in cases if case.scheme is not None), None)
    found = stated or scheme_of(cases[0])
    assert found is not None, "the cases are labelled"
    return found


def make_splits(recipe: Recipe, cases: Cases[Case]) -> list[Split]:
    """Make the recipe's split, or its folds.

    Raises:
        InputError: if the data do not tell what the recipe wants to stratify by.
        UsageError: if there are too few patients.
    """
    settings = recipe.data
    if settings.unit == "slice":
        return [slice_split(cases, settings.dataset, settings.fractions, settings.seed)]
    if settings.unit == "release":
        return [release_split(cases, settings.dataset, settings.fractions[1], settings.seed)]
    key = settings.stratify
    if key is not None and all(getattr(case, key) is None for case in cases):
        raise InputError(expected=f"cases whose {key} is known", found="none", fix="Set data.stratify to null")
    stratify = None if key is None else lambda case: getattr(case, key)
    fixed = held_out(settings.held_out)
    if settings.folds > 1:
        return k_folds(cases, settings.dataset, settings.folds, settings.seed, stratify, fixed)
    return [patient_split(cases, settings.dataset, settings.fractions, settings.seed, stratify, fixed)]


def check_split(split: Split, recipe: AnyRecipe, cases: Cases[Case]) -> None:
    """Make sure that a split fits the data and the recipe.

    Raises:
        InputError: if cases are missing, or the split is of another data set.
        LeakError: if a patient is in two parts.
        UsageError: if a patient of the recipe's fixed test list trains or validates.
    """
    if split.dataset != recipe.data.dataset:
        raise InputError(
            expected=f"a split of '{recipe.data.dataset}'", found=f"one of '{split.dataset}'", fix="Name another file"
        )
    split.check_patients(cases)
    fixed = set(held_out(recipe.data.held_out))
    for part in ("train", "val"):
        for case in split.pick(cases, part):
            if fixed & case.names:
                raise UsageError(
                    expected=f"no patient of the fixed test list '{recipe.data.held_out}' in part '{part}'",
                    found=case.id,
                    fix="Make another split, or set data.held_out to null",
                )
