"""Rician noise: what is left of complex Gaussian noise in a magnitude image (Gudbjartsson & Patz, MRM 34:910, 1995)."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from tumorscope.transforms.degrade.degradation import Degraded


class Rician:
    """Adds Gaussian noise to both channels of the complex image and takes the magnitude.

    Args:
        levels: Standard deviations per channel that are scored, as a fraction of the brain's 99th percentile.
        strongest: In training a level is drawn evenly from 0 to this.
        stripped: Share of images, drawn, whose background stays exactly 0, as in a noisy scan whose skull was removed
            afterwards. There the background does not tell how strong the noise is.
    """

    level_unit: ClassVar[str] = "% of the brain's 99th percentile"
    plane: ClassVar[Literal["axial", "through"]] = "axial"
    undone: ClassVar[str] = "takes Rician noise out of images"
    network_channels: ClassVar[int] = 1

    def __init__(
        self, levels: tuple[float, ...] = (0.03, 0.06, 0.09, 0.12), strongest: float = 0.15, stripped: float = 0.0
    ) -> None:
        self.levels, self.strongest, self.stripped = tuple(levels), strongest, stripped

    def draw(self, rng: Generator) -> float:
        """Return a standard deviation for training."""
        return float(torch.rand((), generator=rng)) * self.strongest

    def apply(self, clean: Tensor, level: float, rng: Generator) -> Degraded:
        """Return noisy images; see :meth:`Degradation.apply`."""
        real, imaginary = (torch.randn(clean.shape, generator=rng).to(clean.device) * level for _ in range(2))
        noisy = torch.sqrt((clean + real) ** 2 + imaginary**2)
        if not self.stripped:
            return Degraded((noisy,), noisy)
        bare = (torch.rand(len(clean), generator=rng) < self.stripped).view(-1, *(1,) * (clean.ndim - 1))
        noisy = noisy.masked_fill(bare.to(clean.device) & (clean == 0), 0)
        return Degraded((noisy,), noisy)

    def finish(self, restored: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return the magnitude: nothing is below 0."""
        return restored.clamp_min(0)
