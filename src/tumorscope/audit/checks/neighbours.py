"""Slices of the test part whose direct neighbour is in the training part."""

from __future__ import annotations

import numpy as np

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity, percent
from tumorscope.audit.limits import EXAMPLES
from tumorscope.audit.numbers import picture_number
from tumorscope.audit.pairs import Ints

NAME = "neighbours"
#: Up to this share, neighbouring numbers in two parts are the ends of blocks, no leak.
_ENDS = 0.05


def check(audited: Audited) -> list[Finding]:
    """Count test slices with a slice next to them (±1) in the training part (S0-22).

    Where each case is one picture and patient numbers are missing, neighbours are pictures with neighbouring numbers;
    where numbers say nothing either (unit ``slice``), there is nothing to count.
    """
    if not audited.divided or all(s.unit == "slice" for s in audited.scans):
        return []
    chains, numbered = _chains(audited)
    train = audited.part == 0
    numbers: dict[str, object] = {}
    found: dict[str, tuple[int, int]] = {}
    pairs: list[tuple[int, int]] = []
    for part in ("test", "val"):
        mine = audited.in_part(part)
        near = [(int(i), next((j for j in chains.get(int(i), ()) if train[j]), -1)) for i in mine]
        hits = [pair for pair in near if pair[1] >= 0]
        found[part] = (len(hits), len(mine))
        numbers |= {f"{part} slices": len(mine), f"{part} slices with a neighbour in train": len(hits)}
        pairs += hits
    part = "test" if found["test"][1] else "val"
    hits_n, size = found[part]
    called = "test" if part == "test" else "validation"
    which = "picture of the next or previous number" if numbered else "next or previous slice of the same scan"
    text = f"{percent(hits_n, size)} of the {called} slices ({hits_n} of {size}) have the {which} in the training part."
    if not pairs:
        return [
            Finding(NAME, Severity.OK, f"No slice of another part lies next to a training slice ({which}).", numbers)
        ]
    ends = numbered and hits_n <= _ENDS * size
    return [
        Finding(
            NAME,
            Severity.REMARK if ends else Severity.LEAK,
            text + (" These are the ends of blocks; a patient may lie across one." if ends else ""),
            numbers,
            tuple(_example(audited, *pair) for pair in _spread(audited, pairs)),
            "Leave out a few pictures at the ends of the blocks for a strict test." if ends else audited.split_advice,
        )
    ]


def _chains(audited: Audited) -> tuple[dict[int, list[int]], bool]:
    """Return slice → its neighbours, and whether neighbours are told by number only."""
    chains: dict[int, list[int]] = {}
    case, z = audited.case, audited.z
    for i in range(len(case)):
        chains[i] = [j for j in (i + 1, i - 1) if 0 <= j < len(case) and case[j] == case[i] and abs(z[j] - z[i]) == 1]
    single = len(case) == len(audited.scans)
    if not (single and audited.blocks):
        return chains, False
    numbers = [picture_number(audited.scans[c].id) for c in case]
    place = {number: i for i, number in enumerate(numbers) if number is not None}
    for i, number in enumerate(numbers):
        chains[i] = [] if number is None else [place[k] for k in (number + 1, number - 1) if k in place]
    return chains, True


def _spread(audited: Audited, pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Choose a few pairs over the whole data set, with tumour where there is any."""
    pairs = [pair for pair in pairs if audited.foreground[list(pair)].all()] or pairs
    chosen: Ints = np.unique(np.linspace(0, len(pairs) - 1, min(EXAMPLES, len(pairs))).astype(np.int64))
    return [pairs[i] for i in chosen]


def _example(audited: Audited, index: int, other: int) -> Example:
    text = f"{audited.slice_name(index)} is tested, {audited.slice_name(other)} trains"
    return Example(text, (audited.place(index), audited.place(other)))
