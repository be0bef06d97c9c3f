"""Which cases a figure shows."""

from __future__ import annotations

import difflib
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, TumorscopeError, UsageError
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.workflows.inputs import Spacing, find_inputs

if TYPE_CHECKING:
    from tumorscope.recipes.recipe import Recipe

#: Data set → recipe whose training batch is shown, where none is named.
_RECIPES = {"brats": "brats-2d", "phantom": "brats-2d", "lgg": "lgg-flair"}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a figure's cases come from.

    Attributes:
        case: A file or folder with one case; with ``data``, the id of one of its cases.
        data: Folder of a data set.
        dataset: Its layout; found out where None.
        count: How many cases of ``data``; default up to the figure.
        seed: Decides which.
        sequence: Shown; also what a single file holds whose name cannot tell.
        spacing: Voxel size in mm along x, y, z of files that carry none.
        bundle: What predicts; where None, figures that need a prediction take the shipped bundle that fits.
        prediction: Result folder of ``predict``, or a label map, to show instead.
        recipe: Of a training batch; default one for the data set.
    """

    case: str | None = None
    data: Path | None = None
    dataset: str | None = None
    count: int | None = None
    seed: int = 0
    sequence: Sequence | None = None
    spacing: Spacing | None = None
    bundle: str | None = None
    prediction: Path | None = None
    recipe: str | None = None


@dataclass(frozen=True)
class FoundCases:
    """Cases, not read yet, and the layout they were found in ("" for a user's own files)."""

    cases: list[Case]
    dataset: str


def find_cases(source: Source) -> FoundCases:
    """Find the cases that ``source`` means, without reading voxels.

    Raises:
        UsageError: if neither case nor data is given, or count is below 1.
        InputError: if there is no such case.
    """
    if source.count is not None and source.count < 1:
        raise UsageError(expected="--count of 1 or more", found=f"{source.count}", fix="Give a positive number")
    if source.data is not None:
        found = _in_data_set(source.data, source)
        return found if source.case is None else FoundCases([_named(found.cases, source.case)], found.dataset)
    if source.case is None:
        raise UsageError(
            expected="a case to draw", found="none", fix="Give --case PATH, or --data DIR (and --case ID for one of it)"
        )
    return _at_path(Path(source.case), source)


def choose_cases(found: FoundCases, source: Source, count: int) -> list[Case]:
    """Return ``count`` of the cases: the first labelled one, or several drawn by the seed, in their order.

    Labelled cases come first; where there are fewer, all are taken.
    """
    labelled = [case for case in found.cases if case.label is not None] or found.cases
    if count == 1 or len(labelled) <= count:
        return labelled[:count]
    chosen = np.random.default_rng(source.seed).choice(len(labelled), count, replace=False)
    return [labelled[i] for i in sorted(chosen.tolist())]


def batch_recipe(source: Source, dataset: str) -> Recipe:
    """Return the recipe of a training batch.

    Raises:
        UsageError: for an unknown recipe.
    """
    from tumorscope.recipes.recipe import load_recipe

    return load_recipe(source.recipe or _RECIPES.get(dataset, "folder-2d"))


def _in_data_set(data: Path, source: Source) -> FoundCases:
    if source.dataset is not None:
        return FoundCases(DATASETS.load(source.dataset).discover(data), source.dataset)
    if not data.is_dir():
        raise InputError(expected="a folder of cases after --data", found=f"no folder at {data}", fix="Check --data")
    found = _by_layout(data, [name for name in DATASETS if name != "folder"])
    if found is not None:
        return found
    inputs = find_inputs(data, source.sequence)
    cases = [one.case for one in inputs if one.case is not None]
    if not cases:
        assert inputs[0].error is not None
        raise inputs[0].error
    return FoundCases(cases, "")


def _at_path(path: Path, source: Source) -> FoundCases:
    layouts = [source.dataset] if source.dataset else [name for name in DATASETS if name != "folder"]
    found = _by_layout(path, layouts) if path.is_dir() else None
    cases = found.cases if found else [one.case for one in find_inputs(path, source.sequence) if one.case is not None]
    if not cases:
        error = find_inputs(path, source.sequence)[0].error
        assert error is not None
        raise error
    if len(cases) > 1:
        raise InputError(
            expected=f"one case at {path}",
            found=f"{len(cases)} ({cases[0].id}, …)",
            fix=f"Give --data {path}, and --case ID to choose one",
        )
    return FoundCases(cases, found.dataset if found else "")


def _by_layout(root: Path, names: Several[str]) -> FoundCases | None:
    """Return the cases of the first public layout that ``root`` has; a fault tells that it is not that layout."""
    for name in names:
        try:
            cases = sorted(DATASETS.load(name).find(root), key=lambda case: case.id)
        except TumorscopeError:
            continue
        if cases:
            return FoundCases(cases, name)
    return None


def _named(cases: list[Case], name: str) -> Case:
    for case in cases:
        if case.id == name:
            return case
    by_alias = [case for case in cases if name in case.names]
    if by_alias:
        return by_alias[0]
    near = difflib.get_close_matches(name, [case.id for case in cases], n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"The first of {len(cases)} is '{cases[0].id}'"
    raise InputError(expected="the id of a case of --data", found=f"'{name}'", fix=hint)
