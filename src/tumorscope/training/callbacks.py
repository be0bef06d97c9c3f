"""What happens around the loop: the CSV log, progress, and the end of a run that diverged."""

from __future__ import annotations

import csv
import io
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from lightning.pytorch import Callback, LightningModule, Trainer

from tumorscope.core.errors import InputError
from tumorscope.core.files import write_text


def read_log(path: Path) -> list[dict[str, float]]:
    """Return the rows of a training log, numbers as numbers, empty cells left out."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as handle:
        return [{k: float(v) for k, v in row.items() if v not in (None, "")} for row in csv.DictReader(handle)]


def epoch_metrics(trainer: Trainer) -> dict[str, float]:
    """Return what was measured in this very epoch; Lightning also keeps the last validation's values."""
    validated = (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0
    return {k: float(v) for k, v in trainer.callback_metrics.items() if validated or not k.startswith("val_")}


class EpochLog(Callback):
    """Writes ``log.csv``, one row per epoch; a resumed run continues it.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.started = 0.0

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Note the time."""
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Append this epoch; rows from it on (of a run that was killed later) are replaced."""
        if not trainer.is_global_zero:
            return
        row: dict[str, float] = {"epoch": trainer.current_epoch, "lr": trainer.optimizers[0].param_groups[0]["lr"]}
        row |= epoch_metrics(trainer)
        row["seconds"] = time.monotonic() - self.started
        rows = [r for r in read_log(self.path) if r["epoch"] < row["epoch"]] + [row]
        columns = list(dict.fromkeys(k for r in rows for k in r))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" for k, v in r.items()} for r in rows)
        write_text(self.path, text.getvalue())


class Progress(Callback):
    """Prints one line per epoch with the time left, and a live counter where the output is a terminal.

    Args:
        stream: Where to print; default standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.begun, self.first_epoch, self.epoch_begun = 0.0, 0, 0.0

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Note where the clock starts."""
        self.begun, self.first_epoch = time.monotonic(), trainer.current_epoch

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Note the epoch's start."""
        self.epoch_begun = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Update the counter."""
        if self.stream.isatty() and trainer.is_global_zero:
            steps = int(trainer.num_training_batches)
            left = (time.monotonic() - self.epoch_begun) / (batch_idx + 1) * (steps - batch_idx - 1)
            self.stream.write(f"\repoch {trainer.current_epoch + 1}: {batch_idx + 1}/{steps}, {left:.0f} s to its end ")
            self.stream.flush()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Print the epoch's line."""
        if not trainer.is_global_zero:
            return
        done = trainer.current_epoch + 1
        total = trainer.max_epochs or done
        left = (time.monotonic() - self.begun) / (done - self.first_epoch) * (total - done)
        shown = [f"{k} {v:.4f}" for k, v in sorted(epoch_metrics(trainer).items())]
        clear = "\r" if self.stream.isatty() else ""
        self.stream.write(f"{clear}epoch {done}/{total}  {'  '.join(shown)}  time left {_duration(left)}\n")
        self.stream.flush()


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {seconds:02d} s"


class StopWhenDiverged(Callback):
    """Ends a run whose loss is no number any more, before its weights are kept."""

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Look at the losses of the epoch.

        Raises:
            InputError: if one is not finite.
        """
        for name in ("train_loss", "val_loss"):
            value = float(trainer.callback_metrics.get(name, 0.0))
            if not math.isfinite(value):
                raise InputError(
                    expected=f"a finite {name}",
                    found=f"{value} in epoch {trainer.current_epoch + 1}",
                    fix="Lower optimizer.lr or set training.clip_grad to 1",
                )


class EpochHook(Callback):
    """Calls functions before and after each epoch; what they raise ends the run.

    Args:
        before: Receives the epoch (zero-based); everything of the one before is saved.
        after: Receives the epoch and what was measured in it, after the log was written.
    """

    def __init__(self, before: Callable[[int], None], after: Callable[[int, dict[str, float]], None]) -> None:
        self.before, self.after = before, after

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Tell that an epoch begins."""
        self.before(trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Tell what the epoch brought."""
        self.after(trainer.current_epoch, epoch_metrics(trainer))
