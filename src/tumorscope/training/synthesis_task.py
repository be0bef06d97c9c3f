"""The synthesis task: a label map and a style become slices, judged by a critic that sees the label map too."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.core.errors import UsageError
from tumorscope.core.labels import LabelScheme
from tumorscope.recipes.image_recipe import GenerativeRecipe
from tumorscope.training.adversarial import generator_loss
from tumorscope.training.gan_task import GanTask, step
from tumorscope.training.restore_task import step_seed
from tumorscope.transforms.condition import condition_maps
from tumorscope.transforms.image_range import to_model


class SynthesisTask(GanTask):
    """Trains an encoder of style and a painter of label maps against a critic.

    A step reconstructs the batch from its own style (mean absolute error, features of the critic) and fools the critic
    with it; half of the samples are painted in a drawn style instead, so that drawn styles are trained too.

    Args:
        recipe: What to do.
        scheme: What the label values mean.

    Raises:
        UsageError: as :class:`GanTask`, and for a class that the scheme does not have.
    """

    def __init__(self, recipe: GenerativeRecipe, scheme: LabelScheme) -> None:
        super().__init__(recipe, conditions=1 + len(recipe.condition))
        self.scheme = scheme
        empty = torch.zeros(1, *recipe.preprocess.size, dtype=torch.int64)
        maps = condition_maps(empty, empty > 0, scheme, recipe.condition)
        wanted = int(getattr(self.network, "condition", 0))
        if maps.shape[1] != wanted:
            raise UsageError(
                expected=f"network.args.condition {maps.shape[1]}: the brain and {len(recipe.condition)} classes",
                found=f"{wanted}",
                fix="Change one of them",
            )

    def condition(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the label maps (B, 1 + K, H, W) of a batch."""
        brain = (batch["image"] > 0).any(dim=1)
        return condition_maps(batch["label"], brain, self.scheme, self.recipe.condition)

    def made(self, count: int, batch: dict[str, Tensor], rng: torch.Generator) -> Tensor:
        """Return slices painted from the batch's label maps in drawn styles."""
        return self.network(self.latents(count, rng), self.condition(batch))  # type: ignore[no-any-return]

    def training_step(self, batch: dict[str, Tensor], index: int) -> None:
        """Train the critic on one batch, then painter and encoder."""
        seed = step_seed(self, self.recipe.training.seed, index)
        torch.manual_seed(seed)
        rng = torch.Generator().manual_seed(seed)
        weights = self.recipe.loss
        for_generator, for_critic = self.optimizers()
        both = self.mirrored(torch.cat([to_model(batch["image"]), self.condition(batch)], dim=1), rng)
        real, condition = both[:, : self.channels], both[:, self.channels :]
        mean, log_variance = self.network.encode(real)  # type: ignore[operator]
        style = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        own = torch.arange(len(real), device=real.device) % 2 == 0
        style = torch.where(own[:, None], style, self.latents(len(real), rng))
        made = self.network(style, condition).float()
        pair = torch.cat([real, condition * 2 - 1], dim=1), torch.cat([made, condition * 2 - 1], dim=1)
        loss = self.critic_step(pair[0], pair[1].detach(), index)
        step(self, for_critic, loss)
        self.critic.requires_grad_(False)
        verdict, features = self.critic(pair[1])
        with torch.no_grad():
            _, wanted = self.critic(pair[0])
        alike = sum(functional.l1_loss(f[own].float(), w[own].float()) for f, w in zip(features, wanted, strict=True))
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        total = (
            weights.adversarial * generator_loss(verdict, weights.form)
            + weights.l1 * (made - real)[own].abs().mean()
            + weights.feature * alike
            + weights.kl * kl
        )
        step(self, for_generator, total)
        self.critic.requires_grad_(True)
        self.tell(total, loss, len(real))
