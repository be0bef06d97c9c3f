"""A study in the model's space, and the way back to the scanner's own grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.study.resample import resample


@dataclass(frozen=True, eq=False)
class StudySpace:
    """A study in the model's space.

    Attributes:
        images: On one grid, skull-stripped where that was wanted.
        target: The sequence whose own grid results go back to.
        grid: Its image as it was read.
        moves: Sequence → RAS mm of the target → RAS mm of that sequence, 4×4; empty if nothing was moved.
        to_target: 4×4, RAS mm of the model's space → RAS mm of the target; None if nothing was moved.
        notes: What was done, one sentence each.
        steps: The same for machines.
        seconds: Step → seconds.
    """

    images: dict[Sequence, Image]
    target: Sequence
    grid: Image
    to_target: Array | None
    moves: dict[Sequence, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    steps: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def restore(self, image: Image) -> Image:
        """Bring a map from the model's space onto the target's own grid (linear interpolation)."""
        if self.to_target is None:
            return image
        found = resample(image, self.grid.affine, self.grid.shape, np.linalg.inv(self.to_target))
        return self.grid.with_data(found.data)

    def on_target(self, sequence: Sequence, image: Image) -> Image:
        """Bring a sequence as it was read onto the target's own grid, for showing it under the result."""
        if sequence is self.target or sequence not in self.moves:
            return image
        found = resample(image, self.grid.affine, self.grid.shape, self.moves[sequence])
        return self.grid.with_data(found.data)
