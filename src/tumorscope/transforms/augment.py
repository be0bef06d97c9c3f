"""Random changes of a training batch, drawn per sample and applied to the whole batch at once.

Rotation, flips, zoom and elastic deformation are composed into one sampling grid, so each slice is interpolated once.
MONAI's per-sample transforms do the same one slice and one transform at a time, which costs more CPU than the network.
"""

from __future__ import annotations

import math

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Generator, Tensor
from torch.nn import functional

Probability = Field(default=0.0, ge=0, le=1)


class Augment(BaseModel):
    """What happens to training samples; nothing here ever touches validation or test data.

    Attributes:
        flip_lr: Probability of a left-right mirror.
        flip_ud: Probability of an anterior-posterior mirror.
        rotate_deg: Rotation drawn from ±this.
        zoom: Relative zoom drawn from ±this.
        shift: Translation drawn from ± this fraction of the picture.
        elastic_px: Standard deviation of a smooth displacement, in pixels.
        elastic: Probability of the elastic deformation.
        intensity: Contrast factor from 1 ± this, and shift from ± this, per channel of foreground.
        gamma: Exponent from exp(± this) on the foreground's range, per sample.
        noise: Largest standard deviation of Gaussian noise.
        bias_field: Largest amplitude of a smooth multiplicative field.
        blur: Probability of a 3×3 binomial blur.
        drop_sequence: Probability that an optional sequence is blanked.
        drop_context: Probability that neighbouring slices are replaced by the slice itself (single pictures).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    flip_lr: float = Probability
    flip_ud: float = Probability
    rotate_deg: float = Field(default=0.0, ge=0, le=180)
    zoom: float = Field(default=0.0, ge=0, lt=1)
    shift: float = Field(default=0.0, ge=0, lt=0.5)
    elastic_px: float = Field(default=0.0, ge=0)
    elastic: float = Probability
    intensity: float = Field(default=0.0, ge=0, lt=1)
    gamma: float = Field(default=0.0, ge=0, lt=1)
    noise: float = Field(default=0.0, ge=0)
    bias_field: float = Field(default=0.0, ge=0, lt=1)
    blur: float = Probability
    drop_sequence: float = Probability
    drop_context: float = Probability

    def active(self) -> dict[str, float]:
        """Return the augmentations that really run, for the manifest."""
        return {name: value for name, value in self.model_dump().items() if value}


def _uniform(batch: int, spread: float, rng: Generator) -> Tensor:
    return (torch.rand(batch, generator=rng) * 2 - 1) * spread


def _coin(batch: int, probability: float, rng: Generator) -> Tensor:
    return torch.rand(batch, generator=rng) < probability


def _smooth_field(batch: int, channels: int, size: tuple[int, int], knots: int, rng: Generator) -> Tensor:
    coarse = torch.randn(batch, channels, knots, knots, generator=rng)
    return functional.interpolate(coarse, size=size, mode="bicubic", align_corners=True)


def _sampling_grid(spec: Augment, batch: int, size: tuple[int, int], rng: Generator) -> Tensor:
    """Return the (B, H, W, 2) grid for ``grid_sample``."""
    angle = _uniform(batch, math.radians(spec.rotate_deg), rng)
    scale = 1 / (1 + _uniform(batch, spec.zoom, rng))
    mirror_x = torch.where(_coin(batch, spec.flip_lr, rng), -1.0, 1.0)
    mirror_y = torch.where(_coin(batch, spec.flip_ud, rng), -1.0, 1.0)
    ratio = size[0] / size[1]
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    theta = torch.stack(
        [
            torch.stack([cos * mirror_x, -sin * ratio * mirror_x, _uniform(batch, 2 * spec.shift, rng)], dim=1),
            torch.stack([sin / ratio * mirror_y, cos * mirror_y, _uniform(batch, 2 * spec.shift, rng)], dim=1),
        ],
        dim=1,
    )
    grid = functional.affine_grid(theta, [batch, 1, *size], align_corners=False)
    if spec.elastic and spec.elastic_px:
        field = _smooth_field(batch, 2, size, 6, rng) * _coin(batch, spec.elastic, rng)[:, None, None, None]
        pixels = torch.tensor([2 / size[1], 2 / size[0]]) * spec.elastic_px
        grid = grid + field.permute(0, 2, 3, 1) * pixels
    return grid


def _intensity(images: Tensor, spec: Augment, rng: Generator) -> Tensor:
    batch, channels, *size = images.shape
    foreground = images != 0
    changed = images
    if spec.gamma:
        low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
        span = (high - low).clamp_min(1e-6)
        exponent = torch.exp(_uniform(batch, spec.gamma, rng))[:, None, None, None]
        changed = ((changed - low) / span).clamp(0, 1) ** exponent * span + low
    if spec.intensity:
        gain = 1 + _uniform(batch * channels, spec.intensity, rng).view(batch, channels, 1, 1)
        changed = changed * gain + _uniform(batch * channels, spec.intensity, rng).view(batch, channels, 1, 1)
    if spec.bias_field:
        amplitude = torch.rand(batch, 1, 1, 1, generator=rng) * spec.bias_field
        changed = changed + amplitude * _smooth_field(batch, 1, (size[0], size[1]), 4, rng)
    if spec.blur:
        kernel = torch.tensor([1.0, 2.0, 1.0]) / 4
        weight = (kernel[:, None] * kernel).expand(channels, 1, 3, 3)
        blurred = functional.conv2d(changed, weight, padding=1, groups=channels)
        changed = torch.where(_coin(batch, spec.blur, rng)[:, None, None, None], blurred, changed)
    if spec.noise:
        level = torch.rand(batch, 1, 1, 1, generator=rng) * spec.noise
        changed = changed + torch.randn(images.shape, generator=rng) * level
    return torch.where(foreground, changed, images)


def _drop(images: Tensor, spec: Augment, sequences: int, optional: tuple[int, ...], rng: Generator) -> Tensor:
    """Blank optional sequences and neighbouring slices; channels are offset-major (slice, then sequence)."""
    batch, channels = images.shape[:2]
    slices = channels // sequences
    stacked = images.view(batch, slices, sequences, *images.shape[2:])
    if spec.drop_context and slices > 1:
        alone = _coin(batch, spec.drop_context, rng)[:, None, None, None, None]
        stacked = torch.where(alone, stacked[:, slices // 2 : slices // 2 + 1], stacked)
    if spec.drop_sequence and optional:
        keep = torch.ones(batch, 1, sequences, 1, 1)
        for index in optional:
            keep[:, 0, index, 0, 0] = (~_coin(batch, spec.drop_sequence, rng)).float()
        stacked = stacked * keep
    return stacked.reshape(images.shape)


def augment_batch(
    images: Tensor, targets: Tensor, spec: Augment, rng: Generator, sequences: int, optional: tuple[int, ...] = ()
) -> tuple[Tensor, Tensor]:
    """Change a training batch at random.

    Args:
        images: float32 (B, C, H, W), background 0, channels offset-major as ``with_context`` gives them.
        targets: float32 (B, K, H, W), 0/1.
        spec: What to do.
        rng: Source of all randomness.
        sequences: Number of sequences among the channels.
        optional: Indices of the sequences that may be blanked.

    Returns:
        Images and targets of the same shapes; targets stay 0/1.
    """
    batch, _, *size = images.shape
    grid = _sampling_grid(spec, batch, (size[0], size[1]), rng).to(images.device)
    images = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
    targets = functional.grid_sample(targets, grid, mode="nearest", align_corners=False)
    return _drop(_intensity(images, spec, rng), spec, sequences, optional, rng), targets
