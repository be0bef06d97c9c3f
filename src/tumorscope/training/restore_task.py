"""The restoration task: clean slices are spoilt anew in every step, and the network learns the way back."""

from __future__ import annotations

from typing import Any, cast

import torch
from lightning.pytorch import LightningModule
from torch import Generator, Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import ReduceLROnPlateau

from tumorscope.core.errors import UsageError
from tumorscope.networks.build import build_network
from tumorscope.recipes.image_recipe import RestorationRecipe, Spoil
from tumorscope.training.optim import build_optimizer, build_plateau, build_schedule
from tumorscope.transforms.degrade import DEGRADATIONS
from tumorscope.transforms.degrade.degradation import Degradation


def build_degradation(spec: Spoil) -> Degradation:
    """Build a recipe's degradation.

    Raises:
        UsageError: for arguments that it does not take.
    """
    try:
        return cast("Degradation", DEGRADATIONS.load(spec.name)(**spec.args))
    except TypeError as error:
        raise UsageError(
            expected=f"arguments of degradation '{spec.name}'", found=str(error), fix="Correct degradation.args"
        ) from error


def step_seed(task: LightningModule, seed: int, index: int) -> int:
    """Return what a step's randomness depends on: seed, epoch, step and process alone, so that a resume repeats it."""
    return hash((seed, task.current_epoch, index, task.global_rank)) & 0x7FFFFFFF


class RestorationTask(LightningModule):
    """Trains a network to undo a degradation.

    Logs ``train_loss``, ``val_loss`` (mean absolute error, the brain's 99th percentile being 1) and, inside the brain,
    ``val_psnr`` of the restored and ``val_psnr_input`` of the spoilt images.

    Args:
        recipe: What to do.

    Raises:
        UsageError: if network or degradation cannot be built.
    """

    def __init__(self, recipe: RestorationRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.degradation = build_degradation(recipe.degradation)
        self.network = build_network(recipe.network.name, *recipe.network_channels, recipe.network.args)
        if recipe.training.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.plateau: ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] | None = None

    def views(self, images: Tensor, rng: Generator) -> Tensor:
        """Return one sequence per sample (B, 1, H, W), cut out or shrunk, and flipped, at random."""
        batch, channels, height, width = images.shape
        chosen = torch.randint(channels, (batch,), generator=rng).to(images.device)
        clean = images[torch.arange(batch, device=images.device), chosen][:, None]
        crop, view = self.recipe.view.crop, self.recipe.view
        if float(torch.rand((), generator=rng)) < view.whole:
            size = (crop[0], max(8, round(width * crop[0] / height)))
            clean = functional.interpolate(clean, size=size, mode="bilinear", antialias=True, align_corners=False)
        else:
            start = [
                int(torch.randint(max(1, n - c + 1), (), generator=rng))
                for n, c in zip((height, width), crop, strict=True)
            ]
            clean = clean[..., start[0] : start[0] + crop[0], start[1] : start[1] + crop[1]]
        for dim, probability in ((3, self.recipe.augment.flip_lr), (2, self.recipe.augment.flip_ud)):
            if float(torch.rand((), generator=rng)) < probability:
                clean = clean.flip(dim)
        return clean.contiguous()

    def restored(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return the restored magnitude (B, 1, H, W) of what a degradation gave, float32."""
        found = self.network(*inputs)
        return self.degradation.finish(found if found.is_complex() else found.float(), inputs)

    def error(self, restored: Tensor, clean: Tensor) -> Tensor:
        """Return the mean absolute error, the background weighing less."""
        weight = torch.where(clean > 0, 1.0, self.recipe.background)
        return ((restored - clean).abs() * weight).sum() / weight.sum()

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """Return the loss of one batch."""
        seed = step_seed(self, self.recipe.training.seed, index)
        torch.manual_seed(seed)
        rng = Generator().manual_seed(seed)
        clean = self.views(batch["image"], rng)
        degraded = self.degradation.apply(clean, self.degradation.draw(rng), rng)
        loss = self.error(self.restored(degraded.inputs), clean)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(clean), sync_dist=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Log errors at the scored levels in turn; every validation sees the same noise."""
        images, numbers = batch["image"], batch["index"].tolist()
        clean = images[torch.arange(len(images)), [n % images.shape[1] for n in numbers]][:, None]
        level = self.degradation.levels[index % len(self.degradation.levels)]
        degraded = self.degradation.apply(clean, level, Generator().manual_seed(index))
        restored = self.restored(degraded.inputs)
        found = {
            "val_loss": self.error(restored, clean),
            "val_psnr": _psnr(restored, clean),
            "val_psnr_input": _psnr(degraded.shown, clean),
        }
        self.log_dict(found, on_step=False, on_epoch=True, batch_size=len(clean), sync_dist=True)

    def on_train_epoch_end(self) -> None:
        """Let the plateau schedule see this epoch's validation, before the checkpoint is written."""
        if self.plateau is not None and (self.current_epoch + 1) % self.recipe.training.validate_every == 0:
            self.plateau.step(float(self.trainer.callback_metrics[self.recipe.schedule.watch]))

    def configure_optimizers(self) -> Any:
        """Build what the recipe says."""
        clipped = bool(self.recipe.training.clip_grad)
        optimizer = build_optimizer(self.parameters(), self.recipe.optimizer, fused=not clipped)
        self.plateau = build_plateau(optimizer, self.recipe.schedule)
        if self.plateau is not None and self._plateau_state is not None:
            self.plateau.load_state_dict(self._plateau_state)
        schedule = build_schedule(optimizer, self.recipe.schedule, int(self.trainer.estimated_stepping_batches))
        if schedule is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the plateau schedule's memory."""
        checkpoint["plateau"] = None if self.plateau is None else self.plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take that memory back; the schedule itself is built later."""
        self._plateau_state = checkpoint.get("plateau")


def _psnr(found: Tensor, clean: Tensor) -> Tensor:
    """Return the PSNR in dB inside the brain, peak 1, mean over the batch."""
    inside = (clean > 0).float()
    error = ((found - clean) ** 2 * inside).sum(dim=(1, 2, 3)) / inside.sum(dim=(1, 2, 3)).clamp_min(1)
    return (-10 * torch.log10(error.clamp_min(1e-10))).mean()
