"""Files that cannot be read, and what discovery found odd."""

from __future__ import annotations

from collections import Counter

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity
from tumorscope.audit.limits import EXAMPLES

NAME = "files"


def check(audited: Audited) -> list[Finding]:
    """Report unreadable cases, cases without a label, and notes of discovery (a mis-named segmentation, S2-36)."""
    scans = audited.scans
    broken = [s for s in scans if s.trouble == "file"]
    bare = [s for s in scans if not s.labelled and not s.trouble]
    notes = Counter(note for s in scans for note in s.notes)
    numbers = {
        "cases": len(scans),
        "slices": len(audited.case),
        "patients": len(set(audited.person.tolist())),
        "unreadable": len(broken),
        "without label": len(bare),
    }
    counted = f"{numbers['cases']} cases, {numbers['slices']} slices, {_patients(audited, numbers['patients'])}"
    if broken:
        return [
            Finding(
                NAME,
                Severity.DEFECT,
                f"{len(broken)} of {len(scans)} cases cannot be read ({counted} found).",
                numbers,
                tuple(Example(f"{s.id}: {s.message}") for s in broken[:EXAMPLES]),
                "Repair these files or leave the cases out.",
                tuple(notes),
            )
        ]
    odd = [s for s in scans if any("unusual name" in n or "Two candidates" in n for n in s.notes)]
    some = f"; {len(bare)} cases without a label" if 0 < len(bare) < len(scans) else ""
    severity = Severity.REMARK if odd or some else Severity.OK
    named = f"; {len(odd)} with odd file names" if odd else ""
    examples = tuple(Example(f"{s.id}: {' '.join(s.notes)}") for s in odd[:EXAMPLES])
    fix = "Make sure that each of these files is what its place says." if odd else ""
    return [Finding(NAME, severity, f"Everything can be read: {counted}{some}{named}.", numbers, examples, fix)]


def _patients(audited: Audited, number: int) -> str:
    units = {s.unit for s in audited.scans}
    if "slice" in units:
        return "patients unknown"
    return f"{number} {'blocks of neighbouring numbers' if 'block' in units else 'patients'}"
