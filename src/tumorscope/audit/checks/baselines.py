"""What needs no model scores on the test part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tumorscope.audit.audited import Audited
from tumorscope.audit.checks.exact_duplicates import slice_groups
from tumorscope.audit.finding import Finding, Severity
from tumorscope.audit.pairs import Ints
from tumorscope.baselines import BASELINES
from tumorscope.baselines.scores import class_accuracy, mask_scores
from tumorscope.datasets.splits import Part
from tumorscope.metrics import EmptyPolicy, Score, Unit

NAME = "baselines"
_TITLES = {
    "all-empty": "marking nothing",
    "neighbour-copy": "copying the mask of the nearest {nearest} in train",
    "nearest-neighbour": "copying the mask of the most similar training slice (48×48 pixels)",
}
#: A copied mask that gains this much Dice over marking nothing is a leak, or the task is that easy.
_GAIN = 0.1


def check(audited: Audited) -> list[Finding]:
    """Score the trivial baselines on the test part (S0-22, S0-41, S3-16), or on the validation part."""
    parts: tuple[Part, ...] = ("test", "val") if audited.divided else ()
    part = next((p for p in parts if audited.part_size(p)), None)
    if part is None:
        return []
    test, train = audited.in_part(part), audited.in_part("train")
    return [f for f in (_masks(audited, part, test, train), _types(audited, part, test, train)) if f is not None]


def _masks(audited: Audited, part: str, test: Ints, train: Ints) -> Finding | None:
    test, train = (x[audited.labelled[x]] for x in (test, train))
    if not len(test) or audited.scheme is None:
        return None
    unit, policies = _unit(audited)
    sets = audited.slice_set(test), audited.slice_set(train)
    scores: dict[str, list[Score]] = {
        name: mask_scores(name, *sets, audited.scheme, unit=unit, policies=policies) for name in BASELINES
    }
    dice = {name: [s for s in found if s.metric == "dice"] for name, found in scores.items()}
    numbers: dict[str, object] = {}
    for name, found in scores.items():
        for s in found:
            numbers[f"{name}: {s.metric} {s.region} ({s.empty_policy.value})"] = (
                None if s.mean is None else round(s.mean, 4)
            )
    nearest = _nearest(audited)
    said = [
        f"{_TITLES[n].format(nearest=nearest)} {d[0].mean:.3f}{_interval(d[0])}"
        for n, d in dice.items()
        if d[0].mean is not None
    ]
    first = dice["all-empty"][0]
    accuracy = next(s for s in scores["all-empty"] if s.metric == "accuracy")
    text = (
        f"Without any model, mean Dice of {first.region} on the {part} part ({first.n} {_plural(unit)}, empty masks "
        f"'{first.empty_policy.value}'): {'; '.join(said)}. Accuracy of marking nothing: {accuracy.mean:.3f}."
    )
    gain = (dice["neighbour-copy"][0].mean or 0) - (first.mean or 0)
    details = [f"{first.empty_policy.value}: {first.empty_policy.text}."]
    if gain > _GAIN:
        details.append(
            "Copying a neighbour's mask works because its slice is in the training part: "
            "scores of this split mean little."
        )
    fix = "Print these scores beside every model's; a model must beat all of them."
    every = tuple(_named(s, name) for name, found in scores.items() for s in found)
    return Finding(NAME, Severity.REMARK, text, numbers, (), fix, tuple(details), every)


def _nearest(audited: Audited) -> str:
    """Return what :meth:`Audited.slice_set` calls a neighbour, in words."""
    if len(audited.case) > len(audited.scans):
        return "slice of the same case"
    return "number of the same block" if audited.blocks else "picture of the same patient"


def _named(score: Score, name: str) -> Score:
    from dataclasses import replace

    return replace(score, note=name)


def _interval(score: Score) -> str:
    low, high = score.ci95
    return "" if low is None or high is None or score.n_groups < 2 else f" ({low:.3f} to {high:.3f})"


def _unit(audited: Audited) -> tuple[Unit, Sequence[EmptyPolicy]]:
    per_slice = EmptyPolicy.BOTH_EMPTY_ONE, EmptyPolicy.POSITIVES_ONLY
    if all(len(s.slices) == 1 for s in audited.scans if not s.trouble):
        return Unit.IMAGE, per_slice
    if audited.sliced or audited.unit == "slice":
        return Unit.SLICE, per_slice
    return Unit.PATIENT, (EmptyPolicy.BRATS,)


def _plural(unit: Unit) -> str:
    return {Unit.IMAGE: "images", Unit.SLICE: "slices", Unit.PATIENT: "cases"}[unit]


def _types(audited: Audited, part: str, test: Ints, train: Ints) -> Finding | None:
    sets = audited.slice_set(test), audited.slice_set(train)
    if not sets[0].classes or not sets[1].classes or len({*sets[1].classes}) < 2:
        return None
    if not all(len(s.slices) == 1 for s in audited.scans if not s.trouble):
        return None
    scores = class_accuracy(*sets)
    majority, nearest = scores["majority"], scores["nearest-neighbour"]
    alone = _without_copies(audited, test, train)
    details = [f"n = {nearest.n} pictures."]
    if any(s.unit == "slice" for s in audited.scans):
        details.append("Patients are unknown, every picture is drawn by itself: the intervals are too narrow.")
    text = (
        f"Without any model, the tumour type of {_value(nearest)} of the {part} pictures is that of the nearest "
        f"training picture (48×48 pixels); the commonest type alone gives {_value(majority)}."
    )
    if 0 < len(alone) < len(test):
        fresh = class_accuracy(audited.slice_set(alone), sets[1])["nearest-neighbour"]
        scores |= {"nearest-neighbour without copies": fresh}
        text += f" Of the {fresh.n} pictures that have no copy in train, {_value(fresh)}."
    numbers: dict[str, object] = {name: None if s.mean is None else round(s.mean, 4) for name, s in scores.items()}
    numbers |= {f"{part} pictures": len(test), f"{part} pictures without a copy in train": len(alone)}
    fix = "Print these accuracies beside every classifier's."
    every = tuple(_named(s, name) for name, s in scores.items())
    return Finding(NAME, Severity.REMARK, text, numbers, (), fix, tuple(details), every)


def _without_copies(audited: Audited, test: Ints, train: Ints) -> Ints:
    """Return the test slices that no slice of ``train`` equals or looks like (see the checks for duplicates)."""
    pairs, known = audited.copies, np.isin(np.arange(len(audited.case)), train)
    seen = [pairs.first[known[pairs.second]], pairs.second[known[pairs.first]]]
    seen += [np.array(group) for group in slice_groups(audited) if known[group].any()]
    return test[~np.isin(test, np.concatenate(seen))]


def _value(score: Score) -> str:
    return f"{100 * (score.mean or 0):.1f} %" + (
        f" ({100 * (score.ci95[0] or 0):.1f} to {100 * (score.ci95[1] or 0):.1f})" if score.n_groups > 1 else ""
    )
