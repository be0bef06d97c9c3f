"""The same pixels twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity, percent
from tumorscope.audit.limits import EXAMPLES

NAME = "exact-duplicates"


def check(audited: Audited) -> list[Finding]:
    """Find slices of different cases with the same pixels, mirrored or turned ones too, across and within parts.

    Also cases whose whole image or label has the same content hash, whatever orientation or type it was saved in.
    """
    groups = slice_groups(audited)
    across = [g for g in groups if len({audited.part[i] for i in g} - {-1}) > 1]
    cases = case_pairs(audited)
    numbers: dict[str, object] = {
        "groups of identical slices": len(groups),
        "slices in them": sum(map(len, groups)),
        "groups across parts": len(across),
        "pairs of identical cases": len(cases),
    }
    hit = {part: _known_to_train(audited, across, part) for part in ("test", "val")}
    for part, (copies, size) in hit.items():
        if audited.divided:
            numbers |= {f"{part} slices": size, f"{part} slices identical to a training slice": copies}
    crossing = [p for p in cases if audited.divided and _crosses(audited, p)]
    if across or crossing:
        return [_leak(audited, across, crossing, hit, numbers)]
    if not groups and not cases:
        return [Finding(NAME, Severity.OK, "No two cases share identical pixels.", numbers)]
    extra = sum(len(g) - 1 for g in groups)
    said = [f"{extra} slices are identical copies of another case's"] if extra else []
    said += [f"{len(cases)} pairs of cases have the same image or label"] if cases else []
    return [
        Finding(
            NAME,
            Severity.DEFECT,
            "; ".join(said) + (", all within one part." if audited.divided else "."),
            numbers,
            _examples(audited, groups, cases),
            "Keep one copy of each; otherwise copies count twice in training and in scores.",
            ("Identical means the same pixel values, as they are, mirrored or turned by 90°.",),
        )
    ]


def slice_groups(audited: Audited) -> list[list[int]]:
    """Return groups of slices of at least two cases whose pixels are equal."""
    by_hash: dict[int, list[int]] = defaultdict(list)
    usable = audited.pictures.usable
    for index, value in enumerate(audited.pixels.tolist()):
        if value and usable[index]:
            by_hash[value].append(index)
    return [g for g in by_hash.values() if len({int(audited.case[i]) for i in g}) > 1]


def case_pairs(audited: Audited) -> list[tuple[int, int]]:
    """Return pairs of cases that share a content hash of several slices."""
    by_hash: dict[str, list[int]] = defaultdict(list)
    for index, scan in enumerate(audited.scans):
        for value in set(scan.hashes) if len(scan.slices) > 1 else ():
            by_hash[value].append(index)
    return sorted({(g[0], other) for g in by_hash.values() for other in g[1:]})


def _known_to_train(audited: Audited, groups: Iterable[list[int]], part: str) -> tuple[int, int]:
    code = {"test": 2, "val": 1}[part]
    copies = [i for g in groups if any(audited.part[j] == 0 for j in g) for i in g if audited.part[i] == code]
    return len(copies), int(np.count_nonzero(audited.part == code))


def _crosses(audited: Audited, pair: tuple[int, int]) -> bool:
    a, b = (audited.case_parts[i] for i in pair)
    return bool(a and b and (a | b) != (a & b))


def _leak(
    audited: Audited,
    groups: list[list[int]],
    cases: list[tuple[int, int]],
    hit: dict[str, tuple[int, int]],
    numbers: dict[str, object],
) -> Finding:
    copies, size = hit["test"]
    if copies:
        text = (
            f"{percent(copies, size)} of the test slices ({copies} of {size}) are pixel by pixel in the training part"
        )
    else:
        text = f"{len(groups)} groups of identical slices lie across parts of the split"
    whole = f"; {len(cases)} pairs of cases in different parts share a whole image or label" if cases else ""
    return Finding(
        NAME,
        Severity.LEAK,
        f"{text}{whole}.",
        numbers,
        _examples(audited, groups, cases),
        "Keep copies in one part, or keep one of them.",
        ("Identical means the same pixel values, as they are, mirrored or turned by 90°.",),
    )


def _examples(audited: Audited, groups: list[list[int]], cases: list[tuple[int, int]]) -> tuple[Example, ...]:
    shown: Counter[tuple[int, int]] = Counter()
    examples = []
    for group in groups:
        first = group[0]
        other = next(i for i in group if audited.case[i] != audited.case[first])
        key = (int(audited.case[first]), int(audited.case[other]))
        shown[key] += 1
        if shown[key] == 1:
            text = f"{audited.slice_name(first)} = {audited.slice_name(other)}"
            more = f" and {len(group) - 2} more" if len(group) > 2 else ""
            examples.append(Example(f"{text}{more}", (audited.place(first), audited.place(other))))
    examples += [Example(f"{audited.scans[a].id} = {audited.scans[b].id}: the same image or label") for a, b in cases]
    return tuple(examples[:EXAMPLES])
