"""Reconstruction by turns: repair the image, restore measured k-space (Schlemper et al., IEEE TMI 37:491, 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from tumorscope.networks.restoration_unet import RestorationUNet


class Cascade(nn.Module):
    """``cascades`` times a small residual U-Net on the real and imaginary part, then the measured lines as measured.

    Args:
        in_channels: 2, real and imaginary part.
        out_channels: 2.
        filters: Width per level of each U-Net.
        cascades: Number of turns.

    ``forward`` takes measured k-space, complex (B, 1, H, W) with zeros where nothing was measured and the lowest
    frequency first, and the mask, bool (1, 1, 1, W), and returns the complex image (B, 1, H, W).
    """

    def __init__(
        self, in_channels: int, out_channels: int, filters: Sequence[int] = (16, 32, 64, 128), cascades: int = 3
    ) -> None:
        super().__init__()
        self.turns = nn.ModuleList(RestorationUNet(in_channels, out_channels, filters) for _ in range(cascades))

    def forward(self, kspace: Tensor, mask: Tensor) -> Tensor:
        """Return the complex image after the last U-Net; its measured lines are not yet put back."""
        image = torch.fft.ifft2(kspace, norm="ortho")
        for index, turn in enumerate(self.turns):
            if index:
                filled = torch.where(mask, kspace, torch.fft.fft2(image, norm="ortho"))
                image = torch.fft.ifft2(filled, norm="ortho")
            parts = turn(torch.cat([image.real, image.imag], dim=1)).float()
            image = torch.complex(parts[:, :1].contiguous(), parts[:, 1:].contiguous())
        return cast("Tensor", image)
