"""Patients and pictures that another data set has too."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tumorscope.audit.audited import Audited
from tumorscope.audit.checks.near_duplicates import METHOD, examples
from tumorscope.audit.finding import Example, Finding, Severity, percent
from tumorscope.audit.limits import EXAMPLES
from tumorscope.audit.pairs import Pairs
from tumorscope.audit.persons import means_a_person_anywhere, plain_name

NAME = "other-data"


def check(audited: Audited) -> list[Finding]:
    """Compare with every other data set: patients' names, content hashes, equal pixels, pictures that look the same."""
    return [_compare(audited, name, other) for name, other in audited.others.items()]


def _compare(a: Audited, name: str, b: Audited) -> Finding:
    named = _same_names(a, b)
    content = _same_content(a, b)
    pixels = _same_pixels(a, b)
    pairs = a.copies_of(b)
    mine = np.unique(np.concatenate([pairs.first, pixels])).astype(np.int64)
    cases = {c for c, _ in named} | {c for c, _ in content} | set(a.case[mine].tolist())
    size = int(a.pictures.usable.sum())
    numbers: dict[str, object] = {
        "cases": len(a.scans),
        "cases that the other set has too": len(cases),
        "by name": len({c for c, _ in named}),
        "by the content of an image or label": len({c for c, _ in content}),
        "slices compared": size,
        "slices with identical pixels there": len(pixels),
        "slices that look the same as one there": len(np.unique(pairs.first)),
        "turned or mirrored pairs": int((pairs.orientation > 0).sum()),
    }
    if not cases:
        return Finding(NAME, Severity.OK, f"No case is also in '{name}'.", numbers, details=(METHOD,))
    odd = _other_type(a, b, pairs)
    if any(s.tumor_type for s in a.scans) and any(s.tumor_type for s in b.scans):
        numbers["slices whose copy there has another tumour type"] = len(np.unique(odd.first))
    shown = [Example(f"{a.scans[i].id} is the patient of {name}: {b.scans[j].id}") for i, j in named]
    shown += [Example(f"{a.scans[i].id} has the same content as {name}: {b.scans[j].id}") for i, j in content]
    disputed = [_disputed(a, b, name, *pair) for pair in _each_once(odd)[: EXAMPLES // 3]]
    shown = disputed + shown[: EXAMPLES // 3] + list(examples(a, b, pairs, name))
    text = f"{percent(len(cases), len(a.scans))} of the cases ({len(cases)} of {len(a.scans)}) are also in '{name}'"
    if len(mine):
        text += f"; {len(mine)} of {size} slices have a copy there"
    if len(odd):
        text += f", {len(np.unique(odd.first))} of them under another tumour type"
    fix = f"Never train on one of the two and test on the other without leaving these cases out of '{name}'."
    return Finding(NAME, Severity.LEAK, f"{text}.", numbers, tuple(shown[:EXAMPLES]), fix, (METHOD,))


def _other_type(a: Audited, b: Audited, pairs: Pairs) -> Pairs:
    """Return the pairs whose tumour types are known and differ."""
    ours, theirs = (np.array([s.tumor_type or "" for s in x.scans])[x.case] for x in (a, b))
    mine, other = ours[pairs.first], theirs[pairs.second]
    return pairs.take((mine != other) & (mine != "") & (other != ""))


def _each_once(pairs: Pairs) -> list[tuple[int, int]]:
    return list(dict(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)).items())


def _disputed(a: Audited, b: Audited, name: str, i: int, j: int) -> Example:
    ours, theirs = a.scans[a.case[i]].tumor_type, b.scans[b.case[j]].tumor_type
    text = f"{a.slice_name(i)} is {ours}, the same picture in {name} ({b.slice_name(j)}) is {theirs}"
    return Example(text, (a.place(i), b.place(j, name)))


def _same_names(a: Audited, b: Audited) -> list[tuple[int, int]]:
    """Return pairs of cases that share a name which is given once in the world."""
    known: dict[str, int] = {}
    for j, scan in enumerate(b.scans):
        known |= {plain_name(n): j for n in scan.names if means_a_person_anywhere(n)}
    pairs = []
    for i, scan in enumerate(a.scans):
        hits = [known[plain_name(n)] for n in scan.names if means_a_person_anywhere(n) and plain_name(n) in known]
        pairs += [(i, hits[0])] if hits else []
    return pairs


def _same_content(a: Audited, b: Audited) -> list[tuple[int, int]]:
    known: dict[str, int] = {}
    for j, scan in enumerate(b.scans):
        known |= dict.fromkeys(scan.hashes, j)
    return [(i, known[h]) for i, s in enumerate(a.scans) for h in s.hashes[:] if h in known]


def _same_pixels(a: Audited, b: Audited) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the slices of ``a`` whose pixels some slice of ``b`` has, in any orientation."""
    there: dict[int, list[int]] = defaultdict(list)
    for j in np.flatnonzero(b.pictures.usable):
        there[int(b.pixels[j])].append(int(j))
    mine = [int(i) for i in np.flatnonzero(a.pictures.usable) if int(a.pixels[i]) in there and a.pixels[i]]
    return np.array(mine, dtype=np.int64)
