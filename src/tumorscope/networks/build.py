"""A network by name, with mistakes in its arguments told in words."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tumorscope.core.errors import UsageError
from tumorscope.networks import CLASSIFIERS, GENERATORS, NETWORKS, RESTORERS

if TYPE_CHECKING:
    from torch import Tensor, nn


def build_network(
    name: str,
    in_channels: int,
    out_channels: int,
    args: Mapping[str, Any],
    size: tuple[int, ...] | None = None,
) -> nn.Module:
    """Build a network of the registry.

    Args:
        name: Key of :data:`~tumorscope.networks.NETWORKS` or of another registry beside it.
        in_channels: Channels of the input.
        out_channels: Channels of the logits.
        args: Its own keyword arguments.
        size: Height and width, or depth, height and width, it will see; checked against its attributes
            ``spatial_dims`` (default 2) and ``multiple`` (default 1).

    Raises:
        UsageError: for an unknown name, argument or value (naming the nearest argument), or a size it cannot take.
    """
    registries = (CLASSIFIERS, RESTORERS, GENERATORS)
    kind = next((registry for registry in registries if name in registry), NETWORKS).load(name)
    known = [p for p in inspect.signature(kind).parameters if p not in ("in_channels", "out_channels")]
    for key in args:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(known)}"
            raise UsageError(expected=f"arguments of network '{name}'", found=f"'{key}'", fix=hint)
    try:
        network: nn.Module = kind(in_channels=in_channels, out_channels=out_channels, **args)
    except (TypeError, ValueError) as error:
        raise UsageError(
            expected=f"arguments that network '{name}' can be built with", found=str(error), fix="Correct network.args"
        ) from error
    if size is not None:
        _check_dimensions(name, int(getattr(network, "spatial_dims", 2)), size)
        check_multiple(size, int(getattr(network, "multiple", 1)))
    return network


def _check_dimensions(name: str, wanted: int, size: tuple[int, ...]) -> None:
    if len(size) != wanted:
        fix = "Set preprocess.patch to [64, 64, 64]" if wanted == 3 else "Set preprocess.patch to null"
        raise UsageError(
            expected=f"{'volumes (preprocess.patch)' if wanted == 3 else 'slices'} for network '{name}'",
            found="slices" if wanted == 3 else f"preprocess.patch {list(size)}",
            fix=f"{fix}, or choose another network",
        )


def check_multiple(size: tuple[int, ...], multiple: int) -> None:
    """Make sure that height and width (or depth, height and width) are multiples of ``multiple``.

    Raises:
        UsageError: if not; the message names the nearest size that is.
    """
    if any(n % multiple for n in size):
        near = [max(multiple, round(n / multiple) * multiple) for n in size]
        raise UsageError(
            expected=f"a {'depth, ' * (len(size) == 3)}height and width that are multiples of {multiple}",
            found="×".join(map(str, size)),
            fix=f"Set preprocess.{'patch' if len(size) == 3 else 'size'} to {near}",
        )


def check_input(x: Tensor, multiple: int, dimensions: int = 2) -> None:
    """Check the size of a batch (B, C, …) as :func:`check_multiple` does; skipped while the network is traced.

    Raises:
        UsageError: if one of the last ``dimensions`` lengths is not a multiple of ``multiple``.
    """
    import torch

    if not torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        check_multiple(tuple(int(n) for n in x.shape[-dimensions:]), multiple)
