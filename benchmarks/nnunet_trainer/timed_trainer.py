"""nnU-Net's trainer with a budget of seconds instead of epochs; found by nnU-Net through ``nnUNet_extTrainer``.

Everything else (plans, network, loss, augmentation, optimiser) is nnU-Net's own. The learning rate falls as in nnU-Net,
(1 - share)^0.9, with the share of the seconds that are used up. Epochs are short, so that the budget is kept.
"""

from __future__ import annotations

import os
import time
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class TimedTrainer(nnUNetTrainer):  # type: ignore[misc]
    """Trains for ``TUMORSCOPE_SECONDS`` on ``OMP_NUM_THREADS`` threads and leaves scoring to the caller."""

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cpu"),  # noqa: B008
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)  # its names are read from this signature
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        self.budget = float(os.environ["TUMORSCOPE_SECONDS"])
        self.num_iterations_per_epoch, self.num_val_iterations_per_epoch = 5, 1
        self.num_epochs = 10**6
        self.steps = 0

    def run_training(self) -> None:
        """Train until the seconds are used up."""
        self.on_train_start()
        begun = time.monotonic()
        while (used := time.monotonic() - begun) < self.budget:
            self.on_epoch_start()
            self.on_train_epoch_start()
            for group in self.optimizer.param_groups:
                group["lr"] = self.initial_lr * (1 - used / self.budget) ** 0.9
            outputs = []
            while len(outputs) < self.num_iterations_per_epoch and time.monotonic() - begun < self.budget:
                outputs.append(self.train_step(next(self.dataloader_train)))
            self.steps += len(outputs)
            self.on_train_epoch_end(outputs)
            with torch.no_grad():
                self.on_validation_epoch_start()
                self.on_validation_epoch_end([self.validation_step(next(self.dataloader_val))])
            self.on_epoch_end()
        self.print_to_log_file(f"TimedTrainer: {self.steps} steps in {time.monotonic() - begun:.0f} seconds")
        self.on_train_end()

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Nothing: the caller scores the test cases."""
