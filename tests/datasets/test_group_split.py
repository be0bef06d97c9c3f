"""Splits that keep groups together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tumorscope.core.case import Case
from tumorscope.core.errors import UsageError
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.group_split import group_split


def cases(sizes: dict[str, tuple[int, ...]]) -> list[Case]:
    made = []
    for kind, groups in sizes.items():
        for g, size in enumerate(groups):
            for i in range(size):
                part = "test" if i % 5 == 0 else "train"
                made.append(
                    Case(
                        id=f"{kind}-{g}-{i}",
                        patient=f"{kind}-{g}",
                        unit="group",
                        images={Sequence.T1CE: Path("x.png")},
                        tumor_type=kind,
                        release_part=part,
                        aliases=(f"block-{kind}-{g}",),
                    )
                )
    return made


SIZES = {"glioma": (100, 90, 80, 70, 60, *[1] * 100), "no tumor": tuple([7] * 60)}


def test_groups_stay_together_and_every_part_gets_its_share_of_pictures() -> None:
    made = cases(SIZES)
    split = group_split(made, "four_class", (0.7, 0.15, 0.15), seed=1, release_test=True)
    part = {c: p for p, ids in split.parts.items() for c in ids}
    assert len(part) == len(made) and split.unit == "group"
    assert all(len({part[c.id] for c in made if c.patient == g}) == 1 for g in {c.patient for c in made})
    for kind in SIZES:
        counts = Counter(part[c.id] for c in made if c.tumor_type == kind)
        total = sum(counts.values())
        assert all(0.1 < counts[p] / total < 0.24 for p in ("val", "test"))


def test_the_test_list_is_test_and_another_draw_changes_the_validation_only() -> None:
    made = cases(SIZES)
    first, second = (group_split(made, "four_class", seed=1, held_out=["block-glioma-2"], draw=d) for d in (0, 1))
    assert {c.id for c in made if c.patient == "glioma-2"} <= set(first.parts["test"])
    assert first.parts["test"] == second.parts["test"]
    assert first.parts["val"] != second.parts["val"]


def test_the_releases_test_pictures_only_test() -> None:
    made = cases(SIZES)
    split = group_split(made, "four_class", seed=1)
    released = {c.id for c in made if c.release_part == "test"}
    assert not released & {*split.parts["train"], *split.parts["val"]}
    assert released & set(split.parts["test"])


def test_shares_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="sum to 1"):
        group_split(cases(SIZES), "four_class", (0.5, 0.1, 0.1))
    with pytest.raises(UsageError, match="at least one group for 'val'"):
        group_split(cases({"glioma": (50,)}), "four_class", (0.7, 0.15, 0.15), release_test=True)
