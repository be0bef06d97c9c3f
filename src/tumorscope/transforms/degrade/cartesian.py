"""Cartesian undersampling of k-space that is simulated from magnitude images.

The images that public collections hold are magnitudes; scanners measure complex data with several coils. Here k-space
is the Fourier transform of the magnitude times a smooth random phase: without a phase the k-space of a real image is
symmetric, and half of it would tell the rest, which flatters every method. One coil, no noise: scores on such data
overstate what the method would do on a scanner's raw data (Shimron et al., PNAS 119:e2117203119, 2022).
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from tumorscope.transforms.degrade.degradation import Degraded

#: Acceleration → share of the lines, around the centre of k-space, that are always measured (fastMRI's for 4 and 8).
_CENTRE = {2: 0.16, 4: 0.08, 8: 0.04}


def line_mask(lines: int, acceleration: float, rng: Generator) -> Tensor:
    """Return which of ``lines`` phase-encoding lines are measured, bool (lines,), lowest frequency in the middle.

    The central lines are always measured, the others at random, ``lines / acceleration`` in all (fastMRI's random
    masks, Zbontar et al., arXiv:1811.08839).
    """
    wanted = max(1, round(lines / acceleration))
    centre = min(wanted, max(2, round(lines * _CENTRE.get(round(acceleration), 0.32 / acceleration))))
    mask = torch.zeros(lines, dtype=torch.bool)
    start = (lines - centre + 1) // 2
    mask[start : start + centre] = True
    others = torch.nonzero(~mask).flatten()
    mask[others[torch.randperm(len(others), generator=rng)[: wanted - centre]]] = True
    return mask


def smooth_phase(size: tuple[int, int], count: int, rng: Generator) -> Tensor:
    """Return smooth random phases in radians, float32 (count, 1, H, W): a coarse 4×4 field, interpolated."""
    coarse = torch.randn(count, 1, 4, 4, generator=rng) * (torch.pi / 3)
    return torch.nn.functional.interpolate(coarse, size=size, mode="bicubic", align_corners=True)


class Cartesian:
    """Leaves out phase-encoding lines (along the image's columns) of simulated k-space.

    K-space is in the order of ``torch.fft`` (lowest frequency first) and its transform is unitary.

    Args:
        levels: Accelerations that are scored and, in training, drawn.
    """

    level_unit: ClassVar[str] = "acceleration"
    plane: ClassVar[Literal["axial", "through"]] = "axial"
    undone: ClassVar[str] = "reconstructs undersampled k-space"
    network_channels: ClassVar[int] = 2

    def __init__(self, levels: tuple[float, ...] = (2.0, 4.0, 8.0)) -> None:
        self.levels = tuple(levels)

    def draw(self, rng: Generator) -> float:
        """Return an acceleration for training."""
        return self.levels[int(torch.randint(len(self.levels), (), generator=rng))]

    def apply(self, clean: Tensor, level: float, rng: Generator) -> Degraded:
        """Return measured k-space (complex), its mask, and the zero-filled magnitude."""
        height, width = clean.shape[-2:]
        phase = smooth_phase((height, width), len(clean), rng).to(clean.device)
        mask = torch.fft.ifftshift(line_mask(width, level, rng)).to(clean.device).expand(1, 1, 1, width)
        kspace = torch.fft.fft2(torch.polar(clean.float().clamp_min(0), phase), norm="ortho") * mask
        return Degraded((kspace, mask), torch.fft.ifft2(kspace, norm="ortho").abs())

    def finish(self, restored: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        """Put the measured lines in place of the network's and return the magnitude.

        Args:
            restored: Complex (B, 1, H, W).
            inputs: Measured k-space and its mask.
        """
        kspace, mask = inputs
        filled = torch.where(mask, kspace, torch.fft.fft2(restored, norm="ortho"))
        found: Tensor = torch.fft.ifft2(filled, norm="ortho").abs()
        return found
