"""What every task shares: optimiser and schedules of its recipe, and the memory of a plateau across a resume."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule
from torch.optim.lr_scheduler import ReduceLROnPlateau

from tumorscope.recipes.sections import Optimizer, Schedule, Training
from tumorscope.training.optim import build_optimizer, build_plateau, build_schedule


class ScheduledTask(LightningModule):
    """A task with the optimiser and schedule of a recipe.

    Args:
        training: The recipe's loop.
        optimizer: Its optimiser, over what is not frozen.
        schedule: Its schedule.
    """

    def __init__(self, training: Training, optimizer: Optimizer, schedule: Schedule) -> None:
        super().__init__()
        self._settings = training, optimizer, schedule
        self.plateau: ReduceLROnPlateau | None = None
        self._plateau_state: dict[str, Any] | None = None

    def on_train_epoch_end(self) -> None:
        """Let the plateau schedule see this epoch's validation, before the checkpoint is written."""
        training, _, schedule = self._settings
        if self.plateau is not None and (self.current_epoch + 1) % training.validate_every == 0:
            self.plateau.step(float(self.trainer.callback_metrics[schedule.watch]))

    def configure_optimizers(self) -> Any:
        """Build what the recipe says, over what is not frozen."""
        training, chosen, wanted = self._settings
        trained = [p for p in self.parameters() if p.requires_grad]
        optimizer = build_optimizer(trained, chosen, fused=not training.clip_grad)
        self.plateau = build_plateau(optimizer, wanted)
        if self.plateau is not None and self._plateau_state is not None:
            self.plateau.load_state_dict(self._plateau_state)
        schedule = build_schedule(optimizer, wanted, int(self.trainer.estimated_stepping_batches))
        if schedule is None:
            return optimizer
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the plateau schedule's memory, which Lightning would lose for the epoch that is just over."""
        checkpoint["plateau"] = None if self.plateau is None else self.plateau.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take that memory back; the schedule itself is built later."""
        self._plateau_state = checkpoint.get("plateau")
