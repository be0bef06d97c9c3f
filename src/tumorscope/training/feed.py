"""What trains and what validates a recipe: slices or patches, slices or whole volumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.utils.data import DataLoader

from tumorscope.core.errors import InputError
from tumorscope.inference.sliding import window_count
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.batches import SliceDataset, TumourSampler, loader
from tumorscope.training.cache import Cache
from tumorscope.training.patches import PatchDataset, PatchSampler
from tumorscope.training.volumes import VolumeDataset

Batches = DataLoader[dict[str, Tensor]]
#: Patches per training case and epoch where the recipe does not say.
_PATCHES_PER_CASE = 2


@dataclass(frozen=True)
class Feed:
    """One process's part of a run's data.

    Attributes:
        train: What is sampled from.
        sampler: In which order.
        val: What is validated on, by this process.
        val_units: Slices, or windows of whole volumes, that the network sees per validation.
        batch_size: Of training.
        workers: Processes that read training samples ahead.
    """

    train: SliceDataset | PatchDataset
    sampler: TumourSampler | PatchSampler
    val: SliceDataset | VolumeDataset
    val_units: int
    batch_size: int
    workers: int

    def loaders(self) -> tuple[Batches, Batches]:
        """Return the batches of training and validation; whole volumes come one by one."""
        val_size = 2 * self.batch_size if isinstance(self.val, SliceDataset) else 1
        return loader(self.train, self.batch_size, self.sampler, self.workers), loader(self.val, val_size, None)


def make_feed(
    recipe: Recipe,
    cache: Cache,
    train_ids: Sequence[str],
    val_ids: Sequence[str],
    rank: int = 0,
    world: int = 1,
) -> Feed:
    """Choose and check the data of a run.

    Args:
        recipe: What to do.
        cache: Preprocessed cases.
        train_ids: Training cases.
        val_ids: Validation cases.
        rank: This process among ``world`` (DDP).
        world: Number of processes.

    Raises:
        InputError: if a part holds nothing or no label.
        UsageError: if the recipe's patches cannot be.
    """
    spec, data, training = recipe.preprocess, recipe.data, recipe.training
    if spec.patch is None:
        slices, val_slices = (
            SliceDataset(cache, train_ids, spec.context, spec.slices),
            SliceDataset(cache, val_ids, spec.context),
        )
        _check(slices, val_slices, world, "slice(s)", "Check preprocess.slices and the split")
        sampler = TumourSampler(
            slices.foreground, data.tumour_fraction, data.samples_per_epoch, training.seed, rank, world
        )
        share = val_slices.share(rank, world)
        return Feed(slices, sampler, share, len(share), training.batch_size, training.workers)
    _check(VolumeDataset(cache, train_ids), VolumeDataset(cache, val_ids), world, "volume(s)", "Check the split")
    samples = data.samples_per_epoch or _PATCHES_PER_CASE * len(train_ids)
    patches = PatchDataset(cache, train_ids, spec.patch, samples, data.tumour_fraction or 0.0, training.seed)
    volumes = VolumeDataset(cache, val_ids).share(rank, world)
    windows = sum(window_count(size, spec.patch) for size in volumes.sizes)
    return Feed(patches, PatchSampler(patches, rank, world), volumes, windows, training.batch_size, training.workers)


def _check(
    train: SliceDataset | VolumeDataset, val: SliceDataset | VolumeDataset, world: int, unit: str, fix: str
) -> None:
    for part, dataset in (("training", train), ("validation", val)):
        if len(dataset) < world:
            raise InputError(expected=f"at least {world} {unit} for {part}", found=f"{len(dataset)}", fix=fix)
        if not dataset.foreground.any():
            raise InputError(
                expected=f"labelled voxels in {part}", found="empty label maps only", fix="Check the labels"
            )
