"""What a generative network still needs when its weights are trained: a prior, or statistics that fit them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from tumorscope.networks.autoencoder import Autoencoder
from tumorscope.networks.build import build_network
from tumorscope.recipes.image_recipe import GenerativeRecipe
from tumorscope.training.batches import loader
from tumorscope.training.cache import Cache
from tumorscope.training.fit_images import make_image_task
from tumorscope.training.gan_task import GanTask
from tumorscope.training.image_slices import ImageSlices
from tumorscope.transforms.image_range import to_model


def finished(
    recipe: GenerativeRecipe, cache: Cache, train_ids: Sequence[str], state: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Return the state of a generative network, ready to make images.

    An autoencoder gets the prior of its training latents; a generator the statistics of its batch normalisation.

    Args:
        recipe: As run.
        cache: Preprocessed cases.
        train_ids: Training cases.
        state: As trained.
    """
    slices = ImageSlices(cache, train_ids, "axial", recipe.data.least_brain)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if recipe.task == "vae":
        return _with_prior(recipe, slices, state, device)
    task = cast("GanTask", make_image_task(recipe)).to(device)
    task.network.load_state_dict(state)
    task.settle(slices)
    settled: dict[str, Tensor] = task.network.cpu().state_dict()
    return settled


@torch.no_grad()
def _with_prior(
    recipe: GenerativeRecipe, slices: ImageSlices, state: dict[str, Tensor], device: str
) -> dict[str, Tensor]:
    network = cast("Autoencoder", build_network(recipe.network.name, *recipe.network_channels, recipe.network.args))
    network.load_state_dict(state)
    network.eval().to(device)
    with torch.autocast(device, torch.bfloat16):
        means = [
            network.encode(to_model(batch["image"].to(device)))[0].half().cpu() for batch in loader(slices, 16, None)
        ]
    network.cpu().fit_prior(torch.cat(means))
    return network.state_dict()
