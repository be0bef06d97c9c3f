"""Everything that decides a training run, typed."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import ValidationError, model_validator

from tumorscope.bundles.manifest import Outputs
from tumorscope.core.errors import UsageError
from tumorscope.core.labels import SCHEMES
from tumorscope.core.registry import Registry
from tumorscope.datasets import DATASETS
from tumorscope.losses import LOSSES
from tumorscope.losses.weighted import LossTerm
from tumorscope.networks import NETWORKS
from tumorscope.recipes.image_recipe import GenerativeRecipe, RestorationRecipe
from tumorscope.recipes.sections import Data, Network, Optimizer, Plan, Schedule, Section, Training
from tumorscope.recipes.type_recipe import TypeRecipe
from tumorscope.transforms.augment import Augment
from tumorscope.transforms.prepare import Preprocess

RECIPES = Path(__file__).parent


_SCHEMES = Registry("label scheme", dict.fromkeys((*SCHEMES, "custom"), ""))


class Recipe(Section):
    """A complete recipe.

    Empty ``preprocess.sequences`` and ``outputs.names`` are filled in from the data when training starts.
    """

    task: Literal["segmentation"] = "segmentation"
    name: str
    title: str
    limits: tuple[str, ...] = ()
    data: Data
    plan: Plan | None = None
    preprocess: Preprocess
    outputs: Outputs
    network: Network
    loss: dict[str, LossTerm]
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    training: Training = Training()
    augment: Augment = Augment()

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        for registry, name in (
            (DATASETS, self.data.dataset),
            (_SCHEMES, self.data.scheme),
            (NETWORKS, self.network.name),
            *((LOSSES, name) for name in self.loss),
        ):
            registry.check(name)
        if not self.loss:
            raise ValueError("loss: name at least one")
        names = self.outputs.names
        if self.outputs.kind == "types":
            raise ValueError("outputs.kind 'types' needs task: classification")
        if len(set(names)) < len(names) or (self.outputs.kind == "binary" and len(names) > 1):
            raise ValueError("outputs.names: name each once, and only one for kind 'binary'")
        if self.data.unit != "patient" and (self.data.held_out or self.data.folds > 1 or self.data.stratify):
            raise ValueError("data.unit other than 'patient' goes without held_out, folds and stratify")
        if self.data.classes and self.data.scheme != "custom":
            raise ValueError("data.classes needs data.scheme 'custom'")
        if self.preprocess.patch is not None and self.augment.drop_context:
            raise ValueError("augment.drop_context is for slices: a 3D patch has no neighbouring slices to replace")
        if self.plan is not None and self.preprocess.patch is None:
            raise ValueError("plan is for networks that see volumes: set preprocess.patch too")
        if "cross_entropy" in self.loss and self.outputs.kind != "classes":
            raise ValueError("loss.cross_entropy needs outputs.kind 'classes'")
        return self


#: A recipe of any task.
AnyRecipe = Recipe | TypeRecipe | RestorationRecipe | GenerativeRecipe

#: Task → what its recipes are made of.
TASKS: dict[str, type[AnyRecipe]] = {
    "segmentation": Recipe,
    "classification": TypeRecipe,
    "denoise": RestorationRecipe,
    "reconstruct": RestorationRecipe,
    "vae": GenerativeRecipe,
    "gan": GenerativeRecipe,
    "synthesis": GenerativeRecipe,
}


def recipe_names() -> list[str]:
    """Return the names of the recipes inside the package."""
    return sorted(p.stem for p in RECIPES.glob("*.yaml"))


def held_out(name: str | None) -> list[str]:
    """Return the fixed test list called ``name`` (case or patient ids).

    Raises:
        UsageError: if there is none.
    """
    if name is None:
        return []
    path = RECIPES / "test_lists" / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise UsageError(expected="a fixed test list", found=f"'{name}'", fix=f"Use one of {known}, or null for none")
    return [str(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def load_recipe(name_or_path: str | Path, overrides: dict[str, str] | None = None) -> Recipe:
    """Read a recipe for segmentation; arguments and errors as :func:`read_recipe`.

    Raises:
        UsageError: also for a recipe of another task.
    """
    return _segmenting(read_recipe(name_or_path, overrides))


def read_recipe(name_or_path: str | Path, overrides: dict[str, str] | None = None) -> AnyRecipe:
    """Read a recipe of any task and apply dotted overrides.

    A recipe may name another as its ``base`` and state only what differs.

    Args:
        name_or_path: A shipped recipe's name or a YAML file.
        overrides: Dotted key → YAML text, e.g. ``{"optimizer.lr": "3e-4"}``.

    Raises:
        UsageError: for an unknown recipe or key (naming the nearest) or a value of the wrong type.
    """
    path = _find(name_or_path)
    content = _content(path)
    if isinstance(content.get("base"), str):
        content = _over(_content(_find(content["base"])), {k: v for k, v in content.items() if k != "base"})
    for key, text in (overrides or {}).items():
        _override(content, key, text)
    return parse_any(content, f"recipe '{path.stem}'" if path.parent == RECIPES else str(path), overrides)


def _segmenting(recipe: AnyRecipe) -> Recipe:
    if not isinstance(recipe, Recipe):
        raise UsageError(
            expected="a recipe for segmentation", found=f"'{recipe.name}', of task {recipe.task}", fix="Name another"
        )
    return recipe


def _find(name_or_path: str | Path) -> Path:
    """Return the YAML file of a recipe."""
    path = Path(name_or_path)
    if path.is_file():
        return path
    path = RECIPES / f"{name_or_path}.yaml"
    if not path.is_file():
        near = difflib.get_close_matches(str(name_or_path), recipe_names(), n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Use one of {', '.join(recipe_names())}, or a YAML file"
        raise UsageError(expected="a recipe", found=f"'{name_or_path}'", fix=hint)
    return path


def _content(path: Path) -> dict[str, Any]:
    """Read the sections of a YAML file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(
            expected="a YAML recipe", found=f"{str(error).splitlines()[0]} in {path}", fix="Correct the file"
        ) from error
    if not isinstance(content, dict):
        raise UsageError(
            expected="a YAML recipe with sections", found=f"no sections in {path}", fix="Start from a shipped recipe"
        )
    return content


