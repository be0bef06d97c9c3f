"""3D patches from the cache and their order, for networks that see volumes (S4-36)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from tumorscope.core.errors import UsageError
from tumorscope.core.image import Array
from tumorscope.training.cache import Cache


class PatchDataset(Dataset[dict[str, Tensor]]):
    """Random 3D patches of some cases, a stated share of them on tumour.

    An item is ``{"image": float32 (C, D, H, W), "label": uint8 (D, H, W), "case": int}``: slices upwards, rows to
    posterior, columns to the patient's left. Patches lie inside the volume; where it is smaller than a patch it is
    padded with 0 on both sides, as in prediction. Every case is drawn as often as any other, give or take one. Item,
    epoch and seed decide the patch, so that a run can be repeated; a new epoch gives new patches.

    Args:
        cache: Preprocessed cases.
        case_ids: Which of them; an item's ``case`` is the position in this list.
        size: Depth, height and width of a patch.
        samples: Patches per epoch.
        tumour_fraction: Share of patches centred on a tumour voxel (to the nearest patch), as far as the volume's
            border allows; the others lie anywhere.
        seed: Of the draw.

    Raises:
        UsageError: if size, samples or tumour_fraction cannot be, or tumour is asked for where there is none.
    """

    def __init__(
        self,
        cache: Cache,
        case_ids: Sequence[str],
        size: tuple[int, int, int],
        samples: int,
        tumour_fraction: float = 0.5,
        seed: int = 0,
    ) -> None:
        self.cache, self.case_ids, self.size, self.seed, self.epoch = cache, list(case_ids), size, seed, 0
        self.tumour_cases = [i for i, c in enumerate(self.case_ids) if any(cache.cases[c].foreground)]
        self.samples, self.tumour = samples, round(samples * tumour_fraction)
        possible = min(size) >= 1 and samples >= 1 and 0 <= tumour_fraction <= 1 and self.case_ids
        if not possible or (self.tumour and not self.tumour_cases):
            raise UsageError(
                expected="cases, a positive size and number of patches, a tumour share in 0-1 and tumour for it",
                found=f"{len(self.case_ids)} cases ({len(self.tumour_cases)} with tumour), size {size}, "
                f"{samples} patches, share {tumour_fraction}",
                fix="Correct these values",
            )

    def set_epoch(self, epoch: int) -> None:
        """Choose the patches of ``epoch``."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of patches per epoch."""
        return self.samples

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        """Cut one patch."""
        if not 0 <= item < self.samples:
            raise IndexError(item)
        draw = np.random.default_rng((self.seed, self.epoch))
        number = int(draw.permutation(self.samples)[item])
        on_tumour = number < self.tumour
        choices = draw.permutation(self.tumour_cases if on_tumour else len(self.case_ids))
        position = int(choices[number % len(choices)])
        rng = np.random.default_rng((self.seed, self.epoch, item))
        images = self.cache.images(self.case_ids[position])
        labels = self.cache.labels(self.case_ids[position])
        centre = self._tumour_voxel(position, labels, rng) if on_tumour else rng.integers(labels.shape)
        corner = [_corner(int(c), n, s) for c, n, s in zip(centre, labels.shape, self.size, strict=True)]
        image = _cut(images.transpose(1, 0, 2, 3), corner, self.size).astype(np.float32)
        label = _cut(labels[None], corner, self.size)[0]
        return {
            "image": torch.from_numpy(image),
            "label": torch.from_numpy(label),
            "case": torch.tensor(position),
        }

    def _tumour_voxel(self, position: int, labels: Array, rng: np.random.Generator) -> list[int]:
        """Return a labelled voxel, each as likely as any other."""
        per_slice = np.array(self.cache.cases[self.case_ids[position]].foreground)
        z = int(rng.choice(len(per_slice), p=per_slice / per_slice.sum()))
        rows, columns = np.nonzero(self.cache.tumour(labels[z]))
        chosen = int(rng.integers(len(rows)))
        return [z, int(rows[chosen]), int(columns[chosen])]


class PatchSampler(Sampler[int]):
    """One process's part of every epoch's patches.

    Args:
        dataset: Learns from here which epoch it is.
        rank: This process among ``world`` (DDP).
        world: Number of processes.
    """

    def __init__(self, dataset: PatchDataset, rank: int = 0, world: int = 1) -> None:
        self.dataset, self.rank, self.world = dataset, rank, world

    def set_epoch(self, epoch: int) -> None:
        """Choose the patches of ``epoch``; the trainer calls it."""
        self.dataset.set_epoch(epoch)

    def __len__(self) -> int:
        """Return the number of patches this process sees in an epoch."""
        return len(self.dataset) // self.world

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.rank, len(self) * self.world, self.world))


def _corner(centre: int, length: int, size: int) -> int:
    """Return where a patch begins along one axis: inside, or centred where the volume is shorter."""
    if length < size:
        return (length - size) // 2
    return max(0, min(centre - size // 2, length - size))


def _cut(volume: Array, corner: Sequence[int], size: Sequence[int]) -> Array:
    """Return (C, *size) of (C, D, H, W) from ``corner`` on, 0 where the volume ends."""
    patch = np.zeros((volume.shape[0], *size), dtype=volume.dtype)
    source, target = [slice(None)], [slice(None)]
    for start, length, end in zip(corner, size, volume.shape[1:], strict=True):
        first, last = max(start, 0), min(start + length, end)
        source.append(slice(first, max(first, last)))
        target.append(slice(first - start, max(first, last) - start))
    patch[tuple(target)] = volume[tuple(source)]
    return patch
