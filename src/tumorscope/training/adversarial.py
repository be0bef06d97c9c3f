"""What two networks that train against each other need: losses, gradient penalty, and augmentation they both see."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Form = Literal["hinge", "non_saturating"]


def critic_loss(real: Tensor, made: Tensor, form: Form) -> Tensor:
    """Return the critic's loss: real verdicts up, made verdicts down."""
    real, made = real.float(), made.float()
    if form == "hinge":
        return functional.relu(1 - real).mean() + functional.relu(1 + made).mean()
    return functional.softplus(-real).mean() + functional.softplus(made).mean()


def generator_loss(made: Tensor, form: Form) -> Tensor:
    """Return the generator's loss: made verdicts up."""
    return -made.float().mean() if form == "hinge" else functional.softplus(-made.float()).mean()


def gradient_penalty(critic: nn.Module, real: Tensor) -> Tensor:
    """Return half the squared gradient of the critic's verdict on real images, in float32 (R1; Mescheder 2018)."""
    with torch.autocast(real.device.type, enabled=False):
        images = real.detach().float().requires_grad_(True)
        verdict, _ = critic(images)
        (slope,) = torch.autograd.grad(verdict.reshape(len(images), -1).mean(1).sum(), images, create_graph=True)
    return 0.5 * slope.square().sum(dim=(1, 2, 3)).mean()


def augment_both(images: Tensor, intensities: int) -> Tensor:
    """Shift, cut out and re-shade a batch by differentiable steps (Zhao et al., NeurIPS 2020).

    Args:
        images: (B, C, H, W) in [-1, 1], -1 being background; randomness is torch's own.
        intensities: So many first channels are images; the others (a label map) are only moved.
    """
    batch, _, height, width = images.shape
    raised = images + 1
    shade = 1 + 0.4 * (torch.rand(batch, 1, 1, 1) - 0.5).to(images.device)
    raised = torch.cat([raised[:, :intensities] * shade, raised[:, intensities:]], dim=1)
    reach = max(1, height // 8)
    down, right = (torch.randint(-reach, reach + 1, (batch,)).tolist() for _ in range(2))
    raised = torch.stack([_moved(x, d, r, reach) for x, d, r in zip(raised, down, right, strict=True)])
    top, left = (torch.randint(0, n, (batch, 1, 1, 1)) for n in (height, width))
    rows = torch.arange(height).view(1, 1, -1, 1)
    columns = torch.arange(width).view(1, 1, 1, -1)
    hole = ((rows - top).abs() < height // 6) & ((columns - left).abs() < width // 6)
    return raised * (~hole).to(images.device) - 1


def _moved(image: Tensor, down: int, right: int, reach: int) -> Tensor:
    """Shift an image (C, H, W) whose background is 0."""
    padded = functional.pad(image, (reach, reach, reach, reach))
    height, width = image.shape[-2:]
    return padded[:, reach - down : reach - down + height, reach - right : reach - right + width]
