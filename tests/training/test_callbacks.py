"""The log and the progress lines."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tumorscope.core.errors import InputError
from tumorscope.training.callbacks import EpochLog, Progress, StopWhenDiverged, read_log


def trainer(epoch: int, total: int = 10, rank_zero: bool = True, **metrics: float) -> Any:
    return SimpleNamespace(
        current_epoch=epoch,
        max_epochs=total,
        is_global_zero=rank_zero,
        callback_metrics=metrics,
        num_training_batches=4,
        check_val_every_n_epoch=1,
        optimizers=[SimpleNamespace(param_groups=[{"lr": 0.1}])],
    )


def write(log: EpochLog, at: Any) -> None:
    log.on_train_epoch_start(at, None)  # type: ignore[arg-type]
    log.on_train_epoch_end(at, None)  # type: ignore[arg-type]


def test_rows_columns_and_a_resume(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    for epoch in range(3):
        write(EpochLog(path), trainer(epoch, train_loss=1.0 - epoch / 10, **({"val_loss": 2.0} if epoch == 1 else {})))
    assert [r["train_loss"] for r in read_log(path)] == [1.0, 0.9, 0.8]
    assert ["val_loss" in r for r in read_log(path)] == [False, True, False]
    write(EpochLog(path), trainer(1, train_loss=0.5))  # a run that was broken off after epoch 0's checkpoint
    assert [(r["epoch"], r["train_loss"]) for r in read_log(path)] == [(0, 1.0), (1, 0.5)]


def test_an_epoch_without_validation_does_not_repeat_the_last_one(tmp_path: Path) -> None:
    for epoch in range(4):
        at = trainer(epoch, train_loss=1.0, val_loss=0.5)
        at.check_val_every_n_epoch = 2
        write(EpochLog(tmp_path / "log.csv"), at)
    assert [r.get("val_loss") for r in read_log(tmp_path / "log.csv")] == [None, 0.5, None, 0.5]


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    write(EpochLog(tmp_path / "log.csv"), trainer(0, rank_zero=False, train_loss=1.0))
    assert not (tmp_path / "log.csv").exists()
    assert read_log(tmp_path / "log.csv") == []


def test_progress_tells_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("tumorscope.training.callbacks.time.monotonic", lambda: clock[0])
    stream = io.StringIO()
    progress = Progress(stream)
    progress.on_train_start(trainer(4), None)  # type: ignore[arg-type]
    clock[0] += 60
    progress.on_train_epoch_end(trainer(4, train_loss=0.25), None)  # type: ignore[arg-type]
    clock[0] += 60
    progress.on_train_epoch_end(trainer(5, train_loss=0.2), None)  # type: ignore[arg-type]
    assert stream.getvalue().splitlines() == [
        "epoch 5/10  train_loss 0.2500  time left 5 min 00 s",
        "epoch 6/10  train_loss 0.2000  time left 4 min 00 s",
    ]


def test_a_terminal_sees_the_steps() -> None:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    progress = Progress(stream)
    progress.on_train_epoch_start(trainer(0), None)  # type: ignore[arg-type]
    progress.on_train_batch_end(trainer(0), None, None, None, 1)  # type: ignore[arg-type]
    assert "epoch 1: 2/4" in stream.getvalue()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["train_loss", "val_loss"])
def test_a_loss_that_is_no_number_ends_the_run(name: str, value: float) -> None:
    StopWhenDiverged().on_train_epoch_end(trainer(2, train_loss=1.0), None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"a finite {name}; found .* in epoch 3"):
        StopWhenDiverged().on_train_epoch_end(trainer(2, **{name: value}), None)  # type: ignore[arg-type]
