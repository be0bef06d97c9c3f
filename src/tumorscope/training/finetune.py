"""Weights of a bundle as the start of another training."""

from __future__ import annotations

from torch import Tensor

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import UsageError
from tumorscope.networks.build import build_network
from tumorscope.recipes.image_recipe import GenerativeRecipe, RestorationRecipe
from tumorscope.recipes.recipe import AnyRecipe
from tumorscope.transforms.prepare import Preprocess


def starting_weights(bundle: Bundle, recipe: AnyRecipe) -> tuple[dict[str, Tensor], list[str]]:
    """Return what of a bundle's first member fits the recipe's network.

    Tensors of another shape (the head for other outputs, the stem for other sequences) start anew. A stem that sees
    further sequences begins as the bundle's, with zeros for those the bundle did not know.

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
    kept |= {
        k: stem
        for k, v in found.items()
        if k in wanted and k not in kept
        for stem in [_by_sequence(v, bundle.manifest.preprocess, wanted[k], recipe.preprocess)]
        if stem is not None
    }
    if sum(v.numel() for v in kept.values()) < 0.5 * sum(v.numel() for v in wanted.values()):
        raise UsageError(
            expected=f"a bundle whose '{network.name}' is built as the recipe's ({network.args})",
            found=f"{bundle.manifest.network_args} in '{bundle.name}': most weights would start anew",
            fix="Take over its network.args",
        )
    return kept, sorted(set(wanted) - set(kept))


def _by_sequence(weight: Tensor, before: Preprocess, wanted: Tensor, after: Preprocess) -> Tensor | None:
    """Return a stem's weight (O, C, …) rearranged to the channels of ``after``; None if it loses some."""
    fits = weight.ndim == wanted.ndim and weight.ndim > 2 and weight.shape[2:] == wanted.shape[2:]
    if (
        not fits
        or len(weight) != len(wanted)
        or (weight.shape[1], wanted.shape[1]) != (before.channels, after.channels)
    ):
        return None
    if before.context != after.context or not set(before.sequences) < set(after.sequences):
        return None
    slices = 2 * after.context + 1
    stem = wanted.new_zeros(wanted.shape[0], slices, len(after.sequences), *wanted.shape[2:])
    places = [after.sequences.index(s) for s in before.sequences]
    stem[:, :, places] = weight.view(len(weight), slices, len(before.sequences), *weight.shape[2:]).to(stem.dtype)
    return stem.view(wanted.shape)
