"""Which pictures of a second data set may train beside a first one whose validation and test pictures are fixed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from tumorscope.audit.audited import Audited
from tumorscope.core.case import Case

#: A patient of the second data set is left out if more than this share of its copied pictures copy kept-out ones.
_MOST = 0.5


def copied_by(audited: Audited, other: Audited) -> dict[str, set[str]]:
    """Return, for each case of ``other`` that looks like one of ``audited``, the cases it looks like."""
    pairs = audited.copies_of(other)
    found: dict[str, set[str]] = defaultdict(set)
    for first, second in zip(audited.case[pairs.first].tolist(), other.case[pairs.second].tolist(), strict=True):
        found[other.scans[second].id].add(audited.scans[first].id)
    return found


def apart(
    others: Sequence[Case], other: Audited, audited: Audited, kept_out: Collection[str], *, by_patient: bool
) -> list[Case]:
    """Return the pictures of the second data set that show nothing that was kept out.

    Args:
        others: Cases of the second data set.
        other: The same, scanned.
        audited: The first data set, scanned.
        kept_out: Ids of its validation and test cases.
        by_patient: Also leave out a whole patient (or block) if most of its pictures that the first data set repeats
            are repeated by kept-out cases: all are where the split kept copies of one patient together.
    """
    copies, out = copied_by(audited, other), set(kept_out)
    seen = {case for case, copied in copies.items() if copied & out}
    barred = set()
    if by_patient:
        of_patient: dict[str, list[bool]] = defaultdict(list)
        for case in others:
            if case.id in copies:
                of_patient[case.patient].append(case.id in seen)
        barred = {patient for patient, hits in of_patient.items() if sum(hits) > _MOST * len(hits)}
    return [c for c in others if c.id not in seen and c.patient not in barred]