def _over(base: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with what ``content`` says otherwise, section by section; ``loss`` and ``args`` replace whole."""
    merged = dict(base)
    for key, value in content.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict) and key not in ("loss", "args")
        merged[key] = _over(merged[key], value) if nested else value
    return merged


def parse_recipe(content: dict[str, Any], where: str, overrides: Mapping[str, str] | None = None) -> Recipe:
    """Validate the content of a recipe for segmentation; arguments and errors as :func:`parse_any`."""
    return _segmenting(parse_any(content, where, overrides))


def parse_any(content: dict[str, Any], where: str, overrides: Mapping[str, str] | None = None) -> AnyRecipe:
    """Validate the content of a recipe of any task.

    Args:
        content: Sections and their values.
        where: Where it comes from, for the message.
        overrides: Dotted keys already set in ``content`` and their text: the message names those it is about.

    Raises:
        UsageError: naming the first wrong key and the nearest right one.
    """
    task = content.get("task", "segmentation")
    if task not in TASKS:
        raise UsageError(expected=f"a task out of {', '.join(TASKS)}", found=f"'{task}' in {where}", fix="Correct task")
    kind = TASKS[task]
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a mistyped key before a missing one
        location = [str(part) for part in first["loc"]]
        message = first["msg"].removeprefix("Value error, ")
        blamed = _blamed(overrides or {}, ".".join(location), message)
        fix = _fix(blamed, message) if blamed else "Correct this value"
        if first["type"] == "extra_forbidden":
            message = "unknown key"
            known = _known_keys(kind, location[:-1])
            near = difflib.get_close_matches(location[-1], known, n=1)
            fix = f"Did you mean '{'.'.join([*location[:-1], *near])}'?" if near else f"Known: {', '.join(known)}"
        found = f"{'.'.join(location)}: {message}".removeprefix(": ")
        given = " ".join(f"--{key} {text}" for key, text in blamed.items())
        where = f"{where} with {given}" if given else where
        raise UsageError(expected="a valid recipe", found=f"{found} in {where}", fix=fix) from error


def _blamed(overrides: Mapping[str, str], location: str, message: str) -> dict[str, str]:
    """Return the overrides an error is about: at its location, or, for a contradiction, those its message names."""
    if location:
        near = (f"{location}.".startswith(f"{key}.") or key.startswith(f"{location}.") for key in overrides)
        return {key: text for (key, text), hit in zip(overrides.items(), near, strict=True) if hit}
    words = set(re.findall(r"\w+", message))
    return {key: text for key, text in overrides.items() if key.rpartition(".")[2] in words} or dict(overrides)


def _fix(blamed: Mapping[str, str], message: str) -> str:
    """Return what to do about overrides: set the other key of a contradiction too, or change them."""
    keys = re.findall(r"\b[a-z]\w*(?:\.[a-z]\w*)+", message)
    others = [key for key in keys if key not in blamed]
    return f"Set --{others[0]} too" if others else f"Change --{' or --'.join(blamed)}, or leave it out"


def _known_keys(kind: Any, location: list[str]) -> list[str]:
    """Return the keys of the section at ``location`` of a recipe; a loss's name stands for any of them."""
    for part in location:
        kind = kind.model_fields[part].annotation if hasattr(kind, "model_fields") else get_args(kind)[1]
    return list(kind.model_fields)


def _override(content: dict[str, Any], key: str, text: str) -> None:
    *sections, last = key.split(".")
    node = content
    for section in sections:
        node = node.setdefault(section, {})
        if not isinstance(node, dict):
            raise UsageError(expected="a dotted recipe key", found=f"'{key}'", fix="Check its spelling")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(expected=f"a value for --{key}", found=f"'{text}'", fix="Write it as in YAML") from error
    if isinstance(value, str):  # YAML 1.1 reads 3e-4 as text
        with contextlib.suppress(ValueError):
            value = float(value)
    node[last] = value
