"""One trial of a search: a short training run whose epochs the pruner watches."""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import Trial, TrialState

from tumorscope.core.errors import OutputError, TumorscopeError
from tumorscope.core.labels import LabelScheme
from tumorscope.datasets.splits import Split
from tumorscope.recipes.recipe import Recipe
from tumorscope.training.cache import Cache
from tumorscope.training.callbacks import EpochHook, read_log
from tumorscope.training.fit import fit
from tumorscope.training.search import Objective, Search

#: What says in PyTorch's errors, which have no kind of their own on a CPU, that memory was short.
_NO_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")


class _PrunedError(Exception):
    """The pruner has seen enough."""


class TimeIsUpError(Exception):
    """The search's time is over; the trial continues when the search does."""


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended.

    Attributes:
        state: ``COMPLETE``, ``PRUNED`` or ``FAIL``.
        value: The objective at the epoch a run would keep; of a pruned trial, at the best epoch until then.
        sentence: What went wrong.
    """

    state: TrialState
    value: float | None = None
    sentence: str = ""


def run_trial(
    search: Search,
    trial: Trial,
    make: Callable[[], tuple[Recipe, Cache]],
    scheme: LabelScheme,
    split: Split,
    deadline: float | None = None,
) -> TrialEnd:
    """Train one trial, or continue it after its last finished epoch, and write its end into the study.

    A recipe that cannot be, a loss that is no number and too little memory end the trial, not the search.

    Args:
        search: The study.
        trial: From :meth:`Search.next`.
        make: Returns the trial's recipe and its preprocessed cases; what it raises counts as the trial's failure.
        scheme: What the label values mean.
        split: Its training and validation parts are used, its test part never.
        deadline: On the clock of :func:`time.monotonic`; no epoch begins after it.

    Raises:
        TimeIsUpError: at the deadline; the trial is laid aside.
        KeyboardInterrupt: if the user stops it; the trial is laid aside.
        OutputError: if nothing can be written any more; the trial is laid aside.
    """
    folder = search.trial_folder(trial.number)
    try:
        end = _trained(search, trial, make, scheme, split, folder, deadline)
    except (KeyboardInterrupt, TimeIsUpError, OutputError):
        search.stopped(trial)
        raise
    except Exception as error:
        end = TrialEnd(TrialState.FAIL, sentence=failure_sentence(error))
    rows = read_log(folder / "log.csv")
    trial.set_user_attr("epochs", len(rows))
    trial.set_user_attr("seconds", round(sum(row["seconds"] for row in rows), 2))
    trial.set_user_attr("value", end.value)
    trial.set_user_attr("sentence", end.sentence)
    search.finish(trial, end.state, end.value if end.state == TrialState.COMPLETE else None)
    _keep_little(folder)
    gc.collect()
    return end


def failure_sentence(error: Exception) -> str:
    """Return what went wrong in one sentence."""
    text = " ".join(str(error).split())
    if isinstance(error, TumorscopeError):
        return text
    if isinstance(error, MemoryError) or any(words in text.lower() for words in _NO_MEMORY):
        return "Out of memory: take a smaller batch, size or width."
    return f"{type(error).__name__}: {text[:300]}"


def kept_epoch(rows: list[dict[str, float]], recipe: Recipe) -> dict[str, float] | None:
    """Return the log's row of the epoch whose weights a run keeps: the first with the best monitored value."""
    monitor = recipe.training.monitor
    sign = 1 if monitor == "val_loss" else -1
    return min((row for row in rows if monitor in row), key=lambda row: sign * row[monitor], default=None)


def _trained(
    search: Search,
    trial: Trial,
    make: Callable[[], tuple[Recipe, Cache]],
    scheme: LabelScheme,
    split: Split,
    folder: Path,
    deadline: float | None,
) -> TrialEnd:
    recipe, cache = make()
    hook = _hook(search, trial, recipe, deadline)
    try:
        fit(recipe, scheme, cache, split.parts["train"], split.parts["val"], folder, callbacks=[hook])
        state = TrialState.COMPLETE
    except _PrunedError:
        state = TrialState.PRUNED
    kept = kept_epoch(read_log(folder / "log.csv"), recipe)
    assert kept is not None, "the recipe validates at least once"
    trial.set_user_attr("best_epoch", int(kept["epoch"]) + 1)
    return TrialEnd(state, kept[search.settings.objective])


def _hook(search: Search, trial: Trial, recipe: Recipe, deadline: float | None) -> EpochHook:
    """Return the callback that reports every validated epoch and asks whether to go on."""
    objective: Objective = search.settings.objective

    def before(epoch: int) -> None:
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeIsUpError

    def after(epoch: int, values: dict[str, float]) -> None:
        if objective not in values:
            return
        search.report(trial, values[objective], epoch)
        if epoch + 1 < recipe.training.epochs and trial.should_prune():
            raise _PrunedError

    return EpochHook(before, after)


def _keep_little(folder: Path) -> None:
    """Remove checkpoints and event files; the log and the recipe stay."""
    for name in ("checkpoints", "tensorboard"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "finished.json").unlink(missing_ok=True)


def trial_row(search: Search, frozen: Any) -> dict[str, Any]:
    """Return what a table says of a trial; trials count from 1."""
    notes = frozen.user_attrs
    state = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    return {
        "trial": frozen.number + 1,
        "state": state.get(frozen.state, "unfinished"),
        "value": notes.get("value"),
        "best_epoch": notes.get("best_epoch"),
        "epochs": notes.get("epochs", 0),
        "seconds": notes.get("seconds"),
        "params": {p.key: frozen.params[p.key] for p in search.parameters if p.key in frozen.params},
        "sentence": notes.get("sentence", ""),
    }
