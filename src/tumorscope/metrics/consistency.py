"""Scores that cannot belong together fail loudly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from tumorscope.core.errors import TumorscopeError
from tumorscope.metrics.metric import FloatArray, Metric
from tumorscope.metrics.score import Score, Unit

#: Slack for floating-point rounding of scores computed here.
ROUNDING = 1e-6


class ImpossibleScoreError(TumorscopeError):
    """Scores that no pair of masks can have."""


def iou_from_dice(dice: float) -> float:
    """Return the IoU of masks with this Dice: D / (2 - D)."""
    return dice / (2 - dice)


def dice_from_iou(iou: float) -> float:
    """Return the Dice of masks with this IoU: 2·J / (1 + J)."""
    return 2 * iou / (1 + iou)


def f1_from(precision: float, sensitivity: float) -> float:
    """Return the harmonic mean of precision and sensitivity (0 when both are 0)."""
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total > 0 else 0.0


def check_range(metric: Metric, values: FloatArray) -> None:
    """Make sure that every value (NaN aside) lies in the metric's range.

    Raises:
        ImpossibleScoreError: naming the first value that does not.
    """
    outside = values[(values < -ROUNDING) | (values > metric.high + ROUNDING)]
    if outside.size:
        raise ImpossibleScoreError(
            expected=f"{metric.title} from 0 to {metric.high:g}",
            found=f"{outside.flat[0]:g}",
            fix="Compute it from counts again: give fractions, not percent",
        )


def check_pair(
    *,
    dice: float | None = None,
    iou: float | None = None,
    precision: float | None = None,
    sensitivity: float | None = None,
    f1: float | None = None,
    averaged: bool = False,
    tolerance: float = ROUNDING,
) -> None:
    """Make sure that scores of the same masks can belong together; those not given are not checked.

    For the same counts Dice = 2·IoU / (1 + IoU), so IoU never exceeds Dice, and F1 is the harmonic mean of precision
    and sensitivity, so it lies between them. For averages over the same cases only bounds remain (Jensen):
    IoU ≤ Dice ≤ 2·IoU / (1 + IoU) and F1 ≤ (precision + sensitivity) / 2.

    Args:
        dice: Dice.
        iou: IoU.
        precision: Precision.
        sensitivity: Sensitivity (recall).
        f1: F1.
        averaged: Whether the scores are averages over several cases instead of one pair of masks.
        tolerance: Rounding of each number: 0.0005 for three printed decimals.

    Raises:
        ImpossibleScoreError: naming the pair and what it should be.
    """
    given = {"Dice": dice, "IoU": iou, "precision": precision, "sensitivity": sensitivity, "F1": f1}
    for name, value in given.items():
        if value is not None and not -tolerance <= value <= 1 + tolerance:
            raise _impossible(f"{name} from 0 to 1", f"{name} {_text(value)}")
    if dice is not None and iou is not None:
        _check_dice_iou(dice, iou, averaged, tolerance)
    if f1 is not None and precision is not None and sensitivity is not None:
        _check_f1(f1, precision, sensitivity, averaged, tolerance)


def _check_dice_iou(dice: float, iou: float, averaged: bool, tolerance: float) -> None:
    found = f"Dice {_text(dice)} with IoU {_text(iou)}"
    if iou - tolerance > dice + tolerance:
        raise _impossible(f"IoU not above Dice ({explain_pair(dice=dice)})", found)
    low, high = dice_from_iou(max(iou - tolerance, 0.0)) - tolerance, dice_from_iou(iou + tolerance) + tolerance
    if dice > high or (dice < low and not averaged):
        relation = "at most" if averaged else "equal to"
        raise _impossible(f"Dice {relation} 2·IoU / (1 + IoU) ({explain_pair(iou=iou)})", found)


def _check_f1(f1: float, precision: float, sensitivity: float, averaged: bool, tolerance: float) -> None:
    found = f"F1 {_text(f1)} with precision {_text(precision)} and sensitivity {_text(sensitivity)}"
    low, high = sorted((precision, sensitivity))
    if averaged:
        if f1 > (low + high) / 2 + 2 * tolerance:
            raise _impossible(f"an average F1 of at most {_text((low + high) / 2)}", found)
        return
    if not low - 2 * tolerance <= f1 <= high + 2 * tolerance:
        raise _impossible(f"F1 between precision and sensitivity ({_text(low)} to {_text(high)})", found)
    least = f1_from(max(low - tolerance, 0), max(high - tolerance, 0)) - tolerance
    if not least <= f1 <= f1_from(low + tolerance, high + tolerance) + tolerance:
        raise _impossible(f"F1 {_text(f1_from(low, high))}, their harmonic mean", found)


def _impossible(expected: str, found: str) -> ImpossibleScoreError:
    return ImpossibleScoreError(
        expected=expected, found=found, fix="Say which class and which averaging each number belongs to"
    )


def check_scores(scores: Iterable[Score]) -> None:
    """Check every set of scores of the same region, unit, policy and n with :func:`check_pair`.

    Raises:
        ImpossibleScoreError: if two of them cannot belong together.
    """
    names = {"dice", "iou", "precision", "sensitivity", "f1"}
    sets: dict[tuple[object, ...], dict[str, float]] = defaultdict(dict)
    for s in scores:
        if s.metric in names and s.mean is not None:
            sets[s.region, s.unit, s.empty_policy, s.n, s.n_excluded][s.metric] = s.mean
    for key, values in sets.items():
        check_pair(**values, averaged=key[1] is not Unit.POOLED)


def explain_pair(*, dice: float | None = None, iou: float | None = None) -> str:
    """Say in one sentence what a Dice or an IoU means in terms of the other, and whether a reported pair can be.

    Args:
        dice: A Dice of one class, or None.
        iou: An IoU of one class, or None.

    Returns:
        For example "Dice 0.75 means IoU 0.60", which holds for one mask or pooled counts (a mean over cases: 0.60 to
        0.75); given both, followed by what is wrong with the pair, if anything.

    Raises:
        ImpossibleScoreError: if a number lies outside [0, 1] or none is given.
    """
    check_pair(dice=dice, iou=iou if dice is None else None)
    if dice is None:
        if iou is None:
            raise _impossible("a Dice or an IoU", "neither")
        return f"IoU {_text(iou)} means Dice {_computed(dice_from_iou(iou), iou)}"
    sentence = f"Dice {_text(dice)} means IoU {_computed(iou_from_dice(dice), dice)}"
    if iou is None:
        return sentence
    check_pair(iou=iou)
    half = max(_half_unit(dice), _half_unit(iou))
    if iou > dice:
        return f"{sentence}; IoU {_text(iou)} is above Dice, impossible for the same class and averaging"
    if _fits(dice, iou, averaged=False, tolerance=half):
        return f"{sentence}; IoU {_text(iou)} agrees"
    if _fits(dice, iou, averaged=True, tolerance=half):
        return f"{sentence}; IoU {_text(iou)} is possible only as an average over cases"
    return f"{sentence}; IoU {_text(iou)} is impossible for the same class and averaging"


def explain_f1(*, precision: float, sensitivity: float, f1: float) -> str:
    """Say in one sentence which F1 a precision and a sensitivity give, and whether a reported F1 can be.

    Raises:
        ImpossibleScoreError: if a number lies outside [0, 1].
    """
    for value in (precision, sensitivity, f1):
        check_pair(f1=value)
    half = max(map(_half_unit, (precision, sensitivity, f1)))
    expected = f"precision {_text(precision)} and sensitivity {_text(sensitivity)} mean F1 "
    sentence = expected + _computed(f1_from(precision, sensitivity), min(precision, sensitivity, key=_half_unit))
    if f1 < min(precision, sensitivity):
        return f"{sentence}; {_text(f1)} lies below both, impossible for one class"
    if f1 > max(precision, sensitivity):
        return f"{sentence}; {_text(f1)} lies above both, impossible"
    try:
        _check_f1(f1, precision, sensitivity, False, half)
    except ImpossibleScoreError:
        return f"{sentence}; {_text(f1)} does not follow from them"
    return f"{sentence}; {_text(f1)} agrees"


def _fits(dice: float, iou: float, *, averaged: bool, tolerance: float) -> bool:
    try:
        _check_dice_iou(dice, iou, averaged, tolerance)
    except ImpossibleScoreError:
        return False
    return True


def _decimals(value: float) -> int:
    """Decimals a number was given with, 2 to 4."""
    return next((d for d in (2, 3) if abs(value - round(value, d)) < 1e-9), 4)


def _half_unit(value: float) -> float:
    return float(0.5 * np.power(10.0, -_decimals(value))) + 1e-9


def _text(value: float) -> str:
    return f"{value:.{_decimals(value)}f}"


def _computed(value: float, given: float) -> str:
    """Write a computed number with the decimals of the given one, three at most."""
    return f"{value:.{min(_decimals(given), 3)}f}"
