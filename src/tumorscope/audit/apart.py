"""Which pictures of a second data set may train beside a first one whose validation and test pictures are fixed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tumorscope.audit.audited import Audited
from tumorscope.audit.groups import look_alikes
from tumorscope.core.case import Case


def apart(
    others: Sequence[Case], other: Audited, audited: Audited, kept_out: Collection[str], *, by_patient: bool
) -> list[Case]:
    """Return the pictures of the second data set that show nothing that was kept out.

    Args:
        others: Cases of the second data set.
        other: The same, scanned.
        audited: The first data set, scanned.
        kept_out: Ids of its validation and test cases.
        by_patient: Also leave out the patients (or blocks) of the second data set whose pictures a kept-out case, or
            one that looks like it, repeats; else only pictures that look like a kept-out one themselves.
    """
    if by_patient:
        groups = look_alikes(audited, [other])
        barred = {patient for case in kept_out for patient in groups[case][1]}
        return [c for c in others if not c.names & barred]
    ids = [scan.id for scan in audited.scans]
    pairs = audited.copies_of(other)
    out = set(kept_out)
    seen = {
        other.scans[second].id
        for first, second in zip(audited.case[pairs.first].tolist(), other.case[pairs.second].tolist(), strict=True)
        if ids[first] in out
    }
    return [c for c in others if c.id not in seen]
