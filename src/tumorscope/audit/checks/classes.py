"""How much there is of each class, in each part."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Finding, Severity, percent
from tumorscope.core.labels import SCHEMES
from tumorscope.datasets.splits import PARTS

NAME = "classes"
#: A class less than this share of the commonest one is called rare.
_RARE = 0.1


def check(audited: Audited) -> list[Finding]:
    """Count pixels, slices and cases per class of the label maps, and cases per tumour type, in all and per part."""
    return [f for f in (_labels(audited), _types(audited)) if f is not None]


def _labels(audited: Audited) -> Finding | None:
    pixels: Counter[str] = Counter()
    slices: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    parts: dict[str, Counter[str]] = {part: Counter() for part in PARTS}
    everything = 0
    for i, scan in enumerate(audited.scans):
        if not scan.labelled:
            continue
        everything += sum(m.shape[0] * m.shape[1] for m in scan.slices.masks)
        names = _names(scan.scheme)
        for value, counts in zip(scan.values, scan.slices.counts.T, strict=True):
            name = names.get(value, str(value))
            pixels[name] += int(counts.sum())
            slices[name] += int(np.count_nonzero(counts))
            cases[name] += 1
            for part in audited.case_parts[i]:
                parts[part][name] += 1
    if not pixels:
        return None
    numbers: dict[str, object] = {"labelled pixels or voxels in all": everything}
    for name in pixels:
        numbers |= {f"{name} pixels": pixels[name], f"{name} slices": slices[name], f"{name} cases": cases[name]}
        if audited.divided:
            numbers |= {f"{name} cases in {part}": parts[part][name] for part in PARTS}
    tumour = sum(pixels.values())
    shares = ", ".join(f"{n} {percent(c, tumour)}" for n, c in pixels.most_common())
    text = f"{percent(tumour, everything)} of all pixels are marked" + (
        f" ({shares} of them)" if len(pixels) > 1 else ""
    )
    gone = [
        f"{n} in {p}" for p in PARTS for n in pixels if audited.divided and audited.part_size(p) and not parts[p][n]
    ]
    if gone:
        fix = "Split again, stratified, or leave that class out of the scores."
        return Finding(NAME, Severity.DEFECT, f"{text}. Classes are absent: {', '.join(gone)}.", numbers, (), fix)
    return Finding(NAME, Severity.REMARK, f"{text}; accuracy over all pixels says little.", numbers)


def _types(audited: Audited) -> Finding | None:
    types = [s.tumor_type for s in audited.scans]
    counted = Counter(t for t in types if t)
    if not counted:
        return None
    numbers: dict[str, object] = dict(counted)
    per_part = {p: Counter(t for t, q in zip(types, audited.case_parts, strict=True) if t and p in q) for p in PARTS}
    if audited.divided:
        numbers |= {f"{t} in {p}": per_part[p][t] for p in PARTS for t in counted}
    gone = [
        f"{t} in {p}" for p in PARTS for t in counted if audited.divided and audited.part_size(p) and not per_part[p][t]
    ]
    used = [p for p in PARTS if audited.divided and audited.part_size(p)]
    shares = {t: ", ".join(f"{per_part[p][t]} {p}" for p in used) for t in counted}
    text = "Tumour types: " + ", ".join(f"{t} {n}" + f" ({shares[t]})" * bool(used) for t, n in counted.most_common())
    if gone:
        return Finding(
            NAME, Severity.DEFECT, f"{text}; absent: {', '.join(gone)}.", numbers, (), "Split stratified by type."
        )
    rare = min(counted.values()) < _RARE * max(counted.values())
    return Finding(NAME, Severity.REMARK if rare else Severity.OK, f"{text}.", numbers)


def _names(scheme: str) -> dict[int, str]:
    return {label.value: label.name for label in SCHEMES[scheme].labels} if scheme in SCHEMES else {}
