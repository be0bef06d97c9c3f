"""Everything that decides the training of a picture classifier, typed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tumorscope.bundles.manifest import Outputs
from tumorscope.datasets import DATASETS
from tumorscope.networks import CLASSIFIERS
from tumorscope.recipes.sections import Network, Optimizer, Schedule, Section, Training
from tumorscope.transforms.augment import Augment
from tumorscope.transforms.prepare import Preprocess


class TypeData(Section):
    """Which pictures, and how they are divided.

    Attributes:
        dataset: Data set name; every case is one picture with a tumour type.
        unit: What the split keeps together: ``group`` (pictures that look the same), ``patient`` (or block), or
            ``release``: the public release's own parts, through which patients leak.
        fractions: Train, validation, test of ``group`` and ``patient``; of ``release`` the second is used.
        held_out: Name of a fixed test list in ``recipes/test_lists``; its patients never train or validate.
        seed: Of the split.
        outlines: Name of a data set of pictures with outlined tumours that train along; none that may show what a
            validation or test picture shows.
    """

    dataset: str
    unit: Literal["group", "patient", "release"] = "group"
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    held_out: str | None = None
    seed: int = 0
    outlines: str | None = None


class Base(Section):
    """What of the network is not trained.

    Attributes:
        frozen_stages: So many first stages, or ``all``, keep the weights they start with, running statistics included;
            what they give is computed once, which makes training several times faster.
        augmented_copies: Times that each training picture is augmented before the frozen stages see it; epochs take
            the copies in turn.
    """

    frozen_stages: Literal["all"] | Annotated[int, Field(ge=0)] = 0
    augmented_copies: int = Field(default=1, ge=1)


class TypeLoss(Section):
    """Cross-entropy (S3-09).

    Attributes:
        label_smoothing: Share of the target that is spread over all classes.
        balanced: Weigh classes by the inverse of their number of training pictures.
        attention: Weight of a second loss, of networks with an attention map: the binary cross-entropy between it and
            where the tumour is. Pictures without tumour teach it everywhere, others where they are outlined.
    """

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    balanced: bool = False
    attention: float = Field(default=0.0, ge=0)


class TypeRecipe(Section):
    """A complete recipe of a picture classifier."""

    task: Literal["classification"]
    name: str
    title: str
    limits: tuple[str, ...] = ()
    data: TypeData
    preprocess: Preprocess
    outputs: Outputs
    network: Network
    base: Base = Base()
    loss: TypeLoss = TypeLoss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    training: Training = Training(monitor="val_accuracy")
    augment: Augment = Augment()

    @model_validator(mode="after")
    def _consistent(self) -> TypeRecipe:
        for name in (self.data.dataset, *filter(None, [self.data.outlines])):
            DATASETS.check(name)
        CLASSIFIERS.check(self.network.name)
        names, spec = self.outputs.names, self.preprocess
        if self.outputs.kind != "types" or len(set(names)) < len(names) or len(names) < 2:
            raise ValueError("outputs: kind 'types' and at least two names, each once")
        if spec.patch is not None or spec.context or len(spec.sequences) != 1 or spec.slices:
            raise ValueError("preprocess: one sequence, no patch, no context, no slices: a classifier sees one picture")
        if spec.normalise == "zscore_nonzero":
            raise ValueError("preprocess.normalise: 'unit' or 'clip_minmax': a classifier sees values from 0 to 1")
        if self.training.monitor == "val_dice":
            raise ValueError("training.monitor is val_loss or val_accuracy: there is no Dice without masks")
        return self
