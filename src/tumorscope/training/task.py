"""The segmentation task: one training step, one validation step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from tumorscope.core.labels import LabelScheme
from tumorscope.inference.sliding import blend_windows
from tumorscope.losses.deep_supervision import DeepSupervision
from tumorscope.losses.weighted import WeightedLoss
from tumorscope.networks.build import build_network
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.batches import target_table
from tumorscope.training.cache import IGNORED
from tumorscope.training.scheduled import ScheduledTask
from tumorscope.transforms.augment import augment_batch


class SegmentationTask(ScheduledTask):
    """Trains a network to map slices, or patches of volumes, to the recipe's outputs.

    Logs ``train_loss``, ``val_loss``, and over whole validation volumes (mean over cases; both empty counts 1)
    ``val_dice``, ``val_iou`` and ``val_dice_<name>``; ``train_dice`` and ``train_iou`` are pooled over the epoch's
    augmented samples, mean over outputs. ``train_accuracy`` and ``val_accuracy`` are the share of pixels that are right
    (mean over outputs that are not exclusive), background included: for the papers' curves, not for judging.

    Args:
        recipe: What to do.
        scheme: What the label values mean.
        validation_cases: Number of validation cases.

    Raises:
        UsageError: if network, loss or size of the recipe cannot be.
    """

    table: Tensor

    def __init__(self, recipe: Recipe, scheme: LabelScheme, validation_cases: int) -> None:
        super().__init__(recipe.training, recipe.optimizer, recipe.schedule)
        self.recipe = recipe
        spec, network = recipe.preprocess, recipe.network
        self.network = build_network(
            network.name, spec.channels, recipe.outputs.channels, network.args, spec.input_size
        )
        self.layout = torch.channels_last_3d if spec.patch else torch.channels_last
        if recipe.training.channels_last:
            self.network.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.loss = DeepSupervision(WeightedLoss(recipe.loss, exclusive=recipe.outputs.kind == "classes"))
        self.validation_cases = validation_cases
        self.register_buffer("table", target_table(recipe.outputs, scheme), persistent=False)
        # Plain tensors, not buffers: weight averaging swaps and averages buffers.
        self.counts = self.train_counts = self.losses = self.pixels = self.train_pixels = torch.zeros(0)

    def forward(self, images: Tensor) -> Any:
        """Map (B, C, H, W) to logits (B, K, H, W); networks that see volumes, (B, C, D, H, W) to (B, K, D, H, W).

        In training a guided decoder gives a list of them, finest first.
        """
        if self.recipe.training.channels_last:
            images = images.to(memory_format=self.layout)
        return self.network(images)

    def levels(self, images: Tensor) -> list[Tensor]:
        """Return the logits of every decoder level that answers, finest first; outside training that is one."""
        outputs = self(images)
        return [level.float() for level in (outputs if isinstance(outputs, list) else [outputs])]

    def whole(self, images: Tensor) -> Tensor:
        """Return the logits of validation samples: slices as they are, volumes of any size in sliding windows."""
        patch = self.recipe.preprocess.patch
        if patch is None:
            return self(images).float()  # type: ignore[no-any-return]
        return blend_windows(images, patch, lambda windows: self(windows).float(), self.recipe.training.batch_size)

    def targets(self, labels: Tensor) -> Tensor:
        """Turn label values (B, H, W) or (B, D, H, W) into 0/1 maps (B, K, …)."""
        return self.table[labels.long()].movedim(-1, 1)

    def known(self, labels: Tensor) -> Tensor | None:
        """Return 1 where somebody labelled, else 0 (B, 1, …); None if that is everywhere."""
        return None if self.recipe.data.ignore_value is None else (labels != IGNORED).float()[:, None]

    def augmented(self, batch: dict[str, Tensor], rng: Generator) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the augmented images (B, C, …), targets (B, K, …) and known pixels (B, 1, …) of a batch."""
        spec = self.recipe.preprocess
        optional = tuple(i for i, s in enumerate(spec.sequences) if s in spec.optional)
        maps, known = self.targets(batch["label"]), self.known(batch["label"])
        if known is not None:  # moves along as "unknown": what lies beyond the picture is known background
            maps = torch.cat([maps, 1 - known], dim=1)
        images, maps = augment_batch(batch["image"], maps, self.recipe.augment, rng, len(spec.sequences), optional)
        return (images, maps, None) if known is None else (images, maps[:, :-1], 1 - maps[:, -1:])

    def on_train_epoch_start(self) -> None:
        """Start counting anew."""
        self.train_counts = torch.zeros(len(self.recipe.outputs.names), 3, device=self.device)
        self.train_pixels = torch.zeros(2, device=self.device)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """Return the loss of one augmented batch.

        Augmentation and dropout depend on seed, epoch, step and process alone, so that a resumed run repeats an
        unbroken one; a seed per epoch would not do, since loaders draw from the same generator whenever they start.
        """
        seed = hash((self.recipe.training.seed, self.current_epoch, index, self.global_rank)) & 0x7FFFFFFF
        torch.manual_seed(seed)
        images, targets, known = self.augmented(batch, torch.Generator().manual_seed(seed))
        levels = self.levels(images)
        loss = self.loss(levels, targets, known)
        logits = levels[0].detach()
        self.train_counts += self._count(logits, targets, known).sum(dim=0)
        self.train_pixels += self._right(logits, targets, known)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(images), sync_dist=True)
        if self.trainer.is_last_batch:  # once per epoch, before the callbacks that write the epoch down
            dice, iou = _dice_iou(self._over_processes(self.train_counts))
            self.log("train_dice", dice.mean(), on_step=False, on_epoch=True, batch_size=1, sync_dist=True)
            self.log("train_iou", iou.mean(), on_step=False, on_epoch=True, batch_size=1, sync_dist=True)
            right, pixels = self._over_processes(self.train_pixels)
            self.log("train_accuracy", right / pixels, on_step=False, on_epoch=True, batch_size=1, sync_dist=True)
        return loss  # type: ignore[no-any-return]

    def on_validation_epoch_start(self) -> None:
        """Start counting anew; every process judges the first one's network, running statistics included."""
        self.counts = torch.zeros(self.validation_cases, len(self.recipe.outputs.names), 3, device=self.device)
        self.losses = torch.zeros(2, dtype=torch.float64)
        self.pixels = torch.zeros(2, device=self.device)
        if self.trainer.world_size > 1:
            for buffer in self.buffers():
                torch.distributed.broadcast(buffer, 0)

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Count hits per case, and add up the loss."""
        targets, known = self.targets(batch["label"]), self.known(batch["label"])
        logits = self.whole(batch["image"])
        self.losses += torch.tensor([float(self.loss(logits, targets, known)) * len(targets), len(targets)])
        self.pixels += self._right(logits, targets, known)
        self.counts.index_add_(0, batch["case"], self._count(logits, targets, known))

    def on_validation_epoch_end(self) -> None:
        """Log the mean loss of all slices (or volumes), and Dice and IoU over whole volumes, over all processes."""
        total, slices = self._over_processes(self.losses.float().to(self.device))
        dice, iou = _dice_iou(self._over_processes(self.counts))
        right, pixels = self._over_processes(self.pixels)
        found = {"val_loss": total / slices, "val_dice": dice.mean(), "val_iou": iou.mean()}
        found["val_accuracy"] = right / pixels
        found |= {f"val_dice_{n}": d for n, d in zip(self.recipe.outputs.names, dice.mean(dim=0), strict=True)}
        self.log_dict({name: value.float() for name, value in found.items()}, sync_dist=True)

    def _over_processes(self, values: Tensor) -> Tensor:
        """Return the sum of every process's ``values``."""
        if self.trainer.world_size > 1:
            values = values.clone()
            torch.distributed.all_reduce(values)
        return values

    def _count(self, logits: Tensor, targets: Tensor, known: Tensor | None) -> Tensor:
        """Return tp, fp, fn per sample and named output, over known pixels: (B, K, 3)."""
        if self.recipe.outputs.kind == "classes":
            found = torch.nn.functional.one_hot(logits.argmax(dim=1), logits.shape[1]).movedim(-1, 1)[:, 1:].bool()
            truth = targets[:, 1:].bool()
        else:
            found, truth = logits > 0, targets.bool()
        if known is not None:
            found, truth = found & known.bool(), truth & known.bool()
        pairs = (found & truth, found & ~truth, ~found & truth)
        return torch.stack([p.flatten(2).sum(dim=2).float() for p in pairs], dim=2)

    def _right(self, logits: Tensor, targets: Tensor, known: Tensor | None) -> Tensor:
        """Return the number of known pixels that are right (a fraction of one for independent outputs) and of all."""
        if self.recipe.outputs.kind == "classes":
            right = (logits.argmax(dim=1) == targets.argmax(dim=1)).float()
        else:
            right = ((logits > 0) == targets.bool()).float().mean(dim=1)
        counted = torch.ones_like(right) if known is None else known[:, 0]
        return torch.stack([(right * counted).sum(), counted.sum()])


def _dice_iou(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return Dice and IoU from (…, 3) counts; both empty is 1."""
    tp, fp, fn = counts.unbind(dim=-1)
    empty = (tp + fp + fn) == 0
    one = torch.ones_like(tp)
    return torch.where(empty, one, 2 * tp / (2 * tp + fp + fn).clamp_min(1)), torch.where(
        empty, one, tp / (tp + fp + fn).clamp_min(1)
    )
