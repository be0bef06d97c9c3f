"""Splits that keep groups of very different size together and still give every part its share of pictures."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from tumorscope.core.case import Case
from tumorscope.core.errors import UsageError
from tumorscope.datasets.splits import Part, Split

#: A part takes a group that brings it to at most this many times its share.
_MOST = 1.5


def group_split(
    cases: Sequence[Case],
    dataset: str,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    seed: int = 0,
    held_out: Iterable[str] = (),
    draw: int = 0,
    release_test: bool = False,
) -> Split:
    """Split pictures by group, each tumour type in the same proportions of pictures, not of groups.

    Groups on the test list come first; the test is then filled up, and after it the validation, from groups in random
    order, whichever fit. Groups of at least half the share come before smaller ones, which may be parts of a patient
    that nobody recognised. A group counts for the tumour type that most of its pictures have.

    Args:
        cases: Pictures whose ``patient`` is their group (:func:`tumorscope.audit.groups.grouped`).
        dataset: Data set name.
        fractions: Train, validation, test.
        seed: Of the order.
        held_out: Names that are always test.
        draw: Draws another validation part for the same test part.
        release_test: Let pictures of the public release's test part train and validate too; else they only test.

    Raises:
        UsageError: if the fractions do not sum to 1, or a part that should have pictures has none.
    """
    if abs(sum(fractions) - 1) > 1e-6 or min(fractions) < 0 or fractions[0] == 0:
        raise UsageError(expected="three fractions that sum to 1", found=f"{fractions}", fix="Correct data.fractions")
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in sorted(cases, key=lambda c: c.id):
        groups[case.patient].append(case)
    fixed = set(held_out)
    part: dict[str, Part] = {g: "test" for g, members in groups.items() if any(c.names & fixed for c in members)}
    by_type: dict[str, list[str]] = defaultdict(list)
    for group, members in sorted(groups.items()):
        by_type[Counter(str(c.tumor_type) for c in members).most_common(1)[0][0]].append(group)
    for stratum, names in sorted(by_type.items()):
        total = sum(len(groups[g]) for g in names)
        for name, share, number in _draws(fractions, draw):
            order = sorted(g for g in names if g not in part)
            random.Random(f"{seed} {name} {number} {stratum}").shuffle(order)
            taken = sum(len(groups[g]) for g in names if part.get(g) == name)
            order.sort(key=lambda g: 2 * len(groups[g]) < share * total)
            _fill(part, name, order, {g: len(groups[g]) for g in order}, taken, share * total)
    parts: dict[Part, list[str]] = {
        p: sorted(
            c.id
            for g, members in groups.items()
            for c in members
            if part.get(g, "train") == p and (p == "test" or release_test or c.release_part != "test")
        )
        for p in ("train", "val", "test")
    }
    empty = [p for p, fraction in zip(parts, fractions, strict=True) if fraction > 0 and not parts[p]]
    if empty:
        raise UsageError(
            expected=f"at least one group for '{empty[0]}'", found=f"{len(groups)} in all", fix="Change data.fractions"
        )
    return Split(dataset=dataset, unit="group", seed=seed, parts=parts)


def _draws(fractions: tuple[float, float, float], draw: int) -> tuple[tuple[Part, float, int], ...]:
    return ("test", fractions[2], 0), ("val", fractions[1], draw)


def _fill(part: dict[str, Part], name: Part, order: list[str], sizes: dict[str, int], taken: int, share: float) -> None:
    """Give groups to a part until it has its share; one that is too large is passed over."""
    for group in order:
        if taken >= share:
            return
        if taken + sizes[group] <= _MOST * share:
            part[group] = name
            taken += sizes[group]
