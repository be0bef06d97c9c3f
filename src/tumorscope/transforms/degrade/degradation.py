"""What every degradation has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from torch import Generator, Tensor


@dataclass(frozen=True)
class Degraded:
    """A batch of spoilt images.

    Attributes:
        inputs: What the network is called with.
        shown: float32 (B, 1, H, W): the image a person would see without a network.
    """

    inputs: tuple[Tensor, ...]
    shown: Tensor


class Degradation(Protocol):
    """Spoils clean magnitude images; a network learns the way back.

    Attributes:
        levels: Those that are scored and printed.
        level_unit: What a level counts.
        plane: Which planes of a volume it acts in: ``axial`` slices, or ``through`` them.
        undone: What a model that learned the way back does, for people.
        network_channels: Channels of the network's first input and of its output.
    """

    levels: tuple[float, ...]
    level_unit: ClassVar[str]
    plane: ClassVar[Literal["axial", "through"]]
    undone: ClassVar[str]
    network_channels: ClassVar[int]

    def draw(self, rng: Generator) -> float:
        """Return a level for training."""
        ...

    def apply(self, clean: Tensor, level: float, rng: Generator) -> Degraded:
        """Spoil a batch.

        Args:
            clean: float32 (B, 1, H, W), 1 at the brain's 99th percentile, background 0.
            level: How much.
            rng: Source of all randomness, on the CPU.
        """
        ...

    def finish(self, restored: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        """Make what a network gave agree with what was measured, and return the magnitude (B, 1, H, W)."""
        ...
