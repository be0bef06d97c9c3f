"""Voxel size, patch, depth and normalisation of a 3D recipe from a fingerprint of its training cases.

The rules are those of nnU-Net (Isensee et al., Nature Methods 2021) for one isotropic resolution: the median voxel
size; a patch with the brain's proportions within a budget of voxels; as many levels as leave the deepest map at least
four voxels wide; filters that double up to a limit; a loss on every decoder level but the two coarsest.
"""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from tumorscope.core.errors import UsageError
from tumorscope.networks import NETWORKS
from tumorscope.recipes.recipe import Recipe
from tumorscope.recipes.sections import Plan
from tumorscope.training.fingerprint import Fingerprint

#: The deepest map is at least this wide (nnU-Net's choice).
_DEEPEST = 4
#: From this share of exact zeros on, the background was set to zero (nnU-Net's choice).
_CLEARED = 0.25
#: Where it was not: voxels below this fraction of the brightest are background.
_NOISE = 0.05


def planned(recipe: Recipe, found: Fingerprint) -> Recipe:
    """Return ``recipe`` with everything derived that its ``plan`` leaves to the data.

    Args:
        recipe: With a ``plan``.
        found: Of its training cases.

    Raises:
        UsageError: if the network does not take ``filters``, or the budget holds no patch.
    """
    assert recipe.plan is not None, "the recipe has a plan"
    taken = set(inspect.signature(NETWORKS.load(recipe.network.name)).parameters)
    if "filters" not in taken:
        raise UsageError(
            expected="a network whose width per level can be planned (it takes 'filters')",
            found=f"'{recipe.network.name}'",
            fix="Set plan to null, or choose segresnet or unet3d",
        )
    fold = int(recipe.network.args.get("fold", 2)) if "fold" in taken else 1
    spacing = _spacing(found)
    brain = tuple(length / spacing for length in found.brain_mm)
    patch, levels = _patch(brain, recipe.plan, fold)
    choices: dict[str, Any] = {"filters": _filters(recipe.plan, levels)}
    choices["blocks"] = [1] + [2] * (levels - 1)
    choices["guided"] = max(1, levels - 2)
    content = recipe.model_dump(mode="json")
    content["preprocess"] |= {
        "spacing_mm": spacing,
        "patch": patch,
        "normalise": "zscore_nonzero",
        "foreground_fraction": 0.0 if found.zero_share >= _CLEARED else _NOISE,
    }
    content["preprocess"].pop("size")
    content["network"]["args"] |= {key: value for key, value in choices.items() if key in taken}
    return Recipe.model_validate(content)


def plan_lines(recipe: Recipe, found: Fingerprint) -> list[str]:
    """Say what was found in the data and what follows from it, one line each."""
    spec, network = recipe.preprocess, recipe.network
    assert spec.patch is not None, "planned recipes have a patch"
    covered = " × ".join(f"{n * spec.spacing_mm:.0f}" for n in spec.patch)
    arguments = ", ".join(f"{key} {value}" for key, value in network.args.items())
    return [
        f"fingerprint of {found.cases} training cases: voxels of {_times(found.spacing_mm)} mm, brain of "
        f"{_times(found.brain_mm)} mm, {found.zero_share:.0%} zeros, tumour of {found.tumour_ml:.0f} ml",
        f"plan: {spec.spacing_mm:g} mm voxels, patches of {_times(spec.patch)} ({covered} mm), {spec.normalise} above "
        f"{spec.foreground_fraction:.0%} of the brightest; {network.name} with {arguments}",
    ]


def _times(values: tuple[float, ...]) -> str:
    return "×".join(f"{value:g}" for value in values)


def _spacing(found: Fingerprint) -> float:
    """Return the edge of the isotropic voxel with the median voxel's volume, to a twentieth of a millimetre."""
    edge = math.prod(found.spacing_mm) ** (1 / 3)
    return round(max(0.05, round(edge * 20) / 20), 2)


def _levels(patch: list[int], fold: int) -> int:
    """Return how many levels leave the deepest map wide enough."""
    return 1 + max(1, int(np.log2(max(1.0, min(patch) / fold / _DEEPEST))))


def _patch(brain: tuple[float, ...], plan: Plan, fold: int) -> tuple[list[int], int]:
    """Return the patch and the levels: begin with the whole brain, then shorten the axis that covers most of it."""
    levels = min(_levels([int(n) for n in brain], fold), plan.levels_most)
    while True:
        step = fold * 2 ** (levels - 1)
        patch = [max(step, int(np.ceil(n / step)) * step) for n in brain]
        while np.prod(patch) > plan.patch_voxels and max(patch) > step:
            shares = [p / n if p > step else 0.0 for p, n in zip(patch, brain, strict=True)]
            patch[int(np.argmax(shares))] -= step
        if _levels(patch, fold) >= levels:
            break
        levels -= 1
    if np.prod(patch) > plan.patch_voxels:
        raise UsageError(
            expected=f"plan.patch_voxels of at least {int(np.prod(patch))}",
            found=str(plan.patch_voxels),
            fix="Raise it",
        )
    return patch, levels


def _filters(plan: Plan, levels: int) -> list[int]:
    return [min(plan.filters * 2**level, plan.filters_most) for level in range(levels)]
