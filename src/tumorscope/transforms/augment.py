"""Random changes of a training batch of slices or volumes, drawn per sample and applied to the whole batch at once.

Rotation, flips, zoom and elastic deformation are composed into one sampling grid, so each sample is interpolated once.
All randomness comes from one generator per step, so that a resumed run repeats an unbroken one. MONAI's transforms per
slice take 1.6 times the processor time (``benchmarks/augmentation.py``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
        rotate_deg: Rotation drawn from ±this; of volumes about each of the three axes.
        zoom: Relative zoom drawn from ±this.
        shift: Translation drawn from ± this fraction of the picture.
        elastic_px: Standard deviation of a smooth displacement at its knots, in pixels (voxels).
        elastic: Probability of the elastic deformation.
        intensity: Contrast factor from 1 ± this, and shift from ± this, per channel of foreground.
        gamma: Exponent from exp(± this) on the sample's own range of intensities.
        noise: Largest standard deviation of Gaussian noise.
        bias_field: Largest amplitude of a smooth field added to the normalised intensities (a multiplicative field of
            the raw ones does about that to tissue, whose normalised values all lie far above those of air).
        blur: Probability of a 3×3 (3×3×3) binomial blur.
        drop_sequence: Probability that an optional sequence is blanked; one sequence always stays.
        drop_context: Probability that neighbouring slices are replaced by the slice itself (single pictures);
            slices only.
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

    @property
    def geometric(self) -> bool:
        """Whether pixels move at all."""
        moves = (self.flip_lr, self.flip_ud, self.rotate_deg, self.zoom, self.shift, self.elastic * self.elastic_px)
        return any(moves)


@dataclass(frozen=True)
class _Chance:
    """Random tensors, drawn on the CPU so that every device sees the same, and brought to ``device``.

    Only what is drawn per pixel is drawn on the device itself, from a seed that the CPU drew.
    """

    rng: Generator
    device: torch.device

    def uniform(self, batch: int, spread: float) -> Tensor:
        """Return (batch,) values in ± spread."""
        return ((torch.rand(batch, generator=self.rng) * 2 - 1) * spread).to(self.device)

    def coin(self, batch: int, probability: float) -> Tensor:
        """Return (batch,) booleans."""
        return (torch.rand(batch, generator=self.rng) < probability).to(self.device)

    def amplitude(self, batch: int, largest: float) -> Tensor:
        """Return (batch,) values in [0, largest)."""
        return (torch.rand(batch, generator=self.rng) * largest).to(self.device)

    def normal(self, shape: torch.Size) -> Tensor:
        """Return standard normal values."""
        if self.device.type in ("cpu", "meta"):
            return torch.randn(shape, generator=self.rng).to(self.device)
        seed = int(torch.randint(2**31, (), generator=self.rng))
        return torch.randn(shape, generator=Generator(self.device).manual_seed(seed), device=self.device)

    def smooth_field(self, batch: int, channels: int, size: Sequence[int], knots: int) -> Tensor:
        """Return (batch, channels, *size), standard normal at ``knots`` places per axis and smooth between them."""
        coarse = torch.randn(batch, channels, *[knots] * len(size), generator=self.rng).to(self.device)
        mode = "bicubic" if len(size) == 2 else "trilinear"
        return functional.interpolate(coarse, size=tuple(size), mode=mode, align_corners=True)


def _spread(values: Tensor, like: Tensor) -> Tensor:
    """Return ``values`` (B, …) with the missing trailing axes of ``like``, to be broadcast over them."""
    return values.reshape(*values.shape, *[1] * (like.ndim - values.ndim))


def _sampling_grid(spec: Augment, batch: int, size: Sequence[int], chance: _Chance) -> Tensor:
    """Return the (B, H, W, 2) or (B, D, H, W, 3) grid for ``grid_sample``."""
    theta = _plane_theta(spec, batch, size, chance) if len(size) == 2 else _space_theta(spec, batch, size, chance)
    grid = functional.affine_grid(theta, [batch, 1, *size], align_corners=False)
    if spec.elastic and spec.elastic_px:
        field = chance.smooth_field(batch, len(size), size, 6)
        field = field * _spread(chance.coin(batch, spec.elastic), field)
        pixels = torch.tensor([2 / n for n in reversed(size)], device=grid.device) * spec.elastic_px
        grid = grid + field.movedim(1, -1) * pixels
    return grid


def _plane_theta(spec: Augment, batch: int, size: Sequence[int], chance: _Chance) -> Tensor:
    """Return the (B, 2, 3) matrices from output to input positions."""
    angle = chance.uniform(batch, math.radians(spec.rotate_deg))
    scale = 1 / (1 + chance.uniform(batch, spec.zoom))
    mirror_x = 1 - 2 * chance.coin(batch, spec.flip_lr).float()
    mirror_y = 1 - 2 * chance.coin(batch, spec.flip_ud).float()
    ratio = size[0] / size[1]
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    return torch.stack(
        [
            torch.stack([cos * mirror_x, -sin * ratio * mirror_x, chance.uniform(batch, 2 * spec.shift)], dim=1),
            torch.stack([sin / ratio * mirror_y, cos * mirror_y, chance.uniform(batch, 2 * spec.shift)], dim=1),
        ],
        dim=1,
    )


def _space_theta(spec: Augment, batch: int, size: Sequence[int], chance: _Chance) -> Tensor:
    """Return the (B, 3, 4) matrices from output to input positions; coordinates are column, row, slice."""
    matrix = torch.eye(3, device=chance.device).expand(batch, 3, 3)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        angle = chance.uniform(batch, math.radians(spec.rotate_deg))
        turn = torch.eye(3, device=chance.device).repeat(batch, 1, 1)
        turn[:, first, first] = turn[:, second, second] = torch.cos(angle)
        turn[:, second, first] = torch.sin(angle)
        turn[:, first, second] = -torch.sin(angle)
        matrix = turn @ matrix
    scale = 1 / (1 + chance.uniform(batch, spec.zoom))
    length = torch.tensor(list(reversed(size)), dtype=matrix.dtype, device=chance.device)
    mirror = torch.ones(batch, 3, device=chance.device)
    mirror[:, 0] = 1 - 2 * chance.coin(batch, spec.flip_lr).float()
    mirror[:, 1] = 1 - 2 * chance.coin(batch, spec.flip_ud).float()
    matrix = matrix * _spread(scale, matrix) * (length / length[:, None]) * mirror[:, :, None]
    shift = torch.stack([chance.uniform(batch, 2 * spec.shift) for _ in range(3)], dim=1)
    return torch.cat([matrix, shift[:, :, None]], dim=2)


def _intensity(images: Tensor, spec: Augment, chance: _Chance) -> Tensor:
    """Change intensities where ``images`` is not 0."""
    batch, channels, *size = images.shape
    changed = images
    if spec.gamma:
        low, high = (_spread(f(images.flatten(1), dim=1), images) for f in (torch.amin, torch.amax))
        span = (high - low).clamp_min(1e-6)
        exponent = _spread(torch.exp(chance.uniform(batch, spec.gamma)), images)
        changed = ((changed - low) / span).clamp(0, 1) ** exponent * span + low
    if spec.intensity:
        gain = 1 + chance.uniform(batch * channels, spec.intensity).view(batch, channels)
        shift = chance.uniform(batch * channels, spec.intensity).view(batch, channels)
        changed = changed * _spread(gain, images) + _spread(shift, images)
    if spec.bias_field:
        amplitude = _spread(chance.amplitude(batch, spec.bias_field), images)
        changed = changed + amplitude * chance.smooth_field(batch, 1, size, 4)
    if spec.blur:
        changed = torch.where(_spread(chance.coin(batch, spec.blur), images), _blurred(changed), changed)
    if spec.noise:
        level = _spread(chance.amplitude(batch, spec.noise), images)
        changed = changed + chance.normal(images.shape) * level
    return torch.where(images != 0, changed, images)


def _blurred(images: Tensor) -> Tensor:
    """Return ``images`` after a binomial kernel of width 3 along every axis."""
    channels, line = images.shape[1], torch.tensor([1.0, 2.0, 1.0], device=images.device) / 4
    if images.ndim == 4:
        return functional.conv2d(images, (line[:, None] * line).expand(channels, 1, 3, 3), padding=1, groups=channels)
    cube = line[:, None, None] * line[:, None] * line
    return functional.conv3d(images, cube.expand(channels, 1, 3, 3, 3), padding=1, groups=channels)


def _drop(images: Tensor, spec: Augment, sequences: int, optional: tuple[int, ...], chance: _Chance) -> Tensor:
    """Blank optional sequences and neighbouring slices; channels are offset-major (slice, then sequence)."""
    batch, channels = images.shape[:2]
    slices = channels // sequences
    stacked = images.view(batch, slices, sequences, *images.shape[2:])
    if spec.drop_context and slices > 1:
        alone = _spread(chance.coin(batch, spec.drop_context), stacked)
        stacked = torch.where(alone, stacked[:, slices // 2 : slices // 2 + 1], stacked)
    if spec.drop_sequence and optional:
        keep = torch.ones(batch, sequences, device=images.device)
        for index in optional:
            keep[:, index] = (~chance.coin(batch, spec.drop_sequence)).float()
        here = stacked.flatten(3).abs().amax(dim=3).amax(dim=1) > 0
        blank = ~((keep > 0) & here).any(dim=1, keepdim=True)
        stacked = stacked * _spread(torch.where(blank, 1.0, keep)[:, None], stacked)
    return stacked.reshape(images.shape)


def augment_batch(
    images: Tensor, targets: Tensor, spec: Augment, rng: Generator, sequences: int, optional: tuple[int, ...] = ()
) -> tuple[Tensor, Tensor]:
    """Change a training batch at random.

    Args:
        images: float32 (B, C, H, W), channels offset-major as ``with_context`` gives them, or (B, C, D, H, W);
            background 0.
        targets: float32 (B, K, H, W) or (B, K, D, H, W), 0/1.
        spec: What to do.
        rng: Source of all randomness, on the CPU.
        sequences: Number of sequences among the channels.
        optional: Indices of the sequences that may be blanked.

    Returns:
        Images and targets of the same shapes; targets stay 0/1.
    """
    batch, _, *size = images.shape
    chance = _Chance(rng, images.device)
    if spec.geometric:
        grid = _sampling_grid(spec, batch, size, chance)
        images = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
        targets = functional.grid_sample(targets, grid, mode="nearest", align_corners=False)
    return _drop(_intensity(images, spec, chance), spec, sequences, optional, chance), targets
