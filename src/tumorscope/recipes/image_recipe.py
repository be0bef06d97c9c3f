"""Everything that decides the training of a model that repairs or makes images, typed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from tumorscope.datasets import DATASETS
from tumorscope.networks import GENERATORS, RESTORERS
from tumorscope.recipes.sections import Network, Optimizer, Schedule, Section, Training
from tumorscope.transforms.augment import Augment
from tumorscope.transforms.degrade import DEGRADATIONS
from tumorscope.transforms.prepare import Preprocess


class ImageData(Section):
    """Which slices, and how their patients are divided.

    Attributes:
        dataset: Data set name; cases need a label map (it is stored with the slices).
        scheme: Label scheme of the stored label maps.
        fractions: Train, validation, test.
        held_out: Name of a fixed test list in ``recipes/test_lists``; its patients never train or validate.
        seed: Of the split.
        least_brain: Slices with a smaller share of non-zero pixels are left out.
        tumour_fraction: Share of training slices that hold tumour; None takes every slice once per epoch.
        samples_per_epoch: Slices per epoch; None: all.
        validation_slices: At most so many slices, evenly spread, validate.
    """

    dataset: str
    scheme: str = "brats"
    fractions: tuple[float, float, float] = (0.85, 0.15, 0.0)
    held_out: str | None = None
    seed: int = 0
    least_brain: float = Field(default=0.1, ge=0, lt=1)
    tumour_fraction: float | None = Field(default=None, gt=0, le=1)
    samples_per_epoch: int | None = Field(default=None, gt=0)
    validation_slices: int = Field(default=200, ge=1)


class Spoil(Section):
    """Registry name of a degradation and its keyword arguments."""

    name: str
    args: dict[str, Any] = Field(default_factory=dict)


class View(Section):
    """What of a slice is seen in training.

    Attributes:
        crop: Height and width of the part that is cut out at random.
        whole: Probability that a batch shows whole slices instead, shrunk to the height of ``crop``: the network then
            also knows coarser pixels.
    """

    crop: tuple[int, int] = (128, 128)
    whole: float = Field(default=0.5, ge=0, le=1)


class RestorationRecipe(Section):
    """A complete recipe of a network that repairs images of any sequence, one at a time.

    The loss is the mean absolute error; pixels outside the brain weigh ``background``.
    """

    task: Literal["denoise", "reconstruct"]
    name: str
    title: str
    limits: tuple[str, ...] = ()
    data: ImageData
    preprocess: Preprocess
    degradation: Spoil
    network: Network
    view: View = View()
    background: float = Field(default=0.1, ge=0, le=1)
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    training: Training = Training()
    augment: Augment = Augment(flip_lr=0.5)

    @model_validator(mode="after")
    def _consistent(self) -> RestorationRecipe:
        DATASETS.check(self.data.dataset)
        RESTORERS.check(self.network.name)
        DEGRADATIONS.check(self.degradation.name)
        _image_like(self.preprocess, self.training)
        if set(self.augment.active()) - {"flip_lr", "flip_ud"}:
            raise ValueError("augment: flips only; anything else would change what is to be restored")
        return self

    @property
    def network_channels(self) -> tuple[int, int]:
        """Channels of the network's input and output."""
        channels: int = DEGRADATIONS.load(self.degradation.name).network_channels
        return channels, channels


class ImageLoss(Section):
    """Weights of the losses; those that a task has no use for stay 0.

    Attributes:
        l1: Mean absolute error of the reconstruction (vae, synthesis).
        ssim: 1 - SSIM of the reconstruction (vae).
        background: Weight of pixels outside the brain in both (vae).
        kl: Divergence of the latent from the standard normal, per latent number.
        adversarial: Of the critic's verdict (synthesis; for gan it is everything).
        form: ``hinge`` or ``non_saturating``.
        r1: Gradient penalty of the critic on real images (Mescheder et al., ICML 2018), every 8th step.
        feature: Match of the critic's features of real and made images (synthesis).
    """

    l1: float = Field(default=0.0, ge=0)
    ssim: float = Field(default=0.0, ge=0)
    background: float = Field(default=1.0, ge=0, le=1)
    kl: float = Field(default=0.0, ge=0)
    adversarial: float = Field(default=0.0, ge=0)
    form: Literal["hinge", "non_saturating"] = "hinge"
    r1: float = Field(default=0.0, ge=0)
    feature: float = Field(default=0.0, ge=0)


class Critic(Section):
    """The network that tells made from real images.

    Attributes:
        filters: Width per level, finest first; each level of a network of its own halves the size.
        encoder: See the images only through this frozen ImageNet encoder (Sauer et al., NeurIPS 2021); ``filters`` are
            then the widths at its last resolutions. None: a network of its own.
        lr: Its learning rate.
        augment: Whether real and made images are augmented alike before it sees them (Zhao et al., NeurIPS 2020).
        patch: Judge patches (synthesis) instead of whole images.
        spectral: Bound its layers by their spectral norm; otherwise give ``loss.r1``.
    """

    filters: tuple[int, ...] = (32, 64, 96, 128, 192)
    encoder: str | None = None
    lr: float = Field(default=2e-4, gt=0)
    augment: bool = True
    patch: bool = False
    spectral: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Critic:
        if self.encoder is not None and (self.patch or self.spectral or not 1 <= len(self.filters) <= 5):
            raise ValueError("critic.encoder: with one to five filters, and without patch and spectral")
        return self


class GenerativeRecipe(Section):
    """A complete recipe of a network that makes slices of several sequences at once."""

    task: Literal["vae", "gan", "synthesis"]
    name: str
    title: str
    limits: tuple[str, ...] = ()
    data: ImageData
    preprocess: Preprocess
    condition: tuple[str, ...] = ()
    network: Network
    critic: Critic | None = None
    loss: ImageLoss
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    training: Training = Training()
    augment: Augment = Augment(flip_lr=0.5)

    @model_validator(mode="after")
    def _consistent(self) -> GenerativeRecipe:
        DATASETS.check(self.data.dataset)
        GENERATORS.check(self.network.name)
        _image_like(self.preprocess, self.training)
        if (self.critic is None) != (self.task == "vae"):
            raise ValueError("critic: needed for gan and synthesis, and only there")
        if bool(self.condition) != (self.task == "synthesis"):
            raise ValueError("condition: the label classes that a synthesis starts from, and only there")
        if self.task != "vae" and (self.training.clip_grad or self.schedule.name != "constant"):
            raise ValueError("two networks train in turn: training.clip_grad is 0 and schedule constant")
        if self.task != "vae" and self.training.devices > 1:
            raise ValueError("training.devices is 1 where two networks train in turn")
        return self

    @property
    def network_channels(self) -> tuple[int, int]:
        """Channels of the images, in and out."""
        return self.preprocess.channels, self.preprocess.channels


def _image_like(spec: Preprocess, training: Training) -> None:
    """Refuse what no image model can be trained with."""
    if spec.normalise != "brain_p99" or spec.patch is not None or spec.context or spec.optional or not spec.sequences:
        raise ValueError(
            "preprocess: normalise 'brain_p99', named sequences, none optional, no patch and no context for images"
        )
    if training.monitor != "val_loss":
        raise ValueError("training.monitor is val_loss for images")
