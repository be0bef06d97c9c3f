"""The GAN task: a generator and a critic that train in turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from tumorscope.core.errors import UsageError
from tumorscope.inference.features import FeatureExtractor
from tumorscope.metrics.feature_distance import frechet_distance, kernel_distance
from tumorscope.networks.build import build_network
from tumorscope.networks.critic import ImageCritic
from tumorscope.networks.projected_critic import ProjectedCritic
from tumorscope.recipes.image_recipe import Critic, GenerativeRecipe
from tumorscope.training.adversarial import augment_both, critic_loss, generator_loss, gradient_penalty
from tumorscope.training.batches import loader
from tumorscope.training.restore_task import step_seed
from tumorscope.transforms.image_range import to_intensity, to_model

#: The gradient penalty is taken every so many steps, and weighs as much more.
PENALTY_EVERY = 8


class GanTask(LightningModule):
    """Trains a generator against a critic.

    Logs ``train_generator`` and ``train_critic`` (losses), and on validation ``val_loss``, which is the Fréchet
    distance in EfficientNet-Lite0 features between the validation slices and as many made ones, and ``val_kid``.

    Args:
        recipe: What to do.

    Raises:
        UsageError: if a network cannot be built, or makes images of another size than the recipe's.
        MissingDependencyError: if the weights of the feature extractor are not installed.
    """

    def __init__(self, recipe: GenerativeRecipe, conditions: int = 0) -> None:
        super().__init__()
        assert recipe.critic is not None, "the recipe was checked"
        self.automatic_optimization = False
        self.recipe = recipe
        self.network = build_network(recipe.network.name, *recipe.network_channels, recipe.network.args)
        size = int(getattr(self.network, "size", 0))
        if (size, size) != recipe.preprocess.size:
            raise UsageError(
                expected=f"preprocess.size of {size}×{size} for network.args {recipe.network.args}",
                found="×".join(map(str, recipe.preprocess.size)),
                fix="Change one of them",
            )
        self.channels = recipe.preprocess.channels
        self.critic = build_critic(recipe.critic, self.channels + conditions)
        if recipe.training.channels_last:
            for network in (self.network, self.critic):
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._extractor = [FeatureExtractor()]  # in a list: it is no part of what is trained and saved
        self._real: list[Any] = []
        self._made: list[Any] = []

    def made(self, count: int, batch: dict[str, Tensor], rng: torch.Generator) -> Tensor:
        """Return made slices (count, C, H, W) in [-1, 1]."""
        return self.network(self.latents(count, rng))  # type: ignore[no-any-return]

    def latents(self, count: int, rng: torch.Generator) -> Tensor:
        """Draw what the generator starts from."""
        return self.network.draw(count, rng).to(self.device)  # type: ignore[operator, no-any-return]

    def seen(self, images: Tensor) -> Tensor:
        """Return a batch as the critic sees it."""
        assert self.recipe.critic is not None
        return augment_both(images, self.channels) if self.recipe.critic.augment else images

    def mirrored(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """Return a batch with some of its samples mirrored."""
        chosen = torch.rand(len(images), generator=rng) < self.recipe.augment.flip_lr
        return torch.where(chosen.view(-1, 1, 1, 1).to(images.device), images.flip(3), images)

    def training_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Train the critic on one batch, then the generator."""
        seed = step_seed(self, self.recipe.training.seed, index)
        torch.manual_seed(seed)
        rng = torch.Generator().manual_seed(seed)
        for_generator, for_critic = self.optimizers()
        real = self.mirrored(to_model(batch["image"]), rng)
        made = self.made(len(real), batch, rng).float()
        loss = self.critic_step(real, made.detach(), index)
        step(self, for_critic, loss)
        self.critic.requires_grad_(False)
        verdict, _ = self.critic(self.seen(made))
        verdict_loss = generator_loss(verdict, self.recipe.loss.form)
        step(self, for_generator, verdict_loss)
        self.critic.requires_grad_(True)
        self.tell(verdict_loss, loss, len(real))

    def critic_step(self, real: Tensor, made: Tensor, index: int) -> Tensor:
        """Return the critic's loss on real and made images (with their condition, where there is one)."""
        verdicts = self.critic(self.seen(real))[0], self.critic(self.seen(made))[0]
        loss = critic_loss(*verdicts, self.recipe.loss.form)
        if self.recipe.loss.r1 and index % PENALTY_EVERY == 0:
            loss = loss + PENALTY_EVERY * self.recipe.loss.r1 * gradient_penalty(self.critic, real)
        return loss

    def tell(self, generator: Tensor, critic: Tensor, size: int) -> None:
        """Log the losses of a step."""
        for name, value in (("train_generator", generator), ("train_critic", critic)):
            self.log(name, value, on_step=False, on_epoch=True, batch_size=size)

    @torch.no_grad()
    def settle(self, slices: Dataset[dict[str, Tensor]], batches: int = 32) -> None:
        """Take the statistics of the generator's batch normalisation anew, from what it makes for training slices.

        Averaged weights never ran in training: statistics that were averaged beside them do not fit them.
        """
        norms = [m for m in self.network.modules() if isinstance(m, nn.BatchNorm2d)]
        before, momenta = self.network.training, [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches
        self.network.train()
        size, rng = self.recipe.training.batch_size, torch.Generator().manual_seed(0)
        chosen = np.random.default_rng(0).integers(len(slices), size=batches * size)  # type: ignore[arg-type]
        mixed = self.recipe.training.precision != "32"
        for batch in loader(Subset(slices, chosen.tolist()), size, None):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
                self.made(size, {name: value.to(self.device) for name, value in batch.items()}, rng)
        self.network.train(before)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def on_validation_epoch_start(self) -> None:
        """Start collecting anew, with averaged weights that are ready to run."""
        train = self.trainer.train_dataloader
        assert isinstance(train, DataLoader)
        self.settle(train.dataset)
        self._real, self._made = [], []

    def validation_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Collect features of real slices and of as many made ones."""
        rng = torch.Generator().manual_seed(index)
        made = to_intensity(self.made(len(batch["image"]), batch, rng).float())
        with torch.autocast(self.device.type, enabled=False):
            self._real.append(self._extractor[0](batch["image"].cpu()))
            self._made.append(self._extractor[0](made.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log the distances."""
        real, made = (np.concatenate(rows) for rows in (self._real, self._made))
        self.log_dict({"val_loss": frechet_distance(real, made), "val_kid": kernel_distance(real, made)})

    def configure_optimizers(self) -> Any:
        """Return Adam for both, without momentum, as usual for such pairs."""
        assert self.recipe.critic is not None
        betas = self.recipe.optimizer.args.get("betas", (0.0, 0.99))
        return (
            torch.optim.Adam(self.network.parameters(), self.recipe.optimizer.lr, tuple(betas)),
            torch.optim.Adam(self.critic.parameters(), self.recipe.critic.lr, tuple(betas)),
        )


def build_critic(spec: Critic, channels: int) -> ImageCritic | ProjectedCritic:
    """Build the critic of a recipe for images (with their condition) of so many channels.

    Raises:
        MissingDependencyError: if the weights of its encoder are not installed.
        UsageError: if there is no such encoder.
    """
    if spec.encoder is not None:
        return ProjectedCritic(channels, spec.encoder, spec.filters)
    return ImageCritic(channels, spec.filters, spec.patch, spec.spectral)


def step(task: LightningModule, optimizer: Any, loss: Tensor) -> None:
    """Move one network along its loss."""
    optimizer.zero_grad()
    task.manual_backward(loss)
    optimizer.step()
