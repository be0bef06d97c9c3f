"""Time and memory of a run, told before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil
import torch

from tumorscope.core.labels import LabelScheme
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.optim import build_optimizer
from tumorscope.training.task import SegmentationTask


@dataclass(frozen=True)
class Estimate:
    """What a run will take at most.

    Attributes:
        seconds: For all epochs, validation included.
        memory_mb: Peak resident memory.
        parameters: Of the network.
    """

    seconds: float
    memory_mb: float
    parameters: int

    def __str__(self) -> str:
        """Return one sentence."""
        return (
            f"{self.parameters / 1e6:.1f} M parameters; at most about {self.seconds / 60:.0f} min and "
            f"{self.memory_mb / 1024:.1f} GB on this machine (measured on two steps)"
        )


def estimate(recipe: Recipe, scheme: LabelScheme, train_slices: int, val_slices: int) -> Estimate:
    """Time two training steps on random numbers.

    Args:
        recipe: What will run.
        scheme: Its label scheme.
        train_slices: Per epoch.
        val_slices: Per validation.
    """
    task = SegmentationTask(recipe, scheme, 1)
    task.configure_model()
    settings = recipe.training
    optimizer = build_optimizer(task.parameters(), recipe.optimizer)
    batch, size = settings.batch_size, recipe.preprocess.size
    images = torch.randn(batch, recipe.preprocess.channels, *size)
    target = task.targets(torch.zeros(batch, *size, dtype=torch.uint8))
    begun = 0.0
    for step in range(3):
        if step == 1:
            begun = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16-mixed"):
            logits = task(images)
        task.loss(logits.float(), target).backward()
        optimizer.step()
        optimizer.zero_grad()
    per_slice = (time.perf_counter() - begun) / 2 / batch
    memory = psutil.Process().memory_info().rss / 2**20
    parameters = sum(p.numel() for p in task.network.parameters())
    validations = settings.epochs / settings.validate_every
    seconds = per_slice * (train_slices * settings.epochs + 0.35 * val_slices * validations)
    return Estimate(seconds, memory * 1.15, parameters)
