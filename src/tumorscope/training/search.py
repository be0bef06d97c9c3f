"""A hyper-parameter search as a file that several processes share: Optuna's study in SQLite."""

from __future__ import annotations

import itertools
import json
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, Trial, TrialState

from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import ensure_folder
from tumorscope.training.search_space import Parameter, Scalar

Sampler = Literal["tpe", "random", "grid"]
Pruner = Literal["median", "hyperband", "none"]
Objective = Literal["val_dice", "val_loss"]

#: A trial that was killed this often without a word is given up.
_MOST_STARTS = 3
_MOST_GRID_POINTS = 10_000
_IDENTITY = "identity"


@dataclass(frozen=True)
class SearchSettings:
    """How a search proceeds.

    Attributes:
        sampler: ``tpe`` (tree-structured Parzen estimator, Bergstra et al. 2011), ``random`` or ``grid``.
        pruner: ``median`` (ends a trial that is worse than the median of the earlier ones at the same epoch),
            ``hyperband`` (Li et al. 2018) or ``none``.
        objective: What is optimised: ``val_dice`` (higher) or ``val_loss`` (lower), at the epoch a run would keep.
        seed: With the number of a trial, decides what is drawn.
    """

    sampler: Sampler = "tpe"
    pruner: Pruner = "median"
    objective: Objective = "val_dice"
    seed: int = 0

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Whether more or less is better."""
        return "maximize" if self.objective == "val_dice" else "minimize"


class Search:
    """The study in ``folder``, made where there is none.

    Args:
        folder: Holds ``study.db`` and one folder per trial.
        parameters: What varies.
        settings: How.
        constants: What else must be the same whenever the search is continued, as JSON (recipe, split).

    Raises:
        UsageError: if the folder holds another search, or a grid is wanted of a continuous parameter.
    """

    def __init__(
        self, folder: Path, parameters: list[Parameter], settings: SearchSettings, constants: Mapping[str, Any]
    ) -> None:
        self.folder, self.parameters, self.settings = ensure_folder(folder), parameters, settings
        self.lock = FileLock(folder / ".lock")
        points = _grid(parameters) if settings.sampler == "grid" else []
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        identity = {"param": [str(p) for p in parameters], **asdict(settings), **constants}
        with self.lock, _quiet():
            self.study = optuna.create_study(
                storage=_storage(folder / "study.db"),
                study_name="search",
                direction=settings.direction,
                load_if_exists=True,
                pruner=_pruner(settings.pruner),
            )
            before = self.study.user_attrs.get(_IDENTITY)
            if before is None:
                self._begin(identity, points)
            else:
                _check_same(before, json.loads(json.dumps(identity)), folder)
        self.held: dict[int, FileLock] = {}

    def _begin(self, identity: Mapping[str, Any], points: list[dict[str, Scalar]]) -> None:
        random.Random(self.settings.seed).shuffle(points)
        for point in points:
            self.study.enqueue_trial(point)
        self.study.set_user_attr(_IDENTITY, identity)

    def next(self, trials: int | None) -> Trial | None:
        """Return the next trial to run: one that was broken off, or a new one; None when there is none left.

        Args:
            trials: How many the search has at most, over all processes and starts; None: no limit.
        """
        with self.lock, _quiet():
            every = self.study.get_trials(deepcopy=False)
            for frozen in every:
                if frozen.state == TrialState.RUNNING and self._take(frozen.number):
                    adopted = self._adopt(frozen)
                    if adopted is not None:
                        return adopted
            waiting = any(t.state == TrialState.WAITING for t in every)
            begun = sum(t.state != TrialState.WAITING for t in every)
            if (trials is not None and begun >= trials) or (self.settings.sampler == "grid" and not waiting):
                return None
            self.study.sampler = _sampler(self.settings, begun, trials)
            trial = self.study.ask()
            self._take(trial.number)
            for parameter in self.parameters:
                parameter.suggest(trial)
            trial.set_user_attr("starts", 1)
            return trial

    def _take(self, number: int) -> bool:
        """Claim a trial for this process; False where a living process has it."""
        if number in self.held:
            return False
        lock = FileLock(ensure_folder(self.trial_folder(number)) / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        self.held[number] = lock
        return True

    def _adopt(self, frozen: FrozenTrial) -> Trial | None:
        """Go on with a trial that was broken off; None for one that is given up."""
        self.study.sampler = _sampler(self.settings, frozen.number, None)
        trial = Trial(self.study, frozen._trial_id)
        for parameter in self.parameters:
            parameter.suggest(trial)
        starts = int(frozen.user_attrs.get("starts", 0)) + 1
        if starts > _MOST_STARTS:
            trial.set_user_attr("sentence", f"Ended {_MOST_STARTS} times without a word; probably killed for memory.")
            self.finish(trial, TrialState.FAIL)
            return None
        trial.set_user_attr("starts", starts)
        return trial

    def report(self, trial: Trial, value: float, epoch: int) -> None:
        """Tell the pruner what an epoch (zero-based) brought."""
        with _quiet():
            trial.report(value, epoch)

    def stopped(self, trial: Trial) -> None:
        """Lay a trial aside that was stopped on purpose; the next process continues it."""
        trial.set_user_attr("starts", 0)
        self._leave(trial.number)

    def finish(self, trial: Trial, state: TrialState, value: float | None = None) -> None:
        """Write the end of a trial down; ``value`` for one that is complete."""
        with _quiet():
            self.study.tell(trial, value, state)
        self._leave(trial.number)

    def _leave(self, number: int) -> None:
        self.held.pop(number).release()

    def trial_folder(self, number: int) -> Path:
        """Return the folder of a trial; folders count from 1."""
        return self.folder / "trials" / f"{number + 1:04}"

    def trials(self) -> list[FrozenTrial]:
        """Return every trial that began."""
        return [t for t in self.study.get_trials(deepcopy=False) if t.state != TrialState.WAITING]

    def best(self) -> FrozenTrial | None:
        """Return the complete trial with the best value, the earlier of equals."""
        complete = [t for t in self.trials() if t.state == TrialState.COMPLETE and t.value is not None]
        sign = -1 if self.settings.direction == "maximize" else 1
        return min(complete, key=lambda t: (sign * float(t.value or 0.0), t.number), default=None)


def _storage(path: Path) -> optuna.storages.RDBStorage:
    try:
        wait = {"connect_args": {"timeout": 60}}
        return optuna.storages.RDBStorage(f"sqlite:///{path.absolute()}", engine_kwargs=wait)
    except Exception as error:
        raise InputError(
            expected="a study that Optuna can read",
            found=f"{type(error).__name__} for {path}",
            fix="Name a new folder after -o",
        ) from error


def _sampler(settings: SearchSettings, number: int, trials: int | None) -> optuna.samplers.BaseSampler:
    """Return a sampler whose draw depends on seed and trial alone: a search continued elsewhere repeats nothing."""
    seed = (settings.seed * 1_000_003 + number) % 2**32
    if settings.sampler == "tpe":
        first = 10 if trials is None else max(4, min(10, trials // 3))
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=first)
    return optuna.samplers.RandomSampler(seed=seed)


def _pruner(name: Pruner) -> optuna.pruners.BasePruner:
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
    return optuna.pruners.HyperbandPruner() if name == "hyperband" else optuna.pruners.NopPruner()


def _grid(parameters: list[Parameter]) -> list[dict[str, Scalar]]:
    axes: list[list[Scalar]] = []
    for parameter in parameters:
        values = parameter.grid
        if values is None:
            raise UsageError(
                expected="only parameters with countable values for --sampler grid",
                found=str(parameter),
                fix=f"Write {parameter.key}=choice:A,B,C, or use --sampler random",
            )
        axes.append(values)
    count = 1
    for values in axes:
        count *= len(values)
    if count > _MOST_GRID_POINTS:
        raise UsageError(
            expected=f"a grid of at most {_MOST_GRID_POINTS} points",
            found=f"{count}",
            fix="Leave values out, or use --sampler random",
        )
    keys = [p.key for p in parameters]
    return [dict(zip(keys, point, strict=True)) for point in itertools.product(*axes)]


def _check_same(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    for key, value in now.items():
        if before.get(key) == value:
            continue
        there, here = _shown(before.get(key), value)
        raise UsageError(
            expected=f"the search that {folder} began with",
            found=f"another {key} ({there} there, {here} now)",
            fix="Repeat the first command to continue it, or name a new folder after -o",
        )


def _shown(there: Any, here: Any) -> tuple[str, str]:
    """Return where two values differ: only the differing entries of lists and sections."""
    if isinstance(there, list) and isinstance(here, list):
        pairs = [x for x in there if x not in here], [x for x in here if x not in there]
        return tuple(", ".join(map(str, part)) or "none" for part in pairs)  # type: ignore[return-value]
    while isinstance(there, dict) and isinstance(here, dict):
        key = next(k for k in [*there, *here] if there.get(k) != here.get(k))
        there, here = there.get(key), here.get(key)
        if not isinstance(there, dict) or not isinstance(here, dict):
            return f"{key} {there}", f"{key} {here}"
    return str(there), str(here)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out Optuna's remarks on experimental features and on epochs reported twice."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
