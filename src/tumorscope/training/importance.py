"""How much each parameter of a search mattered (fANOVA, Hutter et al. 2014), and how sure that is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from tumorscope.training.search import Search

_FEWEST = 4
_RESAMPLES, _TREES = 25, 16


@dataclass(frozen=True)
class Importance:
    """Share of the objective's variance over the search space that one parameter explains alone.

    Attributes:
        key: Of the parameter.
        share: 0 to 1; all parameters sum to 1.
        low: Of the 95 % interval over resamples of the trials (bootstrap).
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
    if len(complete) < _FEWEST:
        return []
    keys = [p.key for p in search.parameters]
    shares = _shares(complete, keys, search.settings.direction)
    if shares is None:
        return []
    rng = random.Random(0)
    resampled = (
        _shares(rng.choices(complete, k=len(complete)), keys, search.settings.direction) for _ in range(_RESAMPLES)
    )
    draws = [s for s in resampled if s is not None]
    found = []
    for key in keys:
        low, high = np.percentile([d[key] for d in draws], [2.5, 97.5]) if draws else (0.0, 1.0)
        found.append(Importance(key, shares[key], float(low), float(high)))
    return sorted(found, key=lambda i: (-i.share, i.key))


def _shares(trials: Sequence[FrozenTrial], keys: list[str], direction: str) -> dict[str, float] | None:
    if len({t.value for t in trials}) < 2:
        return None
    study = optuna.create_study(direction=direction)  # type: ignore[arg-type]
    study.add_trials(optuna.create_trial(params=t.params, distributions=t.distributions, value=t.value) for t in trials)
    evaluator = FanovaImportanceEvaluator(n_trees=_TREES, seed=0)
    found = get_param_importances(study, evaluator=evaluator, params=keys)
    return {key: float(found[key]) for key in keys}
