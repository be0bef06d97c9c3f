"""Time and memory of a run, told before it starts."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
import torch
from torch import Tensor

from tumorscope.core.labels import LabelScheme
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.batches import SliceDataset
from tumorscope.training.optim import build_optimizer
from tumorscope.training.patches import PatchDataset
from tumorscope.training.task import SegmentationTask

#: Seconds per epoch for logs and what Lightning does between epochs, and bytes per second of checkpoints.
_EPOCH_OVERHEAD, _WRITING = 0.05, 300e6


@dataclass(frozen=True)
class Estimate:
    """What a run will take at most.

    Attributes:
        seconds: For all epochs, validation included.
        memory_mb: Peak resident memory of a process.
        parameters: Of the network.
    """

    seconds: float
    memory_mb: float
    parameters: int

    def __str__(self) -> str:
        """Return one sentence."""
        minutes = self.seconds / 60
        duration = f"{minutes / 60:.1f} h" if minutes >= 90 else f"{max(minutes, 1):.0f} min"
        return (
            f"{max(self.parameters, 1e5) / 1e6:.1f} M parameters; at most about {duration} and "
            f"{self.memory_mb / 1024:.1f} GB on this machine as busy as it is now (measured on a few steps)"
        )


class _PeakMemory:
    """Samples this process's resident memory while a block runs."""

    def __enter__(self) -> _PeakMemory:
        self.process, self.over = psutil.Process(), threading.Event()
        self.peak = self.process.memory_info().rss
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.over.wait(0.005):
            self.peak = max(self.peak, self.process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        self.peak = max(self.peak, self.process.memory_info().rss)


def estimate(
    recipe: Recipe,
    scheme: LabelScheme,
    train_samples: int,
    val_samples: int,
    samples: SliceDataset | PatchDataset | None = None,
) -> Estimate:
    """Time a few training and validation steps, augmentation included.

    Args:
        recipe: What will run.
        scheme: Its label scheme.
        train_samples: Slices or patches per epoch.
        val_samples: Slices, or windows of volumes, per validation.
        samples: Where to read training samples from, so that reading counts; without it, random numbers.
    """
    settings = recipe.training
    on_gpu = settings.accelerator != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    with _PeakMemory() as memory:
        task = SegmentationTask(recipe, scheme, 1).to(device)
        step = _training_step(task, recipe, device, samples)
        per_sample = _seconds(step) / settings.batch_size
        per_val_sample = _seconds(_validation_step(task, recipe, device)) / _val_batch(recipe)
    weights = sum(p.numel() * p.element_size() for p in task.network.parameters())
    copies = 6 + 2 * bool(settings.ema)  # what a checkpoint holds (weights, two moments, average), and its bytes
    epoch = per_sample * train_samples + _EPOCH_OVERHEAD + 2 * (copies // 2) * weights / _WRITING
    share = settings.devices if on_gpu else 1
    seconds = settings.epochs * (epoch + per_val_sample * val_samples / settings.validate_every) / share
    parameters = sum(p.numel() for p in task.network.parameters())
    return Estimate(seconds, (memory.peak + copies * weights) / 2**20, parameters)


def _seconds(step: Callable[[], None]) -> float:
    """Return the median time of three to ten steps (of one, where it takes long) after one to warm up."""
    step()
    times: list[float] = []
    while not times or (len(times) < 3 and sum(times) < 20) or (len(times) < 10 and sum(times) < 2):
        begun = time.perf_counter()
        step()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def _training_step(
    task: SegmentationTask, recipe: Recipe, device: torch.device, samples: SliceDataset | PatchDataset | None
) -> Callable[[], None]:
    optimizer = build_optimizer(task.parameters(), recipe.optimizer)
    size, rng = recipe.training.batch_size, torch.Generator().manual_seed(0)
    bf16 = recipe.training.precision == "bf16-mixed"

    def step() -> None:
        batch = _batch(recipe, size, samples, rng)
        images, targets, known = task.augmented({k: v.to(device) for k, v in batch.items()}, rng)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            levels = task.levels(images)
        loss = task.loss(levels, targets, known)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        float(loss.detach())  # waits for a GPU

    return step


def _validation_step(task: SegmentationTask, recipe: Recipe, device: torch.device) -> Callable[[], None]:
    bf16 = recipe.training.precision == "bf16-mixed"
    shape = recipe.preprocess.input_size
    images = torch.zeros(_val_batch(recipe), recipe.preprocess.channels, *shape)
    labels = torch.zeros(len(images), *shape, dtype=torch.uint8, device=device)

    def step() -> None:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            levels = task.levels(images.to(device))
        float(task.loss(levels[0], task.targets(labels)))

    return step


def _val_batch(recipe: Recipe) -> int:
    """Return how many samples the network sees at once in validation."""
    return recipe.training.batch_size * (1 if recipe.preprocess.patch else 2)


def _batch(
    recipe: Recipe, size: int, samples: SliceDataset | PatchDataset | None, rng: torch.Generator
) -> dict[str, Tensor]:
    if samples is not None:
        chosen = [samples[int(i)] for i in torch.randint(len(samples), (size,), generator=rng)]
        return {k: torch.stack([item[k] for item in chosen]) for k in ("image", "label")}
    shape = recipe.preprocess.input_size
    images = torch.randn(size, recipe.preprocess.channels, *shape, generator=rng)
    return {"image": images, "label": torch.zeros(size, *shape, dtype=torch.uint8)}
