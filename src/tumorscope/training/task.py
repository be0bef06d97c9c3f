"""The segmentation task: one training step, one validation step."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from tumorscope.core.labels import LabelScheme
from tumorscope.losses.weighted import WeightedLoss
from tumorscope.networks import NETWORKS
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.batches import target_table
from tumorscope.training.optim import build_optimizer, build_schedule
from tumorscope.transforms.augment import augment_batch


class SegmentationTask(LightningModule):
    """Trains a network to map slices to the recipe's outputs.

    Logs ``train_loss``, ``val_loss``, and over whole validation volumes (mean over cases; both empty counts 1)
    ``val_dice``, ``val_iou`` and ``val_dice_<name>``; ``train_dice`` is the pooled Dice of the epoch's augmented slices.

    Args:
        recipe: What to do.
        scheme: What the label values mean.
        validation_cases: Number of validation cases.
    """

    table: Tensor

    def __init__(self, recipe: Recipe, scheme: LabelScheme, validation_cases: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = NETWORKS.load(recipe.network.name)(
            in_channels=recipe.preprocess.channels, out_channels=recipe.outputs.channels, **recipe.network.args
        )
        self.loss = WeightedLoss(recipe.loss, exclusive=recipe.outputs.kind == "classes")
        self.validation_cases = validation_cases
        self.register_buffer("table", target_table(recipe.outputs, scheme), persistent=False)
        # Plain tensors, not buffers: weight averaging swaps and averages buffers.
        self.counts = self.train_counts = torch.zeros(0)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to logits (B, K, H, W)."""
        if self.recipe.training.channels_last:
            images = images.to(memory_format=torch.channels_last)
        return self.network(images)  # type: ignore[no-any-return]

    def configure_model(self) -> None:
        """Choose the memory layout of the weights."""
        if self.recipe.training.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def targets(self, labels: Tensor) -> Tensor:
        """Turn label values (B, H, W) into 0/1 maps (B, K, H, W)."""
        return self.table[labels.long()].movedim(-1, 1)

    def on_train_epoch_start(self) -> None:
        """Make dropout depend on seed and epoch alone, so that a resumed run repeats an unbroken one."""
        torch.manual_seed(self.recipe.training.seed * 100_003 + self.current_epoch * 64 + self.global_rank)
        self.train_counts = torch.zeros(len(self.recipe.outputs.names), 3, device=self.device)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """Return the loss of one augmented batch."""
        rng = torch.Generator().manual_seed(
            hash((self.recipe.training.seed, self.current_epoch, index, self.global_rank)) & 0x7FFFFFFF
        )
        spec = self.recipe.preprocess
        optional = tuple(i for i, s in enumerate(spec.sequences) if s in spec.optional)
        images, targets = augment_batch(
            batch["image"], self.targets(batch["label"]), self.recipe.augment, rng, len(spec.sequences), optional
        )
        logits = self(images).float()
        loss = self.loss(logits, targets)
        self.train_counts += self._count(logits.detach(), targets).sum(dim=0)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(images), sync_dist=True)
        if self.trainer.is_last_batch:  # once per epoch, before the callbacks that write the epoch down
            dice, _ = _dice_iou(self.train_counts)
            self.log("train_dice", dice.mean(), on_step=False, on_epoch=True, batch_size=1, sync_dist=True)
        return loss  # type: ignore[no-any-return]

    def on_validation_epoch_start(self) -> None:
        """Start counting anew."""
        self.counts = torch.zeros(self.validation_cases, len(self.recipe.outputs.names), 3, device=self.device)

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Count hits per case."""
        targets = self.targets(batch["label"])
        logits = self(batch["image"]).float()
        self.log("val_loss", self.loss(logits, targets), batch_size=len(targets), sync_dist=True)
        self.counts.index_add_(0, batch["case"], self._count(logits, targets))

    def on_validation_epoch_end(self) -> None:
        """Log Dice and IoU over whole volumes."""
        counts = self.all_gather(self.counts).sum(dim=0) if self.trainer.world_size > 1 else self.counts
        dice, iou = _dice_iou(counts)
        self.log("val_dice", dice.mean())
        self.log("val_iou", iou.mean())
        for name, value in zip(self.recipe.outputs.names, dice.mean(dim=0), strict=True):
            self.log(f"val_dice_{name}", value)

    def _count(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return tp, fp, fn per sample and named output: (B, K, 3)."""
        if self.recipe.outputs.kind == "classes":
            found = torch.nn.functional.one_hot(logits.argmax(dim=1), logits.shape[1]).movedim(-1, 1)[:, 1:].bool()
            truth = targets[:, 1:].bool()
        else:
            found, truth = logits > 0, targets.bool()
        pairs = (found & truth, found & ~truth, ~found & truth)
        return torch.stack([p.flatten(2).sum(dim=2).float() for p in pairs], dim=2)

    def configure_optimizers(self) -> Any:
        """Build what the recipe says."""
        optimizer = build_optimizer(self.parameters(), self.recipe.optimizer)
        schedule = build_schedule(optimizer, self.recipe.schedule, int(self.trainer.estimated_stepping_batches))
        return optimizer if schedule is None else {"optimizer": optimizer, "lr_scheduler": schedule}


def _dice_iou(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return Dice and IoU from (…, 3) counts; both empty is 1."""
    tp, fp, fn = counts.unbind(dim=-1)
    empty = (tp + fp + fn) == 0
    one = torch.ones_like(tp)
    return torch.where(empty, one, 2 * tp / (2 * tp + fp + fn).clamp_min(1)), torch.where(
        empty, one, tp / (tp + fp + fn).clamp_min(1)
    )
