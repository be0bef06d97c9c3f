"""Whole volumes from the cache, one at a time, for the validation of networks that see volumes."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tumorscope.core.image import Array
from tumorscope.training.cache import Cache


class VolumeDataset(Dataset[dict[str, Tensor]]):
    """Whole cases.

    An item is ``{"image": float32 (C, D, H, W), "label": uint8 (D, H, W), "case": int}``; sizes differ from case to
    case.

    Args:
        cache: Preprocessed cases.
        case_ids: Which of them; an item's ``case`` is the position in this list.
    """

    def __init__(self, cache: Cache, case_ids: Sequence[str]) -> None:
        self.cache, self.case_ids = cache, list(case_ids)
        self.positions = list(range(len(self.case_ids)))

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.positions)

    @property
    def foreground(self) -> Array:
        """Labelled voxels per case."""
        return np.array([sum(self.cache.cases[self.case_ids[p]].foreground) for p in self.positions], dtype=np.int64)

    @property
    def sizes(self) -> list[tuple[int, int, int]]:
        """Depth, height and width per case."""
        shapes = [self.cache.labels(self.case_ids[p]).shape for p in self.positions]
        return [(d, h, w) for d, h, w in shapes]

    def share(self, rank: int, world: int) -> VolumeDataset:
        """Return every ``world``-th case from ``rank`` on: one process's part of a validation."""
        part = copy.copy(self)
        part.positions = self.positions[rank::world]
        return part

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        """Read one case."""
        position = self.positions[item]
        images = self.cache.images(self.case_ids[position]).transpose(1, 0, 2, 3)
        return {
            "image": torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32)),
            "label": torch.from_numpy(np.array(self.cache.labels(self.case_ids[position]))),
            "case": torch.tensor(position),
        }
