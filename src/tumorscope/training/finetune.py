"""Weights of a bundle as the start of another training."""

from __future__ import annotations

from torch import Tensor

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import UsageError
from tumorscope.networks.build import build_network
from tumorscope.recipes.image_recipe import GenerativeRecipe, RestorationRecipe
from tumorscope.recipes.recipe import AnyRecipe


def starting_weights(bundle: Bundle, recipe: AnyRecipe) -> tuple[dict[str, Tensor], list[str]]:
    """Return what of a bundle's first member fits the recipe's network.

    Tensors of another shape (the head for other outputs, the stem for another number of channels) start anew.

    Args:
        bundle: Where to start from.
        recipe: What will be trained.

    Returns:
        The weights that are kept, and the names of those that are not.

    Raises:
        UsageError: if the bundle holds another kind of network, or most of its weights do not fit.
    """
    network = recipe.network
    if bundle.manifest.network != network.name:
        raise UsageError(
            expected=f"a bundle with network '{network.name}'",
            found=f"'{bundle.manifest.network}' in '{bundle.name}'",
            fix="Fine-tune with that bundle's recipe",
        )
    arguments = dict(network.args)
    if "encoder_weights" in arguments:
        arguments["encoder_weights"] = "none"
    if isinstance(recipe, RestorationRecipe | GenerativeRecipe):
        channels = recipe.network_channels
    else:
        channels = (recipe.preprocess.channels, recipe.outputs.channels)
    wanted = build_network(network.name, *channels, arguments).state_dict()
    found = bundle.load_networks()[0].state_dict()
    kept = {k: v for k, v in found.items() if k in wanted and wanted[k].shape == v.shape}
    if sum(v.numel() for v in kept.values()) < 0.5 * sum(v.numel() for v in wanted.values()):
        raise UsageError(
            expected=f"a bundle whose '{network.name}' is built as the recipe's ({network.args})",
            found=f"{bundle.manifest.network_args} in '{bundle.name}': most weights would start anew",
            fix="Take over its network.args",
        )
    return kept, sorted(set(wanted) - set(kept))
