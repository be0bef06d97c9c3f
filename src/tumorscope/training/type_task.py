"""The classification task: one training step, one validation step."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.core.errors import UsageError
from tumorscope.networks.build import build_network
from tumorscope.networks.classifier import StagedClassifier
from tumorscope.recipes.type_recipe import TypeRecipe
from tumorscope.training.frozen import tumour_places
from tumorscope.training.pictures import UNKNOWN
from tumorscope.training.scheduled import ScheduledTask
from tumorscope.transforms.augment import augment_batch


def build_classifier(recipe: TypeRecipe) -> StagedClassifier:
    """Build a recipe's network with its frozen stages frozen.

    Raises:
        UsageError: if it cannot be built, or has fewer stages than are to be frozen.
    """
    spec, chosen = recipe.preprocess, recipe.network
    network = build_network(chosen.name, spec.channels, recipe.outputs.channels, chosen.args, spec.input_size)
    classifier = cast("StagedClassifier", network)
    try:
        classifier.freeze(frozen_stages(recipe, classifier))
    except ValueError as error:
        raise UsageError(
            expected="base.frozen_stages that the network has", found=str(error), fix="Lower base.frozen_stages"
        ) from error
    return classifier


def frozen_stages(recipe: TypeRecipe, network: StagedClassifier) -> int:
    """Return how many of the network's stages the recipe freezes."""
    wanted = recipe.base.frozen_stages
    return network.stages if wanted == "all" else wanted


class TypeTask(ScheduledTask):
    """Trains a classifier on pictures, or, where stages are frozen, on what those gave for them.

    A batch is ``{"x": (B, …), "type": (B,), "tumour": (B, 1, …)}``, the last with 255 where nobody said. Logs
    ``train_loss``, ``train_accuracy``, ``val_loss``, ``val_accuracy``.

    Args:
        recipe: What to do.
        weights: Of the classes in the loss, or None.

    Raises:
        UsageError: if the network cannot be built.
    """

    def __init__(self, recipe: TypeRecipe, weights: Tensor | None = None) -> None:
        super().__init__(recipe.training, recipe.optimizer, recipe.schedule)
        self.recipe = recipe
        self.network = build_classifier(recipe)
        self.frozen = frozen_stages(recipe, self.network)
        if recipe.training.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.register_buffer("weights", weights, persistent=False)

    def train(self, mode: bool = True) -> TypeTask:
        """Switch the mode of what is trained; frozen stages stay as they were learned."""
        super().train(mode)
        self.network.freeze(self.frozen)
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map a batch to float32 logits (B, K), and those of an attention map (B, 1, h, w) if the network has one."""
        if self.frozen == self.network.stages:  # pooled already
            return cast("Tensor", self.network.head(x)).float(), None
        if self.recipe.training.channels_last:
            x = x.to(memory_format=torch.channels_last)
        x = x if self.frozen else self.network.before(x, 0)
        logits, attention = self.network.after_with_attention(x, self.frozen)
        return logits.float(), None if attention is None else attention.float()

    def attention_loss(self, attention: Tensor, tumour: Tensor, known: Tensor) -> Tensor:
        """Return the mean cross-entropy between an attention map and where the tumour is, of pictures where one knows.

        Args:
            attention: Logits (B, 1, h, w).
            tumour: 1 where the tumour is, (B, 1, n·h, n·w).
            known: Of which pictures that is known, (B,).
        """
        wanted = tumour_places(tumour, tumour.shape[-1] // attention.shape[-1])
        each = functional.binary_cross_entropy_with_logits(attention, wanted, reduction="none").mean((1, 2, 3))
        return (each * known).sum() / known.sum().clamp_min(1)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """Return the loss of one batch; augmentation and dropout depend on seed, epoch, step and process alone."""
        seed = hash((self.recipe.training.seed, self.current_epoch, index, self.global_rank)) & 0x7FFFFFFF
        torch.manual_seed(seed)
        x, truth, tumour = batch["x"], batch["type"], batch["tumour"]
        known = (tumour != UNKNOWN).flatten(1).all(dim=1).float()
        tumour = (tumour == 1).float()
        if not self.frozen:
            rng = torch.Generator().manual_seed(seed)
            x, tumour = augment_batch(x, tumour, self.recipe.augment, rng, x.shape[1])
        logits, attention = self(x)
        settings = self.recipe.loss
        loss = functional.cross_entropy(logits, truth, self.weights, label_smoothing=settings.label_smoothing)
        if settings.attention and attention is not None:
            loss = loss + settings.attention * self.attention_loss(attention, tumour, known)
        right = (logits.argmax(dim=1) == truth).float().mean()
        for name, value in (("train_loss", loss), ("train_accuracy", right)):
            self.log(name, value, on_step=False, on_epoch=True, batch_size=len(truth), sync_dist=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Log loss and accuracy, pictures as they are."""
        logits, truth = self(batch["x"])[0], batch["type"]
        loss = functional.cross_entropy(logits, truth)
        right = (logits.argmax(dim=1) == truth).float().mean()
        for name, value in (("val_loss", loss), ("val_accuracy", right)):
            self.log(name, value, on_step=False, on_epoch=True, batch_size=len(truth), sync_dist=True)
