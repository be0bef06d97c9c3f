"""Splits as papers made them, through which patients can leak; only on request, and always labelled so."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, UsageError
from tumorscope.datasets.slicewise import as_slices
from tumorscope.datasets.splits import PARTS, Part, Split, patient_split


def cases_of(cases: Iterable[Case], unit: str) -> list[Case]:
    """Return the cases that a split of ``unit`` is made of: the slices themselves for ``slice``."""
    return as_slices(cases) if unit == "slice" else list(cases)


def slice_split(
    slices: Sequence[Case], dataset: str, fractions: tuple[float, float, float] = (0.7, 0.15, 0.15), seed: int = 0
) -> Split:
    """Split single slices at random, whoever they belong to (S0-19, S0-22: patients leak).

    Args:
        slices: Cases of one slice each (:func:`~tumorscope.datasets.slicewise.as_slices`).
        dataset: Data set name.
        fractions: Train, validation, test.
        seed: Of the shuffle.

    Raises:
        UsageError: if the fractions do not sum to 1, or a part that should have slices has none.
    """
    if abs(sum(fractions) - 1) > 1e-6 or min(fractions) < 0 or fractions[0] == 0:
        raise UsageError(expected="three fractions that sum to 1", found=f"{fractions}", fix="Correct data.fractions")
    ids = sorted(case.id for case in slices)
    random.Random(seed).shuffle(ids)
    ends = [0, round(fractions[0] * len(ids)), round((fractions[0] + fractions[1]) * len(ids)), len(ids)]
    parts: dict[Part, list[str]] = {p: sorted(ids[ends[i] : ends[i + 1]]) for i, p in enumerate(PARTS)}
    empty = [p for p, fraction in zip(PARTS, fractions, strict=True) if fraction > 0 and not parts[p]]
    if empty:
        raise UsageError(
            expected=f"at least one slice for '{empty[0]}'", found=f"{len(ids)} in all", fix="Change data.fractions"
        )
    return Split(dataset=dataset, unit="slice", seed=seed, parts=parts)


def release_split(cases: Sequence[Case], dataset: str, validation: float = 0.15, seed: int = 0) -> Split:
    """Split as the public release does; where it has no validation part, one is drawn from its training part.

    Args:
        cases: Labelled cases with their ``release_part``.
        dataset: Data set name.
        validation: Share of the release's training part that validates, where the release names none.
        seed: Of that draw.

    Raises:
        InputError: if the release does not say where its cases belong.
    """
    if any(case.release_part is None for case in cases):
        raise InputError(
            expected="cases that the release puts into parts (data.unit 'release')",
            found=f"'{dataset}', which has none",
            fix="Use data.unit 'patient'",
        )
    parts: dict[Part, list[str]] = {p: sorted(c.id for c in cases if c.release_part == p) for p in PARTS}
    if not parts["val"]:
        training = [c for c in cases if c.release_part == "train"]
        drawn = patient_split(training, dataset, (1 - validation, validation, 0.0), seed)
        parts |= {"train": drawn.parts["train"], "val": drawn.parts["val"]}
    return Split(dataset=dataset, unit="release", seed=seed, parts=parts)
