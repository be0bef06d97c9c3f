"""How well a latent gives a slice back, and the latent that does so best."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from tumorscope.core.watch import Watch, unwatched
from tumorscope.inference.runtimes.torch_runtime import computes_bf16
from tumorscope.recipes.image_recipe import ImageLoss
from tumorscope.transforms.image_range import to_intensity

#: First step size where a latent is fitted, chosen with 200 steps on validation slices; latents of the shipped
#: autoencoder have a standard deviation of 3.5.
STEP = 0.15


def similarity(made: Tensor, image: Tensor) -> Tensor:
    """Return the SSIM at every pixel of (B, C, H, W), the range of intensities being 1 (``metrics.image_quality``)."""
    from monai.metrics.regression import compute_ssim_and_cs

    pair = (functional.pad(x, (5, 5, 5, 5), mode="reflect") for x in (made, image))
    found, _ = compute_ssim_and_cs(*pair, spatial_dims=2, kernel_size=(11, 11), kernel_sigma=(1.5, 1.5))
    return cast("Tensor", found)


def reconstruction_loss(made: Tensor, image: Tensor, weights: ImageLoss) -> tuple[Tensor, Tensor]:
    """Return the loss of reconstructions (``l1``, ``ssim``, ``background``), and their SSIM inside the brain.

    Args:
        made: (B, C, H, W) in [-1, 1].
        image: The same; -1 in all channels is background.
        weights: Of the terms.
    """
    inside = (image > -1).any(dim=1, keepdim=True).float().expand_as(image)
    counted = inside + weights.background * (1 - inside)
    with torch.autocast(image.device.type, enabled=False):
        similar = similarity(to_intensity(made.float(), floor=0), to_intensity(image.float(), floor=0))
    error = ((made.float() - image).abs() * counted).sum() / counted.sum()
    unlike = ((1 - similar) * counted).sum() / counted.sum()
    within = (similar.detach() * inside).sum() / inside.sum().clamp_min(1)
    return weights.l1 * error + weights.ssim * unlike, within


@torch.enable_grad()
def fitted_latent(
    network: Any, latent: Tensor, image: Tensor, steps: int, weights: ImageLoss, watch: Watch = unwatched
) -> Tensor:
    """Move latents from where the encoder put them to where the decoder returns the slices best.

    The second half of semi-amortised inference (Kim et al., ICML 2018), without the divergence from the prior: the
    latent keeps its shape, only the encoder's guess is bettered. In bfloat16 where the device computes it fast.

    Args:
        network: An autoencoder, in evaluation mode; it is not changed.
        latent: (B, …), where to begin.
        image: (B, C, H, W) in [-1, 1].
        steps: Gradient steps (Adam, the step size falls to 0 along a cosine).
        weights: Of the reconstruction's loss; the training's.
        watch: Told how far the work is; may stop it.

    Raises:
        StoppedError: if ``watch`` stops it.
    """
    latent = latent.detach().float().clone().requires_grad_(True)
    optimizer = torch.optim.Adam([latent], lr=STEP, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    reduced = computes_bf16(image.device)
    for number in range(steps):
        watch("fitting the latent", number / steps)
        with torch.autocast(image.device.type, torch.bfloat16, enabled=reduced):
            made = network.decode(latent)
        loss, _ = reconstruction_loss(made, image, weights)
        (latent.grad,) = torch.autograd.grad(loss, latent)
        optimizer.step()
        schedule.step()
    return latent.detach()
