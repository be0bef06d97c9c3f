"""Whether a run fits its training cases at the expense of the others, told in words (S0-34)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tumorscope.training.log_columns import NAMES, lower_is_better
from tumorscope.training.log_file import TrainingLog

Kind = Literal["over-fitting", "widening gap", "none", "unknown"]
#: Fewer epochs with both curves say nothing.
LEAST_EPOCHS = 6
#: A change below this share of the best validation value, or below so many widths of the noise, is none.
SHARE, WIDTHS = 0.05, 2.0

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overfit:
    """What the two curves of one quantity say.

    Attributes:
        quantity: The quantity judged.
        kind: ``over-fitting``: validation got worse while training got better. ``widening gap``: validation stood
            still while training got better. ``none``, or ``unknown`` (too few epochs, one curve only).
        epoch: First epoch of it, counted from 1; None for ``none`` and ``unknown``.
        gap_then: Signed gap (:func:`signed_gap`) before ``epoch``; above 0 validation is worse than training.
        gap_now: The same at the end.
        sentence: All of it in one sentence.
    """

    quantity: str
    kind: Kind
    epoch: int | None
    gap_then: float | None
    gap_now: float | None
    sentence: str


def signed_gap(train: float, val: float, quantity: str) -> float:
    """Return by how much validation is worse than training; below 0 it is better, whichever way the quantity goes."""
    return val - train if lower_is_better(quantity) else train - val


def gap_text(gap: float) -> str:
    """Return a signed gap for people."""
    return f"{gap:+.3g}"


def judge_overfit(log: TrainingLog, quantity: str = "loss") -> Overfit:
    """Compare training and validation of ``quantity`` after the best validation epoch.

    Both curves are smoothed by a running median of three; where higher is better (Dice, accuracy), 1 - value is
    judged. A change counts when it exceeds 5 % of the best validation value (or of 1 - value, if that is smaller) and
    twice the epoch-to-epoch noise (1.4826 · median absolute deviation of the differences, over √2). If validation
    got worse by that much from its best epoch to the last while training got better, that is over-fitting from the
    epoch after the best. If validation gained no more than that since some epoch, but the gap grew by more, the gap
    has been widening since. Training got better if it gained more than twice its own noise. Neither is said unless, at
    the end, validation is worse than training by more than the size of the gap before: a gap in validation's favour or
    one that shrinks is no sign of over-fitting.

    Args:
        log: The run.
        quantity: ``loss``, ``dice``, ….
    """
    parts, name = log.curves.get(quantity, {}), NAMES.get(quantity, quantity)
    train, val = dict(parts.get("train", [])), dict(parts.get("val", []))
    epochs = [e for e in sorted(set(train) & set(val)) if np.isfinite(train[e]) and np.isfinite(val[e])]
    if len(epochs) < LEAST_EPOCHS:
        found = f"{len(epochs)} epochs have both curves of {name}; {LEAST_EPOCHS} are needed to tell over-fitting."
        return Overfit(quantity, "unknown", None, None, None, found)
    raw = np.array([[train[e], val[e]] for e in epochs])
    raw = raw if lower_is_better(quantity) else 1 - raw
    train_cost, val_cost = _smooth(raw[:, 0]), _smooth(raw[:, 1])
    scale = abs(float(val_cost.min()))
    scale = scale if lower_is_better(quantity) else min(scale, abs(1 - scale))
    least = max(SHARE * scale, WIDTHS * _noise(raw[:, 1]), 1e-9)
    lowest = max(int(val_cost.argmin()) - 1, 0)
    best, gap = lowest + int(raw[lowest : lowest + 3, 1].argmin()), val_cost - train_cost
    learnt = train_cost - train_cost[-1] > WIDTHS * _noise(raw[:, 0])
    growth = gap[-1] - np.abs(gap)
    if val_cost[-1] - val_cost[best] > least and growth[best] > 0 and learnt[best]:
        return _found(quantity, "over-fitting", epochs, best, gap)
    still = int(np.flatnonzero(val_cost <= val_cost.min() + least)[0])
    if growth[still] > max(least, WIDTHS * _noise(raw[:, 1] - raw[:, 0])) and learnt[still]:
        return _found(quantity, "widening gap", epochs, still, gap)
    side = "worse" if gap[-1] > 0 else "better"
    now = f"validation is {side} than training, gap {gap_text(gap[-1])}" if gap[-1] else "no gap"
    sentence = (
        f"No over-fitting seen in {name} up to epoch {epochs[-1]}: {now}; changes below {least:.2g} do not count."
    )
    return Overfit(quantity, "none", None, float(gap[0]), float(gap[-1]), sentence)


def _found(quantity: str, kind: Kind, epochs: list[int], index: int, gap: Values) -> Overfit:
    first = epochs[min(index + 1, len(epochs) - 1)]
    name = NAMES.get(quantity, quantity)
    moved = f"the gap grew from {gap_text(gap[index])} to {gap_text(gap[-1])}"
    if kind == "over-fitting":
        worse = f"validation {name} gets worse while training {name} still improves"
        sentence = f"Over-fitting from epoch {first}: {worse}; {moved} by epoch {epochs[-1]}."
    else:
        still = f"validation {name} stands still while training {name} improves"
        sentence = f"Widening gap from epoch {first}: {still}; {moved} by epoch {epochs[-1]}."
    return Overfit(quantity, kind, first, float(gap[index]), float(gap[-1]), sentence)


def _smooth(values: Values) -> Values:
    """Return the running median of three; the last epoch takes the median of the last three."""
    inner = np.median(np.lib.stride_tricks.sliding_window_view(values, 3), axis=1)
    return np.concatenate([values[:1], inner, inner[-1:]])


def _noise(raw: Values) -> float:
    """Return the standard deviation of a value around the curve, from the steps between epochs."""
    steps = np.diff(raw)
    return 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
