"""Slices from the cache, their order, and batches."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence, Sized

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from tumorscope.bundles.manifest import Outputs
from tumorscope.core.image import Array
from tumorscope.core.labels import LabelScheme
from tumorscope.training.cache import Cache
from tumorscope.transforms.prepare import with_context


def target_table(outputs: Outputs, scheme: LabelScheme) -> Tensor:
    """Return the 0/1 table (256, K): which output channels are on for a label value."""
    values = np.arange(256)
    maps = [scheme.mask(values, name) for name in outputs.names]
    if outputs.kind == "classes":
        maps.insert(0, ~np.any(maps, axis=0))
    return torch.from_numpy(np.stack(maps, axis=1).astype(np.float32))


class SliceDataset(Dataset[dict[str, Tensor]]):
    """The slices of some cases.

    Args:
        cache: Preprocessed cases.
        case_ids: Which of them; a slice's ``case`` entry is the position in this list.
        context: Neighbouring slices on each side.
        window: [first, last) slices to use, or None for all.

    An item is ``{"image": float32 (C·(2·context+1), H, W), "label": uint8 (H, W), "case": int}``.
    """

    def __init__(
        self, cache: Cache, case_ids: Sequence[str], context: int, window: tuple[int, int] | None = None
    ) -> None:
        self.cache, self.case_ids, self.context = cache, list(case_ids), context
        index = []
        for position, case_id in enumerate(self.case_ids):
            foreground = cache.cases[case_id].foreground
            first, last = window or (0, len(foreground))
            index += [(position, z, foreground[z]) for z in range(first, min(last, len(foreground)))]
        self.index = np.array(index, dtype=np.int64).reshape(-1, 3)

    def __len__(self) -> int:
        """Return the number of slices."""
        return len(self.index)

    @property
    def foreground(self) -> Array:
        """Labelled pixels per slice."""
        return np.asarray(self.index[:, 2])

    def share(self, rank: int, world: int) -> SliceDataset:
        """Return every ``world``-th slice from ``rank`` on: one process's part of a validation."""
        part = copy.copy(self)
        part.index = self.index[rank::world]
        return part

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        """Read one slice with its neighbours."""
        position, z, _ = (int(v) for v in self.index[item])
        images = self.cache.images(self.case_ids[position])
        image = torch.from_numpy(with_context(images, z, self.context).astype(np.float32))
        label = torch.from_numpy(np.array(self.cache.labels(self.case_ids[position])[z]))
        return {"image": image, "label": label, "case": torch.tensor(position)}


class TumourSampler(Sampler[int]):
    """A new order every epoch, with a stated share of slices that hold tumour.

    Args:
        foreground: Labelled pixels per slice.
        fraction: Share of tumour slices, or None to take every slice once; where all slices or none hold tumour, None.
        samples: Slices per epoch; None: all (or as many as keep every tumour slice once at ``fraction``).
        seed: With the epoch, decides the order.
        rank: This process among ``world`` (DDP).
        world: Number of processes.
    """

    def __init__(
        self,
        foreground: Array,
        fraction: float | None,
        samples: int | None,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.tumour, self.empty = np.flatnonzero(foreground > 0), np.flatnonzero(foreground == 0)
        self.fraction = fraction if len(self.tumour) and len(self.empty) else None
        self.seed, self.rank, self.world, self.epoch = seed, rank, world, 0
        if samples is None:
            samples = len(foreground) if self.fraction is None else round(len(self.tumour) / self.fraction)
        self.samples = samples - samples % world

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of ``epoch``; the trainer calls it."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of slices this process sees in an epoch."""
        return self.samples // self.world

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        if self.fraction is None:
            everything = np.concatenate([self.tumour, self.empty])
            order = _draw(everything, self.samples, rng)
        else:
            wanted = round(self.samples * self.fraction)
            order = np.concatenate([_draw(self.tumour, wanted, rng), _draw(self.empty, self.samples - wanted, rng)])
        return iter(rng.permutation(order)[self.rank :: self.world].tolist())


def _draw(items: Array, count: int, rng: np.random.Generator) -> Array:
    """Draw ``count`` items, each as often as any other give or take one."""
    rounds = [rng.permutation(items) for _ in range(-(-count // len(items)))]
    return np.concatenate(rounds)[:count] if rounds else items[:0]


def loader(
    dataset: Dataset[dict[str, Tensor]], batch_size: int, sampler: Sampler[int] | None, workers: int = 0
) -> DataLoader[dict[str, Tensor]]:
    """Return the batches of ``dataset``.

    Args:
        dataset: Slices, patches or volumes.
        batch_size: Samples per batch; the last batch holds what is left.
        sampler: For training; a last batch of one sample is then left out: batch normalisation cannot learn from it.
        workers: Processes that read ahead; they end with the epoch, since a dataset learns of the next one here.
    """
    count = len(sampler) if isinstance(sampler, Sized) else 0
    lonely = count > batch_size > 1 and count % batch_size == 1
    pinned = workers > 0 and torch.cuda.is_available()
    return DataLoader(dataset, batch_size, sampler=sampler, drop_last=lonely, num_workers=workers, pin_memory=pinned)
