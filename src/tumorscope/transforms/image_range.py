"""Between intensities (1 at the brain's 99th percentile) and the values from -1 to 1 that generative networks use."""

from __future__ import annotations

from torch import Tensor

#: Intensities above this are cut.
TOP = 1.5
#: Made intensities below this are background.
FLOOR = 0.02


def to_model(intensity: Tensor) -> Tensor:
    """Map intensities to [-1, 1]; background becomes -1."""
    return intensity.clamp(0, TOP) * (2 / TOP) - 1


def to_intensity(value: Tensor, floor: float = FLOOR) -> Tensor:
    """Map a network's output back to intensities from 0 to :data:`TOP`; what is below ``floor`` becomes 0."""
    intensity = (value.clamp(-1, 1) + 1) * (TOP / 2)
    return intensity * (intensity >= floor)
