"""Thick slices: several thin ones averaged, as a scan with 3 or 5 mm slices shows them."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor
from torch.nn import functional

from tumorscope.transforms.degrade.degradation import Degraded


def thicken(thin: Tensor, factor: int) -> Tensor:
    """Average groups of ``factor`` rows (slices): (B, 1, Z, W) → (B, 1, Z // factor, W)."""
    whole = thin.shape[-2] // factor * factor
    return functional.avg_pool2d(thin[..., :whole, :], (factor, 1))


def thin_out(thick: Tensor, factor: int) -> Tensor:
    """Interpolate rows (slices) back to ``factor`` times as many: cubic, each group centred on its thick slice."""
    size = (thick.shape[-2] * factor, thick.shape[-1])
    return functional.interpolate(thick, size=size, mode="bicubic", align_corners=False).clamp_min(0)


def agree(thin: Tensor, thick: Tensor, factor: int) -> Tensor:
    """Shift each group of thin rows so that its average is the thick slice that was measured."""
    return (thin + (thick - thicken(thin, factor)).repeat_interleave(factor, dim=-2)).clamp_min(0)


class ThickSlices:
    """Averages slices; the network sees planes through the stack (rows are slices), cubically interpolated.

    Args:
        levels: Thin slices per thick one that are scored and, in training, drawn.
    """

    level_unit: ClassVar[str] = "thin slices per thick one"
    plane: ClassVar[Literal["axial", "through"]] = "through"
    undone: ClassVar[str] = "divides thick slices"
    network_channels: ClassVar[int] = 1

    def __init__(self, levels: tuple[float, ...] = (3.0, 5.0)) -> None:
        self.levels = tuple(levels)

    def draw(self, rng: Generator) -> float:
        """Return a number of slices for training."""
        return self.levels[int(torch.randint(len(self.levels), (), generator=rng))]

    def apply(self, clean: Tensor, level: float, rng: Generator) -> Degraded:
        """Return the interpolated planes and the thick slices they come from; rows beyond whole groups are repeated."""
        factor = round(level)
        rows = clean.shape[-2]
        padded = functional.pad(clean, (0, 0, 0, -rows % factor), mode="replicate") if rows % factor else clean
        thick = thicken(padded, factor)
        shown = thin_out(thick, factor)[..., :rows, :]
        return Degraded((shown, thick, torch.tensor(factor)), shown)

    def finish(self, restored: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        """Make the thin slices average to the thick ones."""
        _, thick, factor = inputs
        rows, groups = restored.shape[-2], thick.shape[-2] * int(factor)
        full = functional.pad(restored, (0, 0, 0, groups - rows), mode="replicate") if groups > rows else restored
        return agree(full, thick, int(factor))[..., :rows, :]
