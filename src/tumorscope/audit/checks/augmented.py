"""Rotated, mirrored or brightened copies inside the parts that are only for evaluation."""

from __future__ import annotations

import numpy as np

from tumorscope.audit.audited import Audited
from tumorscope.audit.checks.near_duplicates import METHOD, examples
from tumorscope.audit.finding import Finding, Severity
from tumorscope.audit.pairs import Ints, Pairs
from tumorscope.datasets.splits import PARTS

NAME = "augmented-evaluation"
#: Share of a part that must be copies within it, or number of turned copies, to call it augmented.
_SHARE, _TURNED = 0.05, 3


def check(audited: Audited) -> list[Finding]:
    """Tell whether the test or validation part was augmented: larger than its originals (S3-18)."""
    if not audited.divided:
        return []
    numbers: dict[str, object] = {}
    worst: tuple[int, str, Pairs] | None = None
    for part in ("test", "val"):
        code = PARTS.index(part)
        size = int(np.count_nonzero(audited.part == code))
        if not size:
            continue
        pairs = audited.copies
        inside = pairs.take((audited.part[pairs.first] == code) & (audited.part[pairs.second] == code))
        originals = size - _spare(inside)
        turned = int((inside.orientation > 0).sum())
        numbers |= {f"{part} slices": size, f"{part} originals": originals, f"{part} turned or mirrored pairs": turned}
        spare = size - originals
        if (turned >= _TURNED or spare > _SHARE * size) and (worst is None or spare > worst[0]):
            worst = spare, part, inside
    if worst is None:
        return [Finding(NAME, Severity.OK, "The parts for evaluation hold no augmented copies.", numbers)]
    spare, part, inside = worst
    called = {"test": "test", "val": "validation"}[part]
    turned = int((inside.orientation > 0).sum())
    text = (
        f"The {called} part holds {numbers[f'{part} slices']} slices but only {numbers[f'{part} originals']} "
        f"originals: {spare} are copies within it ({turned} pairs turned or mirrored)."
    )
    fix = "Evaluate on the originals only; augmented copies make intervals too narrow and scores wrong."
    return [Finding(NAME, Severity.DEFECT, text, numbers, examples(audited, audited, inside), fix, (METHOD,))]


def _spare(pairs: Pairs) -> int:
    """Return how many slices could go so that one of each group of copies stays: members minus groups."""
    parent: dict[int, int] = {}

    def root(i: int) -> int:
        while parent.setdefault(i, i) != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    merged = 0
    first: Ints = pairs.first
    for a, b in zip(first.tolist(), pairs.second.tolist(), strict=True):
        ra, rb = root(a), root(b)
        if ra != rb:
            parent[ra] = rb
            merged += 1
    return merged
