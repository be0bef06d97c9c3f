"""The prior of a trained autoencoder, fitted to the latents of its training slices."""

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
from tumorscope.training.image_slices import ImageSlices
from tumorscope.transforms.image_range import to_model


@torch.no_grad()
def with_prior(
    recipe: GenerativeRecipe, cache: Cache, train_ids: Sequence[str], state: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Return the state of an autoencoder with its prior fitted to all training slices.

    Args:
        recipe: Of task ``vae``.
        cache: Preprocessed cases.
        train_ids: Training cases.
        state: As trained.
    """
    network = cast("Autoencoder", build_network(recipe.network.name, *recipe.network_channels, recipe.network.args))
    network.load_state_dict(state)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.eval().to(device)
    slices = ImageSlices(cache, train_ids, "axial", recipe.data.least_brain)
    with torch.autocast(device, torch.bfloat16):
        means = [
            network.encode(to_model(batch["image"].to(device)))[0].half().cpu() for batch in loader(slices, 16, None)
        ]
    network.cpu().fit_prior(torch.cat(means))
    return network.state_dict()
