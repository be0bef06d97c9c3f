"""Mean-field inference in a conditional random field over the pixels of a slice (S4-22).

The pairwise term is the appearance kernel of Krähenbühl & Koltun (NeurIPS 2011) with Potts compatibility: neighbours of
like intensity want the same label. As in Teichmann & Cipolla (BMVC 2019) the kernel is cut off at a radius, which makes
it exact and needs no permutohedral lattice; it is normalised, so that the strength does not depend on the radius.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tumorscope.core.image import Array

_SMALLEST = np.float32(1e-6)
_Window = tuple[slice, slice]


def mean_field(
    maps: Array, guide: Array, radius: int, contrast: float, strength: float, iterations: int, exclusive: bool
) -> Array:
    """Return the probabilities after some mean-field steps, slice by slice.

    Args:
        maps: float32 (K, x, y, z): probabilities of independent outputs, or of exclusive ones that sum to 1.
        guide: float32 (x, y, z), scaled to about [0, 1].
        radius: Pixels up to this distance in x and y are neighbours; the kernel's SD is half of it.
        contrast: SD of the kernel in the guide's intensity.
        strength: Weight of the pairwise term against the network's own log-probabilities.
        iterations: Mean-field steps.
        exclusive: Whether the K maps sum to 1; else each competes with its own background.
    """
    own = np.clip(maps, _SMALLEST, 1 - _SMALLEST)
    unary = np.log(own) if exclusive else np.log(own) - np.log1p(-own)
    found = own
    for _ in range(iterations):
        opinion = _neighbours(found, guide, radius, contrast)
        energy = unary + np.float32(strength) * (opinion if exclusive else 2 * opinion - 1)
        if exclusive:
            odds = np.exp(energy - energy.max(axis=0))
            found = odds / odds.sum(axis=0)
        else:
            found = 1 / (1 + np.exp(-energy))
    return np.asarray(found, dtype=np.float32)


def _neighbours(maps: Array, guide: Array, radius: int, contrast: float) -> Array:
    """Return the mean of every pixel's neighbours in x and y, those of like intensity counting more."""
    total, weights = np.zeros_like(maps), np.full(guide.shape, _SMALLEST)
    for here, there, square in _pairs(guide.shape[0], guide.shape[1], radius):
        difference = (guide[here] - guide[there]) / np.float32(contrast)
        kernel = np.exp(np.float32(-2 * square / radius**2) - np.square(difference) / 2)
        for one, other in ((here, there), (there, here)):
            total[:, one[0], one[1]] += kernel * maps[:, other[0], other[1]]
            weights[one] += kernel
    return np.asarray(total / weights)


def _pairs(width: int, height: int, radius: int) -> Iterator[tuple[_Window, _Window, int]]:
    """Yield windows of all pairs of pixels at one offset, and its squared length; each offset in one direction only."""
    for dx in range(min(radius, width - 1) + 1):
        for dy in range(-min(radius, height - 1), min(radius, height - 1) + 1):
            square = dx * dx + dy * dy
            if 0 < square <= radius * radius and (dx, dy) > (0, 0):
                rows, columns = max(0, -dy), height - max(0, dy)
                yield (
                    (slice(0, width - dx), slice(rows, columns)),
                    (slice(dx, width), slice(rows + dy, columns + dy)),
                    square,
                )
