"""Lightning's loop as every task here uses it: resumable, silent where nothing is wrong, best weights kept."""

from __future__ import annotations

import json
import logging
import signal
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.trainer.states import TrainerStatus
from torch import Tensor

from tumorscope.core.files import write_text
from tumorscope.recipes.sections import Training
from tumorscope.training.callbacks import EpochLog, Progress, StopWhenDiverged, read_log

#: Lightning's remarks on what is meant as it is here.
_NOT_FOR_USERS = (
    ".*(num_workers|lr_scheduler.step|isinstance|find_unused|logging interval|is not empty|monitored key).*"
)


@dataclass(frozen=True)
class LoopResult:
    """What a run leaves behind.

    Attributes:
        state: State dict of the task's ``network`` that is kept (of the averaged weights, where the recipe averages).
        best_epoch: Of the kept weights, zero-based.
        best_score: Of the monitored quantity there.
        epochs_run: Including those before a resume.
    """

    state: dict[str, Tensor]
    best_epoch: int
    best_score: float
    epochs_run: int


def run_loop(
    settings: Training,
    run: Path,
    make_task: Callable[[], LightningModule],
    make_loaders: Callable[[Trainer], tuple[object, object]],
    callbacks: Sequence[Callback] = (),
) -> LoopResult:
    """Train until the settings say stop; continue ``run`` where it was interrupted, or return what it finished with.

    Args:
        settings: The loop's part of a recipe.
        run: Folder for checkpoints and logs.
        make_task: Builds the task, whose module ``network`` is what is kept; not called for a finished run.
        make_loaders: Builds the batches of training and validation.
        callbacks: Run after the loop's own; what they raise ends the run and reaches the caller.

    Raises:
        InputError: if the loss is no number any more.
        KeyboardInterrupt: if the user stops it; the last finished epoch is kept.
    """
    finished = run / "finished.json"
    if not finished.is_file():
        lightning.seed_everything(settings.seed, verbose=False)
        task = make_task()
        best = _checkpoint(run, "best", settings.monitor, _mode(settings))
        with _determinism_restored():
            trainer = _trainer(settings, run, best, callbacks)
            _run(trainer, task, make_loaders(trainer), run)
        if trainer.is_global_zero:
            write_text(finished, json.dumps({"epochs_run": trainer.current_epoch}))
        trainer.strategy.barrier()
    checkpoint = torch.load(run / "checkpoints" / f"{settings.keep}.ckpt", map_location="cpu", weights_only=False)
    state = {k.removeprefix("network."): v for k, v in checkpoint["state_dict"].items() if k.startswith("network.")}
    kept = int(checkpoint["epoch"])
    score = next(row.get(settings.monitor, float("nan")) for row in read_log(run / "log.csv") if row["epoch"] == kept)
    epochs_run = json.loads(finished.read_text(encoding="utf-8"))["epochs_run"]
    return LoopResult(state, kept, float(score), epochs_run)


def _run(trainer: Trainer, task: LightningModule, loaders: tuple[object, object], run: Path) -> None:
    """Fit, and turn Lightning's exit after Ctrl-C back into what it was."""
    last = run / "checkpoints" / "last.ckpt"
    handler = signal.getsignal(signal.SIGINT)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=_NOT_FOR_USERS)
        try:
            trainer.fit(task, *loaders, ckpt_path=last if last.is_file() else None, weights_only=False)
        except SystemExit as leaving:
            if trainer.state.status != TrainerStatus.INTERRUPTED:
                raise
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from leaving


@contextmanager
def _determinism_restored() -> Iterator[None]:
    """Undo the trainer's process-wide switch afterwards."""
    before, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)


class _MovableCheckpoint(ModelCheckpoint):
    """A checkpoint whose memory survives that the run folder was moved between two starts."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the memory back, with paths in the folder as it is called now."""
        old, new = str(state_dict["dirpath"]), str(self.dirpath)
        moved = {k: v.replace(old, new, 1) for k, v in state_dict.items() if isinstance(v, str)}
        files = {k.replace(old, new, 1): v for k, v in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "best_k_models": files})


def _checkpoint(run: Path, name: str, monitor: str | None = None, mode: str = "min") -> ModelCheckpoint:
    """Return a checkpoint written at the very end of an epoch, when every schedule has moved."""
    return _MovableCheckpoint(
        dirpath=run / "checkpoints",
        filename=name,
        monitor=monitor,
        mode=mode,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )


class _UnevenDDP(DDPStrategy):
    """DDP whose processes may validate different numbers of batches: none waits for the others at each of them."""

    def validation_step(self, *args: Any, **kwargs: Any) -> Any:
        """Call the task itself instead of going through DDP's wrapper, which synchronises."""
        assert self.lightning_module is not None
        with self.precision_plugin.val_step_context():
            return self.lightning_module.validation_step(*args, **kwargs)


def _mode(settings: Training) -> str:
    return "min" if settings.monitor == "val_loss" else "max"


def _trainer(settings: Training, run: Path, best: ModelCheckpoint, further: Sequence[Callback]) -> Trainer:
    callbacks: list[Callback] = [StopWhenDiverged(), EpochLog(run / "log.csv"), Progress(), *further]
    if settings.early_stopping is not None:
        callbacks.append(EarlyStopping(settings.monitor, patience=settings.early_stopping, mode=_mode(settings)))
    if settings.ema:
        callbacks.insert(0, EMAWeightAveraging(decay=settings.ema))
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    on_gpu = settings.accelerator == "gpu" or (settings.accelerator == "auto" and torch.cuda.is_available())
    return Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy=_UnevenDDP() if settings.devices > 1 else "auto",
        max_epochs=settings.epochs,
        precision="bf16-mixed" if settings.precision == "bf16-mixed" else "32-true",
        gradient_clip_val=settings.clip_grad or None,
        check_val_every_n_epoch=settings.validate_every,
        benchmark=on_gpu and not settings.deterministic,
        deterministic="warn" if settings.deterministic and on_gpu else settings.deterministic,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        logger=TensorBoardLogger(run, name="tensorboard", version=""),
        callbacks=[*callbacks, best, _checkpoint(run, "last")],
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=10,
    )
