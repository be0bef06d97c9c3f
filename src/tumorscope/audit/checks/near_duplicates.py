"""The same picture at another size, brightness, compression or orientation."""

from __future__ import annotations

import numpy as np

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity, percent
from tumorscope.audit.limits import EXAMPLES
from tumorscope.audit.pairs import LEAST_CORRELATION, MOST_BITS, Pairs
from tumorscope.audit.picture_hash import ORIENTATIONS
from tumorscope.datasets.splits import PARTS

NAME = "near-duplicates"
#: Also counted: copies this close, unturned, as in published counts (S3-16).
TIGHT = 5
#: How copies are told; the false-positive rates are of benchmarks/near_duplicates.py.
METHOD = (
    f"A pair counts when difference hashes of 16 × 16 bits, of the whole picture or of the head, differ in at most "
    f"{MOST_BITS} of 256 bits in one of eight orientations and the detail inside the heads correlates by at least "
    f"{LEAST_CORRELATION:g}; of two volumes, when 30 % of their slices do. Measured on single slices of different "
    "patients: 2 of 3.04 million Figshare pairs and 36 of 4.58 million LGG pairs count by mistake; 91 to 100 % of "
    "copies at another size, brightness, margin or JPEG quality are found."
)


def check(audited: Audited) -> list[Finding]:
    """Find pairs of slices of different cases that look the same, across and within parts (S1-24, S3-16)."""
    pairs = audited.copies
    part = audited.part
    crossing = (part[pairs.first] != part[pairs.second]) & (part[pairs.first] >= 0) & (part[pairs.second] >= 0)
    across = pairs.take(crossing)
    involved = np.unique(np.concatenate([pairs.first, pairs.second]))
    turned = int((pairs.orientation > 0).sum())
    numbers: dict[str, object] = {
        "pairs that look the same": len(pairs),
        "slices in them": len(involved),
        "pairs across parts": len(across),
        "turned or mirrored pairs": turned,
    }
    known = {}
    for name in ("test", "val"):
        known[name] = _known_to_train(audited, across, PARTS.index(name))
        if audited.divided:
            tight = across.take((across.bits <= TIGHT) & (across.orientation == 0))
            numbers[f"{name} slices within {TIGHT} bits of a training slice, not turned"] = _known_to_train(
                audited, tight, PARTS.index(name)
            )[0]
            numbers |= {
                f"{name} slices": known[name][1],
                f"{name} slices that look like a training slice": known[name][0],
            }
    if len(across):
        copies, size = known["test"]
        text = (
            f"{percent(copies, size)} of the test slices ({copies} of {size}) look the same as a training slice of "
            f"another case; {len(across)} pairs lie across parts."
            if copies
            else f"{len(across)} pairs of slices that look the same lie across parts of the split."
        )
        fix = "Keep pictures that look the same in one part, or leave copies out and give scores without them."
        return [Finding(NAME, Severity.LEAK, text, numbers, examples(audited, audited, across), fix, (METHOD,))]
    if len(pairs):
        text = f"{len(pairs)} pairs of slices of different cases look the same" + (
            ", all within one part." if audited.divided else "."
        )
        fix = "Keep them in one part when you split; they are not independent cases."
        return [Finding(NAME, Severity.REMARK, text, numbers, examples(audited, audited, pairs), fix, (METHOD,))]
    return [Finding(NAME, Severity.OK, "No two cases look the same.", numbers, details=(METHOD,))]


def _known_to_train(audited: Audited, pairs: Pairs, code: int) -> tuple[int, int]:
    a, b = audited.part[pairs.first], audited.part[pairs.second]
    copies = np.concatenate([pairs.first[(a == code) & (b == 0)], pairs.second[(b == code) & (a == 0)]])
    return len(np.unique(copies)), int(np.count_nonzero(audited.part == code))


def examples(a: Audited, b: Audited, pairs: Pairs, name: str = "") -> tuple[Example, ...]:
    """Return a few pairs, one per pair of cases, turned ones included.

    Args:
        a: Holds the first of each pair.
        b: Holds the second.
        pairs: That look the same.
        name: Under which ``b`` is known when it is another data set.
    """
    order = np.lexsort((-pairs.correlation, pairs.orientation == 0))
    turned = order[pairs.orientation[order] > 0][: EXAMPLES // 2]
    plain = order[pairs.orientation[order] == 0]
    shown: list[Example] = []
    seen: set[tuple[int, int]] = set()
    for k in [*turned, *plain, *order]:
        i, j = int(pairs.first[k]), int(pairs.second[k])
        key = (int(a.case[i]), int(b.case[j]))
        if key in seen or len(shown) == EXAMPLES:
            continue
        seen.add(key)
        how = ORIENTATIONS[int(pairs.orientation[k])]
        other = f"{name}: {b.slice_name(j)}" if name else b.slice_name(j)
        where = _parts(a, i, b, j) if a is b else ""
        text = f"{a.slice_name(i)} and {other}{where}: {how}, {pairs.bits[k]} of 256 bits differ, "
        shown.append(Example(f"{text}correlation {pairs.correlation[k]:.3f}", (a.place(i), b.place(j, name))))
    return tuple(shown)


def _parts(a: Audited, i: int, b: Audited, j: int) -> str:
    codes = int(a.part[i]), int(b.part[j])
    return f" ({PARTS[codes[0]]} and {PARTS[codes[1]]})" if min(codes) >= 0 else ""
