"""The autoencoder task: slices to latents and back."""

from __future__ import annotations

from typing import Any, cast

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from tumorscope.inference.latent import reconstruction_loss
from tumorscope.networks.autoencoder import Autoencoder
from tumorscope.networks.build import build_network
from tumorscope.recipes.image_recipe import GenerativeRecipe
from tumorscope.training.optim import build_optimizer, build_schedule
from tumorscope.training.restore_task import step_seed
from tumorscope.transforms.augment import augment_batch
from tumorscope.transforms.image_range import to_model


def divergence(mean: Tensor, sigma: Tensor) -> Tensor:
    """Return the Kullback-Leibler divergence from the standard normal per latent number."""
    return 0.5 * (mean**2 + sigma**2 - 1 - torch.log(sigma**2 + 1e-8)).mean()


class VaeTask(LightningModule):
    """Trains an autoencoder.

    Logs ``train_loss``, ``val_loss`` (the reconstruction's part of the loss), ``val_ssim`` (inside the brain)
    and ``val_kl``.

    Args:
        recipe: What to do.

    Raises:
        UsageError: if the network cannot be built.
    """

    def __init__(self, recipe: GenerativeRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        network = build_network(
            recipe.network.name, *recipe.network_channels, recipe.network.args, recipe.preprocess.size
        )
        self.network = cast("Autoencoder", network)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """Return the loss of one batch."""
        seed = step_seed(self, self.recipe.training.seed, index)
        torch.manual_seed(seed)
        images = batch["image"]
        rng = torch.Generator().manual_seed(seed)
        images, _ = augment_batch(images, images[:, :1], self.recipe.augment, rng, images.shape[1])
        images = to_model(images)
        made, mean, sigma = self.network(images)
        loss, _ = reconstruction_loss(made, images, self.recipe.loss)
        loss = loss + self.recipe.loss.kl * divergence(mean.float(), sigma.float())
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(images), sync_dist=True)
        return loss

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Log the reconstruction of slices as they are."""
        images = to_model(batch["image"])
        made, mean, sigma = self.network(images)
        loss, similar = reconstruction_loss(made, images, self.recipe.loss)
        found = {"val_loss": loss, "val_ssim": similar, "val_kl": divergence(mean.float(), sigma.float())}
        self.log_dict(found, on_step=False, on_epoch=True, batch_size=len(images), sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Build what the recipe says."""
        optimizer = build_optimizer(self.parameters(), self.recipe.optimizer, fused=not self.recipe.training.clip_grad)
        schedule = build_schedule(optimizer, self.recipe.schedule, int(self.trainer.estimated_stepping_batches))
        if schedule is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
