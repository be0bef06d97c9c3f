"""Optimisers and learning-rate schedules of a recipe."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer as TorchOptimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from tumorscope.recipes.recipe import Optimizer, Schedule

_OPTIMIZERS: dict[str, type[TorchOptimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}


def build_optimizer(parameters: Iterable[nn.Parameter], spec: Optimizer) -> TorchOptimizer:
    """Return the optimiser; biases and normalisation weights are not decayed."""
    weights, others = [], []
    for parameter in parameters:
        (weights if parameter.ndim > 1 else others).append(parameter)
    groups = [{"params": weights, "weight_decay": spec.weight_decay}, {"params": others, "weight_decay": 0.0}]
    arguments = {"momentum": 0.9} | spec.args if spec.name == "sgd" else spec.args
    return _OPTIMIZERS[spec.name](groups, lr=spec.lr, **arguments)  # type: ignore[call-arg]


def build_schedule(optimizer: TorchOptimizer, spec: Schedule, total_steps: int) -> dict[str, Any] | None:
    """Return Lightning's scheduler entry, or None for a constant rate."""
    if spec.name == "constant":
        return None
    if spec.name == "plateau":
        scheduler = ReduceLROnPlateau(optimizer, factor=spec.factor, patience=spec.patience)
        return {"scheduler": scheduler, "monitor": "val_loss", "interval": "epoch", "strict": False}
    warmup = max(1, round(spec.warmup * total_steps))

    def factor(step: int) -> float:
        if step < warmup and spec.warmup:
            return (step + 1) / warmup
        done = min(1.0, (step - warmup) / max(1, total_steps - warmup))
        return 0.5 * (1 + math.cos(math.pi * done)) if spec.name == "cosine" else float((1 - done) ** spec.power)

    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}
