"""Slices and planes from the cache for models that repair or make images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array
from tumorscope.training.cache import Cache

#: Where a plane is cut: slice number, row (coronal) or column (sagittal) of the cached array (Z, C, H, W).
_AXES = {"axial": (0,), "through": (2, 3)}


class ImageSlices(Dataset[dict[str, Tensor]]):
    """Planes of some cases that show enough brain.

    Args:
        cache: Preprocessed cases.
        case_ids: Which of them.
        plane: ``axial`` slices, or coronal and sagittal planes ``through`` the stack (rows are slices).
        least_brain: Planes with a smaller share of non-zero pixels are left out.
        at_most: Keep so many planes, evenly spread; None: all.

    An item is ``{"image": float32 (C, H, W), "label": uint8 (H, W), "index": int}``; ``through`` planes are padded with
    zeros to one size.

    Raises:
        InputError: if nothing is left.
    """

    def __init__(
        self,
        cache: Cache,
        case_ids: Sequence[str],
        plane: Literal["axial", "through"] = "axial",
        least_brain: float = 0.1,
        at_most: int | None = None,
    ) -> None:
        self.cache, self.case_ids = cache, list(case_ids)
        rows: list[tuple[int, int, int, int]] = []
        depth = 0
        for position, case_id in enumerate(self.case_ids):
            volume = cache.images(case_id)
            depth = max(depth, volume.shape[0])
            brain = np.asarray(volume[:, 0]) != 0
            tumour = cache.tumour(cache.labels(case_id))
            for axis in _AXES[plane]:
                others = tuple(a for a in range(3) if a != max(axis - 1, 0))
                share, hits = brain.mean(axis=others), tumour.sum(axis=others)
                rows += [(position, axis, int(n), int(hits[n])) for n in np.flatnonzero(share > least_brain)]
        if not rows:
            raise InputError(
                expected="slices that show brain",
                found=f"none in {len(case_ids)} case(s)",
                fix="Lower data.least_brain",
            )
        self.index = np.array(rows, dtype=np.int64)
        if at_most is not None and at_most < len(self.index):
            self.index = self.index[np.linspace(0, len(self.index) - 1, at_most).round().astype(int)]
        height, width = cache.images(self.case_ids[0]).shape[2:]
        self.size = (height, width) if plane == "axial" else (depth, max(height, width))

    def __len__(self) -> int:
        """Return the number of planes."""
        return len(self.index)

    @property
    def foreground(self) -> Array:
        """Labelled pixels per plane."""
        return np.asarray(self.index[:, 3])

    @property
    def patients(self) -> list[str]:
        """Patient of each plane."""
        return [self.cache.cases[self.case_ids[i]].patient for i in self.index[:, 0]]

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        """Read one plane."""
        position, axis, number, _ = (int(v) for v in self.index[item])
        images, labels = (f(self.case_ids[position]) for f in (self.cache.images, self.cache.labels))
        if axis == 0:
            image, label = images[number], labels[number]
        else:
            cut = (slice(None), number) if axis == 2 else (slice(None), slice(None), number)
            image, label = images[:, :, number] if axis == 2 else images[..., number], labels[cut]
            image = np.moveaxis(image, 0, 1)
        return {
            "image": torch.from_numpy(self._padded(image).astype(np.float32)),
            "label": torch.from_numpy(self._padded(label).astype(np.uint8)),
            "index": torch.tensor(item),
        }

    def _padded(self, plane: Array) -> Array:
        missing = [n - have for n, have in zip(self.size, plane.shape[-2:], strict=True)]
        if not any(missing):
            return np.array(plane)
        ahead = [(n // 2, n - n // 2) for n in missing]
        return np.pad(plane, [(0, 0)] * (plane.ndim - 2) + ahead)
