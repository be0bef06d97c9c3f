"""Everything that decides a training run, typed."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tumorscope.bundles.manifest import Outputs
from tumorscope.core.errors import UsageError
from tumorscope.losses.weighted import LossTerm
from tumorscope.transforms.augment import Augment
from tumorscope.transforms.prepare import Preprocess

RECIPES = Path(__file__).parent


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Section):
    """Which cases, and how they are split and sampled.

    Attributes:
        dataset: Data set name.
        scheme: Label scheme the model learns (``brats``, ``binary``, ``custom``).
        classes: For ``custom``: value → name; empty: taken from the data.
        fractions: Train, validation, test.
        stratify: ``grade``, ``site`` or nothing.
        held_out: Name of a fixed test list in ``recipes/test_lists``; its patients never train or validate.
        folds: Train this many folds and average them (1: a single run).
        seed: Of the split.
        tumour_fraction: Share of training slices that hold tumour; None takes every slice once per epoch.
        samples_per_epoch: Slices per epoch; None: as many as tumour_fraction allows without repeating tumour slices.
    """

    dataset: str
    scheme: str = "binary"
    classes: dict[int, str] = Field(default_factory=dict)
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    stratify: Literal["grade", "site"] | None = None
    held_out: str | None = None
    folds: int = Field(default=1, ge=1)
    seed: int = 0
    tumour_fraction: float | None = Field(default=None, gt=0, le=1)
    samples_per_epoch: int | None = Field(default=None, gt=0)


class Network(_Section):
    """Registry name and keyword arguments."""

    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class Optimizer(_Section):
    """Optimiser; ``args`` are its further keyword arguments (betas, momentum, …)."""

    name: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    args: dict[str, Any] = Field(default_factory=dict)


class Schedule(_Section):
    """Learning-rate schedule.

    Attributes:
        name: ``plateau`` (× ``factor`` after ``patience`` flat epochs of validation loss), ``cosine`` or ``poly`` to zero over
            all steps, ``constant``.
        warmup: Fraction of all steps with a linear rise (cosine, poly).
        factor: For plateau.
        patience: For plateau.
        power: For poly.
    """

    name: Literal["constant", "plateau", "cosine", "poly"] = "constant"
    warmup: float = Field(default=0.0, ge=0, lt=1)
    factor: float = Field(default=0.2, gt=0, lt=1)
    patience: int = Field(default=2, ge=0)
    power: float = 0.9


class Training(_Section):
    """The loop.

    Attributes:
        epochs: At most.
        batch_size: Per device.
        monitor: What chooses the best checkpoint and stops early: ``val_loss`` (lower) or ``val_dice`` (higher).
        early_stopping: Epochs without improvement before stopping; None never.
        validate_every: Epochs between validations.
        ema: Decay of the averaged weights that are validated and kept; 0 for none.
        clip_grad: Largest gradient norm; 0 for none.
        precision: ``bf16-mixed`` or ``32``.
        channels_last: Memory layout that CPUs with bf16 prefer.
        accelerator: ``auto``, ``cpu``, ``gpu``.
        devices: Number of devices (DDP when more than one).
        seed: Of weights, sampling and augmentation.
        deterministic: Deterministic algorithms only.
    """

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=16, ge=1)
    monitor: Literal["val_loss", "val_dice"] = "val_loss"
    early_stopping: int | None = Field(default=None, ge=1)
    validate_every: int = Field(default=1, ge=1)
    ema: float = Field(default=0.0, ge=0, lt=1)
    clip_grad: float = Field(default=0.0, ge=0)
    precision: Literal["bf16-mixed", "32"] = "bf16-mixed"
    channels_last: bool = True
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = Field(default=1, ge=1)
    seed: int = 0
    deterministic: bool = False


class Recipe(_Section):
    """A complete recipe."""

    name: str
    title: str
    data: Data
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
        if not self.loss:
            raise ValueError("loss: name at least one")
        if "cross_entropy" in self.loss and self.outputs.kind != "classes":
            raise ValueError("loss.cross_entropy needs outputs.kind 'classes'")
        return self


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
        raise UsageError(expected="a fixed test list", found=f"'{name}'", fix=f"Use one of the files in {path.parent}")
    return [str(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def load_recipe(name_or_path: str | Path, overrides: dict[str, str] | None = None) -> Recipe:
    """Read a recipe and apply dotted overrides.

    Args:
        name_or_path: A shipped recipe's name or a YAML file.
        overrides: Dotted key → YAML text, e.g. ``{"optimizer.lr": "3e-4"}``.

    Raises:
        UsageError: for an unknown recipe or key (naming the nearest) or a value of the wrong type.
    """
    path = Path(name_or_path)
    if not path.is_file():
        path = RECIPES / f"{name_or_path}.yaml"
    if not path.is_file():
        near = difflib.get_close_matches(str(name_or_path), recipe_names(), n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"Use one of {', '.join(recipe_names())}, or a YAML file"
        raise UsageError(expected="a recipe", found=f"'{name_or_path}'", fix=hint)
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
    for key, text in (overrides or {}).items():
        _override(content, key, text)
    return parse_recipe(content, str(path))


def parse_recipe(content: dict[str, Any], where: str) -> Recipe:
    """Validate the content of a recipe.

    Raises:
        UsageError: naming the first wrong key and the nearest right one.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        location = [str(part) for part in first["loc"]]
        message = first["msg"]
        fix = "Correct this value"
        if first["type"] == "extra_forbidden":
            message = "unknown key"
            near = difflib.get_close_matches(location[-1], _known_keys(location[:-1]), n=1)
            fix = f"Did you mean '{'.'.join([*location[:-1], near[0]])}'?" if near else "Remove it"
        raise UsageError(
            expected="a valid recipe", found=f"{'.'.join(location)}: {message} in {where}", fix=fix
        ) from error


def _known_keys(location: list[str]) -> list[str]:
    model: Any = Recipe
    for part in location:
        model = model.model_fields[part].annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return []
    return list(model.model_fields)


def _override(content: dict[str, Any], key: str, text: str) -> None:
    *sections, last = key.split(".")
    node = content
    for section in sections:
        node = node.setdefault(section, {})
        if not isinstance(node, dict):
            raise UsageError(expected="a dotted recipe key", found=f"'{key}'", fix="Check its spelling")
    value = yaml.safe_load(text)
    if isinstance(value, str):  # YAML 1.1 reads 3e-4 as text
        try:
            value = float(value)
        except ValueError:
            pass
    node[last] = value
