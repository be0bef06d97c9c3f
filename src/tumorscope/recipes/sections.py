"""The sections of a recipe."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Section(BaseModel):
    """Typed values; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Data(Section):
    """Which cases, and how they are split and sampled.

    Attributes:
        dataset: Data set name.
        scheme: Label scheme the model learns (``brats``, ``binary``, ``custom``).
        classes: For ``custom``: value → name; empty: taken from the data.
        unit: What the split keeps together: ``patient`` (or its block, where patient ids are missing); ``slice`` and
            ``release`` (the public release's own parts) are the papers' protocols, through which patients leak.
        fractions: Train, validation, test.
        stratify: ``grade``, ``site``, ``tumor_type`` or nothing.
        held_out: Name of a fixed test list in ``recipes/test_lists``; its patients never train or validate.
        folds: Train this many folds and average them (1: a single run).
        seed: Of the split.
        tumour_fraction: Share of training slices that hold tumour (S4-35); None takes every slice once per epoch.
            Of 3D patches: the share centred on tumour; None: patches lie anywhere.
        samples_per_epoch: Slices per epoch; None: as many as tumour_fraction allows without repeating tumour slices.
        ignore_value: Label value of pixels that nobody labelled: they count neither in the loss nor in the scores of
            training and validation.
            Of 3D patches None means two per training case.
    """

    dataset: str
    scheme: str = "binary"
    classes: dict[int, str] = Field(default_factory=dict)
    unit: Literal["patient", "slice", "release"] = "patient"
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    stratify: Literal["grade", "site", "tumor_type"] | None = None
    held_out: str | None = None
    folds: int = Field(default=1, ge=1)
    seed: int = 0
    tumour_fraction: float | None = Field(default=None, gt=0, le=1)
    samples_per_epoch: int | None = Field(default=None, gt=0)
    ignore_value: int | None = Field(default=None, ge=1, le=255)


class Network(Section):
    """Registry name and keyword arguments."""

    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class Plan(Section):
    """What a 3D recipe leaves to its training cases: voxel size, patch, levels, widths and normalisation.

    They are derived when training begins (:mod:`tumorscope.training.planning`) and replace what the recipe says.

    Attributes:
        patch_voxels: Voxels of a patch, at most: the budget of memory and time.
        filters: Width of the first level; each further one has twice as many.
        filters_most: Width of no level is larger.
        levels_most: Levels, at most.
    """

    patch_voxels: int = Field(default=2_100_000, ge=512)
    filters: int = Field(default=32, ge=1)
    filters_most: int = Field(default=320, ge=1)
    levels_most: int = Field(default=6, ge=2)


class Optimizer(Section):
    """Optimiser; ``args`` are its further keyword arguments (betas, momentum, …)."""

    name: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    args: dict[str, Any] = Field(default_factory=dict)


class Schedule(Section):
    """Learning-rate schedule.

    Attributes:
        name: ``plateau`` (× ``factor`` when what it watches stays flat for more than ``patience`` validations),
            ``cosine`` or ``poly`` to zero over all steps, ``constant``.
        watch: For plateau: ``val_loss`` or ``val_accuracy``.
        warmup: Fraction of all steps with a linear rise (cosine, poly).
        factor: For plateau.
        patience: For plateau.
        power: For poly.
    """

    name: Literal["constant", "plateau", "cosine", "poly"] = "constant"
    watch: Literal["val_loss", "val_accuracy"] = "val_loss"
    warmup: float = Field(default=0.0, ge=0, lt=1)
    factor: float = Field(default=0.2, gt=0, lt=1)
    patience: int = Field(default=2, ge=0)
    power: float = Field(default=0.9, gt=0)


class Training(Section):
    """The loop.

    Attributes:
        epochs: At most.
        batch_size: Per device.
        monitor: What chooses the best checkpoint and stops early: ``val_loss`` (lower), ``val_dice`` or
            ``val_accuracy`` (higher).
        keep: ``best``, by ``monitor``, or ``last``: the weights at the end, where a small validation part would choose
            by chance.
        early_stopping: Validations without improvement before stopping; None never.
        validate_every: Epochs between validations.
        ema: Decay of the averaged weights that are validated and kept; 0 for none.
        clip_grad: Largest gradient norm; 0 for none.
        precision: ``bf16-mixed`` or ``32``.
        channels_last: Memory layout that CPUs with bf16 prefer.
        accelerator: ``auto``, ``cpu``, ``gpu``.
        devices: Number of devices (DDP when more than one).
        workers: Processes that read samples ahead: 0 where a CPU trains (it would wait for itself), a few for a GPU.
        seed: Of weights, sampling and augmentation.
        deterministic: Deterministic algorithms only (on a GPU: with a warning where there is none).
    """

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=16, ge=1)
    monitor: Literal["val_loss", "val_dice", "val_accuracy"] = "val_loss"
    keep: Literal["best", "last"] = "best"
    early_stopping: int | None = Field(default=None, ge=1)
    validate_every: int = Field(default=1, ge=1)
    ema: float = Field(default=0.0, ge=0, lt=1)
    clip_grad: float = Field(default=0.0, ge=0)
    precision: Annotated[Literal["bf16-mixed", "32"], BeforeValidator(str)] = "bf16-mixed"
    channels_last: bool = True
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: int = Field(default=1, ge=1)
    workers: int = Field(default=0, ge=0)
    seed: int = 0
    deterministic: bool = False

    @model_validator(mode="after")
    def _validates(self) -> Training:
        if self.validate_every > self.epochs:
            raise ValueError("training.validate_every is more than training.epochs: nothing would be validated")
        return self
