"""How much each parameter of a search mattered (fANOVA, Hutter et al. 2014), and how sure that is."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FixedTrial, FrozenTrial, TrialState

from tumorscope.training.search import Search
from tumorscope.training.search_space import Parameter

_FEWEST = 4
_RESAMPLES, _TREES = 100, 16


@dataclass(frozen=True)
class Importance:
    """Share of the objective's variance over the search space that one parameter explains alone.

    Attributes:
        key: Of the parameter.
        share: Mean over resamples of the trials (bootstrap), 0 to 1; all parameters sum to 1.
        low: Of the 95 % interval over the same resamples.
        high: Of the same.
    """

    key: str
    share: float
    low: float
    high: float


def importances(search: Search) -> list[Importance]:
    """Return the importance of every parameter, highest first, from the complete trials.

    Pruned trials are left out: their value is of an earlier epoch. Empty where fewer than 4 trials are complete or
    all have the same value: nothing can be told then.
    """
    complete = [t for t in search.trials() if t.state == TrialState.COMPLETE]
    return _importances(complete, [p.key for p in search.parameters])


def stored_importances(rows: Sequence[Mapping[str, Any]], parameters: Sequence[Parameter]) -> list[Importance]:
    """Return the same from the trials that ``search.json`` keeps.

    Args:
        rows: Its ``trials``.
        parameters: Its ``space``, parsed.
    """
    complete = []
    for row in rows:
        if row["state"] == "complete":
            drawn = FixedTrial(dict(row["params"]))
            for parameter in parameters:
                parameter.suggest(drawn)  # type: ignore[arg-type]  # tells the distribution
            complete.append(
                optuna.create_trial(params=drawn.params, distributions=drawn.distributions, value=row["value"])
            )
    return _importances(complete, [p.key for p in parameters])


def _importances(complete: Sequence[FrozenTrial], keys: list[str]) -> list[Importance]:
    """Resample the trials; every resample grows a forest of its own, so that its chance is in the interval too."""
    if len(complete) < _FEWEST or len({t.value for t in complete}) < 2:
        return []
    rng = random.Random(0)
    resampled = (_shares(rng.choices(complete, k=len(complete)), keys, seed) for seed in range(_RESAMPLES))
    draws = [s for s in resampled if s is not None]
    found = []
    for key in keys:
        shares = [d[key] for d in draws]
        low, high = np.percentile(shares, [2.5, 97.5])
        found.append(Importance(key, float(np.mean(shares)), float(low), float(high)))
    return sorted(found, key=lambda i: (-i.share, i.key))


def _shares(trials: Sequence[FrozenTrial], keys: list[str], seed: int) -> dict[str, float] | None:
    if len({t.value for t in trials}) < 2:
        return None
    study = optuna.create_study()  # shares of variance have no direction
    study.add_trials(optuna.create_trial(params=t.params, distributions=t.distributions, value=t.value) for t in trials)
    evaluator = FanovaImportanceEvaluator(n_trees=_TREES, seed=seed)
    found = get_param_importances(study, evaluator=evaluator, params=keys)
    return {key: float(found[key]) for key in keys}
