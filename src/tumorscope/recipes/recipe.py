"""Everything that decides a training run, typed."""

from __future__ import annotations

import contextlib
import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tumorscope.bundles.manifest import Outputs
from tumorscope.core.errors import UsageError
from tumorscope.core.labels import SCHEMES
from tumorscope.core.registry import Registry
from tumorscope.datasets import DATASETS
from tumorscope.losses import LOSSES
from tumorscope.losses.weighted import LossTerm
from tumorscope.networks import NETWORKS
from tumorscope.transforms.augment import Augment
from tumorscope.transforms.prepare import Preprocess

RECIPES = Path(__file__).parent


_SCHEMES = Registry("label scheme", dict.fromkeys((*SCHEMES, "custom"), ""))


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Data(_Section):
    """Which cases, and how they are split and sampled.

    Attributes:
        dataset: Data set name.
        scheme: Label scheme the model learns (``brats``, ``binary``, ``custom``).
        classes: For ``custom``: value → name; empty: taken from the data.
        unit: What the split keeps together: ``patient`` (or its block, where patient ids are missing); ``slice`` and
            ``release`` (the public release's own parts) are the papers' protocols, through which patients leak.
        fractions: Train, validation, test.
        stratify: ``grade``, ``site`` or nothing.
        held_out: Name of a fixed test list in ``recipes/test_lists``; its patients never train or validate.
        folds: Train this many folds and average them (1: a single run).
        seed: Of the split.
        tumour_fraction: Share of training slices that hold tumour (S4-35); None takes every slice once per epoch.
        samples_per_epoch: Slices per epoch; None: as many as tumour_fraction allows without repeating tumour slices.
    """

    dataset: str
    scheme: str = "binary"
    classes: dict[int, str] = Field(default_factory=dict)
    unit: Literal["patient", "slice", "release"] = "patient"
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
        name: ``plateau`` (× ``factor`` when the validation loss stays flat for more than ``patience`` validations),
            ``cosine`` or ``poly`` to zero over all steps, ``constant``.
        warmup: Fraction of all steps with a linear rise (cosine, poly).
        factor: For plateau.
        patience: For plateau.
        power: For poly.
    """

    name: Literal["constant", "plateau", "cosine", "poly"] = "constant"
    warmup: float = Field(default=0.0, ge=0, lt=1)
    factor: float = Field(default=0.2, gt=0, lt=1)
    patience: int = Field(default=2, ge=0)
    power: float = Field(default=0.9, gt=0)


class Training(_Section):
    """The loop.

    Attributes:
        epochs: At most.
        batch_size: Per device.
        monitor: What chooses the best checkpoint and stops early: ``val_loss`` (lower) or ``val_dice`` (higher).
        early_stopping: Validations without improvement before stopping; None never.
        validate_every: Epochs between validations.
        ema: Decay of the averaged weights that are validated and kept; 0 for none.
        clip_grad: Largest gradient norm; 0 for none.
        precision: ``bf16-mixed`` or ``32``.
        channels_last: Memory layout that CPUs with bf16 prefer.
        accelerator: ``auto``, ``cpu``, ``gpu``.
        devices: Number of devices (DDP when more than one).
        seed: Of weights, sampling and augmentation.
        deterministic: Deterministic algorithms only (on a GPU: with a warning where there is none).
    """

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=16, ge=1)
    monitor: Literal["val_loss", "val_dice"] = "val_loss"
    early_stopping: int | None = Field(default=None, ge=1)
    validate_every: int = Field(default=1, ge=1)
    ema: float = Field(default=0.0, ge=0, lt=1)
    clip_grad: float = Field(default=0.0, ge=0)
    precision: Annotated[Literal["bf16-mixed", "32"], BeforeValidator(str)] = "bf16-mixed"
    channels_last: bool = True
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = Field(default=1, ge=1)
    seed: int = 0
    deterministic: bool = False


class Recipe(_Section):
    """A complete recipe.

    Empty ``preprocess.sequences`` and ``outputs.names`` are filled in from the data when training starts.
    """

    name: str
    title: str
    limits: tuple[str, ...] = ()
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
        if len(set(names)) < len(names) or (self.outputs.kind == "binary" and len(names) > 1):
            raise ValueError("outputs.names: name each once, and only one for kind 'binary'")
        if self.data.unit != "patient" and (self.data.held_out or self.data.folds > 1 or self.data.stratify):
            raise ValueError("data.unit other than 'patient' goes without held_out, folds and stratify")
        if self.data.classes and self.data.scheme != "custom":
            raise ValueError("data.classes needs data.scheme 'custom'")
        if self.training.validate_every > self.training.epochs:
            raise ValueError("training.validate_every is more than training.epochs: nothing would be validated")
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
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise UsageError(expected="a fixed test list", found=f"'{name}'", fix=f"Use one of {known}, or null for none")
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

    Args:
        content: Sections and their values.
        where: Where it comes from, for the message.

    Raises:
        UsageError: naming the first wrong key and the nearest right one.
    """
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")  # a mistyped key before a missing one
        location = [str(part) for part in first["loc"]]
        message = first["msg"].removeprefix("Value error, ")
        fix = "Correct this value"
        if first["type"] == "extra_forbidden":
            message = "unknown key"
            known = _known_keys(location[:-1])
            near = difflib.get_close_matches(location[-1], known, n=1)
            fix = f"Did you mean '{'.'.join([*location[:-1], *near])}'?" if near else f"Known: {', '.join(known)}"
        found = f"{'.'.join(location)}: {message}".removeprefix(": ")
        raise UsageError(expected="a valid recipe", found=f"{found} in {where}", fix=fix) from error


def _known_keys(location: list[str]) -> list[str]:
    """Return the keys of the section at ``location``; a loss's name stands for any of them."""
    kind: Any = Recipe
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
